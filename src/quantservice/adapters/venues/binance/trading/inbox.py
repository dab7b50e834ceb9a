"""Between the user data stream and who reads it: a snapshot first, then what was pushed, in batches, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import structlog

from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.trading.caller import Caller
from quantservice.adapters.venues.binance.trading.decode import Decoder
from quantservice.adapters.venues.binance.trading.pushes import PushDecoder, Told
from quantservice.adapters.venues.binance.trading.queries import Queries
from quantservice.adapters.venues.binance.trading.signer import scrub
from quantservice.adapters.venues.binance.trading.stream import StreamSettings, UserStream
from quantservice.adapters.venues.binance.trading.table import TradingRow
from quantservice.adapters.venues.transport.crew import Crew
from quantservice.adapters.venues.transport.ws import Answered, Dialer, Socket
from quantservice.core.errors import MalformedFrame, VenueError
from quantservice.ports import Clock
from quantservice.ports.trading import AccountEvent, StreamState

log = structlog.get_logger(__name__)

#: The list of movements follows what is pushed by a moment: waits before it is asked, in seconds.
_MOVED_WAITS_S: Final = (0.2, 2.0, 10.0)


class Inbox:
    """One reader's events."""

    def __init__(
        self,
        row: TradingRow,
        base_url: str,
        queries: Queries,
        decoder: Decoder,
        *,
        caller: Caller,
        dialer: Dialer,
        clock: Clock,
        settings: StreamSettings,
    ) -> None:
        self._row = row
        self._queries = queries
        self._account = decoder.account
        self._pushes = PushDecoder(decoder)
        self._clock = clock
        self._most = settings.waiting
        self._stream = UserStream(row, base_url, self, caller=caller, dialer=dialer, clock=clock, settings=settings)
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
        self._crew.spawn(f"{VENUE}-{self._row.market}-{self._account}-stream", self._stream.run())
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
            log.warning("trading.push_unreadable", venue=VENUE, market=self._row.market, reason=error.reason)
            self._stream.renew(f"a message could not be read: {error.reason}")
            return
        if told.answer is not None:
            number, good, detail = told.answer
            socket.answered(number, Answered(ok=good, detail=scrub(detail)))
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
            log.warning("trading.stream_lost", venue=VENUE, market=self._row.market, account=self._account, reason=detail)
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
        log.warning("trading.events_unread", venue=VENUE, market=self._row.market, account=self._account, most=self._most)
        self._pending.clear()
        self._early = []
        self._live = False
        self._stream.renew("events were not read in time")

    def _moved(self, since_ms: int) -> None:
        """Money moved: its name is in the list of movements only, and a thing has one name."""
        self._moved_ms = min(self._moved_ms or since_ms, since_ms)
        name = f"{VENUE}-{self._row.market}-{self._account}-movements"
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
                log.info("trading.movements_away", venue=VENUE, market=self._row.market, reason=scrub(str(error)))
                movements = []
            if movements:
                self._put(movements)
            else:
                self._moved_ms = min(self._moved_ms or since_ms, since_ms)

    def _on_crash(self, error: BaseException) -> None:
        self._crash = error
        self._ready.set()
