"""One weight budget per egress address and bucket, shared by every lane of this process and, by leases, by every process.

A request asks :meth:`WeightBudget.acquire` before it leaves and tells the budget how it ended. Waiters stand in one bounded
queue per lane; a better lane is always served first. What the venue says (used weight, 429, 418, ``Retry-After``) is law for
all lanes at once, and through the lease table for all processes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import structlog

from quantservice.adapters.venues.transport.budget_state import BudgetRules, BudgetState, Lane
from quantservice.core.errors import InvalidValue, RateLimited, StoreUnavailable
from quantservice.ports import Clock, LeaseRepository, StateStore

log = structlog.get_logger(__name__)

_YIELD_S: Final = 0.005  # wait of a worse lane while a better one is being served


class _Ticket(msgspec.Struct, eq=False):
    """One waiter."""

    lane: Lane
    weight: int
    turn: asyncio.Event


class Permit(msgspec.Struct, frozen=True, eq=False):
    """Leave to send one request."""

    number: int
    lane: Lane
    weight: int
    sent_ms: int


class WeightBudget:
    """The budget of one (egress, bucket).

    ``leases``: the state store whose lease table is shared with other processes; None when this process is alone.
    ``wall_ms``: real UTC, where ``clock`` tells a market's time that is not (a replay): the venue counts in real time.
    ``slice_s``: waits are cut into so many seconds, so that a stepped clock or a changed limit is seen soon.
    """

    def __init__(
        self,
        bucket: str,
        rules: BudgetRules,
        *,
        clock: Clock,
        leases: StateStore | None = None,
        max_waiters: int = 4096,
        chunk: int | None = None,
        wall_ms: Callable[[], int] | None = None,
        slice_s: float = 1.0,
    ) -> None:
        self.bucket = bucket
        self.state = BudgetState(rules, leased=leases is not None)
        self.limited = 0
        self._clock = clock
        self._anchor_ms = 0
        self.set_time((wall_ms or clock.now_ms)())
        self._leases = leases
        self._chunk = chunk or max(10, rules.limit // 40)
        self._max_waiters = max_waiters
        self._slice_s = slice_s
        self._queues: dict[Lane, deque[_Ticket]] = {lane: deque() for lane in Lane}
        self._lock = asyncio.Lock()
        self._order_back_off_s = 0.0
        self._lease_lost = False
        self._leased_history = 0
        self._foreign_need = False
        self._seen: int | None = None  # the store's foreign version whose blocks are known

    @property
    def rules(self) -> BudgetRules:
        """The limit in force."""
        return self.state.rules

    def set_limit(self, limit: int) -> None:
        """Take the limit that the venue publishes (exchangeInfo)."""
        if limit != self.rules.limit:
            log.info("budget.limit_changed", bucket=self.bucket, before=self.rules.limit, now=limit)
            self.state.rules = msgspec.structs.replace(self.rules, limit=limit)

    def set_time(self, venue_ms: int) -> None:
        """Align the windows with the venue's clock: it shows ``venue_ms`` now."""
        self._anchor_ms = venue_ms - int(self._clock.monotonic() * 1000)

    def now_ms(self) -> int:
        """Our estimate of the venue's clock. It never jumps with this machine's."""
        return int(self._clock.monotonic() * 1000) + self._anchor_ms

    async def acquire(self, lane: Lane, weight: int, *, deadline_s: float = 60.0) -> Permit:
        """Wait for leave to send a request of ``weight``; the caller must end it with :meth:`finish`.

        Raises :class:`RateLimited` when the wait would be longer than ``deadline_s`` or too many are waiting already.
        """
        if weight > self.rules.ceiling(lane):
            lane_name = lane.name.lower()
            raise InvalidValue("weight", f"a request of weight {weight} can never pass the {lane_name} lane of {self.bucket}")
        queue = self._queues[lane]
        if len(queue) >= self._max_waiters:
            raise self._refusal(f"{len(queue)} requests are already waiting", self.now_ms())
        ticket = _Ticket(lane, weight, asyncio.Event())
        queue.append(ticket)
        until = self._clock.monotonic() + deadline_s
        try:
            while True:
                left_s = until - self._clock.monotonic()
                if queue[0] is not ticket:
                    await self._await_turn(ticket, left_s)
                    continue
                wait_ms = await self._attempt(ticket)
                if isinstance(wait_ms, Permit):
                    return wait_ms
                if wait_ms / 1000 > left_s:
                    raise self._refusal(f"the next free weight is {wait_ms} ms away", self.now_ms() + wait_ms)
                await self._clock.sleep(min(wait_ms / 1000, self._slice_s))
        finally:
            queue.remove(ticket)
            if queue:
                queue[0].turn.set()

    def finish(self, permit: Permit) -> None:
        """Tell that the request of ``permit`` is over, whatever its outcome."""
        self.state.answered(permit.number, self.now_ms())

    @asynccontextmanager
    async def permit(self, lane: Lane, weight: int, *, deadline_s: float = 60.0) -> AsyncIterator[Permit]:
        """Acquire, and finish at the end of the block."""
        permit = await self.acquire(lane, weight, deadline_s=deadline_s)
        try:
            yield permit
        finally:
            self.finish(permit)

    async def venue_said(self, used: int, *, permit: Permit) -> None:
        """Take the used weight of the venue's header on the answer to ``permit``."""
        before = self.state.elsewhere
        self.finish(permit)  # the venue has counted the request that it answers
        self.state.venue_said(used, self.now_ms(), sent_ms=permit.sent_ms)
        if self._leases is not None and self.state.elsewhere > before + self._chunk:
            window = self.state.window
            unspent = max(0, self.state.leased_weight - window.used)
            await self._with_leases(lambda leases: leases.set_used(self.bucket, window.index, used + unspent))

    async def rejected(self, status: int, *, retry_after_s: float | None, lane: Lane, order_count: bool = False) -> RateLimited:
        """Book a 429 or 418 and return the error to raise: everyone is silent until the instant in it.

        Without ``Retry-After``: an order-count refusal makes the order lane back off (1 s, 2 s, … 60 s); any other
        one is taken as "this window is spent" (429) or two minutes (418, the venue's shortest ban).
        """
        now_ms = self.now_ms()
        self.limited += 1
        if order_count and retry_after_s is None and status == 429:
            self._order_back_off_s = min(60.0, self._order_back_off_s * 2 or 1.0)
            until_ms = now_ms + int(self._order_back_off_s * 1000)
            self.state.block(until_ms, lane=Lane.ORDER)
            return self._refusal("the order count limit is reached", until_ms)
        if retry_after_s is not None:
            until_ms = now_ms + int(retry_after_s * 1000) + 1
        elif status == 418:
            until_ms = now_ms + 120_000
        else:
            until_ms = (now_ms // self.rules.window_ms + 1) * self.rules.window_ms
        if until_ms > self.state.blocked_until_ms:
            log.warning("budget.blocked", bucket=self.bucket, status=status, seconds=round((until_ms - now_ms) / 1000, 1))
        self.state.block(until_ms)
        await self._with_leases(lambda leases: leases.block(self.bucket, until_ms))
        return self._refusal("the venue asked us to wait", until_ms, banned=status == 418)

    def order_accepted(self) -> None:
        """End the order lane's back-off."""
        self._order_back_off_s = 0.0

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        self.state.roll(self.now_ms())
        return {
            "limit": self.rules.limit,
            "used": self.state.total_used(),
            "history_used": self.state.window.history,
            "granted": self.state.granted,
            "waiting": sum(len(queue) for queue in self._queues.values()),
            "blocked_ms": max(0, self.state.blocked_until_ms - self.now_ms()),
            "limited": self.limited,
        }

    # --- inside ---

    async def _await_turn(self, ticket: _Ticket, left_s: float) -> None:
        ticket.turn.clear()
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                await ticket.turn.wait()
        except TimeoutError:
            raise self._refusal("too many requests are waiting before this one", self.now_ms()) from None

    async def _attempt(self, ticket: _Ticket) -> Permit | int:
        """Grant, or say how many milliseconds to wait."""
        if self._leases is None:
            return self._grant(ticket)
        async with self._lock:
            await self._lease(ticket)
            return self._grant(ticket)

    def _grant(self, ticket: _Ticket) -> Permit | int:
        now_ms = self.now_ms()
        others = self._foreign_need or any(self._queues[lane] for lane in (Lane.CANCEL, Lane.ORDER, Lane.LIVE))
        wait_ms = self.state.wait_ms(ticket.lane, ticket.weight, now_ms, others_waiting=others)
        if self._better_waits(ticket.lane):
            return max(wait_ms, int(_YIELD_S * 1000))
        if wait_ms:
            return wait_ms
        if self.state.needs_lease(ticket.weight) or (
            self.state.leased and ticket.lane is Lane.HISTORY and self.state.window.history + ticket.weight > self._leased_history
        ):
            return max(1, (self.state.window.index + 1) * self.rules.window_ms - now_ms)
        number = self.state.grant(ticket.lane, ticket.weight, now_ms)
        return Permit(number, ticket.lane, ticket.weight, now_ms)

    def _better_waits(self, lane: Lane) -> bool:
        """Say whether a better lane waits that is not itself held back by a block of its own."""
        now_ms = self.now_ms()
        return any(self._queues[other] and self.state.lane_blocked_ms.get(other, 0) <= now_ms for other in Lane if other < lane)

    async def _lease(self, ticket: _Ticket) -> None:
        """Read what other processes did and lease a chunk when ours is spent."""
        state = self.state
        if state.roll(self.now_ms()):
            self._leased_history = 0
        version = None if self._leases is None else self._leases.foreign_version()
        enough = ticket.lane is not Lane.HISTORY and not state.needs_lease(ticket.weight)
        if enough and version is not None and version == self._seen:
            return  # nobody else wrote since the last look: there is no block that is not known

        async def settle(leases: LeaseRepository) -> None:
            window = state.window.index
            state.block(await leases.blocked_until(self.bucket))
            missing = state.needs_lease(ticket.weight)
            if missing:
                wanted = max(missing, self._chunk)
                state.leased_weight += await leases.take(self.bucket, window, wanted, self.rules.ceiling(ticket.lane))
            if ticket.lane is Lane.HISTORY:
                await self._lease_history(leases, ticket.weight, window)

        self._seen = version  # from before the look: what others write meanwhile is looked at the next time
        if not await self._with_leases(settle):
            self._seen = None
            # The table is away: go on with what history may use when shared, so that two processes stay under the limit.
            most = int(self.rules.limit * self.rules.history_shared)
            state.leased_weight = max(state.leased_weight, min(most, state.window.used + ticket.weight))
            self._leased_history = max(self._leased_history, most)

    async def _lease_history(self, leases: LeaseRepository, weight: int, window: int) -> None:
        name = f"{self.bucket}/history"
        missing = self.state.window.history + weight - self._leased_history
        if missing <= 0:
            return
        others = await leases.used(self.bucket, window) - await leases.used(name, window)
        # Chunks leased ahead by better lanes count as use: more than two chunks means someone really needs weight.
        self._foreign_need = others > max(2 * self._chunk, int(self.rules.limit * self.rules.needed_from))
        share = self.rules.history_shared if self._foreign_need else self.rules.history_alone
        self._leased_history += await leases.take(name, window, max(missing, self._chunk), int(self.rules.limit * share))

    async def _with_leases(self, action: Callable[[LeaseRepository], Awaitable[None]]) -> bool:
        """Run ``action`` on the lease table; false while the table is away (said once per loss and once per return)."""
        if self._leases is None:
            return False
        try:
            async with self._leases.transaction() as unit:
                await action(unit.leases)
        except StoreUnavailable as error:
            if not self._lease_lost:
                log.warning("budget.leases_lost", bucket=self.bucket, error=str(error))
            self._lease_lost = True
            return False
        if self._lease_lost:
            log.info("budget.leases_back", bucket=self.bucket)
        self._lease_lost = False
        return True

    def _refusal(self, reason: str, until_ms: int, *, banned: bool = False) -> RateLimited:
        until_ns = self._clock.now_ns() + (until_ms - self.now_ms()) * 1_000_000
        return RateLimited(f"{self.bucket}: {reason}; nothing was sent", retry_at_ns=until_ns, banned=banned)
