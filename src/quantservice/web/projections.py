"""The page's replica: what the bus said, folded into what is true now. Holds bounded memory; the stores hold the rest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from quantservice.core.events import FeedStatus, Kind, Kline, MarketEvent, StreamId, Ticker, Trade
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import GapChange, JobChange, MarketBatch, Message, Overflow, StoredBatch, SystemEvent, Topic
from quantservice.core.spans import Span
from quantservice.ports import Clock, EventBus, RiskState

_CAPACITY = 200_000
_MOST_GAPS = 2_000
_MOST_REVISIONS = 1_000
_MOST_EVENTS = 500
_MOST_COMMANDS = 500
_RATE_WINDOW_S = 10
_OPEN_STATES = ("found", "healing", "failed")
_DAY_MS = 86_400_000


class Watcher(Protocol):
    """Who is told of changes as they are folded (the live WebSocket)."""

    def kline_changed(self, kline: Kline) -> None: ...  # noqa: D102 - the class says it
    def price_changed(self, instrument: InstrumentId) -> None: ...  # noqa: D102
    def feed_changed(self, status: FeedStatus) -> None: ...  # noqa: D102
    def gap_changed(self, gap: GapLife) -> None: ...  # noqa: D102
    def klines_revised(self, revised: Iterable[tuple[Kline, int]]) -> None: ...  # noqa: D102
    def system_changed(self, event: tuple[int, SystemEvent]) -> None: ...  # noqa: D102
    def job_changed(self, change: JobChange) -> None: ...  # noqa: D102


@dataclass(slots=True)
class GapLife:
    """A gap and what became of it."""

    change: GapChange
    found_ms: int
    updated_ms: int

    @property
    def id(self) -> str:
        """Stream and start: the same gap, the same id."""
        return f"{self.change.gap.stream}@{self.change.gap.span.start_ms}"


@dataclass(slots=True)
class CommandLife:
    """A heal command on its way: the facts that answer it."""

    command_id: str
    event_id: str
    stream: StreamId
    span: Span
    state: str = "accepted"
    rows: int = 0
    detail: str = ""
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Price:
    """The newest price of an instrument and its 24-hour figures."""

    last: Decimal
    updated_ms: int
    open_24h: Decimal | None = None
    volume_24h: Decimal | None = None
    quote_volume_24h: Decimal | None = None
    ticker_ms: int = 0

    @property
    def change_percent(self) -> float | None:
        """Change to the open of 24 hours ago, while the ticker is of today."""
        if not self.open_24h or self.updated_ms - self.ticker_ms > _DAY_MS:
            return None
        return round(float((self.last - self.open_24h) / self.open_24h * 100), 4)


@dataclass(slots=True)
class StreamLife:
    """What was seen of one live stream."""

    events: int = 0
    last_ms: int = 0


class Rates:
    """Counters per second over a short window, and their totals."""

    NAMES = ("live", "klines", "history", "stored", "revised")

    def __init__(self) -> None:
        self.totals = dict.fromkeys(self.NAMES, 0)
        self._seconds: deque[tuple[int, dict[str, int]]] = deque(maxlen=_RATE_WINDOW_S + 1)

    def add(self, name: str, count: int, second: int) -> None:
        """Count ``count`` more of ``name``."""
        self.totals[name] += count
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, dict.fromkeys(self.NAMES, 0)))
        self._seconds[-1][1][name] += count

    def per_second(self, name: str, second: int) -> float:
        """Return the mean over the last ten whole seconds."""
        total = sum(counts[name] for at, counts in self._seconds if second - _RATE_WINDOW_S <= at < second)
        return round(total / _RATE_WINDOW_S, 2)


class Projections:
    """A service that folds the bus; its fields are read by routes and the live WebSocket."""

    name = "projections"
    consumes: tuple[str, ...] = (
        Topic.MARKET_LIVE,
        Topic.MARKET_HISTORY,
        Topic.MARKET_STORED,
        Topic.FEED_STATUS,
        Topic.GAP,
        Topic.SYSTEM,
        Topic.JOB,
    )
    produces: tuple[str, ...] = ()

    def __init__(self, bus: EventBus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._watchers: list[Watcher] = []
        self.latest: dict[StreamId, Kline] = {}
        self.prices: dict[InstrumentId, Price] = {}
        self.streams: dict[StreamId, StreamLife] = {}
        self.placed: dict[StreamId, tuple[str, str]] = {}  # stream -> connection, state
        self.feeds: OrderedDict[tuple[str, str, str], FeedStatus] = OrderedDict()
        self.gaps: OrderedDict[str, GapLife] = OrderedDict()
        self.healed = 0
        self.revisions: deque[tuple[Kline, int]] = deque(maxlen=_MOST_REVISIONS)
        self.events: deque[tuple[int, SystemEvent]] = deque(maxlen=_MOST_EVENTS)
        self.commands: OrderedDict[str, CommandLife] = OrderedDict()
        self.rates = Rates()
        self.held_back: Sequence[RiskState] = ()  # who may not trade freely; read from the store by the live WebSocket's service

    def watch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` of every change from now on."""
        self._watchers.append(watcher)

    async def run(self) -> None:
        """Fold until cancelled."""
        async with self._bus.subscribe(
            self.consumes, group=self.name, overflow=Overflow.DROP_OLDEST, capacity=_CAPACITY
        ) as subscription:
            async for messages in subscription:
                for message in messages:
                    self.fold(message)
                await subscription.commit()

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {
            "streams": len(self.streams),
            "gaps_open": self.gaps_open(),
            "gaps_healed": self.healed,
            "revisions": len(self.revisions),
            **{f"events_{name}": count for name, count in self.rates.totals.items()},
        }

    def totals(self) -> Mapping[str, int]:
        """Return all that was counted since the start."""
        return self.rates.totals

    def gaps_open(self) -> int:
        """Return how many gaps are found, healing or failed."""
        return sum(1 for gap in self.gaps.values() if gap.change.state in _OPEN_STATES)

    def stream_states(self) -> dict[str, int]:
        """Return how many streams are in each state."""
        counts: dict[str, int] = {}
        for _connection, state in self.placed.values():
            counts[state] = counts.get(state, 0) + 1
        return counts

    def expect(self, command: CommandLife) -> None:
        """Follow a command that is about to be published."""
        self.commands[command.command_id] = command
        while len(self.commands) > _MOST_COMMANDS:
            self.commands.popitem(last=False)

    def fold(self, message: Message) -> None:
        """Take in one message."""
        data = message.data
        second = int(self._clock.monotonic())  # of the machine: a rate means the same on an accelerated market clock
        if type(data) is MarketBatch:
            if message.topic == Topic.MARKET_LIVE:
                self._fold_live(data.events, second)
            else:
                self.rates.add("history", len(data.events), second)
        elif type(data) is StoredBatch:
            self._fold_stored(data, second)
        elif type(data) is FeedStatus:
            self._fold_feed(data)
        elif type(data) is GapChange:
            self._fold_gap(message, data)
        elif type(data) is SystemEvent:
            event = (message.timestamp_ns // 1_000_000, data)
            self.events.append(event)
            for watcher in self._watchers:
                watcher.system_changed(event)
        elif type(data) is JobChange:
            for watcher in self._watchers:
                watcher.job_changed(data)

    def _fold_live(self, events: Iterable[MarketEvent], second: int) -> None:
        count = klines = 0
        now_ms = self._clock.now_ms()
        for event in events:
            count += 1
            stream = event.stream
            life = self.streams.get(stream)
            if life is None:
                life = self.streams[stream] = StreamLife()
            life.events += 1
            at_ms = event.recv_ns // 1_000_000 or now_ms
            life.last_ms = at_ms
            if type(event) is Kline:
                klines += 1
                self._fold_kline(event, at_ms)
            elif type(event) is Ticker:
                self._fold_ticker(event)
            elif type(event) is Trade:
                self._fold_price(stream.instrument, event.price, event.time)
        self.rates.add("live", count, second)
        self.rates.add("klines", klines, second)

    def _fold_kline(self, kline: Kline, at_ms: int) -> None:
        known = self.latest.get(kline.stream)
        if known is not None and (kline.open_time, kline.closed) < (known.open_time, known.closed):
            return  # a late frame never turns the page back
        self.latest[kline.stream] = kline
        self._fold_price(kline.instrument, kline.close, kline.event_time or at_ms)
        for watcher in self._watchers:
            watcher.kline_changed(kline)

    def _fold_price(self, instrument: InstrumentId, last: Decimal, time_ms: int) -> None:
        price = self.prices.get(instrument)
        if price is None:
            self.prices[instrument] = Price(last, time_ms)
        elif time_ms < price.updated_ms:
            return
        else:
            price.updated_ms = time_ms
            if price.last == last:
                return
            price.last = last
        for watcher in self._watchers:
            watcher.price_changed(instrument)

    def _fold_ticker(self, ticker: Ticker) -> None:
        instrument = ticker.stream.instrument
        price = self.prices.get(instrument)
        if price is None:
            price = self.prices[instrument] = Price(ticker.last_price, ticker.time)
        elif ticker.time >= price.updated_ms:
            price.last, price.updated_ms = ticker.last_price, ticker.time
        price.open_24h, price.ticker_ms = ticker.open_price, ticker.time
        price.volume_24h, price.quote_volume_24h = ticker.volume, ticker.quote_volume
        for watcher in self._watchers:
            watcher.price_changed(instrument)

    def _fold_stored(self, batch: StoredBatch, second: int) -> None:
        self.rates.add("stored", len(batch.new) + len(batch.revised), second)
        if batch.revised:
            self.rates.add("revised", len(batch.revised), second)
            self.revisions.extend(batch.revised)
            for watcher in self._watchers:
                watcher.klines_revised(batch.revised)

    def _fold_feed(self, status: FeedStatus) -> None:
        key = (status.venue, status.market, status.connection)
        known = self.feeds.get(key)
        whole = not status.streams or known is None or set(status.streams) >= set(known.streams)
        if known is not None and not status.streams:
            status = FeedStatus(
                venue=status.venue,
                market=status.market,
                connection=status.connection,
                state=status.state,
                time_ns=status.time_ns,
                streams=known.streams,
                detail=status.detail,
            )
        for stream in status.streams:
            self.placed[stream] = (status.connection, status.state)
        if not whole and known is not None and status.state == "stale":
            return  # some of its streams fell silent; the connection itself is as it was
        self.feeds[key] = status
        if status.state == "stopped":
            del self.feeds[key]
        for watcher in self._watchers:
            watcher.feed_changed(status)

    def _fold_gap(self, message: Message, change: GapChange) -> None:
        now_ms = message.timestamp_ns // 1_000_000
        gap = GapLife(change, change.gap.found_ns // 1_000_000 or now_ms, now_ms)
        known = self.gaps.pop(gap.id, None)
        if known is not None:
            gap.found_ms = min(gap.found_ms, known.found_ms)
        if change.state == "healed":
            self.healed += 1
        self.gaps[gap.id] = gap
        if len(self.gaps) > _MOST_GAPS:
            self._forget_gap()
        for command in self.commands.values():
            self._answer(command, message, change)
        for watcher in self._watchers:
            watcher.gap_changed(gap)

    def _forget_gap(self) -> None:
        over = next((key for key, gap in self.gaps.items() if gap.change.state not in _OPEN_STATES), None)
        self.gaps.pop(over if over is not None else next(iter(self.gaps)))

    @staticmethod
    def _answer(command: CommandLife, message: Message, change: GapChange) -> None:
        if command.done.is_set():
            return
        mine = message.correlation_id in (command.command_id, command.event_id) or message.causation_id == command.event_id
        if not mine and not (change.gap.stream == command.stream and change.gap.span.overlaps(command.span)):
            return
        if change.state == "found":
            return
        command.state, command.detail = change.state, change.detail
        command.rows = max(command.rows, change.rows)  # a change tells the rows so far, not those of its page
        if change.state in ("healed", "failed", "closed"):
            command.done.set()


def live_kind(stream: StreamId) -> bool:
    """Say whether a stream can be live (everything but settled funding)."""
    return stream.kind is not Kind.FUNDING
