"""What travels on the bus: topics, the message, its JSON envelope, and the overflow policies.

Market topics are fast and batched: one :class:`Message` carries a :class:`MarketBatch` of many events and can be
rebuilt from the store. Trade topics are durable: one message, one fact, written through the outbox.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from quantservice.core.events import FeedStatus, Gap, Kline, MarketEvent, StreamId
from quantservice.core.intents import Denied
from quantservice.core.money import ZERO
from quantservice.core.orders import Order, VenueFill
from quantservice.core.positions import Position
from quantservice.core.process import process_token
from quantservice.core.signals import Decision
from quantservice.core.spans import Span


class Topic(StrEnum):
    """The physical topics. One service writes each of them."""

    MARKET_LIVE = "market.live"  # collector: events as they arrive
    MARKET_HISTORY = "market.history"  # backfill: events fetched after the fact
    MARKET_STORED = "market.stored"  # recorder: what became durable, with revisions
    INDICATOR = "indicator"  # indicators: values at each close, and after a correction
    SIGNAL = "signal.new"  # strategies: what deployments decided, durable
    FEED_STATUS = "feed.status"  # collector: connections and streams
    GAP = "gap"  # backfill: found, healing, healed
    JOB = "job"  # jobs: how far each piece of heavy work is
    ALERT = "risk.alert"  # trading: what a person must know, durable
    COMMAND = "command"  # web, cli: what a person wants done
    SYSTEM = "system"  # runner: starts, stops, restarts, alarms


class Overflow(StrEnum):
    """What a full subscription does with the next message."""

    BLOCK = "block"  # the publisher waits: nothing is lost
    CONFLATE = "conflate"  # the newest per key replaces the waiting one; counted
    DROP_OLDEST = "drop_oldest"  # the oldest goes; counted


class MarketBatch(msgspec.Struct, frozen=True):
    """Events in the order they arrived, of one socket read or one fetched page."""

    events: Sequence[MarketEvent]


class StoredBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What the recorder made durable: klines first seen, and klines restated with their revision number."""

    new: Sequence[Kline] = ()
    revised: Sequence[tuple[Kline, int]] = ()
    other_rows: int = 0


class IndicatorUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The indicators of one kline: ``values`` by key and output (``sma(20)``, ``macd(12,26,9).signal``), NaN in the warm-up.

    ``corrected``: an earlier kline was healed or revised, so all values from ``open_time`` on were computed again.
    """

    stream: StreamId
    open_time: int
    values: dict[str, float]
    corrected: bool = False


class IndicatorBatch(msgspec.Struct, frozen=True):
    """The indicators of all klines that closed together."""

    updates: Sequence[IndicatorUpdate]


class StrategySignal(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment's strategy decided at the close of the klines that opened at ``open_time``."""

    deployment: str
    name: str
    strategy: str
    version: int
    account: str
    open_time: int
    close_time: int
    decisions: tuple[Decision, ...]


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is now (``order.updated``), and as it was before (None: it is new)."""

    order: Order
    before: Order | None = None


class TradeCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """A fill that was applied and booked, once (``trade.completed``)."""

    fill: VenueFill
    order_id: str
    deployment: str = ""
    realised: Decimal = ZERO  # in the contract's settlement currency
    order: Order | None = None  # after it


class IntentDenied(msgspec.Struct, frozen=True, kw_only=True):
    """Risk control said no (``risk.denied``)."""

    denied: Denied


class RiskStateChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The system, an account or a deployment is ACTIVE, REDUCING or HALTED now (``risk.state``)."""

    scope: str
    key: str
    state: str
    reason: str = ""
    who: str = "platform"
    since_ms: int = 0


#: The alert that a person asks for to see whether alerts arrive: it is never held back.
TEST_ALERT: Final = "test"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person must know (``risk.alert``). ``name`` has a runbook in docs/alerts.md; ``cleared`` when it is over."""

    name: str
    level: str = "warning"  # info, warning, critical
    account: str = ""
    deployment: str = ""
    instrument: str = ""
    sentence: str
    cleared: bool = False
    time_ms: int = 0


class PositionChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A position as booked (``position.changed``); ``deployment`` is empty for the account's own."""

    account: str
    deployment: str = ""
    position: Position


class BalanceChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An account's money now (``balance.changed``): the wallet per currency as booked, equity in the reporting currency."""

    account: str
    wallet: dict[str, Decimal]
    equity: Decimal | None = None
    currency: str = ""
    time_ms: int = 0


class JobChange(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is: ``state`` is running, done, failed or cancelled; ``done`` of ``total`` in the job's own units."""

    job_id: str
    kind: str
    title: str = ""
    state: str
    done: float = 0.0
    total: float = 0.0
    text: str = ""
    error: str = ""


class GapChange(msgspec.Struct, frozen=True, kw_only=True):
    """A gap's life: ``found``, ``healing``, ``healed``, ``failed`` or ``closed`` (explained, nothing to heal)."""

    gap: Gap
    state: str
    rows: int = 0
    detail: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants done. ``name`` is ``<noun>.<verb>`` (``gap.heal``); ``arguments`` are plain JSON values."""

    id: str
    name: str
    arguments: dict[str, Any] = {}


class SystemEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the process itself. ``level`` is info, warning or critical."""

    name: str
    level: str = "info"
    detail: str = ""
    data: dict[str, Any] = {}


Payload = (
    MarketBatch | StoredBatch | IndicatorBatch | StrategySignal | FeedStatus | GapChange | Command | SystemEvent | msgspec.Struct
)

_SEQUENCE: Final = itertools.count(1)


def new_event_id() -> str:
    """Return an id unique over processes and boots, ordered within one process."""
    return f"{process_token()}-{next(_SEQUENCE):x}"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. ``correlation_id`` is shared by all that one frame or command caused; ``causation_id`` is its parent."""

    topic: str
    data: Any
    event_type: str = ""
    key: str = ""
    event_id: str = msgspec.field(default_factory=new_event_id)
    correlation_id: str = ""
    causation_id: str = ""
    timestamp_ns: int = msgspec.field(default_factory=time.time_ns)
    version: int = 1

    def caused(self, *, topic: str, data: Any, event_type: str, key: str = "") -> Message:
        """Make the message that this one leads to, with its ids carried on."""
        return Message(
            topic=topic,
            data=data,
            event_type=event_type,
            key=key,
            correlation_id=self.correlation_id or self.event_id,
            causation_id=self.event_id,
        )

    @property
    def weight(self) -> int:
        """How many events this message counts for against a subscription's capacity."""
        data = self.data
        return len(data.events) if type(data) is MarketBatch else 1


def envelope(message: Message) -> dict[str, Any]:
    """Return the JSON envelope of one message: event_id, event_type, timestamp (ms) and data, plus its ids."""
    return {
        "event_id": message.event_id,
        "event_type": message.event_type,
        "timestamp": message.timestamp_ns // 1_000_000,
        "correlation_id": message.correlation_id or message.event_id,
        "causation_id": message.causation_id,
        "version": message.version,
        "data": msgspec.to_builtins(message.data, str_keys=True),
    }


def heal_command(stream: str, span: Span, *, command_id: str = "") -> Message:
    """Make the command that asks backfill to fetch ``span`` of ``stream`` now."""
    command = Command(
        id=command_id or new_event_id(),
        name="gap.heal",
        arguments={"stream": stream, "start_ms": span.start_ms, "end_ms": span.end_ms},
    )
    return Message(topic=Topic.COMMAND, data=command, event_type="gap.heal", key=stream)
