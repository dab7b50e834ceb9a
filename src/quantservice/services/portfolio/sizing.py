"""What a strategy decided -> sized intents, by the same arithmetic as the backtest.

Pure. A target becomes a quantity at the close that states it, of the equity allotted to the deployment, rounded down to the
instrument's step. The same signal gives the same intents: their ids are functions of the signal's event and the decision's place in
it. What cannot be ordered is told with its reason, so that "why no trade?" has an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.fees import notional
from quantservice.core.instruments import Instrument, InstrumentId, Side
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.messages import StrategySignal
from quantservice.core.money import ZERO, exact, round_to_step
from quantservice.core.orders import Order
from quantservice.core.positions import PositionSide
from quantservice.core.signals import CancelOrders, OrderRequest, Signal

InstrumentOf: TypeAlias = Callable[[InstrumentId], Instrument | None]
_ROUND_DOWN = "ROUND_FLOOR"


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment has when it decides: equity allotted per settlement currency, its own legs, prices, its orders.

    ``orders``: those that are open, and those that have ended and whose fills are not all booked.
    """

    equity: Mapping[str, Decimal]
    positions: Mapping[tuple[InstrumentId, PositionSide], Decimal] = {}
    orders: tuple[Order, ...] = ()
    prices: Mapping[InstrumentId, Decimal] = {}

    def held(self, instrument: InstrumentId, side: PositionSide) -> Decimal:
        """Signed quantity of a leg."""
        return self.positions.get((instrument, side), ZERO)

    @exact
    def working(self, instrument: InstrumentId, side: PositionSide) -> Decimal:
        """Signed quantity that orders of signals may still bring: also what was filled and is not booked yet."""
        return sum(
            (
                order.unbooked if order.terms.side == "buy" else -order.unbooked
                for order in self.orders
                if order.purpose == "signal" and order.terms.instrument == instrument and order.terms.position_side == side
            ),
            ZERO,
        )


class NoTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that became no order, and why."""

    instrument: InstrumentId
    reason: str
    number: int


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """Intents in the order in which they are to be sent (reductions first), client ids to cancel, and what became nothing."""

    intents: tuple[Intent, ...] = ()
    cancels: tuple[str, ...] = ()
    nothing: tuple[NoTrade, ...] = ()


class _Nothing(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Sizer:
    """Sizes the signals of one account's deployments. ``valid_ns``: how long after a signal its orders may be sent."""

    def __init__(self, account: str, instrument_of: InstrumentOf, *, valid_ns: int) -> None:
        self._account = account
        self._instrument_of = instrument_of
        self._valid_ns = valid_ns

    def size(self, signal: StrategySignal, cause: str, holdings: Holdings, now_ns: int) -> Sizing:
        """Size every decision of a signal; ``cause`` is the signal's event id."""
        intents: list[Intent] = []
        nothing: list[NoTrade] = []
        cancels: list[str] = []
        for number, decision in enumerate(signal.decisions):
            if isinstance(decision, CancelOrders):
                cancels += _to_cancel(decision, holdings.orders)
                continue
            try:
                terms = self._terms(decision, holdings)
            except _Nothing as why:
                nothing.append(NoTrade(instrument=decision.instrument, reason=why.reason, number=number))
                continue
            intents.append(
                Intent(
                    intent_id=intent_id(self._account, signal.deployment, cause, number),
                    terms=terms,
                    purpose="signal" if isinstance(decision, Signal) else "order",
                    deployment=signal.deployment,
                    strategy=signal.strategy,
                    tag=decision.tag,
                    group=decision.group if isinstance(decision, OrderRequest) else "",
                    created_ns=now_ns,
                    valid_until_ns=now_ns + self._valid_ns,
                    correlation_id=cause,
                    causation_id=cause,
                )
            )
        intents.sort(key=lambda intent: not _reduces(intent.terms, holdings))
        return Sizing(intents=tuple(intents), cancels=tuple(cancels), nothing=tuple(nothing))

    def _terms(self, decision: Signal | OrderRequest, holdings: Holdings) -> OrderTerms:
        instrument = self._instrument_of(decision.instrument)
        if instrument is None:
            raise _Nothing("the instrument's rules are not known")
        price = holdings.prices.get(decision.instrument)
        if price is None:
            raise _Nothing("no price of it is known")
        if isinstance(decision, Signal):
            return self._of_signal(decision, instrument, price, holdings)
        return self._of_request(decision, instrument, price, holdings)

    def _of_signal(self, signal: Signal, instrument: Instrument, price: Decimal, holdings: Holdings) -> OrderTerms:
        held, working = holdings.held(instrument.id, signal.side), holdings.working(instrument.id, signal.side)
        if signal.target < 0 and (instrument.id.market == "spot" or signal.side == "long"):
            raise _Nothing("it cannot be sold short")
        if signal.target > 0 and signal.side == "short":
            raise _Nothing("a short leg cannot be bought beyond zero")
        change = size_target(
            signal.target, equity=_equity(holdings, instrument), price=price, held=held, working=working, instrument=instrument
        )
        if change == 0:
            raise _Nothing("the target is what is held already")
        side: Side = "buy" if change > 0 else "sell"
        reduce_only = instrument.id.market != "spot" and held != 0 and (held > 0) != (change > 0) and abs(change) <= abs(held)
        _check_size(instrument, abs(change), price, reduces=reduce_only)
        return OrderTerms(
            account=self._account,
            instrument=instrument.id,
            side=side,
            quantity=abs(change),
            reduce_only=reduce_only,
            position_side=signal.side,
        )

    def _of_request(self, request: OrderRequest, instrument: Instrument, price: Decimal, holdings: Holdings) -> OrderTerms:
        limit = None if request.limit_price is None else instrument.round_price(request.limit_price, request.side)
        stop = None if request.stop_price is None else instrument.round_price(request.stop_price)
        at = limit or stop or price
        if request.quantity is not None:
            quantity = instrument.round_quantity(request.quantity)
        else:
            quantity = wanted_quantity(
                request.fraction or 0.0, equity=_equity(holdings, instrument), price=at, instrument=instrument
            )
        if quantity <= 0:
            raise _Nothing("its quantity is less than one step")
        _check_size(instrument, quantity, at, reduces=request.reduce_only)
        try:
            return OrderTerms(
                account=self._account,
                instrument=instrument.id,
                side=request.side,
                quantity=quantity,
                type=request.type,
                limit_price=limit,
                stop_price=stop,
                trail=None if request.trail is None else Decimal(str(request.trail)),
                time_in_force=request.time_in_force,
                expire_ms=request.expire_ms,
                post_only=request.post_only,
                reduce_only=request.reduce_only and instrument.id.market != "spot",
                position_side=request.position_side,
            )
        except InvalidValue as error:
            raise _Nothing(str(error)) from None


@exact
def wanted_quantity(fraction: float, *, equity: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """Return the unsigned quantity that a fraction of the equity buys at a price, rounded down to the step."""
    if equity <= 0 or fraction == 0:
        return ZERO
    worth = notional(price, Decimal(1), contract_size=instrument.contract_size, inverse=instrument.inverse)
    return round_to_step(Decimal(str(abs(fraction))) * equity / worth, instrument.lot_size, _ROUND_DOWN)


@exact
def size_target(
    target: float, *, equity: Decimal, price: Decimal, held: Decimal, working: Decimal, instrument: Instrument
) -> Decimal:
    """Return the signed change that brings a leg to ``target`` of the equity; 0 where it is there, or less than half a step away.

    What working orders may still bring counts as held. The same rule as the backtest's (``kernel/targets.py``).
    """
    there = held + working
    if target == 0:
        return -there
    wanted = wanted_quantity(target, equity=equity, price=price, instrument=instrument)
    change = (wanted if target > 0 else -wanted) - there
    return ZERO if abs(change) < instrument.lot_size / 2 else change


def _equity(holdings: Holdings, instrument: Instrument) -> Decimal:
    currency = instrument.quote if instrument.id.market == "spot" else instrument.settle
    found = holdings.equity.get(currency)
    if found is None:
        raise _Nothing(f"no {currency} is allotted to it")
    return found


def _check_size(instrument: Instrument, quantity: Decimal, price: Decimal, *, reduces: bool) -> None:
    if reduces:  # a venue always takes what only reduces
        return
    if quantity < instrument.min_quantity:
        raise _Nothing(f"{quantity} is less than the venue's least quantity, {instrument.min_quantity}")
    value = instrument.notional(price, quantity)
    if value < instrument.min_notional:
        raise _Nothing(f"its value {value.normalize():f} is less than the venue's least, {instrument.min_notional}")


def _reduces(terms: OrderTerms, holdings: Holdings) -> bool:
    held = holdings.held(terms.instrument, terms.position_side)
    return held != 0 and (held > 0) != (terms.side == "buy")


def _to_cancel(decision: CancelOrders, orders: Iterable[Order]) -> list[str]:
    return [
        order.order_id
        for order in orders
        if order.terms.instrument == decision.instrument
        and (not decision.tag or order.tag == decision.tag)
        and order.purpose in ("signal", "order")  # its own: what protects its position is not the strategy's to cancel
        and not order.final
    ]
