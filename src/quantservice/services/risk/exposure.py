"""What an account holds and may come to hold: positions, everything in flight, prices, equity. A projection, rebuilt from facts.

The worst case of an instrument is the larger of two: all its buys in flight filled, or all its sells. An order that is unknown
counts as if it were live until it is proven otherwise.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.money import ZERO, exact, sign
from quantservice.core.orders import IN_FLIGHT, Order, OrderState
from quantservice.core.positions import Position, PositionSide
from quantservice.ports import HeldPosition, StrategyQuota
from quantservice.quant.risk_rules import RiskView
from quantservice.services.risk.covering import as_the_venue_takes_it, closes, uncovered
from quantservice.services.risk.rates import Rates, value_of

_RECENT: Final = 512
_DAY_NS: Final = 86_400 * 1_000_000_000
_MS_NS: Final = 1_000_000
_ONE: Final = Decimal(1)
#: States that an order is left in whose venue took it.
_TAKEN: Final = frozenset({OrderState.OPEN, OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED})
_UNRECONCILED_NS: Final = 180_000 * _MS_NS  # twelve comparisons with the venue that failed or did not come
_UNRECONCILED: Final = ("not compared with the venue for three minutes",)

#: The rules of an instrument, or None where it is not known.
InstrumentOf = Callable[[InstrumentId], Instrument | None]


class Equity(msgspec.Struct):
    """An account's equity and what it is measured against, in its reporting currency.

    ``peak`` and ``day_start`` move with what is paid in or out (``paid_in``): neither is won or lost. ``day`` is the UTC day of
    ``day_start``; -1 until a figure was taken that can be measured against. ``changes`` is another number after each such figure
    that moved one of them.
    """

    now: Decimal = ZERO
    peak: Decimal = ZERO
    day_start: Decimal = ZERO
    day: int = -1
    free_margin: Decimal = ZERO
    margin_ratio: Decimal = ZERO
    paid_in: Decimal = ZERO
    changes: int = 0


class Price(msgspec.Struct, frozen=True):
    """The last known price of an instrument and when it was seen."""

    value: Decimal
    time_ns: int


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment uses: value of all its positions, of the largest one, and its orders of this UTC day."""

    gross: Decimal = ZERO
    largest: Decimal = ZERO
    orders_today: int = 0


class Exposed:
    """One instrument of an account: its legs, what is in flight, its price, and its worst value, worked out when it is asked for.

    ``flying`` sums what is left of the orders in flight by leg, side and whether they only reduce: a check must not cost more the
    more orders rest.
    """

    __slots__ = ("_sums", "flying", "legs", "open", "price", "sides", "worst")

    def __init__(self) -> None:
        self.legs: dict[str, Decimal] = {}
        #: What may still change the position: also orders that have ended, until all that the venue filled of them is booked.
        self.flying: dict[str, Order] = {}
        self.open = 0  # of them those that have not ended
        self.price: Price | None = None
        self.sides: deque[tuple[int, str]] = deque(maxlen=64)
        self.worst: Decimal | None = None
        self._sums: dict[tuple[str, str, bool], Decimal] = {}

    def forget(self) -> None:
        """Forget orders and positions; price and recent sides stay."""
        self.legs.clear()
        self.flying.clear()
        self.open = 0
        self._sums.clear()
        self.worst = None

    def put(self, order: Order, *, flies: bool) -> None:
        """Take an order as it is now."""
        before = self.flying.pop(order.order_id, None)
        if before is not None:
            self._add(before.terms, -before.unbooked)
            self.open -= not before.final
        if flies:
            self.flying[order.order_id] = order
            self._add(order.terms, order.unbooked)
            self.open += not order.final
        self.worst = None

    def _add(self, terms: OrderTerms, quantity: Decimal) -> None:
        key = (terms.position_side, terms.side, terms.reduce_only)
        self._sums[key] = self._sums.get(key, ZERO) + quantity

    def left(self, side: str, *, leg: str = "", reducing: bool = True) -> Decimal:
        """Return what is left of the orders of a side, of one leg only where given; ``reducing``: also those that only reduce."""
        total = ZERO
        for (of_leg, of_side, reduces), quantity in self._sums.items():
            if of_side == side and (not leg or of_leg == leg) and (reducing or not reduces):
                total += quantity
        return total

    def quantities(self, more: OrderTerms | None = None) -> tuple[Decimal, ...]:
        """Return the quantities of the legs at their worst, with ``more`` added: one, or in hedge mode the long and the short."""
        if "long" in self.legs or "short" in self.legs:
            found = []
            for leg, opening in (("long", "buy"), ("short", "sell")):
                quantity = abs(self.legs.get(leg, ZERO)) + self.left(opening, leg=leg)
                if more is not None and more.position_side == leg and more.side == opening:
                    quantity += more.quantity
                found.append(quantity)
            return tuple(found)
        # what may only reduce may be filled before what opens: then less is left that a plain order would have closed
        held = self.legs.get("both", ZERO)
        buys, sells = self.left("buy", reducing=False), self.left("sell", reducing=False)
        closing = self._sums.get(("both", "sell" if held > 0 else "buy", True), ZERO)
        if more is not None:
            if not more.reduce_only:
                buys, sells = (buys + more.quantity, sells) if more.side == "buy" else (buys, sells + more.quantity)
            elif (more.side == "sell") is (held > 0):
                closing += more.quantity
        high = held + buys if held > 0 else min(held + closing, ZERO) + buys
        low = max(held - closing, ZERO) - sells if held > 0 else held - sells
        return (max(abs(high), abs(low)),)


class ExposureBook:
    """The projection of one account."""

    def __init__(self, account: str, instrument_of: InstrumentOf, currency: str = "") -> None:
        self.account = account
        self._rates = Rates(currency)
        self.equity = Equity()
        self.leverage: dict[InstrumentId, Decimal] = {}
        self.usual_leverage = _ONE  # of instruments whose own is not known
        #: (deployment, instrument) -> why the data that the deployment uses is not to be trusted now
        self.data_faults: Mapping[tuple[str, InstrumentId], tuple[str, ...]] = {}
        self.reconciled_ns = 0  # when the venue last said what the account holds; 0: it is not followed
        self.unreconciled_ns = _UNRECONCILED_NS  # for how long that holds
        self.quotas: dict[str, StrategyQuota] = {}
        self.rejects_in_row = 0
        self.instrument_of = instrument_of
        self._exposed: dict[InstrumentId, Exposed] = defaultdict(Exposed)
        self._shares: dict[tuple[str, InstrumentId], Exposed] = defaultdict(Exposed)
        self._order_times: deque[int] = deque(maxlen=_RECENT)
        self._order_times_of: dict[str, deque[int]] = {}
        self._orders_of_day: dict[str, tuple[int, int]] = {}
        self._losses: dict[str, tuple[int, int]] = {}  # deployment -> (in a row, time of the last)
        #: a deployment's leg -> its quantity, and what had been realised when it was opened
        self._trades: dict[tuple[str, InstrumentId, PositionSide], tuple[Decimal, Decimal]] = {}

    # --- facts -------------------------------------------------------------------------------------------------------

    @exact
    def apply_order(self, order: Order) -> None:
        """Take an order as it is now."""
        flies = (order.state in IN_FLIGHT or order.final) and order.unbooked > 0
        self._exposed[order.terms.instrument].put(order, flies=flies)
        if order.deployment:
            self._shares[order.deployment, order.terms.instrument].put(order, flies=flies)
        if order.state is OrderState.REJECTED:
            self.rejects_in_row += 1
        elif order.state in (OrderState.OPEN, OrderState.FILLED):
            self.rejects_in_row = 0

    def reload(self, held: Iterable[HeldPosition]) -> None:
        """Forget orders and positions, and take these positions: what the store has after somebody else may have traded."""
        self._shares.clear()
        for found in self._exposed.values():
            found.forget()
        for item in held:
            self.apply_position(item.position, item.deployment)

    def note_sent(self, intent: Intent, now_ns: int) -> None:
        """Take that an order was approved: for the rates, at once, before any answer. A change of one is a request, no order."""
        self._note_time(intent.deployment, None if intent.amends else intent.terms, now_ns)
        if intent.amends:
            return
        day, count = self._orders_of_day.get(intent.deployment, (-1, 0))
        today = now_ns // _DAY_NS
        self._orders_of_day[intent.deployment] = (today, count + 1 if day == today else 1)

    def _note_time(self, deployment: str, terms: OrderTerms | None, time_ns: int) -> None:
        self._order_times.append(time_ns)
        self._order_times_of.setdefault(deployment, deque(maxlen=_RECENT)).append(time_ns)
        if terms is not None:
            self._exposed[terms.instrument].sides.append((time_ns, terms.side))

    def apply_position(self, position: Position, deployment: str = "", now_ns: int = 0) -> None:
        """Take a position as booked: of the account, or of a deployment's own share of it.

        ``now_ns``: when it changed (0: it is only read). A share that became flat or turned over is a closed trade, won or lost
        before fees.
        """
        if deployment:
            self._shares[deployment, position.instrument].legs[position.side] = position.quantity
            self._count_trade(position, deployment, now_ns)
        else:
            found = self._exposed[position.instrument]
            found.legs[position.side] = position.quantity
            found.worst = None

    @exact
    def _count_trade(self, position: Position, deployment: str, now_ns: int) -> None:
        key = (deployment, position.instrument, position.side)
        quantity, opened_with = self._trades.get(key, (ZERO, position.realised))
        if not quantity:
            opened_with = position.realised
        elif sign(position.quantity) != sign(quantity):
            if now_ns:
                self.apply_trade_result(deployment, position.realised - opened_with, now_ns)
            opened_with = position.realised
        self._trades[key] = (position.quantity, opened_with)

    def apply_trade_result(self, deployment: str, profit: Decimal, now_ns: int) -> None:
        """Take the result of a closed trade: losses in a row are counted per deployment."""
        in_row, last = self._losses.get(deployment, (0, 0))
        self._losses[deployment] = (in_row + 1, now_ns) if profit < 0 else (0, last)

    def set_price(self, instrument: InstrumentId, price: Decimal, now_ns: int) -> None:
        """Take a mark or last price."""
        found = self._exposed[instrument]
        self._rates.note(self.instrument_of(instrument), price)
        found.price = Price(price, now_ns)
        found.worst = None

    @exact
    def set_equity(
        self,
        equity: Decimal,
        now_ns: int,
        *,
        free_margin: Decimal,
        margin_ratio: Decimal = ZERO,
        paid_in: Decimal | None = None,
        sure: bool = True,
    ) -> None:
        """Take equity as marked now; the last figure before a UTC day is what the day is measured against.

        ``free_margin`` is what there would be without any position. ``paid_in``: what was there at the opening plus transfers.
        ``sure``: everything in it has its price; a figure that is not is neither a peak nor a fall, and the last sure one stays.
        """
        kept = self.equity
        if paid_in is not None and paid_in != kept.paid_in:
            if kept.day >= 0:  # money that came or went is neither won nor lost
                moved = paid_in - kept.paid_in
                kept.now, kept.peak, kept.day_start = kept.now + moved, kept.peak + moved, kept.day_start + moved
                kept.changes += 1
            kept.paid_in = paid_in
        kept.margin_ratio = margin_ratio
        if not sure and kept.day >= 0:
            return
        before, kept.now, kept.free_margin = kept.now, equity, free_margin
        if not sure:
            return
        today = now_ns // _DAY_NS
        if kept.day != today:
            kept.day, kept.day_start = today, before if kept.day == today - 1 else equity
            kept.changes += 1
        if equity > kept.peak:
            kept.peak = equity
            kept.changes += 1

    def resume(
        self,
        *,
        orders: Sequence[Order],
        counts: Mapping[str, int],
        losses: Mapping[str, tuple[int, int]],
        now_ns: int,
        since_ns: int = 0,
    ) -> None:
        """Take what a process before this one did: its last ``orders``, oldest first, how many each deployment made today.

        ``losses``: per deployment the losing trades in a row and when the last was. ``since_ns``: refusals count from here on.
        """
        self._order_times.clear()
        self._order_times_of.clear()
        for found in self._exposed.values():
            found.sides.clear()
        self.rejects_in_row = 0
        for order in orders:
            if not order.external:
                self._note_time(order.deployment, order.terms, order.created_ns)
            if order.state is OrderState.REJECTED:
                self.rejects_in_row += order.created_ns >= since_ns
            elif order.state in _TAKEN:
                self.rejects_in_row = 0
        self.count_orders(now_ns, counts)
        self._losses = dict(losses)

    def forgive(self, deployment: str | None = None) -> None:
        """Count refusals and losses in a row anew: a person has looked, at a deployment or (None) at the account."""
        if deployment is None:
            self.rejects_in_row = 0
        for name, (_, last_ns) in self._losses.items():
            if deployment in (None, name):
                self._losses[name] = (0, last_ns)

    def opened_with(self, deployment: str, instrument: InstrumentId, side: PositionSide, realised: Decimal) -> None:
        """Take what a deployment's leg had realised when the trade that is open was opened."""
        key = (deployment, instrument, side)
        if key in self._trades:
            self._trades[key] = (self._trades[key][0], realised)

    def in_flight(self, instrument: InstrumentId | None = None) -> list[Order]:
        """Orders that the venue has, may have, or may get yet."""
        if instrument is not None:
            return list(self._exposed[instrument].flying.values())
        return [order for found in self._exposed.values() for order in found.flying.values()]

    def legs(self) -> dict[tuple[InstrumentId, str], Decimal]:
        """Return what the account holds at this moment, by instrument and side."""
        return {
            (name, side): quantity for name, found in self._exposed.items() for side, quantity in found.legs.items() if quantity
        }

    # --- figures -----------------------------------------------------------------------------------------------------

    def price_of(self, instrument: InstrumentId) -> Decimal:
        """The last known price; 0 where none is known."""
        found = self._exposed[instrument].price
        return ZERO if found is None else found.value

    @exact
    def value(self, instrument: InstrumentId, quantity: Decimal, price: Decimal | None = None) -> Decimal:
        """Value of a quantity in the reporting currency, without sign."""
        rules = self.instrument_of(instrument)
        return value_of(rules, quantity, price or self.price_of(instrument)) * self._rates.of(rules)

    def rate_of(self, currency: str) -> Decimal | None:
        """Return what one unit of a currency is worth in the reporting currency; None where that is not known."""
        return self._rates.of_currency(currency)

    @exact
    def worst(self, instrument: InstrumentId, more: OrderTerms | None = None) -> Decimal:
        """Absolute value of the instrument's position at its worst, with ``more`` added."""
        return self._worst(instrument, self._exposed[instrument], more)

    def _worst(self, instrument: InstrumentId, found: Exposed, more: OrderTerms | None = None) -> Decimal:
        rules, total = self.instrument_of(instrument), found.worst
        if more is not None or total is None:
            price = ZERO if found.price is None else found.price.value
            total = sum((value_of(rules, quantity, price) for quantity in found.quantities(more)), ZERO)
            if more is None:
                found.worst = total  # in the quote currency: the rate moves on its own
        return total * self._rates.of(rules) if total else total

    def _own(self, deployment: str, instrument: InstrumentId, more: OrderTerms | None = None) -> Decimal:
        """Return the value of a deployment's share of an instrument at its worst, with ``more`` added."""
        share = self._shares.get((deployment, instrument)) or Exposed()
        rules, price = self.instrument_of(instrument), self.price_of(instrument)
        return sum((value_of(rules, quantity, price) for quantity in share.quantities(more)), ZERO) * self._rates.of(rules)

    @exact
    def used(self, now_ns: int) -> dict[str, Used]:
        """Return what each deployment uses now, everything in flight counted at its worst."""
        found: dict[str, Used] = {}
        for deployment, instrument in self._shares:
            value, before = self._own(deployment, instrument), found.get(deployment, Used())
            found[deployment] = Used(gross=before.gross + value, largest=max(before.largest, value))
        for deployment, (day, count) in self._orders_of_day.items():
            if deployment and day == now_ns // _DAY_NS:
                found[deployment] = msgspec.structs.replace(found.get(deployment, Used()), orders_today=count)
        return found

    @exact
    def gross(self) -> Decimal:
        """Return the value of all positions, everything in flight counted at its worst."""
        return sum((self._worst(name, found) for name, found in self._exposed.items()), ZERO)

    def count_orders(self, now_ns: int, counts: Mapping[str, int]) -> None:
        """Take how many orders each deployment made today, as the store has it after a start."""
        self._orders_of_day = {deployment: (now_ns // _DAY_NS, count) for deployment, count in counts.items()}

    @exact
    def reduces(self, terms: OrderTerms) -> bool:
        """Say whether an order can only make its position smaller, also when all that is in flight is filled first."""
        return _reduces(self._exposed[terms.instrument], terms, terms.quantity)

    def as_the_venue_takes_it(self, intent: Intent) -> Intent:
        """Return an intent whose order may only reduce where the account's own position covers it."""
        name = intent.terms.instrument
        return as_the_venue_takes_it(intent, self._exposed[name], lambda deployment: self._shares.get((deployment, name)))

    def uncovered(self, intent: Intent) -> bool:
        """Say whether an order that only reduces a deployment's part, and ends at once, is more than the account covers."""
        name = intent.terms.instrument
        return uncovered(intent, self._exposed[name], lambda deployment: self._shares.get((deployment, name)))

    @exact
    def view(self, intent: Intent, now_ns: int) -> RiskView:
        """Return the order in its surroundings, as the rules are asked."""
        terms, kept = intent.terms, self.equity
        name = terms.instrument
        found, rules = self._exposed[name], self.instrument_of(name)
        price, day = found.price, now_ns // _DAY_NS
        changed = found.flying.get(intent.amends) if intent.amends else None
        grown = _grown(terms, changed)
        reference = ZERO if price is None else price.value
        order_price = terms.limit_price or terms.stop_price or reference
        after = self._worst(name, found, grown)
        others = {other: self._worst(other, item) for other, item in self._exposed.items() if item is not found}
        of_others, position_value = sum(others.values(), ZERO), self._worst(name, found)
        of_day, count = self._orders_of_day.get(intent.deployment, (-1, 0))
        in_row, last_loss = self._losses.get(intent.deployment, (0, 0))
        own_part = bool(intent.deployment and not intent.amends) and closes(terms, self._shares.get((intent.deployment, name)))
        quota = self.quotas.get(intent.deployment)
        return RiskView(
            terms=terms,
            venue=name.venue,
            market=name.market,
            deployment=intent.deployment,
            now_ns=now_ns,
            reduces=_reduces(found, terms, ZERO if grown is None else grown.quantity) or (own_part and after <= position_value),
            closes=own_part,
            reference_price=reference,
            order_price=order_price,
            order_value=value_of(rules, terms.quantity, order_price) * self._rates.of(rules),
            equity=kept.now,
            peak_equity=kept.peak,
            day_start_equity=kept.day_start,
            free_margin=kept.free_margin - self._bound(name, position_value, others, of_others),
            margin_ratio=kept.margin_ratio,
            position_value=position_value,
            after_position_value=after,
            after_gross_exposure=after + of_others,
            after_largest_exposure=max(after, *others.values()) if others else after,
            deployment_position_value=self._own(intent.deployment, name, grown) if quota is not None else ZERO,
            open_orders=found.open - (changed is not None),
            order_times_ns=self._order_times,
            deployment_order_times_ns=self._order_times_of.get(intent.deployment, ()),
            deployment_orders_today=count if of_day == day else 0,
            rejects_in_row=self.rejects_in_row,
            losses_in_row=in_row,
            last_loss_ns=last_loss,
            sides_lately=found.sides,
            data_age_ms=(now_ns - price.time_ns) // _MS_NS if price is not None else 2**31,
            data_faults=(*self._faults(intent.deployment, name, now_ns), *self._rates.faults(rules)),
            leverage=self.leverage.get(name, self.usual_leverage),
            quota_position=quota.max_position if quota is not None else ZERO,
            quota_orders_per_day=quota.orders_per_day if quota is not None else 0,
        )

    def _bound(self, name: InstrumentId, value: Decimal, others: Mapping[InstrumentId, Decimal], of_others: Decimal) -> Decimal:
        """Return the margin that positions and everything in flight bind: their value by their leverage."""
        if not self.leverage:
            return (value + of_others) / self.usual_leverage
        lever = self.leverage.get
        usual = self.usual_leverage
        return value / lever(name, usual) + sum((item / lever(other, usual) for other, item in others.items() if item), ZERO)

    def _faults(self, deployment: str, name: InstrumentId, now_ns: int) -> tuple[str, ...]:
        """Return why the data of an order is not to be trusted: that of its strategy, and what the venue says of the account."""
        found = self.data_faults.get((deployment, name), ()) if self.data_faults else ()
        if self.reconciled_ns and now_ns - self.reconciled_ns > self.unreconciled_ns:
            return (*found, *_UNRECONCILED)
        return found


def _grown(terms: OrderTerms, changed: Order | None) -> OrderTerms | None:
    """Return what an order adds to what is in flight: of a change that by which it is larger, because the old version may stay."""
    if changed is None:
        return terms
    more = terms.quantity - changed.most
    return msgspec.structs.replace(terms, quantity=more) if more > 0 else None


def _reduces(found: Exposed, terms: OrderTerms, quantity: Decimal) -> bool:
    if terms.reduce_only and terms.instrument.market != "spot":
        return True  # the venue sees to it; spot knows no such orders
    held = found.legs.get(terms.position_side, ZERO)
    opposite = held > 0 if terms.side == "sell" else held < 0
    return opposite and found.left(terms.side) + quantity <= abs(held)
