"""Live data of one venue's market: wanted streams in, decoded batches and the connections' states out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog

from quantservice.adapters.venues.transport.books import BookKeeper
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.adapters.venues.transport.crew import Crew
from quantservice.adapters.venues.transport.link import Link, Requests
from quantservice.adapters.venues.transport.liveness import StreamLife
from quantservice.adapters.venues.transport.placement import place, route_of_connection
from quantservice.adapters.venues.transport.quarantine import Quarantine
from quantservice.adapters.venues.transport.raw_tap import RawTap
from quantservice.adapters.venues.transport.ws import Answered, Dialer, Socket
from quantservice.core.book import SyncRule
from quantservice.core.errors import InvalidValue, MalformedFrame, StoreUnavailable, VenueUnreachable
from quantservice.core.events import BookDelta, BookSnapshot, FeedStatus, Kind, Kline, MarketEvent, Quote, StreamId, Trade
from quantservice.ports import Clock, StateStore

log = structlog.get_logger(__name__)

_MAX_ABSORBED: Final = 200_000
_STEADY_KINDS: Final = frozenset({Kind.KLINE, Kind.MARK_PRICE, Kind.TICKER})


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a feed. Times in seconds.

    ``stale_s``: a kline, ticker or mark price stream silent for so long is stale (the venue pushes every 0.25 to 2 s);
    ``quiet_s``: the same for trades, quotes and books, which may rest. ``high_water`` / ``low_water``: undelivered events at
    which reading stops and goes on.
    """

    streams_per_connection: int = 300
    stale_s: float = 8.0
    quiet_s: float = 60.0
    stale_most_s: float = 120.0
    check_s: float = 1.0
    high_water: int = 12_000
    low_water: int = 4_000
    book_levels: int = 20
    book_interval_s: float = 1.0
    book_retry_s: float = 1.0
    absorb_s: float = 2.0  # how long after a change of connections doubles are still looked for

    def __post_init__(self) -> None:
        if not 1 <= self.streams_per_connection <= 1024:
            raise InvalidValue("streams_per_connection", "must be 1 to 1024, the venue's limit")
        if self.low_water >= self.high_water:
            raise InvalidValue("low_water", "must be less than high_water")


class Dialect(Protocol):
    """How one venue's market calls, sends and places what is wanted; all that a feed needs to know of it."""

    @property
    def venue(self) -> str:
        """The venue's name."""
        ...

    @property
    def market(self) -> str:
        """The market's name."""
        ...

    @property
    def sync_rule(self) -> SyncRule:
        """How changes of a book join."""
        ...

    @property
    def requests(self) -> Requests:
        """How requests on a connection are worded."""
        ...

    @property
    def streams_per_connection(self) -> int:
        """The venue's limit."""
        ...

    @property
    def unknown_frames(self) -> int:
        """How many frames came that are of no known stream."""
        ...

    async def load(self) -> None:
        """Make sure that the list of instruments is known."""
        ...

    def name_of(self, stream: StreamId) -> str | None:
        """The venue's name of a stream; None where it does not list or serve it."""
        ...

    def route_of(self, stream: StreamId) -> str:
        """The route of the host that serves a stream."""
        ...

    def urls(self, route: str) -> Sequence[str]:
        """The URLs of a route, the best first."""
        ...

    def decode(self, payload: bytes, recv_ns: int) -> MarketEvent | tuple[MarketEvent, ...] | ControlMessage | None:
        """Return what a frame says, one thing or several; raises MalformedFrame."""
        ...

    async def book_snapshot(self, stream: StreamId) -> BookSnapshot | None:
        """Fetch the snapshot that a book starts from; None where the stream brings it once it is subscribed anew."""
        ...


class VenueFeed:
    """Implements ``ports.MarketFeed`` for one market. Frames are decoded in the read callback; one wake-up per loop tick."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        dialer: Dialer,
        clock: Clock,
        settings: FeedSettings | None = None,
        state_store: StateStore | None = None,
        tap: RawTap | None = None,
    ) -> None:
        self.quarantine = Quarantine(f"{dialect.venue}:{dialect.market}", clock=clock)
        self.counts: Counter[str] = Counter()
        self._dialect = dialect
        self._decode = dialect.decode
        self._dialer = dialer
        self._clock = clock
        self._settings = settings or FeedSettings()
        self._state_store = state_store
        self._tap = tap
        self._books = BookKeeper(
            dialect.sync_rule,
            fetch=self._book_snapshot,
            emit=self._push,
            tell=self._on_book,
            clock=clock,
            levels=self._settings.book_levels,
            interval_s=self._settings.book_interval_s,
            retry_s=self._settings.book_retry_s,
        )
        self._links: dict[str, Link] = {}
        self._lives: dict[StreamId, StreamLife] = {}
        self._placed: dict[str, list[StreamId]] | None = None
        self._pending: list[MarketEvent | FeedStatus] = []
        self._ready = asyncio.Event()
        self._paused = False
        self._closed = False
        self._crash: BaseException | None = None
        self._crew = Crew(self._on_crash)
        self._updating = asyncio.Lock()
        self._absorb_until = 0.0
        self._absorbed: set[tuple[StreamId, int, int]] = set()

    # --- ports.MarketFeed ---

    async def update(self, streams: Sequence[StreamId]) -> None:
        """Set what is wanted. Streams the venue does not list or serve are refused by a status, the others run."""
        async with self._updating:
            if streams:
                await self._dialect.load()
            accepted = self._accept(dict.fromkeys(streams))
            placed = place(
                accepted,
                await self._known_placement(),
                route_of=self._dialect.route_of,
                most=min(self._settings.streams_per_connection, self._dialect.streams_per_connection),
            )
            if placed != self._placed:
                await self._persist(placed)
            self._placed = placed
            self._books.keep({stream for stream in accepted if stream.kind is Kind.BOOK})
            await self._apply_placement(placed)
            self._start("watch", self._watch)
            self._start("books", self._books.run)

    async def events(self) -> AsyncIterator[Sequence[MarketEvent | FeedStatus]]:
        """Yield what arrived since the last batch; ends when the feed is closed."""
        while True:
            if not self._pending:
                if self._crash is not None:
                    error, self._crash = self._crash, None  # the next update starts anew what crashed
                    raise error
                if self._closed:
                    return
                self._ready.clear()
                await self._ready.wait()
                continue
            batch, self._pending = self._pending, []
            yield batch
            if self._paused and len(self._pending) <= self._settings.low_water:
                self._resume()

    async def close(self) -> None:
        """End all connections; what was received can still be read from :meth:`events`."""
        await self._crew.close()
        self._closed = True
        self._ready.set()

    def stats(self) -> dict[str, Any]:
        """Figures now."""
        return {
            "connections": [link.figures() for link in self._links.values()],
            "open": sum(link.is_open for link in self._links.values()),
            "streams": len(self._lives),
            "stale": sum(life.stale for life in self._lives.values()),
            "waiting": len(self._pending),
            "books": self._books.valid_books(),
            "book_snapshots": self._books.snapshots,
            "books_invalidated": self._books.invalidated,
            "unknown_frames": self._dialect.unknown_frames,
            **dict(self.counts),
            **self.quarantine.stats(),
        }

    # --- the sockets call these: no waiting in here ---

    def on_message(self, socket: Socket, payload: bytes, recv_ns: int) -> None:
        """Decode one frame and put its event in line."""
        if self._tap is not None:
            self._tap.frame(payload, recv_ns)
        try:
            event = self._decode(payload, recv_ns)
        except MalformedFrame as error:
            self.quarantine.add(error.reason, payload, recv_ns)
            return
        if event is None:
            return
        if isinstance(event, ControlMessage):
            self._on_control(socket, event)
        elif isinstance(event, tuple):
            for part in event:
                self._take(socket, part)
        else:
            self._take(socket, event)

    def _take(self, socket: Socket, event: MarketEvent) -> None:
        """Put an event in line: unless it is unwanted, a double, or a book's, which is kept first."""
        life = self._lives.get(event.stream)
        if life is None:
            return  # unsubscribed a moment ago
        life.seen = socket.last_data
        if isinstance(event, BookDelta):
            self._books.apply(event, socket.last_data)
            return
        if isinstance(event, BookSnapshot):
            self._books.take(event, socket.last_data)
            return
        if isinstance(event, Kline):
            if event.closed:
                life.last_closed = max(life.last_closed, event.open_time)
            elif event.open_time <= life.last_closed:
                self.counts["late_klines"] += 1  # a closed bar is never opened again
                return
        if self._absorb_until and self._is_double(event):
            self.counts["absorbed"] += 1
            return
        self._push(event)

    def on_odd_frame(self, socket: Socket, payload: bytes, reason: str) -> None:
        """Quarantine what a market stream never sends."""
        self.quarantine.add(reason, payload, self._clock.now_ns())

    def on_link_state(self, link: Link, state: str, detail: str) -> None:
        """Put a connection's change in line with its events."""
        streams = tuple((self._placed or {}).get(link.name, ()))
        if state in ("down", "stopped"):
            self._books.reset(set(streams), "connection lost")
        if state == "live":
            self._expect_from_now(link.name)
            if self._absorb_until:
                self._absorb_until = self._clock.monotonic() + self._settings.absorb_s
        self._push(self._status(link.name, state, streams, detail))

    def on_new_socket(self, link: Link, socket: Socket, *, overlapping: bool) -> None:
        """Look for doubles while two connections deliver the same streams."""
        self._expect_from_now(link.name)
        if overlapping:
            self._absorb_until = float("inf")

    # --- inside ---

    def _push(self, event: MarketEvent | FeedStatus) -> None:
        pending = self._pending
        if not pending:
            self._ready.set()
        pending.append(event)
        if len(pending) >= self._settings.high_water and not self._paused:
            self._pause()

    def _pause(self) -> None:
        self._paused = True
        self.counts["pauses"] += 1
        log.warning("feed.paused", market=self._dialect.market, waiting=len(self._pending))
        for link in self._links.values():
            link.pause()

    def _resume(self) -> None:
        self._paused = False
        log.info("feed.resumed", market=self._dialect.market)
        for link in self._links.values():
            link.resume()
            self._expect_from_now(link.name)

    def _on_control(self, socket: Socket, message: ControlMessage) -> None:
        if message.name == "shutdown":
            log.info("feed.shutdown_announced", market=self._dialect.market)
            for link in self._links.values():
                if link.holds(socket):
                    link.plan_rotation()
            return
        if message.name == "ping":
            socket.send(message.message.encode())
            return
        ok = message.name == "answer"
        socket.answered(message.id, Answered(ok, "" if ok else f"{message.message} (code {message.code})"))
        if not ok and message.id is None:
            self.counts["errors_without_id"] += 1
            log.warning("feed.venue_error", market=self._dialect.market, code=message.code, message=message.message)

    def _is_double(self, event: MarketEvent) -> bool:
        """Say whether the other connection already brought this event."""
        if isinstance(event, Trade):
            key = (event.stream, event.trade_id, 0)
        elif isinstance(event, Quote):
            key = (event.stream, event.update_id, 0)
        elif isinstance(event, Kline):
            key = (event.stream, event.open_time, event.event_time)
        else:
            return False
        if key in self._absorbed:
            return True
        if len(self._absorbed) < _MAX_ABSORBED:
            self._absorbed.add(key)
        return False

    async def _book_snapshot(self, stream: StreamId) -> BookSnapshot:
        found = await self._dialect.book_snapshot(stream)
        if found is not None:
            return found
        life = self._lives.get(stream)
        if life is not None and life.link in self._links:
            self._links[life.link].resubscribe([life.name])
        raise VenueUnreachable("the stream brings the snapshot itself", cause="server", venue=self._dialect.venue)

    def _on_book(self, stream: StreamId, state: str, detail: str) -> None:
        life = self._lives.get(stream)
        if life is not None:
            self._push(self._status(life.link, state, (stream,), detail))

    def _on_crash(self, error: BaseException) -> None:
        self._crash = self._crash or error
        self._ready.set()

    def _status(self, connection: str, state: str, streams: Iterable[StreamId], detail: str) -> FeedStatus:
        return FeedStatus(
            venue=self._dialect.venue,
            market=self._dialect.market,
            connection=connection,
            state=state,
            time_ns=self._clock.now_ns(),
            streams=tuple(streams),
            detail=detail,
        )

    def _expect_from_now(self, connection: str) -> None:
        now = self._clock.monotonic()
        for stream in (self._placed or {}).get(connection, ()):
            life = self._lives.get(stream)
            if life is not None:
                life.due_from(now)

    async def _watch(self) -> None:
        """Judge every subscription once per check."""
        while True:
            await self._clock.sleep(self._settings.check_s)
            now = self._clock.monotonic()
            self._books.show_pending(now)
            if self._absorb_until and now >= self._absorb_until:
                self._absorb_until = 0.0
                self._absorbed.clear()
            if not self._paused:
                self._judge(now)

    def _judge(self, now: float) -> None:
        found: dict[tuple[str, str], list[StreamLife]] = {}
        # A connection that is silent as a whole is the link's to judge; here one of many is looked for.
        speaking = {name for name, link in self._links.items() if link.quiet_s() < self._settings.stale_s / 2}
        for life in self._lives.values():
            link = self._links.get(life.link)
            if link is None or link.state != "live" or life.link not in speaking:
                continue
            verdict = life.check(now, self._settings.stale_most_s)
            if verdict:
                found.setdefault((life.link, verdict), []).append(life)
        for (name, verdict), lives in found.items():
            streams = tuple(life.stream for life in lives)
            if verdict == "stale":
                self.counts["stale_found"] += len(lives)
                self._links[name].resubscribe([life.name for life in lives])
                log.warning("feed.stream_stale", connection=name, streams=len(streams), first=str(streams[0]))
                self._push(
                    self._status(name, "stale", streams, "no event for too long while the connection lives; subscribed again")
                )
            else:
                log.info("feed.stream_live", connection=name, streams=len(streams), first=str(streams[0]))
                self._push(self._status(name, "live", streams, ""))

    def _accept(self, streams: Iterable[StreamId]) -> list[StreamId]:
        accepted: list[StreamId] = []
        refused: list[StreamId] = []
        for stream in streams:
            known = self._dialect.name_of(stream) is not None
            (accepted if known else refused).append(stream)
        if refused:
            where = f"{self._dialect.venue} {self._dialect.market}"
            log.warning("feed.refused", market=self._dialect.market, streams=len(refused), first=str(refused[0]))
            self._push(self._status("none", "stopped", refused, f"{where} does not list or serve these streams"))
        return accepted

    async def _apply_placement(self, placed: dict[str, list[StreamId]]) -> None:
        now = self._clock.monotonic()
        lives: dict[StreamId, StreamLife] = {}
        for connection, streams in placed.items():
            for stream in streams:
                life = self._lives.get(stream)
                name = self._dialect.name_of(stream) or ""
                if life is None or life.link != connection or life.name != name:
                    patience = self._settings.stale_s if stream.kind in _STEADY_KINDS else self._settings.quiet_s
                    life = StreamLife(stream, name, connection, patience_s=patience, now=now)
                lives[stream] = life
        self._lives = lives
        for connection in set(self._links) - set(placed):
            await self._crew.stop(connection)
            del self._links[connection]
        for connection, streams in placed.items():
            link = self._links.get(connection) or self._add_link(connection)
            link.want(lives[stream].name for stream in streams)
            self._start(connection, link.run)

    def _add_link(self, connection: str) -> Link:
        route = route_of_connection(connection)
        link = Link(
            connection,
            urls=self._dialect.urls(route),
            requests=self._dialect.requests,
            dialer=self._dialer,
            owner=self,
            clock=self._clock,
            tap=self._tap,
        )
        if self._paused:
            link.pause()
        self._links[connection] = link
        return link

    def _start(self, name: str, run: Callable[[], Any]) -> None:
        if not self._crew.has(name) and not self._closed:
            self._crew.spawn(name, run())

    async def _known_placement(self) -> dict[str, list[StreamId]]:
        """Where the streams ran: of this run, or as the last one left it."""
        if self._placed is not None or self._state_store is None:
            return self._placed or {}
        try:
            async with self._state_store.transaction() as unit:
                return await unit.subscriptions.list(self._dialect.venue, self._dialect.market)
        except StoreUnavailable as error:
            log.warning("feed.placement_unread", market=self._dialect.market, error=str(error))
            return {}

    async def _persist(self, placed: dict[str, list[StreamId]]) -> None:
        if self._state_store is None:
            return
        try:
            async with self._state_store.transaction() as unit:
                await unit.subscriptions.replace(self._dialect.venue, self._dialect.market, placed)
        except StoreUnavailable as error:
            log.warning("feed.placement_unsaved", market=self._dialect.market, error=str(error))
