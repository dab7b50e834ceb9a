"""What became of decisions that were announced, against what the fill model makes of the same orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import Final

from quantservice.core.instruments import Instrument
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Order, OrderState, VenueFill
from quantservice.core.signals import OrderRequest
from quantservice.ports import HostedFill, HostedReplayed, HostedSent, IntentRecord, RunAsked, RunSized
from quantservice.services.parity.memories import Memory
from quantservice.services.parity.report import Cause, Divergence, FillError, words

_BPS: Final = 10_000.0
_NEVER_OPEN: Final = ("rejected", "accepted")  # what the model refuses, or has still open at the end of the data, is no fill


@dataclass(frozen=True)
class _Compared:
    """A filled order beside its modelled fill. Basis points, positive: worse than modelled."""

    price_bps: float
    fee_bps: float | None


class Outcomes:
    """A deployment's intents, orders and fills as they are kept, by the signals that caused them.

    ``tolerance_bps``: a fill that is off the model's price by no more is no divergence; it counts in the error all the same.
    """

    def __init__(
        self,
        memories: Sequence[Memory],
        sized: Sequence[RunSized],
        intents: Sequence[IntentRecord],
        orders: Sequence[Order],
        fills: Sequence[tuple[VenueFill, str]],
        rules: Mapping[str, Instrument],
        *,
        tolerance_bps: float = 1.0,
    ) -> None:
        self._memories, self._rules, self._tolerance_bps = memories, rules, tolerance_bps
        self._sized: dict[str, RunSized] = {}
        for fact in sized:
            self._sized.setdefault(fact.signal, fact)
        self._orders = {order.intent_id: order for order in orders}
        self._fills: dict[str, list[VenueFill]] = defaultdict(list)
        for fill, order_id in fills:
            self._fills[order_id].append(fill)
        announced = {fact.signal for memory in memories for fact in memory.asked if fact.signal}
        self._intents: dict[str, list[IntentRecord]] = defaultdict(list)
        for record in intents:
            if record.intent.causation_id in announced:
                self._intents[record.intent.causation_id].append(record)
        self._sent = [self._orders[item.intent.intent_id] for item in self._records() if item.intent.intent_id in self._orders]
        self.order_count = len(self._sent)
        self.fill_count = sum(len(self._fills[order.order_id]) for order in self._sent)

    def sent_of(self, memory: Memory) -> list[HostedSent]:
        """Return the orders that a memory's decisions led to, to be modelled: those that could be filled."""
        return [
            HostedSent(order.order_id, asked.open_time, _request(order))
            for asked in memory.asked
            for record in self._intents.get(asked.signal, ())
            if (order := self._orders.get(record.intent.intent_id)) is not None
            and order.state not in (OrderState.REJECTED, OrderState.NOT_SENT)
        ]

    def divergences(self, replays: Sequence[HostedReplayed]) -> Iterator[Divergence]:
        """Yield where the outcome of a decision was not the backtester's."""
        modelled = _by_order(replays)
        last = max((fact.open_time for memory in self._memories for fact in memory.asked), default=0)
        for memory in self._memories:
            for asked in memory.asked:
                if not asked.decisions:
                    continue
                if asked.muted:
                    yield _muted(asked)
                elif memory.began.account:
                    yield from self._of_signal(asked, modelled, fresh=asked.open_time == last)

    def error(self, replays: Sequence[HostedReplayed]) -> FillError:
        """Return how far the fills were from the model's."""
        modelled = _by_order(replays)
        found = [(order, modelled.get(order.order_id)) for order in self._sent if self._fills.get(order.order_id)]
        compared = [self._compare(order, fill) for order, fill in found if fill is not None and fill.quantity > 0]
        prices = [item.price_bps for item in compared]
        fees = [item.fee_bps for item in compared if item.fee_bps is not None]
        return FillError(
            compared=len(compared),
            unmodelled=len(found) - len(compared),
            mean_bps=fmean(prices) if prices else 0.0,
            mean_abs_bps=fmean(map(abs, prices)) if prices else 0.0,
            worst_bps=max(prices, default=0.0),
            fee_mean_bps=fmean(fees) if fees else 0.0,
        )

    def _records(self) -> Iterator[IntentRecord]:
        for records in self._intents.values():
            yield from records

    def _of_signal(self, asked: RunAsked, modelled: Mapping[str, HostedFill], *, fresh: bool) -> Iterator[Divergence]:
        sized, records = self._sized.get(asked.signal), self._intents.get(asked.signal, [])
        if fresh and sized is None:
            return  # it may be under way
        if sized is None and not records:
            yield _outcome(asked, "downtime", "nothing was sent", "no process traded its account when this was announced")
            return
        known = {record.intent.intent_id for record in records}
        for name in () if sized is None else sized.intents:
            if name not in known:
                detail = "an order was sized and never written down: the account could not send at that time"
                yield _outcome(asked, "downtime", "nothing was sent", detail)
        for record in records:
            found = self._of_intent(asked, record, modelled)
            if found is not None:
                yield found

    def _of_intent(self, asked: RunAsked, record: IntentRecord, modelled: Mapping[str, HostedFill]) -> Divergence | None:
        terms = record.intent.terms
        live = f"{terms.side} {terms.quantity.normalize():f} {terms.instrument.symbol}"
        if record.state == "denied":
            detail = f"risk control denied it ({record.rule}): {record.sentence}"
            return _outcome(asked, "reject", f"{live} denied", detail, order_id=record.intent.client_id)
        order = self._orders.get(record.intent.intent_id)
        if order is None or not order.final:
            return None
        refused = {OrderState.REJECTED: "the venue refused it", OrderState.NOT_SENT: "it was not sent"}.get(order.state)
        if refused is not None:
            return _outcome(asked, "reject", f"{live} {order.state}", f"{refused}: {order.reason}", order_id=order.order_id)
        fill = modelled.get(order.order_id)
        if fill is None or fill.state in _NEVER_OPEN:
            return None
        model = f"{terms.side} {fill.quantity:g} {terms.instrument.symbol} at {fill.price:g}"
        if not order.filled or not fill.quantity:
            if bool(order.filled) == bool(fill.quantity):
                return None
            ended = f"it ended {order.state}{f' ({order.reason})' if order.reason else ''}; the fill model's was {fill.state}"
            return _outcome(asked, "slippage", f"{live} {order.state}", ended, model=model, order_id=order.order_id)
        compared = self._compare(order, fill)
        if abs(compared.price_bps) <= self._tolerance_bps:
            return None
        way = "worse" if compared.price_bps > 0 else "better"
        detail = f"filled {abs(compared.price_bps):.2f} basis points {way} than the fill model"
        return _outcome(asked, "slippage", f"{live} at {_average(order):f}", detail, model=model, order_id=order.order_id)

    def _compare(self, order: Order, fill: HostedFill) -> _Compared:
        paid = float(_average(order))
        worse = (paid - fill.price) / fill.price * (1.0 if order.terms.side == "buy" else -1.0)
        rules = self._rules.get(str(order.terms.instrument))
        fills = self._fills.get(order.order_id, [])
        fee_bps = None
        if rules is not None and fills and all(item.fee_currency in ("", _fee_currency(rules)) for item in fills):
            live = float(sum((item.fee for item in fills), ZERO) / rules.notional(_average(order), order.filled))
            model = fill.fee / float(rules.notional(Decimal(repr(fill.price)), Decimal(repr(fill.quantity))))
            fee_bps = (live - model) * _BPS
        return _Compared(worse * _BPS, fee_bps)


@exact
def _average(order: Order) -> Decimal:
    return order.cost / order.filled


def _fee_currency(rules: Instrument) -> str:
    return rules.quote if rules.id.market == "spot" else rules.settle


def _by_order(replays: Sequence[HostedReplayed]) -> dict[str, HostedFill]:
    return {fill.order_id: fill for replay in replays for fill in replay.fills}


def _request(order: Order) -> OrderRequest:
    """Return a sent order as a strategy would have placed it. Whether it reduces is left to its quantity: that is what was sent."""
    terms = order.terms
    return OrderRequest(
        instrument=terms.instrument,
        side=terms.side,
        type=terms.type,
        quantity=float(terms.quantity),
        limit_price=None if terms.limit_price is None else float(terms.limit_price),
        stop_price=None if terms.stop_price is None else float(terms.stop_price),
        trail=None if terms.trail is None else float(terms.trail),
        post_only=terms.post_only,
        time_in_force=terms.time_in_force,
        expire_ms=terms.expire_ms,
        position_side=terms.position_side,
    )


def _muted(asked: RunAsked) -> Divergence:
    if asked.muted == "paused":
        return _outcome(asked, "paused", "kept back", "the deployment was paused by a person: it followed the market silently")
    detail = "its klines came more than a whole period after their close: what was decided was too old to act on"
    return _outcome(asked, "late_kline", "kept back", detail)


def _outcome(asked: RunAsked, cause: Cause, live: str, detail: str, *, model: str = "", order_id: str = "") -> Divergence:
    return Divergence(
        kind="outcome",
        cause=cause,
        open_time=asked.open_time,
        close_time=asked.close_time,
        live=live,
        backtest=model or words(asked.decisions),
        detail=detail,
        order_id=order_id,
    )
