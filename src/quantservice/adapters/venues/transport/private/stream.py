"""An account's private stream: its connection opened, proved alive, prolonged, replaced before the venue cuts it, opened again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec
import structlog

from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.ws import Answered, Socket, SocketOwner
from quantservice.core.errors import MalformedFrame, VenueError
from quantservice.ports import Clock

log = structlog.get_logger(__name__)


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the stream. Times in seconds.

    ``probe_s``: a quiet account says nothing for hours, so the connection is asked something at this interval. ``keep_s``: a
    listen key lives an hour; ``life_s``: the venue cuts after 24 h, a new connection takes over before. ``sync_s``: how often
    the venue's clock is asked; ``waiting``: events that may wait unread before the stream is opened anew.
    """

    probe_s: float = 20.0
    answer_s: float = 8.0
    keep_s: float = 1_500.0
    sync_s: float = 600.0
    life_s: float = 23.0 * 3_600
    back_off_s: float = 0.5
    back_off_most_s: float = 30.0
    steady_s: float = 60.0
    waiting: int = 20_000


class StreamOwner(Protocol):
    """Who hears the stream."""

    def on_payload(self, socket: Socket, payload: bytes) -> None:
        """Take one message; must not wait."""
        ...

    async def on_open(self, socket: Socket) -> None:
        """The connection delivers from now on; what happened before it must be asked for. May raise VenueError."""
        ...

    def on_lost(self, detail: str) -> None:
        """Nothing is delivered any more."""
        ...


Works: TypeAlias = Mapping[str, tuple[float, Callable[[], Awaitable[None]]]]


class Line(Protocol):
    """How one venue's private stream is opened, asked, and read."""

    @property
    def venue(self) -> str:
        """The venue's name."""
        ...

    @property
    def market(self) -> str:
        """The market's name."""
        ...

    async def open(self, owner: SocketOwner, dialled: Callable[[Socket], None]) -> Socket:
        """Open a connection that delivers; ``dialled`` hears of it before it is subscribed. Raises VenueError."""
        ...

    async def probe(self, socket: Socket, timeout_s: float) -> Answered:
        """Ask an open connection something."""
        ...

    def answered(self, socket: Socket, key: int | str, answer: Answered) -> None:
        """Take the venue's answer to a request of ours."""
        ...

    def works(self, renew: Callable[[str], None]) -> Works:
        """What else is due now and then: by name, seconds and what to do."""
        ...


class UserStream:
    """One account's user data stream. :meth:`run` lasts until it is cancelled."""

    def __init__(
        self,
        line: Line,
        owner: StreamOwner,
        *,
        clock: Clock,
        settings: StreamSettings | None = None,
    ) -> None:
        self.opened = 0
        self.rotated = 0
        self._line = line
        self._owner = owner
        self._clock = clock
        self._settings = settings or StreamSettings()
        self._failures = 0
        self._wish = ""
        self._woken = asyncio.Event()
        self._sockets: set[Socket] = set()

    async def run(self) -> None:
        """Keep a connection for as long as this runs; after each loss the owner is told, and told again when it is back."""
        try:
            while True:
                reason = await self._live()
                self._owner.on_lost(reason)
                await self._clock.sleep(self._back_off())
        finally:
            for socket in list(self._sockets):
                await self._drop(socket)

    def renew(self, reason: str) -> None:
        """Open the connection anew soon: the venue said that this one ends, or something of it was lost."""
        self._wish = reason
        self._woken.set()

    # --- SocketOwner ---

    def on_message(self, socket: Socket, payload: bytes, recv_ns: int) -> None:  # the port's own shape
        """Hand a message on."""
        self._owner.on_payload(socket, payload)

    def on_odd_frame(self, socket: Socket, payload: bytes, reason: str) -> None:  # the port's own shape
        """A frame that this stream never sends: what it said is lost."""
        socket.abort(f"unreadable frame: {reason}")

    # --- inside ---

    async def _live(self) -> str:
        """Open, serve, and return why it ended."""
        self._wish = ""
        try:
            socket = await self._open()
        except VenueError as error:
            return scrub(str(error))
        began = self._clock.monotonic()
        try:
            await self._owner.on_open(socket)
            return await self._serve(socket)
        except VenueError as error:
            return scrub(str(error))
        finally:
            if self._clock.monotonic() - began > self._settings.steady_s:
                self._failures = 0
            for held in list(self._sockets):
                await self._drop(held)

    async def _open(self) -> Socket:
        def dialled(socket: Socket) -> None:
            self._sockets.add(socket)
            self.opened += 1

        return await self._line.open(self, dialled)

    async def _serve(self, socket: Socket) -> str:
        """Watch the connection until it is lost or is to be opened anew."""
        settings, now = self._settings, self._clock.monotonic()
        due: dict[str, float] = {"probe": now + settings.probe_s, "life": now + settings.life_s}
        due |= {name: now + every_s for name, (every_s, _work) in self._line.works(self.renew).items()}
        while True:
            await self._wait(socket, min(due.values()))
            if socket.is_lost:
                return socket.lost.result()
            if self._wish:
                return self._wish
            now = self._clock.monotonic()
            if now >= due["life"]:
                socket = await self._replace(socket)
                due["life"] = self._clock.monotonic() + settings.life_s
            await self._work(socket, due, now)

    async def _work(self, socket: Socket, due: dict[str, float], now: float) -> None:
        """Do what is due of the regular works; one that fails is due again sooner."""
        works: Works = {"probe": (self._settings.probe_s, lambda: self._probe(socket)), **self._line.works(self.renew)}
        for name, (every_s, work) in works.items():
            if now >= due.get(name, float("inf")):
                due[name] = now + every_s * (1.0 if await self._done(name, work) else 0.1)

    async def _done(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do one of the regular works; a venue that is away for it is asked again sooner."""
        try:
            await work()
        except (VenueError, MalformedFrame) as error:
            log.info("trading.stream_work", venue=self._line.venue, market=self._line.market, work=name, reason=scrub(str(error)))
            return False
        return True

    async def _wait(self, socket: Socket, until: float) -> None:
        waits: set[asyncio.Future[Any]] = {
            socket.lost,
            asyncio.ensure_future(self._woken.wait()),
            asyncio.ensure_future(self._clock.sleep(max(0.0, until - self._clock.monotonic()))),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waits.discard(socket.lost)
            for waiting in waits:
                waiting.cancel()
            self._woken.clear()

    async def _probe(self, socket: Socket) -> None:
        """Ask the connection something; one that does not answer is dead, whatever TCP says."""
        answer = await self._line.probe(socket, self._settings.answer_s)
        if not answer.ok and not socket.is_lost:
            socket.abort(f"no answer for {self._settings.answer_s:.0f} s: {answer.detail}")

    async def _replace(self, old: Socket) -> Socket:
        """Make before break: the new connection delivers before the old one goes; what both deliver counts once."""
        try:
            socket = await self._open()
        except VenueError as error:
            log.info("trading.stream_not_replaced", venue=self._line.venue, market=self._line.market, reason=scrub(str(error)))
            return old  # it works still; if the venue ends it, it is opened anew then
        await self._owner.on_open(socket)
        self.rotated += 1
        await self._drop(old)
        return socket

    async def _drop(self, socket: Socket) -> None:
        self._sockets.discard(socket)
        await socket.close()

    def _back_off(self) -> float:
        """Nothing after the first loss; full jitter up to a bound that doubles with every failure in a row."""
        self._failures += 1
        if self._failures == 1:
            return 0.0
        bound = min(self._settings.back_off_most_s, self._settings.back_off_s * 2 ** min(self._failures, 16))
        return random.uniform(0.0, bound)  # noqa: S311  jitter, no secret
