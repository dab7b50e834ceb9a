"""What an account holds and may come to hold: positions, everything in flight, prices, equity. A projection, rebuilt from facts.

The worst case of an instrument is the larger of two: all its buys in flight filled, or all its sells. An order that is unknown
counts as if it were live until it is proven otherwise.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import IN_FLIGHT, Order, OrderState
from quantservice.core.positions import Position
from quantservice.ports import StrategyQuota
from quantservice.quant.risk_rules import RiskView

_RECENT: Final = 512
_DAY_NS: Final = 86_400 * 1_000_000_000
_MS_NS: Final = 1_000_000
_ONE: Final = Decimal(1)

#: The rules of an instrument, or None where it is not known.
InstrumentOf = Callable[[InstrumentId], Instrument | None]


class Equity(msgspec.Struct):
    """An account's equity and what it is measured against, in its reporting currency."""

    now: Decimal = ZERO
    peak: Decimal = ZERO
    day_start: Decimal = ZERO
    day: int = -1
    free_margin: Decimal = ZERO
    margin_ratio: Decimal = ZERO


class Price(msgspec.Struct, frozen=True):
    """The last known price of an instrument and when it was seen."""

    value: Decimal
    time_ns: int


class Exposed:
    """One instrument of an account: its legs, what is in flight, its price, and its worst value, worked out when it is asked for.

    ``flying`` sums what is left of the orders in flight by leg, side and whether they only reduce: a check must not cost more the
    more orders rest.
    """

    __slots__ = ("_sums", "flying", "legs", "price", "sides", "worst")

    def __init__(self) -> None:
        self.legs: dict[str, Decimal] = {}
        self.flying: dict[str, Order] = {}
        self.price: Price | None = None
        self.sides: deque[tuple[int, str]] = deque(maxlen=64)
        self.worst: Decimal | None = None
        self._sums: dict[tuple[str, str, bool], Decimal] = {}

    def put(self, order: Order, *, flies: bool) -> None:
        """Take an order as it is now."""
        before = self.flying.pop(order.order_id, None)
        if before is not None:
            self._add(before.terms, -before.remaining)
        if flies:
            self.flying[order.order_id] = order
            self._add(order.terms, order.remaining)
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
        held = self.legs.get("both", ZERO)
        buys, sells = self.left("buy", reducing=False), self.left("sell", reducing=False)
        if more is not None and not more.reduce_only:
            buys, sells = (buys + more.quantity, sells) if more.side == "buy" else (buys, sells + more.quantity)
        return (max(abs(held + buys), abs(held - sells)),)


class ExposureBook:
    """The projection of one account."""

    def __init__(self, account: str, instrument_of: InstrumentOf) -> None:
        self.account = account
        self.equity = Equity()
        self.leverage: dict[InstrumentId, Decimal] = {}
        self.data_faults: dict[InstrumentId, tuple[str, ...]] = {}
        self.quotas: dict[str, StrategyQuota] = {}
        self.rejects_in_row = 0
        self._instrument_of = instrument_of
        self._exposed: dict[InstrumentId, Exposed] = defaultdict(Exposed)
        self._by_deployment: dict[tuple[str, InstrumentId], Decimal] = {}
        self._order_times: deque[int] = deque(maxlen=_RECENT)
        self._orders_of_day: dict[str, tuple[int, int]] = {}
        self._losses: dict[str, tuple[int, int]] = {}  # deployment -> (in a row, time of the last)

    # --- facts -------------------------------------------------------------------------------------------------------

    @exact
    def apply_order(self, order: Order) -> None:
        """Take an order as it is now."""
        self._exposed[order.terms.instrument].put(order, flies=order.state in IN_FLIGHT and order.remaining > 0)
        if order.state is OrderState.REJECTED:
            self.rejects_in_row += 1
        elif order.state in (OrderState.OPEN, OrderState.FILLED):
            self.rejects_in_row = 0

    def note_sent(self, intent: Intent, now_ns: int) -> None:
        """Take that an order was approved: for the rates, and at once, before any answer."""
        self._order_times.append(now_ns)
        self._exposed[intent.terms.instrument].sides.append((now_ns, intent.terms.side))
        day, count = self._orders_of_day.get(intent.deployment, (-1, 0))
        today = now_ns // _DAY_NS
        self._orders_of_day[intent.deployment] = (today, count + 1 if day == today else 1)

    def apply_position(self, position: Position, deployment: str = "") -> None:
        """Take a position as booked: of the account, or of a deployment's own share of it."""
        if deployment:
            self._by_deployment[deployment, position.instrument] = position.quantity
        else:
            found = self._exposed[position.instrument]
            found.legs[position.side] = position.quantity
            found.worst = None

    def apply_trade_result(self, deployment: str, profit: Decimal, now_ns: int) -> None:
        """Take the result of a closed trade: losses in a row are counted per deployment."""
        in_row, last = self._losses.get(deployment, (0, 0))
        self._losses[deployment] = (in_row + 1, now_ns) if profit < 0 else (0, last)

    def set_price(self, instrument: InstrumentId, price: Decimal, now_ns: int) -> None:
        """Take a mark or last price."""
        found = self._exposed[instrument]
        found.price = Price(price, now_ns)
        found.worst = None

    def set_equity(self, equity: Decimal, now_ns: int, *, free_margin: Decimal, margin_ratio: Decimal = ZERO) -> None:
        """Take equity as marked now; the first figure of a UTC day is what the day is measured against."""
        kept = self.equity
        today = now_ns // _DAY_NS
        if kept.day != today:
            kept.day, kept.day_start = today, equity if kept.day < 0 else kept.now
        kept.now, kept.free_margin, kept.margin_ratio = equity, free_margin, margin_ratio
        kept.peak = max(kept.peak, equity)

    def in_flight(self, instrument: InstrumentId | None = None) -> list[Order]:
        """Orders that the venue has, may have, or may get yet."""
        if instrument is not None:
            return list(self._exposed[instrument].flying.values())
        return [order for found in self._exposed.values() for order in found.flying.values()]

    # --- figures -----------------------------------------------------------------------------------------------------

    def price_of(self, instrument: InstrumentId) -> Decimal:
        """The last known price; 0 where none is known."""
        found = self._exposed[instrument].price
        return ZERO if found is None else found.value

    @exact
    def value(self, instrument: InstrumentId, quantity: Decimal, price: Decimal | None = None) -> Decimal:
        """Value of a quantity in the reporting currency, without sign."""
        return _value(self._instrument_of(instrument), quantity, price or self.price_of(instrument))

    @exact
    def worst(self, instrument: InstrumentId, more: OrderTerms | None = None) -> Decimal:
        """Absolute value of the instrument's position at its worst, with ``more`` added."""
        return self._worst(instrument, self._exposed[instrument], more)

    def _worst(self, instrument: InstrumentId, found: Exposed, more: OrderTerms | None = None) -> Decimal:
        if more is None and found.worst is not None:
            return found.worst
        price = ZERO if found.price is None else found.price.value
        rules = self._instrument_of(instrument)
        total = sum((_value(rules, quantity, price) for quantity in found.quantities(more)), ZERO)
        if more is None:
            found.worst = total
        return total

    @exact
    def reduces(self, terms: OrderTerms) -> bool:
        """Say whether an order can only make its position smaller, also when all that is in flight is filled first."""
        return _reduces(self._exposed[terms.instrument], terms)

    @exact
    def view(self, intent: Intent, now_ns: int) -> RiskView:
        """Return the order in its surroundings, as the rules are asked."""
        terms, kept = intent.terms, self.equity
        name = terms.instrument
        found, rules = self._exposed[name], self._instrument_of(name)
        price, day = found.price, now_ns // _DAY_NS
        reference = ZERO if price is None else price.value
        order_price = terms.limit_price or terms.stop_price or reference
        after = self._worst(name, found, terms)
        others = [self._worst(other, item) for other, item in self._exposed.items() if item is not found]
        of_day, count = self._orders_of_day.get(intent.deployment, (-1, 0))
        in_row, last_loss = self._losses.get(intent.deployment, (0, 0))
        quota = self.quotas.get(intent.deployment)
        own = self._by_deployment.get((intent.deployment, name), ZERO) + terms.signed
        return RiskView(
            terms=terms,
            venue=name.venue,
            market=name.market,
            deployment=intent.deployment,
            now_ns=now_ns,
            reduces=_reduces(found, terms),
            reference_price=reference,
            order_price=order_price,
            order_value=_value(rules, terms.quantity, order_price),
            equity=kept.now,
            peak_equity=kept.peak,
            day_start_equity=kept.day_start,
            free_margin=kept.free_margin,
            margin_ratio=kept.margin_ratio,
            position_value=self._worst(name, found),
            after_position_value=after,
            after_gross_exposure=after + sum(others, ZERO),
            after_largest_exposure=max([after, *others]),
            deployment_position_value=_value(rules, own, reference),
            open_orders=len(found.flying),
            order_times_ns=self._order_times,
            deployment_orders_today=count if of_day == day else 0,
            rejects_in_row=self.rejects_in_row,
            losses_in_row=in_row,
            last_loss_ns=last_loss,
            sides_lately=found.sides,
            data_age_ms=(now_ns - price.time_ns) // _MS_NS if price is not None else 2**31,
            data_faults=self.data_faults.get(name, ()),
            leverage=self.leverage.get(name, _ONE),
            quota_position=quota.max_position if quota is not None else ZERO,
            quota_orders_per_day=quota.orders_per_day if quota is not None else 0,
        )


def _value(rules: Instrument | None, quantity: Decimal, price: Decimal) -> Decimal:
    if not quantity:
        return ZERO
    if rules is not None and rules.inverse:
        return abs(quantity) * rules.contract_size  # contracts of so many quote units each
    if price <= 0:
        return ZERO
    value = price * abs(quantity)  # as core.fees.notional, whose own context a check of microseconds cannot afford
    return value if rules is None else value * rules.contract_size


def _reduces(found: Exposed, terms: OrderTerms) -> bool:
    if terms.reduce_only:
        return True
    held = found.legs.get(terms.position_side, ZERO)
    opposite = held > 0 if terms.side == "sell" else held < 0
    return opposite and found.left(terms.side) + terms.quantity <= abs(held)
