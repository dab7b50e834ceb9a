"""A link keeps one connection's worth of streams alive: opens, subscribes, watches, replaces before the cut, reconnects."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog

from quantservice.adapters.venues.transport.raw_tap import RawTap
from quantservice.adapters.venues.transport.ws import Dialer, Socket, SocketOwner
from quantservice.core.errors import VenueUnreachable
from quantservice.ports import Clock

log = structlog.get_logger(__name__)

_SHUFFLE: Final = 0.02  # the planned life varies by so much per link, so that not all links change at once

_PACE_FRAMES: Final = 5  # from so many frames on a connection's pace is known
_PACES: Final = 10  # so many mean distances between frames without one are a silence


class LinkOwner(SocketOwner, Protocol):
    """Who gets a link's messages and hears of its state."""

    def on_link_state(self, link: Link, state: str, detail: str) -> None:
        """Hear that the link is connecting, live, stale, down or stopped."""
        ...

    def on_new_socket(self, link: Link, socket: Socket, *, overlapping: bool) -> None:
        """Hear that a fresh connection is subscribed and delivers; ``overlapping``: the one before still does too."""
        ...


class Requests(Protocol):
    """How the venue words requests on a connection."""

    def subscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for streams."""
        ...

    def unsubscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for no more of them."""
        ...

    def heartbeat(self) -> bytes | None:
        """What is said on a connection that was silent for a while, so that the venue keeps it; None: nothing."""
        ...


class LinkStats(msgspec.Struct):
    """Figures of one link."""

    connects: int = 0
    losses: int = 0
    silences: int = 0
    rotations: int = 0
    failures: int = 0
    resubscribed: int = 0
    frames: int = 0
    last_detail: str = ""


class Link:
    """One logical connection. ``urls`` are tried in turn; ``owner`` is called from the sockets' read callbacks."""

    def __init__(
        self,
        name: str,
        *,
        urls: Sequence[str],
        requests: Requests,
        dialer: Dialer,
        owner: LinkOwner,
        clock: Clock,
        tap: RawTap | None = None,
    ) -> None:
        self.name = name
        self.state = "stopped"
        self.stats = LinkStats()
        self.wanted: set[str] = set()
        self._urls = tuple(urls)
        self._url_index = 0
        self._requests = requests
        self._dialer = dialer
        self._settings = dialer.settings
        self._owner = owner
        self._clock = clock
        self._tap = tap
        self._wake = asyncio.Event()
        self._socket: Socket | None = None
        self._sockets: dict[Socket, None] = {}  # also the one that is about to take over
        self._again: dict[str, None] = {}  # names to subscribe once more
        self._rotate = False
        self._failures = 0
        self._beaten_at = float("-inf")
        self._silence_s = self._settings.silence_s
        self._paused = False
        self._life_factor = 1.0 - random.uniform(0.0, _SHUFFLE)  # noqa: S311  spreads load, no secret

    def want(self, names: Iterable[str]) -> None:
        """Set the streams; the difference is subscribed and unsubscribed."""
        fresh = set(names)
        if fresh != self.wanted:
            self.wanted = fresh
            self._wake.set()

    def resubscribe(self, names: Iterable[str]) -> None:
        """Subscribe these once more (they are silent while others on the connection speak)."""
        for name in names:
            if name in self.wanted:
                self._again[name] = None
        self._wake.set()

    def plan_rotation(self) -> None:
        """Let a second connection take over now (the venue said it will cut)."""
        self._rotate = True
        self._wake.set()

    def pause(self) -> None:
        """Stop reading."""
        self._paused = True
        for socket in self._sockets:
            socket.pause()

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        for socket in self._sockets:
            socket.resume()

    def holds(self, socket: Socket) -> bool:
        """Say whether ``socket`` is one of this link's."""
        return socket in self._sockets

    def quiet_s(self) -> float:
        """Seconds since the connection brought data; endless without a connection."""
        return self._clock.monotonic() - self._socket.last_data if self._socket is not None else float("inf")

    @property
    def is_open(self) -> bool:
        """Whether a connection stands."""
        return self._socket is not None and not self._socket.is_lost

    async def run(self) -> None:
        """Keep the link alive until cancelled."""
        try:
            while True:
                if not self.wanted:
                    await self._close_all()
                    self._become("stopped", "nothing is wanted")
                    await self._wake.wait()
                    self._wake.clear()
                    continue
                socket = await self._open()
                if socket is None:
                    continue
                self._socket = socket
                await self._serve()
        finally:
            for socket in self._sockets:
                socket.abort("the link stopped")
            self._sockets.clear()
            self._become("stopped", "closed")

    def figures(self) -> dict[str, Any]:
        """Figures now."""
        return {
            "connection": self.name,
            "state": self.state,
            "streams": len(self.wanted),
            "connects": self.stats.connects,
            "losses": self.stats.losses,
            "silences": self.stats.silences,
            "rotations": self.stats.rotations,
            "resubscribed": self.stats.resubscribed,
            "detail": self.stats.last_detail,
        }

    # --- opening ---

    async def _open(self) -> Socket | None:
        """Open and subscribe a first connection; None after a failure and its back-off."""
        if self.state != "down":
            self._become("connecting", f"connecting to {self._url_shown()}")
        socket = await self._dial()
        if socket is not None:
            self._owner.on_new_socket(self, socket, overlapping=False)
            if await self._subscribe_all(socket):
                self._become("live", "")
                return socket
            await self._drop(socket)
            self._note_failure("the venue does not answer our subscriptions")
        await self._clock.sleep(self._back_off())
        return None

    async def _dial(self) -> Socket | None:
        url = self._urls[self._url_index]
        try:
            socket = await self._dialer.open(url, self._owner)
        except VenueUnreachable as error:
            self._url_index = (self._url_index + 1) % len(self._urls)
            self._note_failure(str(error))
            return None
        self.stats.connects += 1
        self._sockets[socket] = None
        if self._paused:
            socket.pause()
        if self._tap is not None:
            self._tap.connection(self.name, url, sorted(self.wanted), self._clock.now_ns())
        return socket

    def _note_failure(self, detail: str) -> None:
        self._failures += 1
        self.stats.failures += 1
        self._become("down", detail)

    def _back_off(self) -> float:
        """Full jitter: anything up to a bound that doubles with every failure in a row."""
        bound = min(self._settings.back_off_most_s, self._settings.back_off_s * 2 ** min(self._failures, 16))
        return random.uniform(0.0, bound)  # noqa: S311  jitter, no secret

    # --- serving ---

    async def _serve(self) -> None:
        """Watch the connection until it is lost; replace it in time."""
        while self._socket is not None and self.wanted:
            socket = self._socket
            woken = await self._wait(socket)
            if socket.is_lost:
                await self._after_loss(socket, socket.lost.result())
                return
            if woken and not await self._sync(socket):
                await self._after_loss(socket, "the venue does not answer our subscriptions")
                return
            if await self._is_silent(socket):
                return
            self._beat(socket)
            age = self._clock.monotonic() - socket.opened
            if self._failures and age > self._settings.steady_s:
                self._failures = 0
            if self._rotate or age >= (self._settings.life_s - self._settings.lead_s) * self._life_factor:
                await self._replace(socket)

    async def _wait(self, socket: Socket) -> bool:
        """Wait for a wish, a loss or the next check; true when there is a wish."""
        waker = asyncio.ensure_future(self._wake.wait())
        try:
            waits: set[asyncio.Future[Any]] = {waker, socket.lost}
            await asyncio.wait(waits, timeout=self._settings.check_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waker.cancel()
        woken = self._wake.is_set()
        self._wake.clear()
        return woken

    async def _is_silent(self, socket: Socket) -> bool:
        """Judge the connection by its silence; true when it was given up.

        The patience follows the connection's own pace, so that one with only seldom traded symbols is not opened anew
        again and again; it doubles with every silence in a row.
        """
        if self._paused:
            return False
        if socket.frames >= _PACE_FRAMES:
            pace_s = (socket.last_data - socket.opened) / socket.frames
            self._silence_s = min(self._settings.silence_most_s, max(self._settings.silence_s, _PACES * pace_s))
        quiet_s = self._clock.monotonic() - socket.last_data
        if quiet_s < self._silence_s:
            return False
        self.stats.silences += 1
        self._silence_s = min(self._silence_s * 2, self._settings.silence_most_s)
        self._become("stale", f"no frame for {quiet_s:.1f} s")
        await self._after_loss(socket, f"no frame for {quiet_s:.1f} s")
        return True

    def _beat(self, socket: Socket) -> None:
        """Keep a quiet connection open, where the venue wants that of us."""
        now = self._clock.monotonic()
        quiet_s = min(now - socket.last_data, now - self._beaten_at)
        payload = self._requests.heartbeat() if quiet_s >= self._settings.heartbeat_s else None
        if payload is not None:
            self._beaten_at = now
            socket.say(payload)

    async def _replace(self, old: Socket) -> None:
        """Make before break: the new connection is subscribed and delivers before the old one goes."""
        self._rotate = False
        socket = await self._dial()
        if socket is None:
            self._rotate = True  # try again; the old connection still works
            if not old.is_lost:
                self._become("live", "")
            await self._wait_or_lost(old, self._back_off())
            return
        self._owner.on_new_socket(self, socket, overlapping=True)
        if not await self._subscribe_all(socket):
            await self._drop(socket)
            self._rotate = True
            return
        await self._await_data(socket, old)
        self._socket = socket
        self.stats.rotations += 1
        log.info("link.rotated", link=self.name, age_s=round(self._clock.monotonic() - old.opened))
        await self._drop(old)
        # The state was "live" all the while, so nothing changes; the owner must hear all the same that the overlap is over.
        self.state, self.stats.last_detail = "live", ""
        self._owner.on_link_state(self, "live", "")

    async def _await_data(self, socket: Socket, old: Socket) -> None:
        """Wait until the new connection delivers (or a while has passed: its streams may be quiet)."""
        until = self._clock.monotonic() + self._settings.silence_s
        frames = socket.frames
        while socket.frames == frames and not socket.is_lost and not old.is_lost and self._clock.monotonic() < until:
            await self._clock.sleep(min(0.02, self._settings.check_s))

    async def _wait_or_lost(self, socket: Socket, seconds: float) -> None:
        await asyncio.wait({socket.lost}, timeout=seconds)

    async def _after_loss(self, socket: Socket, reason: str) -> None:
        self.stats.losses += 1
        self._failures += 1
        socket.abort(reason)
        self._sockets.pop(socket, None)
        self._socket = None
        self._rotate = False
        self._become("down", reason)
        await self._clock.sleep(self._back_off() if self._failures > 1 else 0.0)

    async def _close_all(self) -> None:
        for socket in list(self._sockets):
            await self._drop(socket)
        self._socket = None

    async def _drop(self, socket: Socket) -> None:
        self._sockets.pop(socket, None)
        await socket.close(timeout_s=self._settings.close_timeout_s)

    # --- subscribing ---

    async def _subscribe_all(self, socket: Socket) -> bool:
        return await self._send(socket, sorted(self.wanted), self._requests.subscribe)

    async def _sync(self, socket: Socket) -> bool:
        """Send the difference between wanted and subscribed, and what must be asked for once more."""
        again = [name for name in self._again if name in socket.subscribed]
        self._again.clear()
        gone = sorted(socket.subscribed - self.wanted)
        if again:
            self.stats.resubscribed += len(again)
            # Both are needed: a venue that believes a stream runs ignores a second SUBSCRIBE for it.
            gone.extend(again)
        if gone and not await self._send(socket, gone, self._requests.unsubscribe):
            return False
        missing = sorted(self.wanted - socket.subscribed - socket.refused)
        return not missing or await self._send(socket, missing, self._requests.subscribe)

    async def _send(self, socket: Socket, names: Sequence[str], build: Callable[[Sequence[str], int], bytes]) -> bool:
        """Send names in batches; false when the connection no longer answers."""
        size = self._settings.names_per_message
        adding = build == self._requests.subscribe
        for start in range(0, len(names), size):
            batch = names[start : start + size]

            def message(number: int, batch: Sequence[str] = batch) -> bytes:
                return build(batch, number)

            answer = await socket.request(message, timeout_s=self._settings.acknowledge_timeout_s)
            if socket.is_lost or (not answer.ok and answer.detail == "no answer in time"):
                return False
            if not adding:
                socket.subscribed.difference_update(batch)
            elif answer.ok:
                socket.subscribed.update(batch)
            else:
                socket.refused.update(batch)
                log.warning("link.refused", link=self.name, names=list(batch[:5]), count=len(batch), reason=answer.detail)
        return True

    # --- saying ---

    def _become(self, state: str, detail: str) -> None:
        if (state, detail) == (self.state, self.stats.last_detail):
            return
        before, self.state = self.state, state
        self.stats.last_detail = detail
        if state == "down" and before != "down":
            log.warning("link.lost", link=self.name, reason=detail)
        elif state == "live" and before != "live":
            log.info("link.live", link=self.name, streams=len(self.wanted), url=self._url_shown())
        self._owner.on_link_state(self, state, detail)

    def _url_shown(self) -> str:
        return self._urls[self._url_index].split("?", 1)[0]
