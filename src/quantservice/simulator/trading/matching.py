"""Matching: takers meet resting orders and the market; the market's trades serve resting orders; stops trigger."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.fees import trade_fee
from quantservice.core.money import ZERO, Rounding, exact, round_to_step
from quantservice.core.positions import Fill
from quantservice.simulator.trading.accounts import name_of
from quantservice.simulator.trading.state import State
from quantservice.simulator.trading.values import AT_MARKET, FillEvent, Kind, Reject, SimOrder, Status

_BOOKED: Final = Decimal("0.00000001")


def enter(state: State, order: SimOrder, now_ms: int) -> None:
    """Bring an order that is not conditional (any more) to the book: match what can be, rest or end the remainder."""
    book = state.books[order.symbol]
    limit = None if order.ticket.kind in AT_MARKET else order.price
    crosses = book.available(order.side, limit) > 0
    if order.ticket.post_only and crosses:
        _end(state, order, Status.EXPIRED, "post_only", now_ms)
        return
    if order.ticket.tif == "FOK" and book.available(order.side, limit) < order.left:
        _end(state, order, Status.EXPIRED, "fok", now_ms)
        return
    if crosses:
        _take(state, order, limit, now_ms)
    if not order.live or order.left == 0:
        return
    if limit is None or order.ticket.tif in ("IOC", "FOK"):
        _end(state, order, Status.EXPIRED, "no_liquidity" if limit is None else "ioc", now_ms)
        return
    order.ahead = book.queue_ahead(order.side, limit)
    order.priority = state.next_priority()
    book.resting[order.order_id] = order


def _take(state: State, taker: SimOrder, limit: Decimal | None, now_ms: int) -> None:
    book = state.books[taker.symbol]
    while taker.left > 0 and taker.live:
        maker = next(book.makers(taker.side, limit), None)
        levels = book.asks if taker.side == "buy" else book.bids
        market = levels[0][0] if levels else None
        if maker is not None and maker.price is not None and (market is None or _not_worse(taker, maker.price, market)):
            if maker.account == taker.account and taker.ticket.self_trade != "NONE":
                if not _prevent_self_trade(state, taker, maker, now_ms):
                    return
                continue
            quantity = min(taker.left, maker.left)
            price = maker.price
            fill(state, maker, price, quantity, maker=True, now_ms=now_ms)
            fill(state, taker, price, quantity, maker=False, now_ms=now_ms)
            continue
        taken = book.take_level(taker.side, limit, taker.left)
        if taken is None:
            return
        fill(state, taker, taken[0], taken[1], maker=False, now_ms=now_ms)


def _not_worse(taker: SimOrder, mine: Decimal, market: Decimal) -> bool:
    return mine <= market if taker.side == "buy" else mine >= market


def _prevent_self_trade(state: State, taker: SimOrder, maker: SimOrder, now_ms: int) -> bool:
    """Apply the taker's self-trade rule; say whether it may go on."""
    rule = taker.ticket.self_trade
    if rule in ("EXPIRE_MAKER", "EXPIRE_BOTH"):
        _end(state, maker, Status.EXPIRED, "self_trade", now_ms)
    if rule in ("EXPIRE_TAKER", "EXPIRE_BOTH"):
        _end(state, taker, Status.EXPIRED, "self_trade", now_ms)
        return False
    return True


@exact
def fill(
    state: State, order: SimOrder, price: Decimal, quantity: Decimal, *, maker: bool, now_ms: int, kind: str = "trade"
) -> None:
    """Execute a part of an order: position or wallets, fee, events."""
    symbol, account = state.symbols[order.symbol], state.account(order.account)
    trade_id = state.next_trade()
    order.filled += quantity
    order.cost += price * quantity
    order.status = Status.FILLED if order.left == 0 else Status.PARTIALLY_FILLED
    book = state.books[order.symbol]
    if order.left == 0:
        book.resting.pop(order.order_id, None)
    book.last = price
    rate = symbol.maker_fee if maker else symbol.taker_fee
    if symbol.spot:
        fee = _swap(state, order, price, quantity, rate, trade_id, now_ms)
        fee_currency = symbol.base if order.side == "buy" else symbol.quote
        realised = ZERO
        for currency in (symbol.base, symbol.quote):
            state.tell_balance(account, reason="order", currency=currency, amount=ZERO, symbol=symbol.name, now_ms=now_ms)
    else:
        fee = printed(trade_fee(price, quantity, rate, contract_size=symbol.contract_size, inverse=symbol.inverse))
        fee_currency = symbol.settle
        made = Fill(
            fill_id=str(trade_id),
            instrument=name_of(symbol),
            side=order.side,
            price=price,
            quantity=quantity,
            position_side=order.ticket.position_side,
            time=now_ms,
        )
        realised = printed(account.fill_position(symbol, order.ticket.position_side, made))
        account.post(
            f"trade-{trade_id}",
            [("venue:profit", symbol.settle, realised), ("venue:fees", symbol.settle, -fee)],
            time_ms=now_ms,
            reason="order",
        )
        state.tell_balance(
            account, reason="order", currency=symbol.settle, amount=realised - fee, symbol=symbol.name, now_ms=now_ms
        )
        state.tell_position(account, symbol, order.ticket.position_side, kind, now_ms)
    order.seen_ms = now_ms
    state.tell_fill(
        FillEvent(
            account=order.account,
            trade_id=trade_id,
            order=_copy(order),
            price=price,
            quantity=quantity,
            fee=fee,
            fee_currency=fee_currency,
            maker=maker,
            realised=realised,
            kind=kind,
            time_ms=now_ms,
            sequence=state.sequence(),
        )
    )


def printed(amount: Decimal) -> Decimal:
    """Round an amount as the venue books and prints it: eight decimals."""
    return round_to_step(amount, _BOOKED, Rounding.NEAREST_EVEN)


def _swap(state: State, order: SimOrder, price: Decimal, quantity: Decimal, rate: Decimal, trade_id: int, now_ms: int) -> Decimal:
    """Exchange base and quote of a spot fill; the fee is taken of what is received. Return the fee."""
    symbol, account = state.symbols[order.symbol], state.account(order.account)
    value = price * quantity
    if order.side == "buy":
        fee = printed(quantity * rate)
        movements = [
            ("venue:trade", symbol.base, quantity),
            ("venue:trade", symbol.quote, -value),
            ("venue:fees", symbol.base, -fee),
        ]
    else:
        fee = printed(value * rate)
        movements = [
            ("venue:trade", symbol.base, -quantity),
            ("venue:trade", symbol.quote, value),
            ("venue:fees", symbol.quote, -fee),
        ]
    account.post(f"trade-{trade_id}", movements, time_ms=now_ms, reason="order")
    return fee


def serve(state: State, symbol: str, price: Decimal, quantity: Decimal, *, buyer_is_maker: bool, now_ms: int) -> None:
    """Let a trade of the market serve resting orders: those it traded through whole, those at its price behind their queue."""
    book = state.books[symbol]
    side = "buy" if buyer_is_maker else "sell"
    left = quantity
    resting = [order for order in book.resting.values() if order.side == side and order.price is not None]
    resting.sort(key=lambda order: (-(order.price or ZERO) if side == "buy" else order.price or ZERO, order.priority))
    for order in resting:
        at = order.price or ZERO
        through = at > price if side == "buy" else at < price
        if through:
            fill(state, order, at, order.left, maker=True, now_ms=now_ms)
        elif at == price and left > 0:
            waits = min(order.ahead, left)
            order.ahead -= waits
            left -= waits
            served = min(left, order.left)
            if served > 0:
                fill(state, order, at, served, maker=True, now_ms=now_ms)
                left -= served
    book.last = price


def trigger(state: State, symbol: str, now_ms: int) -> None:
    """Wake conditional orders whose price was reached by the last trade (or the mark, where none was yet)."""
    book = state.books[symbol]
    price = book.last if book.last is not None else state.mark(symbol)
    if not price:
        return
    for order in sorted(book.waiting.values(), key=lambda item: item.order_id):
        if order.order_id in book.waiting and is_reached(order, price):
            del book.waiting[order.order_id]
            order.triggered = True
            order.status = Status.NEW
            state.tell_order(order, "triggered", now_ms)
            if order.ticket.close_all:
                account, traded = state.account(order.account), state.symbols[symbol]
                order.quantity = account.held(traded, order.ticket.position_side, order.side)
                if order.quantity == 0:
                    _end(state, order, Status.EXPIRED, "nothing_to_close", now_ms)
                    continue
            enter(state, order, now_ms)


def is_reached(order: SimOrder, price: Decimal) -> bool:
    """Say whether ``price`` wakes a conditional order; a trailing stop also moves on."""
    kind, buys = order.ticket.kind, order.side == "buy"
    if kind is Kind.TRAILING_STOP_MARKET:
        return _trail(order, price)
    stop = order.stop_price or ZERO
    if kind in (Kind.STOP, Kind.STOP_MARKET):
        return price >= stop if buys else price <= stop
    return price <= stop if buys else price >= stop


@exact
def _trail(order: SimOrder, price: Decimal) -> bool:
    activation, buys = order.ticket.activation, order.side == "buy"
    if order.best is None:
        if activation is not None and (price > activation if buys else price < activation):
            return False
        order.best = price
    order.best = min(order.best, price) if buys else max(order.best, price)
    back = order.best * (order.ticket.callback or ZERO)
    return price >= order.best + back if buys else price <= order.best - back


def end(state: State, order: SimOrder, status: Status, reason: str, now_ms: int) -> None:
    """End a live order; Reject where it is not live."""
    if not order.live:
        raise Reject("unknown_order", str(order.order_id))
    _end(state, order, status, reason, now_ms)


def _end(state: State, order: SimOrder, status: Status, reason: str, now_ms: int) -> None:
    book = state.books[order.symbol]
    book.resting.pop(order.order_id, None)
    book.waiting.pop(order.order_id, None)
    order.status, order.reason = status, reason
    state.tell_order(order, "canceled" if status is Status.CANCELED else "expired", now_ms)


def _copy(order: SimOrder) -> SimOrder:
    return msgspec.structs.replace(order)
