"""What is refused before an order exists: filters, client ids, reduce-only, money."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from quantservice.core.fees import notional
from quantservice.core.money import ZERO, exact
from quantservice.simulator.trading.state import State
from quantservice.simulator.trading.values import AT_MARKET, CONDITIONAL, Kind, Reject, SimOrder, Symbol, Ticket


@exact
def check_ticket(state: State, account: str, ticket: Ticket) -> Decimal:
    """Return the quantity that the order will have; Reject with the reason otherwise."""
    symbol = state.symbol(ticket.symbol)
    if symbol.status != "TRADING":
        raise Reject("market_closed", symbol.status)
    if not state.account(account).can_trade:
        raise Reject("not_permitted")
    _check_client_id(state, account, ticket.client_id)
    _check_sides(state, account, symbol, ticket)
    _check_prices(state, symbol, ticket)
    quantity = _quantity(state, account, symbol, ticket)
    if len(list(state.live(account, symbol.name))) >= symbol.most_orders:
        raise Reject("too_many_orders")
    if not ticket.close_all:
        _check_quantity(state, symbol, ticket, quantity)
    return quantity


def _check_client_id(state: State, account: str, client_id: str) -> None:
    if not client_id or state.client_ids == "not_checked":
        return
    for order_id in state.by_client.get((account, client_id), ()):
        if state.client_ids == "unique_ever" or state.orders[order_id].live:
            raise Reject("duplicate_client_id", client_id)


def _check_sides(state: State, account: str, symbol: Symbol, ticket: Ticket) -> None:
    if symbol.spot:
        if ticket.reduce_only or ticket.close_all or ticket.position_side != "both":
            raise Reject("unknown_parameter", "spot has no positions")
        return
    if state.account(account).hedge != (ticket.position_side != "both"):
        raise Reject("position_side_mismatch")
    if ticket.position_side != "both" and ticket.reduce_only:
        raise Reject("reduce_only_in_hedge")


def _check_prices(state: State, symbol: Symbol, ticket: Ticket) -> None:
    for name, price in (("price", ticket.price), ("stop_price", ticket.stop_price), ("activation", ticket.activation)):
        if price is None:
            continue
        if price <= 0:
            raise Reject("price_not_positive", name)
        if price % symbol.tick:
            raise Reject("price_tick", f"{name} {price}, tick {symbol.tick}")
    needs_price = ticket.kind not in AT_MARKET
    if needs_price and ticket.price is None:
        raise Reject("missing_parameter", "price")
    if ticket.kind in CONDITIONAL and ticket.kind is not Kind.TRAILING_STOP_MARKET and ticket.stop_price is None:
        raise Reject("missing_parameter", "stopPrice")
    if ticket.kind is Kind.TRAILING_STOP_MARKET and ticket.callback is None:
        raise Reject("missing_parameter", "callbackRate")
    if ticket.tif == "GTD" and not ticket.expire_ms:
        raise Reject("missing_parameter", "goodTillDate")
    mark = state.mark(symbol.name)
    if ticket.price is not None and mark:
        off = ticket.price - mark if ticket.side == "buy" else mark - ticket.price
        if (abs(off) if symbol.band_both_sides else off) > mark * symbol.price_band:
            raise Reject("price_band", f"{ticket.price} is too far from {mark}")


def _quantity(state: State, account: str, symbol: Symbol, ticket: Ticket) -> Decimal:
    if ticket.close_all:
        return state.account(account).held(symbol, ticket.position_side, ticket.side)
    if ticket.quantity is not None:
        return ticket.quantity
    if ticket.quote_quantity is None:
        raise Reject("missing_parameter", "quantity")
    best = state.books[symbol.name].best(ticket.side) or state.mark(symbol.name)
    if not best:
        raise Reject("no_market")
    return (ticket.quote_quantity / best / symbol.lot).to_integral_value(rounding=ROUND_FLOOR) * symbol.lot


def _check_quantity(state: State, symbol: Symbol, ticket: Ticket, quantity: Decimal) -> None:
    if not quantity.is_finite() or quantity <= 0:
        raise Reject("quantity_not_positive")
    if quantity % symbol.lot:
        raise Reject("quantity_lot", f"{quantity}, lot {symbol.lot}")
    if not symbol.min_quantity <= quantity <= symbol.max_quantity:
        raise Reject("quantity_range", f"{quantity} is outside {symbol.min_quantity} … {symbol.max_quantity}")
    price = ticket.price or ticket.stop_price or state.mark(symbol.name)
    if price and not ticket.reduce_only:
        value = notional(price, quantity, contract_size=symbol.contract_size, inverse=symbol.inverse)
        if not symbol.inverse and value < symbol.min_notional:
            raise Reject("min_notional", f"{value}, at least {symbol.min_notional}")


@exact
def check_funds(state: State, order: SimOrder) -> None:
    """Reject an order that the account cannot pay or margin; called before it is put anywhere."""
    symbol = state.symbols[order.symbol]
    account = state.account(order.account)
    others = list(state.live(order.account))
    if symbol.spot:
        currency = symbol.base if order.side == "sell" else symbol.quote
        price = order.price or order.stop_price or _worst_price(state, order)
        needed = order.left if order.side == "sell" else order.left * price
        free = account.wallet(currency) - account.held_back(others, state.symbols).get(currency, ZERO)
        if needed > free:
            raise Reject("insufficient_balance", f"{needed} {currency} needed, {free} free")
        return
    ticket = order.ticket
    if ticket.reduce_only or ticket.close_all:
        held = account.held(symbol, ticket.position_side, order.side)
        if held == 0 or (order.quantity > held and not ticket.close_all and order.ticket.kind is Kind.MARKET):
            raise Reject("reduce_only_rejected", f"{held} can be reduced")
        return
    if ticket.position_side != "both" and (ticket.position_side == "long") == (order.side == "sell"):
        if order.quantity > account.held(symbol, ticket.position_side, order.side):
            raise Reject("reduce_only_rejected", "more than the leg holds")
        return
    marks = state.marks()
    if marks[symbol.name] <= 0:
        raise Reject("no_market")
    used = account.margin_used(symbol.settle, [*others, order], state.symbols, marks)
    equity = account.equity(symbol.settle, state.symbols, marks)
    if used > equity:
        raise Reject("insufficient_margin", f"{used} {symbol.settle} needed, {equity} there")


def _worst_price(state: State, order: SimOrder) -> Decimal:
    """The price that a market buy would reach: what the venue holds back for it."""
    book = state.books[order.symbol]
    left, cost, price = order.left, ZERO, ZERO
    for price, quantity in book.asks:
        taken = min(left, quantity)
        cost, left = cost + taken * price, left - taken
        if not left:
            return cost / order.left
    return price or state.mark(order.symbol)
