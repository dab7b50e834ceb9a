"""What the private requests of every venue share: the venue's clock, the turn they wait for, and what one that went wrong means.

Whatever may have reached the venue and was not answered is :class:`Unknown`; nothing of that kind is ever sent again from here.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import msgspec
import structlog
from yarl import URL

from quantservice.adapters.venues.transport.budget import Permit, WeightBudget
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.once import Broken, OnceClient, OnceSettings, Reply, leaves_too_late
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import RateLimited, Refused, VenueError, VenueUnreachable
from quantservice.ports import Clock
from quantservice.ports.trading import NotSent, Unknown

log = structlog.get_logger(__name__)

_T = TypeVar("_T")


class Call(Protocol):
    """One request of a venue's table. ``acts``: it changes something, so that its outcome may stay unknown."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        ...

    @property
    def path(self) -> str:
        """The path, as the venue's pages write it."""
        ...

    @property
    def lane(self) -> Lane:
        """How urgent it is."""
        ...

    @property
    def acts(self) -> bool:
        """Whether it changes something."""
        ...


class WrongTime(Refused):
    """The venue did not take a request because of its time stamp: once its clock was asked, the same one may be sent again."""


class Admission(msgspec.Struct, frozen=True):
    """The way that one request may take."""

    egress: Egress
    budget: WeightBudget
    permit: Permit


class PrivateCaller(ABC):
    """Requests of one account at one market. A venue's caller words and signs them, and reads what is answered."""

    def __init__(self, venue: str, market: str, time: VenueClock, *, pool: ProxyPool, clock: Clock, settings: OnceSettings) -> None:
        self._venue = venue
        self._market = market
        self._time = time
        self._pool = pool
        self._clock = clock
        self._client = OnceClient(venue=venue, market=market, pool=pool, settings=settings)
        self._syncing = asyncio.Lock()

    async def know_time(self) -> None:
        """Ask the venue's clock if it was never asked."""
        if not self._time.known:
            async with self._syncing:
                if not self._time.known:
                    await self.sync()

    async def sync(self) -> None:
        """Ask the venue's clock."""
        asked = self._clock.monotonic()
        self._time.set(await self._venue_ms(), asked=asked)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @abstractmethod
    async def _venue_ms(self) -> int:
        """Ask what time it is at the venue. Raises VenueError."""

    # --- one request ---------------------------------------------------------------------------------------------------

    async def _in_time(self, call: Call, once: Callable[[], Awaitable[_T]], *, signed: bool) -> _T:
        """Send a request by ``once``, and one that was refused for its time again, once, after asking the venue's clock."""
        if signed and not self._time.known:
            await self._resync(call, self.know_time)
        try:
            return await once()
        except WrongTime as error:
            log.warning("trading.clock_off", venue=self._venue, market=self._market, said=str(error))
        await self._resync(call, self.sync)
        try:
            return await once()
        except WrongTime as error:
            if call.acts:
                raise self._not_sent(str(error), code=error.code) from None
            raise

    async def _resync(self, call: Call, ask: Callable[[], Awaitable[None]]) -> None:
        try:
            await ask()
        except VenueError as error:
            if call.acts:
                raise self._not_sent(f"the venue's clock could not be asked: {error}") from None
            raise

    @asynccontextmanager
    async def _admitted(
        self, call: Call, url: str, budget_of: Callable[[Egress], WeightBudget], *, weight: int, deadline_s: float
    ) -> AsyncIterator[Admission]:
        """Choose a way out and wait, at most ``deadline_s``, until its budget has room for the request."""
        try:
            egress = self._pool.choose(url)
            budget = budget_of(egress)
            permit = await budget.acquire(call.lane, weight, deadline_s=deadline_s)
        except RateLimited as error:
            raise self._wait(call, error) from None
        except VenueUnreachable as error:
            raise self._certain(call, str(error), cause=error.cause) from None
        try:
            yield Admission(egress, budget, permit)
        finally:
            budget.finish(permit)

    def _check_open(self, call: Call) -> None:
        if self._client.closed:
            raise self._certain(call, f"the connections to {self._venue} {self._market} were closed", cause="closed")

    def _check_still_ours(self, call: Call) -> None:
        """Refuse to let out what acts when the account may be another process's already; asked right before it is signed."""
        late = leaves_too_late(self._clock) if call.acts else ""
        if late:
            raise self._not_sent(late, code="late")

    async def _send(
        self, call: Call, url: str, *, egress: Egress, headers: Mapping[str, str], body: bytes | None, deadline_ns: int = 0
    ) -> Reply:
        """Send once. ``deadline_ns``: the latest instant at which the venue may still take it; 0 where it names none."""
        try:
            return await self._client.send(call.method, URL(url, encoded=True), egress=egress, headers=headers, body=body)
        except Broken as broken:
            raise self._broken(call, broken, deadline_ns) from None

    # --- what went wrong -----------------------------------------------------------------------------------------------

    def _broken(self, call: Call, broken: Broken, deadline_ns: int) -> VenueError:
        """Say what a broken exchange means: nothing was sent, or nobody knows."""
        if not call.acts or not broken.began:
            return self._certain(call, broken.sentence, cause=broken.cause)
        return self._unknown(f"no answer to {call.method} {call.path}: {broken.sentence}", deadline_ns)

    def _certain(self, call: Call, sentence: str, *, cause: str) -> VenueError:
        """Nothing happened at the venue."""
        return self._not_sent(sentence, code=cause) if call.acts else self._unreachable(sentence, cause=cause)

    def _unsure(self, call: Call, sentence: str, deadline_ns: int = 0) -> VenueError:
        """The venue's answer leaves open whether it did what was asked."""
        if not call.acts:
            return self._unreachable(sentence, cause="server")
        return self._unknown(f"{sentence}: whether it was carried out is not known", deadline_ns)

    def _wait(self, call: Call, error: RateLimited, *, code: int | str = "limited") -> VenueError:
        """Nothing happened, and the same request may be sent later."""
        if not call.acts:
            return error
        return self._not_sent(str(error), code=code, retry=True, retry_at_ns=error.retry_at_ns)

    def _limited(self, sentence: str, seconds: float) -> RateLimited:
        retry_at_ns = self._clock.now_ns() + int(seconds * 1e9)
        return RateLimited(sentence, retry_at_ns=retry_at_ns, venue=self._venue, market=self._market)

    def _too_many_orders(self, delay_s: float) -> NotSent:
        """The venue's limit of orders is told at once: an order that waits is an old order."""
        error = self._limited(f"the venue's limit of orders is reached; the next may leave in {delay_s:.1f} s", delay_s)
        return self._not_sent(str(error), code="order_count", retry=True, retry_at_ns=error.retry_at_ns)

    def _unreachable(self, sentence: str, *, cause: str) -> VenueUnreachable:
        return VenueUnreachable(sentence, cause=cause, venue=self._venue, market=self._market)

    def _not_sent(self, sentence: str, *, code: int | str = "", retry: bool = False, retry_at_ns: int = 0) -> NotSent:
        return NotSent(sentence, code=code, retry=retry, retry_at_ns=retry_at_ns, venue=self._venue, market=self._market)

    def _unknown(self, sentence: str, deadline_ns: int = 0) -> Unknown:
        return Unknown(sentence, deadline_ns=deadline_ns, venue=self._venue, market=self._market)
