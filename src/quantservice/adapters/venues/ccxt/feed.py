"""Live klines by asking: each stream's newest bars, a moment after one has closed and now and then in between.

The library's REST calls push nothing. Trades, quotes and books are not served this way, and are refused by a status.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog

from quantservice.adapters.venues.ccxt.client import Client
from quantservice.adapters.venues.ccxt.history import CcxtHistory
from quantservice.adapters.venues.transport.crew import Crew
from quantservice.core.errors import QuantServiceError, UserError, VenueError
from quantservice.core.events import FeedStatus, Kind, Kline, MarketEvent, StreamId
from quantservice.core.instruments import Instrument
from quantservice.core.periods import floor_open, next_open

log = structlog.get_logger(__name__)

_NAME: Final = "polling"
_WAITING: Final = 50_000
_AT_ONCE: Final = 4


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``every_s``: between two questions for a bar that still runs; ``after_close_ms``: a bar is asked for so long after its end.

    An exchange's bar may still change in the moment after its end, so it is not taken for closed earlier than that.
    """

    every_s: float = 5.0
    after_close_ms: int = 1_500
    back_off_s: float = 2.0


class _Followed(msgspec.Struct):
    """One stream: where it has got to, and when it is asked for again (monotonic seconds)."""

    stream: StreamId
    listed: Instrument
    from_ms: int
    due: float = 0.0


class CcxtFeed:
    """Implements ``ports.MarketFeed`` for one market."""

    def __init__(self, client: Client, history: CcxtHistory, *, settings: FeedSettings | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._client = client
        self._history = history
        self._clock = client.access.clock
        self._settings = settings or FeedSettings()
        self._followed: dict[StreamId, _Followed] = {}
        self._pending: list[MarketEvent | FeedStatus] = []
        self._ready = asyncio.Event()
        self._woken = asyncio.Event()
        self._state = ""
        self._closed = False
        self._crash: BaseException | None = None
        self._crew = Crew(self._on_crash)

    async def update(self, streams: Sequence[StreamId]) -> None:
        """Set what is wanted. Streams that are not served are refused by a status, the others run."""
        if streams:
            await self._history.server_time_ms()
        wanted: dict[StreamId, _Followed] = {}
        refused: list[StreamId] = []
        for stream in dict.fromkeys(streams):
            found = self._followed.get(stream) or await self._follow(stream)
            if found is None:
                refused.append(stream)
            else:
                wanted[stream] = found
        if wanted.keys() != self._followed.keys():
            self._state = ""  # told again, with the streams that it is of
        self._followed = wanted
        if refused:
            log.warning("feed.refused", venue=self._client.venue, market=self._client.market, streams=len(refused))
            where = f"{self._client.venue} {self._client.market}"
            self._tell("stopped", f"{where} does not list these streams, or ccxt does not serve them here", refused, "none")
        if not self._crew.has(_NAME) and not self._closed:
            self._crew.spawn(_NAME, self._run())
        self._woken.set()

    async def _follow(self, stream: StreamId) -> _Followed | None:
        if stream.kind is not Kind.KLINE:
            return None
        try:
            self._history.word_of(stream.period)
            listed = await self._history.listed(stream.instrument)
        except UserError:
            return None
        return _Followed(stream, listed, floor_open(stream.period, self._now_ms()))

    async def events(self) -> AsyncIterator[Sequence[MarketEvent | FeedStatus]]:
        """Yield what came since the last batch; ends when the feed is closed."""
        while True:
            if self._pending:
                batch, self._pending = self._pending, []
                yield batch
                continue
            if self._crash is not None:
                error, self._crash = self._crash, None
                raise error
            if self._closed:
                return
            self._ready.clear()
            await self._ready.wait()

    async def close(self) -> None:
        """End; safe to call twice."""
        self._closed = True
        self._ready.set()
        await self._crew.close()

    def stats(self) -> Mapping[str, Any]:
        """Figures for status and metrics."""
        return {"streams": len(self._followed), "state": self._state, "counts": dict(self.counts), "waiting": len(self._pending)}

    # --- inside ----------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            now = self._clock.monotonic()
            due = sorted((item for item in self._followed.values() if item.due <= now), key=lambda item: item.due)
            if due:
                await asyncio.gather(*(self._ask(item) for item in due[:_AT_ONCE]))
                continue
            await self._sleep(min((item.due for item in self._followed.values()), default=now + 60.0) - now)

    async def _sleep(self, seconds: float) -> None:
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._woken.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
            self._woken.clear()

    async def _ask(self, item: _Followed) -> None:
        """Ask for a stream's bars from the first that has not closed yet."""
        try:
            klines = await self._history.latest(item.listed, item.stream, item.from_ms, margin_ms=self._settings.after_close_ms)
        except (VenueError, QuantServiceError) as error:
            self.counts["failed"] += 1
            item.due = self._clock.monotonic() + self._settings.back_off_s
            self._say("down", str(error))
            return
        self.counts["asked"] += 1
        self._say("live")
        for kline in klines:
            if kline.closed:
                item.from_ms = next_open(item.stream.period, kline.open_time)
        self._put(klines)
        now_ms = self._now_ms()
        closes_ms = next_open(item.stream.period, floor_open(item.stream.period, item.from_ms)) + self._settings.after_close_ms
        wait_s = (closes_ms + 1 - now_ms) / 1_000 if closes_ms >= now_ms else self._settings.every_s / 5
        item.due = self._clock.monotonic() + min(self._settings.every_s, max(0.05, wait_s))

    def _put(self, klines: Sequence[Kline]) -> None:
        if len(self._pending) + len(klines) > _WAITING:
            self.counts["dropped"] += len(self._pending)
            self._pending.clear()
            self._tell("down", "events were not read in time")
            self._state = "down"
        self._pending += klines
        self._ready.set()

    def _say(self, state: str, detail: str = "") -> None:
        if state != self._state:
            self._state = state
            self._tell(state, detail)

    def _tell(self, state: str, detail: str = "", streams: Sequence[StreamId] | None = None, connection: str = _NAME) -> None:
        told = tuple(self._followed if streams is None else streams)
        self._pending.append(
            FeedStatus(
                venue=self._client.venue,
                market=self._client.market,
                connection=connection,
                state=state,
                time_ns=self._clock.now_ns(),
                streams=told,
                detail=detail,
            )
        )
        self._ready.set()

    def _now_ms(self) -> int:
        return self._clock.now_ms() + self._history.offset_ms

    def _on_crash(self, error: BaseException) -> None:
        self._crash = error
        self._ready.set()
