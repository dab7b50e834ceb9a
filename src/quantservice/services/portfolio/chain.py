"""Why an order is there and what came of it: the steps from the exchange's frame to the entry in the books, each with its time.

Pure: put together from what is kept anyway, so that it says what happened and not what should have. A step whose time nobody wrote
down has none; what is no longer kept is said so. ``clock`` names whose time it is: a gap between two clocks holds their difference.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from quantservice.core.intents import Intent, intent_id
from quantservice.core.ledger import FEE
from quantservice.core.money import ZERO
from quantservice.core.orders import Order, VenueFill
from quantservice.core.signals import Decision, OrderRequest, Signal
from quantservice.ports import HostedBar, IntentRecord, JournalRow, RiskDecision, RunAsked, RunSized, RunTold
from quantservice.services.portfolio.entries import entry_id_of

StepName: TypeAlias = Literal[
    "closed",
    "received",
    "decided",
    "asked",
    "sized",
    "checked",
    "sent",
    "accepted",
    "amended",
    "filled",
    "booked",
    "lapsed",
    "ended",
]
#: Whose time a step has.
StepClock: TypeAlias = Literal["ours", "venue"]
#: Who wanted the order. ``outside``: not ours by origin.
Origin: TypeAlias = Literal["strategy", "person", "protection", "algorithm", "outside"]
_MS_NS: Final = 1_000_000
_ORIGINS: Final[dict[str, Origin]] = {
    "signal": "strategy",
    "order": "strategy",
    "protective": "protection",
    "algorithm": "algorithm",
    "manual": "person",
}


#: What is said of a step, by its code. The page has the same codes in its languages.
SAID: Final = {
    "kline": "the kline of {instrument} closed at {price}",
    "market": "the market between klines: {instrument} at {price}",
    "received": "its frame came from the exchange",
    "decided": "the strategy decided",
    "target": "the strategy wanted {target} of its equity in {instrument}",
    "request": "the strategy asked to {side} {quantity} of {instrument}, {type}",
    "request_share": "the strategy asked to {side} {fraction} of its equity of {instrument}, {type}",
    "cancels": "the strategy cancelled its orders of {instrument}",
    "sized": "with equity of {equity} at {price} and {held} held that is to {side} {quantity}",
    "sized_unpriced": "with equity of {equity} and {held} held that is to {side} {quantity}",
    "adopted": "not asked for here: the venue has an order to {side} {quantity} of {instrument}, and it was adopted",
    "part": "a part of an order that is worked off in parts: {side} {quantity} of {instrument}",
    "stop": "the rule {rule} asked for a stop that rests at the venue: {side} {quantity} of {instrument}",
    "close": "the rule {rule} asked for an order that closes: {side} {quantity} of {instrument}",
    "closed": "a person closed what was held: {side} {quantity} of {instrument}",
    "asked": "a person or a program asked to {side} {quantity} of {instrument}",
    "approved": "risk control approved it; intent and order were made durable in one commit before the first byte",
    "denied": "risk control denied it: {denial} (rule {rule}, limit {limit}, value {value})",
    "sent": "sent to the venue under the id {order_id}",
    "accepted": "the venue has it",
    "accepted_by": "the venue has it, by its {source}",
    "amended": "a change to {quantity} at {price} was {change}",
    "filled_maker": "{side} {quantity} at {price}, resting",
    "filled_taker": "{side} {quantity} at {price}, taking",
    "booked": "booked as entry {entry} of the journal",
    "lapsed": "its deadline passed: the platform asked for the cancel of what was left",
    "ended": "{state}",
    "ended_by": "{state}, by its {source}",
}
#: What of an order is not kept, by its code.
MISSING: Final = {
    "decision": "what its strategy was given and decided is not kept: older than the run's log, or not of a hosted run",
    "size": "what it was sized by is not written down, or not yet",
    "intent": "its intent is not kept",
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``gap_ns``: since the last step before it that has a time; ``facts``: names and values beside it.

    ``code`` names what is said of it (:data:`SAID`) and ``values`` what stands in that, so that it can be said in any language;
    ``tag`` and ``reason`` among them are words of the strategy, of a rule or of the venue, and follow as they are.
    """

    step: StepName
    code: str
    values: dict[str, str] = {}
    time_ns: int | None = None
    clock: StepClock = "ours"
    gap_ns: int | None = None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def sentence(self) -> str:
        """What happened, in English."""
        tag, reason = self.values.get("tag"), self.values.get("reason")
        return SAID[self.code].format_map(self.values) + (f" ({tag})" if tag else "") + (f": {reason}" if reason else "")


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """An order's steps in their order. ``missing``: what of them is not kept, by the codes of :data:`MISSING`."""

    order: Order
    origin: Origin
    strategy: str = ""
    deployment: str = ""  # its name
    steps: tuple[Step, ...] = ()
    missing: tuple[str, ...] = ()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the store has of an order. ``told``: (when it was written, what the strategy was told of it); so ``asked`` too."""

    order: Order
    record: IntentRecord | None = None
    deployment: str = ""
    asked: tuple[int, RunAsked] | None = None
    sized: RunSized | None = None
    told: tuple[tuple[int, RunTold], ...] = ()
    fills: tuple[VenueFill, ...] = ()
    entries: tuple[JournalRow, ...] = ()
    noted: tuple[RiskDecision, ...] = ()  # by rules on trial


def chain_of(kept: Kept) -> Chain:
    """Put the steps of an order together."""
    order, missing = kept.order, []
    origin = _origin(order)
    intent = None if kept.record is None else kept.record.intent
    steps: list[Step] = []
    if origin == "strategy":
        if kept.asked is None:
            missing.append("decision")
        else:
            steps += _given(order, kept.asked[1])
            steps.append(_decided(order, intent, *kept.asked))
        if kept.sized is not None:
            steps.append(_sized(order, intent, kept.sized))
        elif intent is not None:
            missing.append("size")
    else:
        steps.append(_wanted(order, origin, intent))
    if kept.record is not None:
        steps.append(_checked(kept.record, kept.noted))
    elif origin != "outside":
        missing.append("intent")
    if order.sent_ns:
        steps.append(_sent(order))
    steps += _at_the_venue(kept)
    strategy = "" if intent is None else intent.strategy
    return Chain(
        order=order,
        origin=origin,
        strategy=strategy,
        deployment=kept.deployment,
        steps=tuple(_with_gaps(steps)),
        missing=tuple(missing),
    )


def place_of(order: Order, cause: str, decisions: Sequence[Decision]) -> int | None:
    """Return which decision of a signal an order comes from: its intent's id is a function of both."""
    for number in range(len(decisions)):
        if intent_id(order.terms.account, order.deployment, cause, number) == order.intent_id:
            return number
    return None


# --- why it is there -----------------------------------------------------------------------------------------------------


def _origin(order: Order) -> Origin:
    if order.external:
        return "outside"
    if order.purpose == "flatten":
        return "person" if not order.tag else "protection"
    return _ORIGINS[order.purpose]


def _given(order: Order, asked: RunAsked) -> list[Step]:
    """Return what came from the exchange: the kline and its frame, or the market between klines."""
    name = str(order.terms.instrument)
    if asked.ticker is not None:
        seen = {"instrument": asked.ticker.instrument, "price": _number(asked.ticker.price)}
        return [Step(step="closed", code="market", values=seen, time_ns=asked.ticker.time * _MS_NS, clock="venue")]
    place, bar = _bar_of(name, asked.bars)
    steps = []
    if bar is not None:
        facts = (("open_time", str(bar.open_time)), *((part, _number(getattr(bar, part))) for part in _BAR))
        told = {"instrument": bar.instrument, "price": _number(bar.close)}
        at_ns = (asked.close_time + 1) * _MS_NS
        steps.append(Step(step="closed", code="kline", values=told, time_ns=at_ns, clock="venue", facts=facts))
    if place is not None and place < len(asked.received_ns) and asked.received_ns[place]:
        steps.append(Step(step="received", code="received", time_ns=asked.received_ns[place]))
    return steps


_BAR: Final = ("open", "high", "low", "close", "volume")


def _bar_of(name: str, bars: Sequence[HostedBar]) -> tuple[int | None, HostedBar | None]:
    for place, bar in enumerate(bars):
        if bar.instrument == name:
            return place, bar
    return (0, bars[0]) if bars else (None, None)


def _decided(order: Order, intent: Intent | None, written_ns: int, asked: RunAsked) -> Step:
    """Return what the strategy saw and answered; it had answered when that was written and when its order was sized."""
    place = place_of(order, asked.signal, asked.decisions)
    code, values = ("decided", {}) if place is None else _said(asked.decisions[place])
    facts: list[tuple[str, str]] = []
    if asked.account is not None:
        facts += [("equity", _number(asked.account.equity)), ("cash", _number(asked.account.cash))]
        held = [leg for leg in asked.account.positions if leg.instrument == str(order.terms.instrument)]
        facts += [("position", _number(sum(leg.quantity for leg in held)))]
        facts += [("working_orders", str(len(asked.account.orders)))]
    facts.append(("signal", asked.signal))
    time_ns = written_ns if intent is None else min(written_ns, intent.created_ns)
    return Step(step="decided", code=code, values=values, time_ns=time_ns, facts=tuple(facts))


def _said(decision: Decision) -> tuple[str, dict[str, str]]:
    if isinstance(decision, Signal):
        return "target", {"target": _number(decision.target), "instrument": str(decision.instrument), "tag": decision.tag}
    if isinstance(decision, OrderRequest):
        asked = {"side": decision.side, "instrument": str(decision.instrument), "type": decision.type, "tag": decision.tag}
        if decision.quantity is None:
            return "request_share", asked | {"fraction": _number(decision.fraction)}
        return "request", asked | {"quantity": _number(decision.quantity)}
    return "cancels", {"instrument": str(decision.instrument)}


def _sized(order: Order, intent: Intent | None, sized: RunSized) -> Step:
    terms, name = order.terms, str(order.terms.instrument)
    money = ", ".join(f"{_plain(amount)} {currency}" for currency, amount in sized.equity.items())
    held = sized.held.get(f"{name}|{terms.position_side}", ZERO)
    price = sized.prices.get(name)
    quantity = terms.quantity if intent is None else intent.terms.quantity
    facts = (("equity", money), ("price", "" if price is None else _plain(price)), ("held", _plain(held)))
    return Step(
        step="sized",
        code="sized_unpriced" if price is None else "sized",
        values=dict(facts) | {"side": terms.side, "quantity": _plain(quantity)},
        time_ns=None if intent is None else intent.created_ns,
        facts=facts,
    )


def _wanted(order: Order, origin: Origin, intent: Intent | None) -> Step:
    """Return who asked for an order that no strategy decided."""
    values = {"side": order.terms.side, "quantity": _plain(order.terms.quantity), "instrument": str(order.terms.instrument)}
    if origin == "outside":
        code = "adopted"
    elif origin == "algorithm":
        code = "part"
    elif origin == "protection":
        code, values["rule"] = ("stop" if order.purpose == "protective" else "close"), order.tag
    else:
        code = "closed" if order.purpose == "flatten" else "asked"
    facts = (("parent", order.parent),) if order.parent else ()
    if order.terms.expire_ms is not None:
        facts = (*facts, ("deadline", _utc(order.terms.expire_ms)))
    if order.correlation_id.startswith("key:"):
        facts = (*facts, ("idempotency_key", order.correlation_id.removeprefix("key:")))
    at_ns = order.created_ns if intent is None else intent.created_ns
    return Step(step="asked", code=code, values=values, time_ns=at_ns, facts=facts)


def _checked(record: IntentRecord, noted: Iterable[RiskDecision]) -> Step:
    facts = tuple((f"trial:{item.rule}", item.sentence) for item in noted if item.shadow)
    if record.state != "denied":
        return Step(step="checked", code="approved", time_ns=record.decided_ns, facts=facts)
    values = {"denial": record.sentence, "rule": record.rule, "limit": record.limit, "value": record.value}
    return Step(step="checked", code="denied", values=values, time_ns=record.decided_ns, facts=facts)


# --- what came of it -----------------------------------------------------------------------------------------------------


def _sent(order: Order) -> Step:
    until = (("deadline_ns", str(order.deadline_ns)),) if order.deadline_ns else ()
    return Step(step="sent", code="sent", values={"order_id": order.order_id}, time_ns=order.sent_ns, facts=until)


def _at_the_venue(kept: Kept) -> list[Step]:
    """Return what became of it, as it came to be known: an answer may say that it is filled before the fill itself is told."""
    order = kept.order
    steps = [_accepted(order, time_ns) for time_ns, fact in kept.told if fact.update.state == "accepted"]
    if not steps and not order.final and order.evidence is not None:
        steps.append(_accepted(order, order.evidence.time_ns))
    if order.amendment is not None:
        change = order.amendment
        said = {"quantity": _plain(change.quantity), "price": _plain(change.limit_price), "change": change.state}
        said["reason"] = change.reason
        steps.append(Step(step="amended", code="amended", values=said, time_ns=change.asked_ns or None))
    written = {item.entry.entry_id: item for item in kept.entries}
    lapsed = _lapsed(order) if order.lapsed_ns else None
    ended = _ended(order) if order.final else None
    for fill in kept.fills:
        entry = written.get(entry_id_of(fill))
        pair = [_filled(fill)] if entry is None else [_filled(fill), _booked(fill, entry, kept.told)]
        known_ns = pair[-1].time_ns or pair[0].time_ns or 0
        if lapsed is not None and order.lapsed_ns < known_ns:
            steps.append(lapsed)
            lapsed = None
        if ended is not None and ended.time_ns is not None and ended.time_ns < known_ns:
            steps.append(ended)
            ended = None
        steps += pair
    return [*steps, *(step for step in (lapsed, ended) if step is not None)]


def _accepted(order: Order, time_ns: int) -> Step:
    shown = order.evidence.source if order.evidence is not None and not order.final else ""
    facts = (("venue_order_id", order.venue_order_id),) if order.venue_order_id else ()
    code, values = ("accepted_by", {"source": shown}) if shown else ("accepted", {})
    return Step(step="accepted", code=code, values=values, time_ns=time_ns or None, facts=facts)


def _filled(fill: VenueFill) -> Step:
    facts = (
        ("trade", fill.trade_id),
        ("fee", f"{_plain(fill.fee)} {fill.fee_currency}".strip()),
        *((("realised", _plain(fill.realised)),) if fill.realised is not None else ()),
    )
    code = "filled_maker" if fill.maker else "filled_taker"
    values = {"side": fill.side, "quantity": _plain(fill.quantity), "price": _plain(fill.price)}
    return Step(step="filled", code=code, values=values, time_ns=fill.time_ms * _MS_NS, clock="venue", facts=facts)


def _booked(fill: VenueFill, row: JournalRow, told: Iterable[tuple[int, RunTold]]) -> Step:
    """Return a fill's entry. Its commit is the one that tells the strategy of the fill, where it belongs to one."""
    facts = tuple(
        (posting.account, f"{_plain(-posting.amount)} {posting.currency}")
        for posting in row.entry.postings
        if posting.account in ("realised", FEE, "market")
    )
    same = (fill.time_ms, float(fill.price), float(fill.quantity))
    times = (at for at, fact in told if (fact.update.time, fact.update.fill_price, fact.update.fill_quantity) == same)
    return Step(step="booked", code="booked", values={"entry": str(row.sequence)}, time_ns=next(times, None), facts=facts)


def _lapsed(order: Order) -> Step:
    facts = (("deadline", _utc(order.terms.expire_ms or 0)),)
    return Step(step="lapsed", code="lapsed", time_ns=order.lapsed_ns, facts=facts)


def _ended(order: Order) -> Step:
    evidence = order.evidence
    values = {"state": order.state.value.replace("_", " "), "reason": order.reason}
    if evidence is not None:
        values["source"] = evidence.source
    facts = () if evidence is None else (("evidence", evidence.source), ("reference", evidence.reference))
    time_ns = None if evidence is None or not evidence.time_ns else evidence.time_ns
    return Step(step="ended", code="ended" if evidence is None else "ended_by", values=values, time_ns=time_ns, facts=facts)


def _with_gaps(steps: Iterable[Step]) -> Iterable[Step]:
    """Give each step the time since the one before it; none where the clocks of venue and platform contradict each other."""
    before: int | None = None
    for step in steps:
        gap = None if step.time_ns is None or before is None or step.time_ns < before else step.time_ns - before
        yield msgspec.structs.replace(step, gap_ns=gap)
        before = before if step.time_ns is None else step.time_ns


def _utc(time_ms: int) -> str:
    return dt.datetime.fromtimestamp(time_ms / 1_000, tz=dt.UTC).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: float | None) -> str:
    """Write a float as people read it, to ten digits."""
    return "" if value is None else _plain(Decimal(f"{value:.10g}"))
