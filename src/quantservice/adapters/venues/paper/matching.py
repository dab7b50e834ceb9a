"""A paper account's own venue: orders against live prices by the backtest's fill model. Pure: no clock, no store, no socket.

What takes fills at the last price, worsened by the slippage, in whole; a limit never fills worse than its limit. What rests fills
as maker at its limit once a trade price passes it, not when one merely reaches it (``limit_fill = "through"`` of the backtest). A
stop fills at its price or at the last one, whichever is worse. A closed bar's range counts for orders that were there before it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from quantservice.adapters.venues.paper.state import PaperConfig, PaperOrder, PaperState
from quantservice.core.errors import Refused
from quantservice.core.fees import funding_payment, notional, trade_fee
from quantservice.core.instruments import Instrument, InstrumentId, Side
from quantservice.core.intents import Approved, OrderTerms
from quantservice.core.money import ONE, ZERO, exact, round_to_digits, round_to_step
from quantservice.core.orders import OrderState, VenueFill
from quantservice.core.positions import Position
from quantservice.ports.trading import AccountMovement

InstrumentOf: TypeAlias = Callable[[InstrumentId], Instrument | None]
Happened: TypeAlias = PaperOrder | VenueFill | AccountMovement
_STOPS: Final = ("stop", "stop_limit", "take_profit", "trailing_stop")
_DIGITS: Final = 8


class PaperVenue:
    """Changes a state. What happened is returned in its order, to be kept and told."""

    def __init__(self, account: str, state: PaperState, config: PaperConfig, instrument_of: InstrumentOf) -> None:
        self.account, self.state, self._config, self._instrument_of = account, state, config, instrument_of

    # --- requests ------------------------------------------------------------------------------------------------------

    def submit(self, approved: Approved, now_ms: int) -> list[Happened]:
        """Take an order, or raise Refused with the rule that it breaks. The same client id again changes nothing."""
        terms, name = approved.intent.terms, approved.intent.client_id
        if self.known(name) is not None:
            return []
        instrument, last = self._rules(terms), self._last(terms)
        self._check(terms, instrument, last)
        order = PaperOrder(client_id=name, order_id=self.state.number(), terms=terms, created_ms=now_ms, updated_ms=now_ms)
        self.state.orders[name] = order
        happened: list[Happened] = [_copy(order)]
        if terms.type in _STOPS:
            order.best = last
            return happened
        if terms.type == "market" or self._crosses(terms, last):
            if terms.post_only:
                return [*happened, self._end(order, OrderState.EXPIRED, "it would take", now_ms)]
            return [*happened, *self._take(order, instrument, last, now_ms)]
        if terms.time_in_force in ("IOC", "FOK"):
            return [*happened, self._end(order, OrderState.EXPIRED, f"{terms.time_in_force}: nothing to take at its limit", now_ms)]
        return happened

    def cancel(self, name: str, now_ms: int) -> list[Happened]:
        """End an open order; Refused where it is not open."""
        order = self.state.orders.get(name)
        if order is None:
            raise Refused("Unknown order sent.", code=-2011, status=400, venue="paper")
        return [self._end(order, OrderState.CANCELLED, "", now_ms)]

    def amend(self, name: str, quantity: Decimal, limit_price: Decimal, now_ms: int) -> list[Happened]:
        """Change an open limit order; it takes at once where it crosses the last price now. Refused by the rules of a new one."""
        order = self.state.orders.get(name)
        if order is None:
            raise Refused("Unknown order sent.", code=-2011, status=400, venue="paper")
        if order.terms.type != "limit":
            raise _no(f"a {order.terms.type} order cannot be changed, only a limit order", "type")
        terms = msgspec.structs.replace(order.terms, quantity=quantity, limit_price=limit_price)
        rules, last = self._rules(terms), self._last(terms)
        crosses = self._crosses(terms, last)
        if crosses and terms.post_only:
            raise _no("a post-only order that would take", -5022)
        del self.state.orders[name]  # the old version binds nothing of what the new one needs
        try:
            self._check(terms, rules, last)
        finally:
            self.state.orders[name] = order
        order.terms, order.created_ms, order.updated_ms = terms, now_ms, now_ms  # bars before it do not count for it
        happened: list[Happened] = [_copy(order)]
        return [*happened, *self._take(order, rules, last, now_ms)] if crosses else happened

    def known(self, name: str) -> PaperOrder | None:
        """Return an order by its client id."""
        found = self.state.orders.get(name)
        return found or next((order for order in reversed(self.state.ended) if order.client_id == name), None)

    # --- the market ----------------------------------------------------------------------------------------------------

    def mark(
        self, instrument: InstrumentId, last: Decimal, now_ms: int, *, bar: tuple[int, Decimal, Decimal] | None = None
    ) -> list[Happened]:
        """Take a trade price; ``bar``: open time, low and high of the bar that closed with it."""
        rules = self._instrument_of(instrument)
        if rules is None:
            return []
        self.state.prices[str(instrument)] = (last, now_ms)
        happened: list[Happened] = []
        for order in [item for item in self.state.orders.values() if item.terms.instrument == instrument]:
            low = high = last
            if bar is not None and order.created_ms <= bar[0]:
                low, high = min(last, bar[1]), max(last, bar[2])
            happened += self._meet(order, rules, (low, high, last), now_ms)
        return happened + self._liquidate(rules, now_ms)

    def _meet(self, order: PaperOrder, rules: Instrument, prices: tuple[Decimal, Decimal, Decimal], now_ms: int) -> list[Happened]:
        low, high, last = prices
        terms = order.terms
        if terms.expire_ms is not None and now_ms >= terms.expire_ms:
            return [self._end(order, OrderState.EXPIRED, "its time has passed", now_ms)]
        if terms.type in _STOPS and not order.woken:
            best = order.best
            level = self._level(order, low, high)
            if level is None:
                return [_copy(order)] if order.best != best else []  # what it follows is kept too
            order.woken = True
            if terms.type == "stop_limit":  # it rests from the next price on, as in the backtest
                return [_copy(order)]
            worse = max(level, last) if terms.side == "buy" else min(level, last)
            return self._take(order, rules, level if terms.type == "take_profit" else worse, now_ms)
        limit = terms.limit_price
        if limit is not None and (low < limit if terms.side == "buy" else high > limit):
            return self._fill(order, rules, limit, maker=True, now_ms=now_ms)
        return []

    @exact
    def _level(self, order: PaperOrder, low: Decimal, high: Decimal) -> Decimal | None:
        """Return the price at which a waiting order wakes, where it was reached."""
        terms, buys = order.terms, order.terms.side == "buy"
        if terms.type == "trailing_stop":
            trail = terms.trail or ZERO
            level = (order.best or low) * (ONE + trail if buys else ONE - trail)
            reached = high >= level if buys else low <= level
            order.best = min(order.best or low, low) if buys else max(order.best or high, high)
            return level if reached else None
        level = terms.stop_price or ZERO
        rising = buys if terms.type != "take_profit" else not buys
        return level if (high >= level if rising else low <= level) else None

    def settle_funding(self, instrument: InstrumentId, rate: Decimal, price: Decimal, now_ms: int) -> list[Happened]:
        """Pay or receive funding on what is held: a long pays a positive rate."""
        rules = self._instrument_of(instrument)
        if rules is None:
            return []
        happened: list[Happened] = []
        for leg, position in self.state.positions.items():
            if position.instrument == instrument and position.quantity:
                amount = _funding(position, rules, rate, price)
                happened.append(self._move(f"funding:{leg}:{now_ms}", "funding", rules.settle, amount, now_ms, instrument))
        return happened

    def _move(
        self, name: str, kind: str, currency: str, amount: Decimal, now_ms: int, instrument: InstrumentId | None
    ) -> AccountMovement:
        movement = AccountMovement(
            account=self.account,
            movement_id=name,
            kind=kind,
            currency=currency,
            amount=amount,
            instrument=instrument,
            time_ms=now_ms,
        )
        self._pay(currency, amount)
        self.state.movements.append(movement)
        return movement

    def _liquidate(self, rules: Instrument, now_ms: int) -> list[Happened]:
        """Close what the margin no longer carries."""
        happened: list[Happened] = []
        for position in list(self.state.positions.values()):
            if position.instrument != rules.id or not position.quantity:
                continue
            if self.margin(rules.settle) > self.maintenance(rules.settle):
                continue
            side: Side = "sell" if position.quantity > 0 else "buy"
            terms = OrderTerms(
                account=self.account,
                instrument=rules.id,
                side=side,
                quantity=abs(position.quantity),
                reduce_only=True,
                position_side=position.side,
            )
            number = self.state.number()
            order = PaperOrder(client_id=f"autoclose-{number}", order_id=number, terms=terms, created_ms=now_ms)
            self.state.orders[order.client_id] = order
            happened += [_copy(order), *self._take(order, rules, self._last(terms), now_ms, kind="liquidation")]
        return happened

    # --- filling -------------------------------------------------------------------------------------------------------

    def _crosses(self, terms: OrderTerms, last: Decimal) -> bool:
        limit = terms.limit_price
        return limit is not None and (last <= limit if terms.side == "buy" else last >= limit)

    @exact
    def _take(self, order: PaperOrder, rules: Instrument, price: Decimal, now_ms: int, *, kind: str = "trade") -> list[Happened]:
        terms, slip = order.terms, self._config.slippage
        worse = price * (ONE + slip if terms.side == "buy" else ONE - slip)
        rounding = "ROUND_CEILING" if terms.side == "buy" else "ROUND_FLOOR"
        paid = max(round_to_step(worse, rules.tick_size, rounding), rules.tick_size)
        if terms.limit_price is not None and terms.type == "limit":
            paid = min(paid, terms.limit_price) if terms.side == "buy" else max(paid, terms.limit_price)
        return self._fill(order, rules, paid, maker=False, now_ms=now_ms, kind=kind)

    @exact
    def _fill(
        self, order: PaperOrder, rules: Instrument, price: Decimal, *, maker: bool, now_ms: int, kind: str = "trade"
    ) -> list[Happened]:
        terms = order.terms
        leg = f"{terms.instrument}|{terms.position_side}"
        before = self.state.positions.get(leg) or Position(
            instrument=rules.id, side=terms.position_side, contract_size=rules.contract_size, inverse=rules.inverse
        )
        quantity = min(terms.quantity, abs(before.quantity)) if terms.reduce_only else terms.quantity
        if quantity <= 0:
            return [self._end(order, OrderState.EXPIRED, "nothing is left to reduce", now_ms)]
        fee = trade_fee(
            price,
            quantity,
            self._config.fees.rate(maker=maker),
            contract_size=rules.contract_size,
            inverse=rules.inverse,
            step=Decimal(1).scaleb(-_DIGITS),
        )
        spot = terms.instrument.market == "spot"
        fill = VenueFill(
            account=self.account,
            instrument=terms.instrument,
            trade_id=self.state.number(),
            side=terms.side,
            price=price,
            quantity=quantity,
            client_id=order.client_id,
            venue_order_id=order.order_id,
            fee=fee,
            fee_currency=rules.quote if spot else rules.settle,
            maker=maker,
            position_side=terms.position_side,
            kind=kind,
            time_ms=now_ms,
        )
        if spot:
            sign = 1 if terms.side == "buy" else -1
            self._pay(rules.base, sign * quantity)
            self._pay(rules.quote, -sign * quantity * price - fee)
        else:
            after = before.apply(fill.as_fill())
            realised = round_to_digits(after.realised - before.realised, _DIGITS)
            fill = _with_profit(fill, realised)
            self.state.positions[leg] = after
            self._pay(rules.settle, realised - fee)
        self.state.fills.append(fill)
        order.filled += quantity
        state = OrderState.FILLED if order.filled == terms.quantity else OrderState.EXPIRED
        return [fill, self._end(order, state, "" if state is OrderState.FILLED else "the rest would not reduce", now_ms)]

    def _end(self, order: PaperOrder, state: OrderState, reason: str, now_ms: int) -> PaperOrder:
        order.state, order.reason, order.updated_ms = state, reason, now_ms
        self.state.orders.pop(order.client_id, None)
        self.state.ended.append(order)
        self.state.trim()
        return _copy(order)

    @exact
    def _pay(self, currency: str, amount: Decimal) -> None:
        self.state.wallet[currency] = self.state.wallet.get(currency, ZERO) + amount

    # --- rules ---------------------------------------------------------------------------------------------------------

    def _rules(self, terms: OrderTerms) -> Instrument:
        found = self._instrument_of(terms.instrument)
        if found is None:
            raise _no(f"{terms.instrument} is not listed", "instrument")
        if found.status != "trading":
            raise _no(f"{terms.instrument} is not trading: {found.status}", "status")
        return found

    def _last(self, terms: OrderTerms) -> Decimal:
        found = self.state.prices.get(str(terms.instrument))
        if found is None:
            raise _no(f"no price of {terms.instrument} has been seen yet", "price")
        return found[0]

    @exact
    def _check(self, terms: OrderTerms, rules: Instrument, last: Decimal) -> None:
        if terms.quantity % rules.lot_size:
            raise _no(f"quantity {terms.quantity} is not a multiple of the lot {rules.lot_size}", "lot")
        for price in (terms.limit_price, terms.stop_price):
            if price is not None and price % rules.tick_size:
                raise _no(f"price {price} is not a multiple of the tick {rules.tick_size}", "tick")
        at = terms.limit_price or terms.stop_price or last
        if terms.reduce_only:
            held = self.held(terms)
            if held == 0 or (held > 0) == (terms.side == "buy"):
                raise _no("ReduceOnly Order is rejected.", -2022)
            return
        if terms.quantity < rules.min_quantity or rules.notional(at, terms.quantity) < rules.min_notional:
            least = f"{rules.min_quantity} and a value of {rules.min_notional}"
            raise _no(f"quantity {terms.quantity} at {at} is less than the least, {least}", "least")
        self._check_money(terms, rules, at)

    def _check_money(self, terms: OrderTerms, rules: Instrument, at: Decimal) -> None:
        if terms.instrument.market == "spot":
            currency = rules.quote if terms.side == "buy" else rules.base
            needed = at * terms.quantity if terms.side == "buy" else terms.quantity
            free = self.free(currency)
        else:
            held = self.held(terms)
            grows = terms.quantity if held == 0 or (held > 0) == (terms.side == "buy") else terms.quantity - abs(held)
            if grows <= 0:
                return
            currency, needed = rules.settle, self._value(grows, rules, at) / self._config.leverage
            free = self.free(currency)
        if needed > free:
            raise _no(f"it needs {needed.normalize():f} {currency} and {free.normalize():f} are free", -2010)

    def held(self, terms: OrderTerms) -> Decimal:
        """Return the signed quantity of the leg that an order is of."""
        found = self.state.positions.get(f"{terms.instrument}|{terms.position_side}")
        return ZERO if found is None else found.quantity

    @exact
    def free(self, currency: str) -> Decimal:
        """Return what new orders may use of a currency: less what resting spot orders and positions bind."""
        bound = ZERO
        for order in self.state.orders.values():
            rules = self._instrument_of(order.terms.instrument)
            if rules is None or order.terms.instrument.market != "spot":
                continue
            price = order.terms.limit_price or order.terms.stop_price or ZERO
            if order.terms.side == "buy" and rules.quote == currency:
                bound += price * order.terms.quantity
            elif order.terms.side == "sell" and rules.base == currency:
                bound += order.terms.quantity
        return self.margin(currency) - bound - self._margin_used(currency)

    @exact
    def margin(self, currency: str) -> Decimal:
        """Return the wallet and the open profit of what settles in a currency."""
        total = self.state.wallet.get(currency, ZERO)
        for position in self.state.positions.values():
            rules = self._instrument_of(position.instrument)
            price = self.state.prices.get(str(position.instrument))
            if rules is not None and price is not None and rules.settle == currency and position.quantity:
                total += position.unrealised(price[0])
        return total

    @exact
    def maintenance(self, currency: str) -> Decimal:
        """Return the maintenance margin of all positions that settle in a currency."""
        total = ZERO
        for position in self.state.positions.values():
            rules = self._instrument_of(position.instrument)
            if rules is not None and rules.settle == currency and position.quantity and str(rules.id) in self.state.prices:
                total += self._config.tiers.maintenance_margin(self._value(position.quantity, rules))
        return total

    @exact
    def _margin_used(self, currency: str) -> Decimal:
        total = ZERO
        for position in self.state.positions.values():
            rules = self._instrument_of(position.instrument)
            if rules is not None and rules.settle == currency and position.quantity:
                total += self._value(position.quantity, rules) / self._config.leverage
        return total

    @exact
    def _value(self, quantity: Decimal, rules: Instrument, price: Decimal | None = None) -> Decimal:
        at = price if price is not None else self.state.prices[str(rules.id)][0]
        return notional(at, quantity, contract_size=rules.contract_size, inverse=rules.inverse)


def _funding(position: Position, rules: Instrument, rate: Decimal, price: Decimal) -> Decimal:
    paid = funding_payment(price, position.quantity, rate, contract_size=rules.contract_size, inverse=rules.inverse)
    return round_to_digits(paid, _DIGITS)


def _with_profit(fill: VenueFill, realised: Decimal) -> VenueFill:
    return msgspec.structs.replace(fill, realised=realised)


def _copy(order: PaperOrder) -> PaperOrder:
    return msgspec.structs.replace(order)


def _no(sentence: str, code: int | str) -> Refused:
    return Refused(sentence, code=code, status=400, venue="paper")
