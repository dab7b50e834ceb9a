"""Every Protocol that the inside may call: one page. Adapters implement these; services receive them.

Rules: all calls that wait are coroutines and honour cancellation; every implementation bounds its own waits; errors
are those of :mod:`quantservice.core.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, runtime_checkable

import msgspec

from quantservice.core.digest import Seal
from quantservice.core.events import FeedStatus, FundingRate, Kind, Kline, MarketEvent, OpenInterest, StreamId, Ticker
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.messages import Message, Overflow
from quantservice.core.spans import Span

#: Column name -> one-dimensional numpy array (or Arrow array where ``exact=True``); all of one length.
Columns: TypeAlias = Mapping[str, Any]


class Clock(Protocol):
    """The only source of time for services."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        ...

    def now_ms(self) -> int:
        """UTC milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back, for durations and deadlines."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellation ends it."""
        ...


#: A component's figures now: flat name -> number or short text; for /metrics, /api/v1/status and the System page.
Probe: TypeAlias = Callable[[], Mapping[str, Any]]


class Service(Protocol):
    """A loop that turns messages into messages and owns one kind of state; the runner supervises it.

    ``run`` lasts until cancelled and drains what it holds on the way out (at most 10 s); an exception from it is a crash,
    after which the runner starts it again with back-off.
    """

    name: str
    consumes: tuple[str, ...]
    produces: tuple[str, ...]

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    def stats(self) -> Mapping[str, Any]:
        """Figures now (see :data:`Probe`)."""
        ...


# --- bus -------------------------------------------------------------------------------------------------------------


class SubscriptionStats(msgspec.Struct):
    """Figures of one subscription, for /metrics and the System page."""

    group: str
    topics: tuple[str, ...]
    overflow: Overflow
    capacity: int
    depth: int = 0
    delivered: int = 0
    conflated: int = 0
    dropped: int = 0


class Subscription(Protocol):
    """A bounded queue on topics. Iterating yields batches; order holds per key; delivery is at least once."""

    @property
    def stats(self) -> SubscriptionStats:
        """The queue's figures now."""
        ...

    def __aiter__(self) -> AsyncIterator[Sequence[Message]]: ...

    async def commit(self) -> None:
        """Say that the effects of all batches yielded so far are durable."""
        ...


class EventBus(Protocol):
    """Publish and subscribe. ``capacity`` and depth count events, not messages (a batch weighs its events)."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Hand over to every subscription; waits while a BLOCK subscription is full."""
        ...

    def subscribe(
        self, topics: Sequence[str], *, group: str, overflow: Overflow, capacity: int
    ) -> AbstractAsyncContextManager[Subscription]:
        """Open a subscription that lives as long as the context."""
        ...

    def stats(self) -> Sequence[SubscriptionStats]:
        """Figures of all open subscriptions."""
        ...

    async def confirmed(self, topics: Sequence[str], *, timeout_s: float) -> bool:
        """Wait until every BLOCK subscription has committed what was published on ``topics`` so far.

        False: not in time, or one ended before it did. A bus that keeps messages itself answers True at once.
        """
        ...

    async def close(self) -> None:
        """End every subscription; iteration stops."""
        ...


# --- market store ----------------------------------------------------------------------------------------------------


class AppendResult(msgspec.Struct, kw_only=True):
    """What an append did: klines first seen, klines restated (with their new revision), all rows written, rows already there.

    ``refused`` holds what cannot be stored exactly, each with the reason; nothing is ever rounded to fit.
    """

    new: Sequence[Kline] = ()
    revised: Sequence[tuple[Kline, int]] = ()
    rows: int = 0
    unchanged: int = 0
    refused: Sequence[tuple[MarketEvent, str]] = ()


class StreamCoverage(msgspec.Struct, kw_only=True):
    """One stream's extent in the store."""

    stream: StreamId
    first_ms: int
    last_ms: int
    rows: int
    revised_rows: int = 0
    synthetic_rows: int = 0


class MarketStore(Protocol):
    """Append-only truth of market data; one owner process per embedded directory.

    Kline columns of :meth:`read`: open_time, close_time (int64 ms), open, high, low, close, volume, quote_volume (float64),
    count (int64), taker_buy_base_volume, taker_buy_quote_volume (float64), and with ``ledger=True`` also source (str),
    revision (int64), first_seen_ms (int64), synthetic (bool).
    """

    async def open(self) -> None:
        """Connect or open, create or check the schema; raises EnvironmentFault with a sentence when it cannot."""
        ...

    async def close(self) -> None:
        """Release the store."""
        ...

    async def append(self, events: Sequence[MarketEvent]) -> AppendResult:
        """Write closed klines and other events. Idempotent on the natural key; a differing kline becomes the next revision."""
        ...

    async def read(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        ledger: bool = False,
        newest: bool = False,
    ) -> Columns:
        """Current rows of ``stream`` in ``span`` by time (``newest``: the last ``limit`` rows), as numpy arrays."""
        ...

    async def read_klines(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[Kline]:
        """Current klines with exact decimals."""
        ...

    async def read_rows(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[dict[str, Any]]:
        """Rows as JSON-ready dicts: times as int, decimals as plain strings. For every kind."""
        ...

    async def read_arrow(self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None) -> Any:
        """Rows as one ``pyarrow.Table`` (decimals exact where stored so)."""
        ...

    async def revisions(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        """Every stored revision, oldest first, with source, first_seen_ms, revision, synthetic."""
        ...

    async def coverage(self, stream: StreamId, span: Span) -> list[Span]:
        """Spans of ``span`` for which klines are stored, merged."""
        ...

    async def missing(self, streams: Sequence[tuple[StreamId, Span]]) -> dict[StreamId, list[Span]]:
        """For many streams at once: the parts of each span without klines. One scan, fast for 1,500 streams."""
        ...

    async def streams(self) -> list[StreamCoverage]:
        """Every stored stream with its extent."""
        ...

    async def day_counts(self, stream: StreamId, span: Span) -> dict[int, int]:
        """Rows per UTC day (key: day start ms): the coverage heat map."""
        ...

    async def put_instruments(self, venue: str, market: str, instruments: Sequence[Instrument], *, seen_ms: int) -> int:
        """Replace the whole list of a venue's market; changed rules become new versions, absent ones close. Returns changes."""
        ...

    async def instruments(
        self, venue: str | None = None, market: str | None = None, *, as_of_ms: int | None = None
    ) -> list[Instrument]:
        """The instruments known now, or as of an instant."""
        ...

    async def register_pair(self, instrument: Instrument, periods: Sequence[str]) -> None:
        """Create the views ``kline_{symbol}_{market}_{period}`` of a registered pair."""
        ...

    async def statistics(self) -> Mapping[str, Any]:
        """Rows, bytes, parts per table; for status and metrics."""
        ...


class SealLog(Protocol):
    """The digest log beside the klines: append-only; its head is kept in the state store."""

    async def append_seals(self, seals: Sequence[Seal]) -> None:
        """Add entries to the log."""
        ...

    async def read_seals(self, *, after: int = 0, limit: int = 200, stream: StreamId | None = None) -> list[Seal]:
        """Entries with a sequence above ``after``, in order."""
        ...

    async def last_seals(self) -> dict[tuple[StreamId, int], int]:
        """The sequence of the newest entry of each (stream, day)."""
        ...

    async def unsealed_days(self, *, since_ms: int, before_ms: int) -> list[UnsealedDay]:
        """Days that open in ``[since_ms, before_ms)`` and hold rows that no entry covers."""
        ...


class UnsealedDay(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's day with rows that no seal covers: its klines and when the newest row was first seen."""

    stream: StreamId
    day_ms: int
    klines: int
    newest_ns: int


# --- state store -----------------------------------------------------------------------------------------------------


class TradingPair(msgspec.Struct, frozen=True, kw_only=True):
    """A registered pair: what is collected."""

    id: int = 0
    venue: str
    market: str
    symbol: str  # canonical: BTC-USDT-PERP
    venue_symbol: str  # the venue's own: BTCUSDT
    periods: tuple[str, ...] = ("1m",)
    kinds: tuple[str, ...] = ("kline",)
    enabled: bool = True
    history_start_ms: int | None = None  # how far back klines are wanted; None: the setting's default

    @property
    def instrument(self) -> InstrumentId:
        """Full name."""
        return InstrumentId(self.venue, self.market, self.symbol)


class ProxyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An egress proxy. ``password`` is clear here and sealed in the store; never logged."""

    id: int = 0
    scheme: str  # socks5 | http
    host: str
    port: int
    username: str = ""
    password: str = ""
    enabled: bool = True
    failures: int = 0
    cooldown_until_ms: int = 0

    def __repr__(self) -> str:
        return f"ProxyRecord({self.scheme}://{self.host}:{self.port}, id={self.id}, enabled={self.enabled})"


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key we gave to a client. Only its hash is stored; ``prefix`` is shown."""

    id: int = 0
    name: str
    prefix: str
    key_hash: str
    qps_limit: int
    enabled: bool = True
    created_ms: int = 0


class PairRepository(Protocol):
    """Table trading_pair_config."""

    async def list(self, *, enabled_only: bool = False) -> list[TradingPair]: ...
    async def put(self, pair: TradingPair) -> TradingPair: ...
    async def remove(self, instrument: InstrumentId) -> bool: ...


class ProxyRepository(Protocol):
    """Table proxy_config."""

    async def list(self, *, enabled_only: bool = False) -> list[ProxyRecord]: ...
    async def put(self, proxy: ProxyRecord) -> ProxyRecord: ...
    async def remove(self, proxy_id: int) -> bool: ...


class AccessKeyRepository(Protocol):
    """Table api_keys."""

    async def list(self) -> list[AccessKey]: ...
    async def put(self, key: AccessKey) -> AccessKey: ...
    async def find(self, key_hash: str) -> AccessKey | None: ...
    async def remove(self, key_id: int) -> bool: ...


class SubscriptionRepository(Protocol):
    """Table subscriptions: which stream runs on which connection."""

    async def replace(self, venue: str, market: str, placed: Mapping[str, Sequence[StreamId]]) -> None: ...
    async def list(self, venue: str, market: str) -> dict[str, list[StreamId]]: ...


class LeaseRepository(Protocol):
    """Weight leases per (egress, bucket, window): how processes behind one IP share one budget."""

    async def take(self, bucket: str, window: int, weight: int, limit: int) -> int:
        """Lease up to ``weight`` of what is left of ``limit`` in ``window``; returns what was granted (0: none left)."""
        ...

    async def used(self, bucket: str, window: int) -> int: ...

    async def set_used(self, bucket: str, window: int, used: int) -> None:
        """Raise the used figure to what the venue's own header says."""
        ...

    async def block(self, bucket: str, until_ms: int) -> None:
        """Forbid the bucket until an instant (429/418), for all processes."""
        ...

    async def blocked_until(self, bucket: str) -> int: ...


class KeyValueRepository(Protocol):
    """Small durable facts by (scope, key): owner token hash, digest heads, heal windows, maintenance."""

    async def get(self, scope: str, key: str) -> Any | None: ...
    async def put(self, scope: str, key: str, value: Any) -> None: ...
    async def remove(self, scope: str, key: str) -> bool: ...
    async def items(self, scope: str) -> dict[str, Any]: ...


class Outbox(Protocol):
    """Messages written in the same commit as the state they speak of; the relay publishes them after it."""

    async def add(self, message: Message) -> None: ...
    async def pending(self, limit: int) -> list[Message]:
        """Return the oldest messages not yet published, in the order of their commits."""
        ...

    async def mark(self, event_ids: Sequence[str], *, published_ns: int) -> None:
        """Say that these messages are on the bus."""
        ...

    async def prune(self, *, before_ns: int) -> int:
        """Delete what was published before an instant; return how many."""
        ...


class Inbox(Protocol):
    """Which events a consumer has applied: asked in the transaction of the effect, so that an event counts once."""

    async def first_time(self, consumer: str, event_id: str, *, now_ns: int) -> bool:
        """Note the event as applied; False when it already was."""
        ...

    async def prune(self, *, before_ns: int) -> int:
        """Forget events applied before an instant; return how many."""
        ...


class UnitOfWork(Protocol):
    """One transaction: commits when its context ends well, rolls back otherwise."""

    @property
    def pairs(self) -> PairRepository: ...
    @property
    def proxies(self) -> ProxyRepository: ...
    @property
    def access_keys(self) -> AccessKeyRepository: ...
    @property
    def subscriptions(self) -> SubscriptionRepository: ...
    @property
    def leases(self) -> LeaseRepository: ...
    @property
    def values(self) -> KeyValueRepository: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def inbox(self) -> Inbox: ...


class StateStore(Protocol):
    """Transactions over the platform's small state."""

    async def open(self) -> None:
        """Connect and migrate to the newest schema."""
        ...

    async def close(self) -> None: ...

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]: ...

    async def wait_outbox(self, timeout_s: float) -> None:
        """Return once this process has committed something to the outbox, or after the timeout."""
        ...


@runtime_checkable
class Cache(Protocol):
    """Never the only copy of anything."""

    async def get(self, key: str) -> bytes | None: ...
    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None: ...
    async def delete(self, key: str) -> None: ...


class Sealer(Protocol):
    """Seals secrets at rest (AES-256-GCM); ``context`` is authenticated with them."""

    def seal(self, clear: str, *, context: str) -> str: ...
    def unseal(self, sealed: str, *, context: str) -> str: ...


# --- venues ----------------------------------------------------------------------------------------------------------


class MarketFeed(Protocol):
    """Live data of one venue's market. Connection changes arrive in line with the events."""

    async def update(self, streams: Sequence[StreamId]) -> None:
        """Set what is wanted; the feed subscribes and unsubscribes the difference within the venue's limits."""
        ...

    def events(self) -> AsyncIterator[Sequence[MarketEvent | FeedStatus]]:
        """Yield batches as they arrive; reconnects by itself; ends when closed."""
        ...

    async def close(self) -> None: ...


class History(Protocol):
    """Past data of one venue's market over REST."""

    def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        """Yield pages of closed klines, newest page first."""
        ...

    async def instruments(self) -> list[Instrument]: ...
    async def server_time_ms(self) -> int: ...
    async def funding(self, instrument: InstrumentId, span: Span) -> list[FundingRate]: ...
    async def open_interest(self, instrument: InstrumentId) -> OpenInterest | None: ...
    async def tickers(self) -> list[Ticker]: ...
    async def first_kline_ms(self, stream: StreamId) -> int | None:
        """Open time of the venue's first kline of the stream (its listing), or None when it has none."""
        ...

    def supports(self, kind: Kind) -> bool: ...
    async def close(self) -> None: ...


class Venue(Protocol):
    """One venue's market: feed and history over one transport and one weight budget."""

    @property
    def name(self) -> str: ...
    @property
    def market(self) -> str: ...
    @property
    def feed(self) -> MarketFeed: ...
    @property
    def history(self) -> History: ...
    def usage(self) -> Mapping[str, Any]:
        """Weights used and allowed, requests, connections, quarantined frames; for status and metrics."""
        ...

    async def close(self) -> None: ...
