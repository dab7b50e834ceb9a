"""What an account holds and may come to hold: positions, everything in flight, prices, equity. A projection, rebuilt from facts.

The worst case of an instrument is the larger of two: all its buys in flight filled, or all its sells. An order that is unknown
counts as if it were live until it is proven otherwise.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.fees import notional
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
        self._positions: dict[InstrumentId, dict[str, Decimal]] = defaultdict(dict)  # by leg
        self._by_deployment: dict[tuple[str, InstrumentId], Decimal] = {}
        self._flying: dict[InstrumentId, dict[str, Order]] = defaultdict(dict)
        self._prices: dict[InstrumentId, Price] = {}
        self._order_times: deque[int] = deque(maxlen=_RECENT)
        self._sides: dict[InstrumentId, deque[tuple[int, str]]] = defaultdict(lambda: deque(maxlen=64))
        self._orders_of_day: dict[str, tuple[int, int]] = {}
        self._losses: dict[str, tuple[int, int]] = {}  # deployment -> (in a row, time of the last)
        self._reserved: dict[str, str] = {}

    # --- facts -------------------------------------------------------------------------------------------------------

    def apply_order(self, order: Order) -> None:
        """Take an order as it is now."""
        flying = self._flying[order.terms.instrument]
        if order.state in IN_FLIGHT and order.remaining > 0:
            flying[order.order_id] = order
        else:
            flying.pop(order.order_id, None)
        if order.state is OrderState.REJECTED:
            self.rejects_in_row += 1
        elif order.state in (OrderState.OPEN, OrderState.FILLED):
            self.rejects_in_row = 0

    def note_sent(self, intent: Intent, now_ns: int) -> None:
        """Take that an order was approved: for the rates, and at once, before any answer."""
        self._order_times.append(now_ns)
        self._sides[intent.terms.instrument].append((now_ns, intent.terms.side))
        day, count = self._orders_of_day.get(intent.deployment, (-1, 0))
        today = now_ns // _DAY_NS
        self._orders_of_day[intent.deployment] = (today, count + 1 if day == today else 1)

    def apply_position(self, position: Position, deployment: str = "") -> None:
        """Take a position as booked: of the account, or of a deployment's own share of it."""
        if deployment:
            self._by_deployment[deployment, position.instrument] = position.quantity
        else:
            self._positions[position.instrument][position.side] = position.quantity

    def apply_trade_result(self, deployment: str, profit: Decimal, now_ns: int) -> None:
        """Take the result of a closed trade: losses in a row are counted per deployment."""
        in_row, last = self._losses.get(deployment, (0, 0))
        self._losses[deployment] = (in_row + 1, now_ns) if profit < 0 else (0, last)

    def set_price(self, instrument: InstrumentId, price: Decimal, now_ns: int) -> None:
        """Take a mark or last price."""
        self._prices[instrument] = Price(price, now_ns)

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
            return list(self._flying[instrument].values())
        return [order for orders in self._flying.values() for order in orders.values()]

    # --- figures -----------------------------------------------------------------------------------------------------

    def price_of(self, instrument: InstrumentId) -> Decimal:
        """The last known price; 0 where none is known."""
        found = self._prices.get(instrument)
        return ZERO if found is None else found.value

    @exact
    def value(self, instrument: InstrumentId, quantity: Decimal, price: Decimal | None = None) -> Decimal:
        """Value of a quantity in the reporting currency, without sign."""
        rules, at = self._instrument_of(instrument), price or self.price_of(instrument)
        if not quantity:
            return ZERO
        if rules is not None and rules.inverse:
            return abs(quantity) * rules.contract_size  # contracts of so many quote units each
        if at <= 0:
            return ZERO
        return notional(at, quantity, contract_size=rules.contract_size if rules is not None else Decimal(1))

    @exact
    def worst(self, instrument: InstrumentId, more: OrderTerms | None = None) -> Decimal:
        """Absolute value of the instrument's position at its worst, with ``more`` added."""
        legs = self._positions.get(instrument, {})
        orders = [*self._flying[instrument].values()]
        if "long" in legs or "short" in legs:
            return self._worst_hedged(instrument, legs, orders, more)
        held = sum(legs.values(), ZERO)
        buys = sum((order.remaining for order in orders if order.terms.side == "buy" and not order.terms.reduce_only), ZERO)
        sells = sum((order.remaining for order in orders if order.terms.side == "sell" and not order.terms.reduce_only), ZERO)
        if more is not None and not more.reduce_only:
            buys, sells = (buys + more.quantity, sells) if more.side == "buy" else (buys, sells + more.quantity)
        return self.value(instrument, max(abs(held + buys), abs(held - sells)))

    def _worst_hedged(
        self, instrument: InstrumentId, legs: dict[str, Decimal], orders: Iterable[Order], more: OrderTerms | None
    ) -> Decimal:
        total = ZERO
        for leg, opening in (("long", "buy"), ("short", "sell")):
            quantity = abs(legs.get(leg, ZERO))
            quantity += sum((o.remaining for o in orders if o.terms.position_side == leg and o.terms.side == opening), ZERO)
            if more is not None and more.position_side == leg and more.side == opening:
                quantity += more.quantity
            total += self.value(instrument, quantity)
        return total

    def reduces(self, terms: OrderTerms) -> bool:
        """Say whether an order can only make its position smaller, also when all that is in flight is filled first."""
        if terms.reduce_only:
            return True
        legs = self._positions.get(terms.instrument, {})
        held = legs.get(terms.position_side, ZERO)
        same = sum((order.remaining for order in self._flying[terms.instrument].values() if order.terms.side == terms.side), ZERO)
        opposite = held > 0 if terms.side == "sell" else held < 0
        return opposite and same + terms.quantity <= abs(held)

    @exact
    def view(self, intent: Intent, now_ns: int) -> RiskView:
        """Return the order in its surroundings, as the rules are asked."""
        terms, kept = intent.terms, self.equity
        name = terms.instrument
        reference = self.price_of(name)
        order_price = terms.limit_price or terms.stop_price or reference
        after = self.worst(name, terms)
        others = [self.worst(other) for other in {*self._positions, *self._flying} if other != name]
        price, day = self._prices.get(name), now_ns // _DAY_NS
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
            reduces=self.reduces(terms),
            reference_price=reference,
            order_price=order_price,
            order_value=self.value(name, terms.quantity, order_price),
            equity=kept.now,
            peak_equity=kept.peak,
            day_start_equity=kept.day_start,
            free_margin=kept.free_margin,
            margin_ratio=kept.margin_ratio,
            position_value=self.worst(name),
            after_position_value=after,
            after_gross_exposure=after + sum(others, ZERO),
            after_largest_exposure=max([after, *others]),
            deployment_position_value=self.value(name, own),
            open_orders=len(self._flying[name]),
            order_times_ns=self._order_times,
            deployment_orders_today=count if of_day == day else 0,
            rejects_in_row=self.rejects_in_row,
            losses_in_row=in_row,
            last_loss_ns=last_loss,
            sides_lately=self._sides[name],
            data_age_ms=(now_ns - price.time_ns) // _MS_NS if price is not None else 2**31,
            data_faults=self.data_faults.get(name, ()),
            leverage=self.leverage.get(name, Decimal(1)),
            quota_position=quota.max_position if quota is not None else ZERO,
            quota_orders_per_day=quota.orders_per_day if quota is not None else 0,
        )
