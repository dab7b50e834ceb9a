"""Between a private stream and who reads it: a snapshot first, then what was pushed, in batches, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

import msgspec
import structlog

from quantservice.adapters.venues.transport.crew import Crew
from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.private.stream import Line, StreamSettings, UserStream
from quantservice.adapters.venues.transport.ws import Answered, Socket
from quantservice.core.errors import MalformedFrame, VenueError
from quantservice.ports import Clock
from quantservice.ports.trading import AccountEvent, AccountMovement, AccountSnapshot, StreamState

log = structlog.get_logger(__name__)

#: The list of movements follows what is pushed by a moment: waits before it is asked, in seconds.
_MOVED_WAITS_S: Final = (0.2, 2.0, 10.0)


class Told(msgspec.Struct, frozen=True):
    """What a message says. ``ends``: why the stream must be opened anew; ``answer``: the request that it answers.

    ``moved_ms``: money moved by something else than a fill at that time; the list of movements names it.
    """

    events: tuple[AccountEvent, ...] = ()
    ends: str = ""
    answer: tuple[int | str, bool, str] | None = None
    moved_ms: int = 0


class Pushes(Protocol):
    """Reads what a venue pushes."""

    def decode(self, payload: bytes) -> Told:
        """Return what a message says. Raises MalformedFrame."""
        ...


class Questions(Protocol):
    """What is asked of an account when its stream has begun, or has told that money moved."""

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        ...

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Ask for money moved without a trade."""
        ...


class Inbox:
    """One reader's events."""

    def __init__(
        self,
        account: str,
        line: Line,
        queries: Questions,
        pushes: Pushes,
        *,
        clock: Clock,
        settings: StreamSettings,
    ) -> None:
        self._line = line
        self._where = {"venue": line.venue, "market": line.market}
        self._queries = queries
        self._account = account
        self._pushes = pushes
        self._clock = clock
        self._most = settings.waiting
        self._stream = UserStream(line, self, clock=clock, settings=settings)
        self._pending: list[AccountEvent] = []
        self._early: list[AccountEvent] | None = []  # pushed before the snapshot is there
        self._ready = asyncio.Event()
        self._crew = Crew(self._on_crash)
        self._crash: BaseException | None = None
        self._closed = False
        self._live = False
        self._moved_ms = 0

    async def batches(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield what came since the last batch; ends when closed."""
        self._crew.spawn(f"{self._line.venue}-{self._line.market}-{self._account}-stream", self._stream.run())
        while True:
            await self._ready.wait()
            self._ready.clear()
            if self._crash is not None:
                raise self._crash
            if self._pending:
                batch, self._pending = tuple(self._pending), []
                yield batch
            if self._closed:
                return

    async def close(self) -> None:
        """End; safe to call twice."""
        self._closed = True
        self._ready.set()
        await self._crew.close()

    # --- StreamOwner ---------------------------------------------------------------------------------------------------

    def on_payload(self, socket: Socket, payload: bytes) -> None:
        """Take one message. One that cannot be read may have been anything: the account is asked for anew."""
        try:
            told = self._pushes.decode(payload)
        except MalformedFrame as error:
            log.warning("trading.push_unreadable", **self._where, reason=error.reason)
            self._stream.renew(f"a message could not be read: {error.reason}")
            return
        if told.answer is not None:
            key, good, detail = told.answer
            self._line.answered(socket, key, Answered(ok=good, detail=scrub(detail)))
        elif told.ends:
            self._stream.renew(told.ends)
        else:
            self._take(told)

    async def on_open(self, socket: Socket) -> None:
        """The connection delivers: the snapshot goes first, then what was pushed meanwhile."""
        self._early = [] if self._early is None else self._early
        snapshot = await self._queries.snapshot()
        early, self._early = self._early or [], None
        if socket.is_lost:
            return
        state = StreamState(account=self._account, state="live", time_ns=self._clock.now_ns())
        self._live = True
        self._put([snapshot, state, *early])

    def on_lost(self, detail: str) -> None:
        """Nothing is delivered until the next snapshot."""
        self._early = []
        if self._live and not self._closed:
            log.warning("trading.stream_lost", **self._where, account=self._account, reason=detail)
            self._put([StreamState(account=self._account, state="down", detail=detail, time_ns=self._clock.now_ns())])
        self._live = False

    # --- inside --------------------------------------------------------------------------------------------------------

    def _take(self, told: Told) -> None:
        if told.moved_ms:
            self._moved(told.moved_ms)
        if not told.events:
            return
        if self._early is not None:
            self._early += told.events
            if len(self._early) > self._most:
                self._overflow()
        else:
            self._put(told.events)

    def _put(self, events: Sequence[AccountEvent]) -> None:
        if len(self._pending) + len(events) > self._most:
            self._overflow()
            return
        self._pending += events
        self._ready.set()

    def _overflow(self) -> None:
        """More than may wait: all of it goes, and a new snapshot tells what it meant."""
        log.warning("trading.events_unread", **self._where, account=self._account, most=self._most)
        self._pending.clear()
        self._early = []
        self._live = False
        self._stream.renew("events were not read in time")

    def _moved(self, since_ms: int) -> None:
        """Money moved: its name is in the list of movements only, and a thing has one name."""
        self._moved_ms = min(self._moved_ms or since_ms, since_ms)
        name = f"{self._line.venue}-{self._line.market}-{self._account}-movements"
        if not self._crew.has(name):
            self._crew.spawn(name, self._fetch_moved())

    async def _fetch_moved(self) -> None:
        for wait_s in _MOVED_WAITS_S:
            await self._clock.sleep(wait_s)
            since_ms, self._moved_ms = self._moved_ms, 0
            if not since_ms:
                return
            try:
                movements = await self._queries.movements_since(since_ms)
            except VenueError as error:
                log.info("trading.movements_away", **self._where, reason=scrub(str(error)))
                movements = []
            if movements:
                self._put(movements)
            else:
                self._moved_ms = min(self._moved_ms or since_ms, since_ms)

    def _on_crash(self, error: BaseException) -> None:
        self._crash = error
        self._ready.set()
