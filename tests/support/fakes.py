"""Fakes of the ports: a market store, a state store and a venue that live in dictionaries and can be told to fail."""

from __future__ import annotations

import asyncio
import copy
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from quantservice.core.errors import StoreUnavailable, VenueUnreachable
from quantservice.core.events import FeedStatus, FundingRate, Kind, Kline, MarketEvent, OpenInterest, Source, StreamId, Ticker
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.messages import MarketBatch, Message, Overflow, StoredBatch, Topic
from quantservice.core.periods import close_of, next_open, opens_between
from quantservice.core.spans import Span, merge, subtract
from quantservice.ports import AppendResult, Clock, EventBus, StreamCoverage, TradingPair


async def until(condition: Callable[[], bool], *, timeout_s: float = 5.0, what: str = "") -> None:
    """Wait for a condition to become true; fail with ``what`` when it does not."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - the condition is any state, not something that notifies
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:g} s: {what or condition}") from None


def make_kline(stream: StreamId, open_time: int, *, closed: bool = True, source: Source = Source.WS, **changes: Any) -> Kline:
    """A sound kline whose values follow from its open time, so that any two of one time are equal."""
    base = Decimal(100 + open_time // 60_000 % 50)
    kline = Kline(
        stream=stream,
        open_time=open_time,
        close_time=close_of(stream.period, open_time),
        open=base,
        high=base + 2,
        low=base - 2,
        close=base + 1,
        volume=Decimal(10),
        quote_volume=Decimal(1000),
        count=7,
        taker_buy_base_volume=Decimal(4),
        taker_buy_quote_volume=Decimal(400),
        closed=closed,
        source=source,
        event_time=close_of(stream.period, open_time),
    )
    return msgspec.structs.replace(kline, **changes)


class FakeMarketStore:
    """A MarketStore of dictionaries: every revision kept, the newest is current. ``down`` makes every call fail."""

    def __init__(self) -> None:
        self.rows: dict[StreamId, dict[int, list[Kline]]] = defaultdict(dict)
        self.others: list[MarketEvent] = []
        self.registered: list[tuple[InstrumentId, tuple[str, ...]]] = []
        self.lists: dict[tuple[str, str], list[Instrument]] = {}
        self.down = False
        self.missing_calls = 0
        self.pruned: list[dict[str, int]] = []

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("the fake store is away")

    async def open(self) -> None:
        self._check()

    async def close(self) -> None: ...

    async def append(self, events: Sequence[MarketEvent]) -> AppendResult:
        self._check()
        result = AppendResult()
        new: list[Kline] = []
        revised: list[tuple[Kline, int]] = []
        for event in events:
            if not isinstance(event, Kline):
                self.others.append(event)
                result.rows += 1
                continue
            versions = self.rows[event.stream].setdefault(event.open_time, [])
            if versions and versions[-1].values == event.values:
                result.unchanged += 1
                continue
            versions.append(event)
            result.rows += 1
            if len(versions) == 1:
                new.append(event)
            else:
                revised.append((event, len(versions) - 1))
        result.new, result.revised = new, revised
        return result

    def opens(self, stream: StreamId) -> list[int]:
        """Open times held, sorted."""
        return sorted(self.rows[stream])

    def current(self, stream: StreamId, open_time: int) -> Kline:
        """The current kline of one time."""
        return self.rows[stream][open_time][-1]

    async def read_klines(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[Kline]:
        self._check()
        found = [versions[-1] for at, versions in sorted(self.rows[stream].items()) if span.contains(at)]
        return found if limit is None else found[-limit:] if newest else found[:limit]

    async def read(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        ledger: bool = False,
        newest: bool = False,
    ) -> Mapping[str, Any]:
        klines = await self.read_klines(stream, span, limit=limit, newest=newest)
        return {
            "open_time": np.array([kline.open_time for kline in klines], dtype=np.int64),
            "close": np.array([float(kline.close) for kline in klines]),
            "source": [kline.source.value for kline in klines],
        }

    async def read_rows(self, stream: StreamId, span: Span, **_: Any) -> list[dict[str, Any]]:
        return [{"open_time": kline.open_time, "close": str(kline.close)} for kline in await self.read_klines(stream, span)]

    async def read_arrow(self, stream: StreamId, span: Span, **_: Any) -> Any:
        raise AssertionError("the fake store has no Arrow")

    async def revisions(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        self._check()
        return [
            {"open_time": at, "revision": number, "close": str(kline.close), "source": kline.source.value}
            for at, versions in sorted(self.rows[stream].items())
            if span.contains(at)
            for number, kline in enumerate(versions)
        ]

    async def coverage(self, stream: StreamId, span: Span) -> list[Span]:
        self._check()
        return merge(Span(at, next_open(stream.period, at)) for at in self.rows[stream] if span.contains(at))

    async def missing(self, streams: Sequence[tuple[StreamId, Span]]) -> dict[StreamId, list[Span]]:
        self.missing_calls += 1
        holes: dict[StreamId, list[Span]] = defaultdict(list)
        for stream, span in streams:
            holes[stream].extend(subtract([span], await self.coverage(stream, span)))
        return {stream: spans for stream, spans in holes.items() if spans}

    async def streams(self) -> list[StreamCoverage]:
        return [
            StreamCoverage(stream=stream, first_ms=min(rows), last_ms=max(rows), rows=len(rows))
            for stream, rows in self.rows.items()
            if rows
        ]

    async def day_counts(self, stream: StreamId, span: Span) -> dict[int, int]:
        counts: dict[int, int] = defaultdict(int)
        for at in self.rows[stream]:
            if span.contains(at):
                counts[at // 86_400_000 * 86_400_000] += 1
        return dict(counts)

    async def put_instruments(self, venue: str, market: str, instruments: Sequence[Instrument], *, seen_ms: int) -> int:
        self._check()
        before, self.lists[venue, market] = self.lists.get((venue, market), []), list(instruments)
        return len(set(before) ^ set(instruments))

    async def instruments(
        self, venue: str | None = None, market: str | None = None, *, as_of_ms: int | None = None
    ) -> list[Instrument]:
        return [item for items in self.lists.values() for item in items]

    async def register_pair(self, instrument: Instrument, periods: Sequence[str]) -> None:
        self.registered.append((instrument.id, tuple(periods)))

    async def prune(self, retention: Mapping[str, int]) -> Mapping[str, int]:
        self._check()
        self.pruned.append(dict(retention))
        return dict.fromkeys(retention, 1)

    async def statistics(self) -> Mapping[str, Any]:
        return {"klines_rows": sum(map(len, self.rows.values()))}


class _Pairs:
    def __init__(self, rows: dict[InstrumentId, TradingPair]) -> None:
        self._rows = rows

    async def list(self, *, enabled_only: bool = False) -> list[TradingPair]:
        return [pair for pair in self._rows.values() if pair.enabled or not enabled_only]

    async def put(self, pair: TradingPair) -> TradingPair:
        self._rows[pair.instrument] = pair
        return pair

    async def remove(self, instrument: InstrumentId) -> bool:
        return self._rows.pop(instrument, None) is not None


class _Values:
    def __init__(self, rows: dict[tuple[str, str], Any]) -> None:
        self._rows = rows

    async def get(self, scope: str, key: str) -> Any | None:
        return copy.deepcopy(self._rows.get((scope, key)))

    async def put(self, scope: str, key: str, value: Any) -> None:
        self._rows[scope, key] = msgspec.json.decode(msgspec.json.encode(value))

    async def remove(self, scope: str, key: str) -> bool:
        return self._rows.pop((scope, key), None) is not None

    async def items(self, scope: str) -> dict[str, Any]:
        return {key: copy.deepcopy(value) for (owner, key), value in self._rows.items() if owner == scope}


class _Work:
    def __init__(self, state: FakeStateStore) -> None:
        self.pairs = _Pairs(state.pair_rows)
        self.values = _Values(state.value_rows)


class FakeStateStore:
    """The part of a StateStore that the market services use: pairs and small values."""

    def __init__(self, pairs: Iterable[TradingPair] = ()) -> None:
        self.pair_rows: dict[InstrumentId, TradingPair] = {pair.instrument: pair for pair in pairs}
        self.value_rows: dict[tuple[str, str], Any] = {}

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        yield _Work(self)

    def foreign_version(self) -> int | None: ...

    async def wait_outbox(self, timeout_s: float) -> None: ...


class FakeFeed:
    """A feed that a test pushes batches into. A pushed exception is raised out of ``events``."""

    def __init__(self) -> None:
        self.wanted: list[tuple[StreamId, ...]] = []
        self._queue: asyncio.Queue[Sequence[MarketEvent | FeedStatus] | Exception | None] = asyncio.Queue(100_000)
        self.update_error: Exception | None = None

    async def update(self, streams: Sequence[StreamId]) -> None:
        if self.update_error is not None:
            raise self.update_error
        self.wanted.append(tuple(streams))

    def push(self, *events: MarketEvent | FeedStatus) -> None:
        """Let a batch arrive."""
        self._queue.put_nowait(events)

    def fail(self, error: Exception) -> None:
        """Let the feed break after what was pushed."""
        self._queue.put_nowait(error)

    async def events(self) -> AsyncIterator[Sequence[MarketEvent | FeedStatus]]:
        while True:
            item = await self._queue.get()
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            yield item

    async def close(self) -> None:
        self._queue.put_nowait(None)


class FakeHistory:
    """Past data computed from a rule: every bar since ``listed_ms`` exists, except those in ``absent``.

    ``asked`` is every (stream, span) in the order of asking; ``running`` what is being answered now; ``gate`` holds answers
    back while it is cleared; ``errors`` are raised one by one before anything is answered.
    """

    def __init__(self, clock: Clock, instruments: Sequence[Instrument], *, page: int = 1000) -> None:
        self.listed = list(instruments)
        self.listed_ms = 0
        self.absent: list[Span] = []
        self.asked: list[tuple[StreamId, Span]] = []
        self.running: list[tuple[StreamId, Span]] = []
        self.overlapping = 0
        self.errors: list[Exception] = []
        self.instruments_error: Exception | None = None
        self.changes: dict[int, dict[str, Any]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.kinds = frozenset(Kind)
        self.funding_rates: list[FundingRate] = []
        self.ticker_rows: list[Ticker] = []
        self.requests = 0
        self.break_after = 0  # so many pages are given before the connection is lost, once
        self._clock = clock
        self._page = page

    async def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        self.overlapping += any(other == stream and busy.overlaps(span) for other, busy in self.running)
        self.asked.append((stream, span))
        entry = (stream, span)
        self.running.append(entry)
        try:
            if self.errors:
                raise self.errors.pop(0)
            await self.gate.wait()
            end = min(span.end_ms, self._clock.now_ms())
            opens = [
                at
                for at in opens_between(stream.period, span.start_ms, end)
                if at >= self.listed_ms
                and next_open(stream.period, at) <= self._clock.now_ms()
                and not any(hole.contains(at) for hole in self.absent)
            ]
            for stop in range(len(opens), 0, -self._page):
                self.requests += 1
                await asyncio.sleep(0)
                if self.break_after and self.requests > self.break_after:
                    self.break_after = 0
                    raise VenueUnreachable("connection reset in mid-answer", cause="reset")
                yield [
                    make_kline(stream, at, source=Source.REST, **self.changes.get(at, {}))
                    for at in opens[max(stop - self._page, 0) : stop]
                ]
        finally:
            self.running.remove(entry)

    async def instruments(self) -> list[Instrument]:
        if self.instruments_error is not None:
            raise self.instruments_error
        return list(self.listed)

    async def server_time_ms(self) -> int:
        return self._clock.now_ms()

    async def funding(self, instrument: InstrumentId, span: Span) -> list[FundingRate]:
        return [rate for rate in self.funding_rates if rate.stream.instrument == instrument and span.contains(rate.time)]

    async def open_interest(self, instrument: InstrumentId) -> OpenInterest | None:
        return OpenInterest(stream=StreamId(instrument, Kind.OPEN_INTEREST), time=self._clock.now_ms(), open_interest=Decimal(5))

    async def tickers(self) -> list[Ticker]:
        return list(self.ticker_rows)

    async def first_kline_ms(self, stream: StreamId) -> int | None:
        return self.listed_ms

    def supports(self, kind: Kind) -> bool:
        return kind in self.kinds

    async def close(self) -> None: ...


class FakeVenue:
    """One venue's market of the fakes above."""

    def __init__(self, clock: Clock, instruments: Sequence[Instrument], *, page: int = 1000) -> None:
        first = instruments[0].id
        self.name = first.venue
        self.market = first.market
        self.feed = FakeFeed()
        self.history = FakeHistory(clock, instruments, page=page)

    @property
    def key(self) -> tuple[str, str]:
        return (self.name, self.market)

    def usage(self) -> Mapping[str, Any]:
        return {"rest": {"requests": self.history.requests, "ok": self.history.requests, "failed": 0}}

    async def close(self) -> None:
        await self.feed.close()


class FakeRecorder:
    """Appends closed klines and other events, then says so: the recorder's contract without its batching."""

    name = "recorder"
    consumes: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.MARKET_HISTORY)
    produces: tuple[str, ...] = (Topic.MARKET_STORED,)

    def __init__(self, store: FakeMarketStore, bus: EventBus) -> None:
        self._store = store
        self._bus = bus

    async def run(self) -> None:
        async with self._bus.subscribe(self.consumes, group=self.name, overflow=Overflow.BLOCK, capacity=20_000) as inbox:
            async for messages in inbox:
                events = [
                    event
                    for message in messages
                    if isinstance(message.data, MarketBatch)
                    for event in message.data.events
                    if not isinstance(event, Kline) or event.closed
                ]
                result = await self._store.append(events)
                stored = StoredBatch(new=result.new, revised=result.revised)
                await self._bus.publish([messages[0].caused(topic=Topic.MARKET_STORED, data=stored, event_type="market.stored")])
                await inbox.commit()

    def stats(self) -> Mapping[str, Any]:
        return {}


class Tap:
    """Collects every message of some topics while its context lasts."""

    def __init__(self, bus: EventBus, topics: Sequence[str], *, capacity: int = 1_000_000) -> None:
        self.messages: list[Message] = []
        self._bus = bus
        self._topics = topics
        self._capacity = capacity

    async def run(self) -> None:
        async with self._bus.subscribe(self._topics, group="tap", overflow=Overflow.BLOCK, capacity=self._capacity) as inbox:
            async for messages in inbox:
                self.messages.extend(messages)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Tap]:
        """Listen around a block."""
        task = asyncio.ensure_future(self.run())
        await asyncio.sleep(0.001)
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def events(self) -> list[MarketEvent]:
        """Market events so far, in order."""
        return [event for message in self.messages if isinstance(message.data, MarketBatch) for event in message.data.events]

    def of(self, event_type: str) -> list[Message]:
        """Messages of one type so far."""
        return [message for message in self.messages if message.event_type == event_type]
