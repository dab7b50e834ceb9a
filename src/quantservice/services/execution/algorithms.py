"""Algorithms: a large order worked off in parts, over a time, over days of restarts.

The parent is a record that is durable before its first part; the parts are orders of their own, each through risk control and the
write-ahead commit, whose ids are functions of the parent and their number. At most one part is open at a time and the next one is
sized from what the parts before it surely filled: whatever is lost, cancelled or restarted, the fills never exceed the parent, and
no part is sent twice. What one time did not fill is spread over the times that are left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, InvalidValue, UnknownName, VenueError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Denied, Intent
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Order
from quantservice.ports import Clock, StateStore
from quantservice.services.execution.gateway import Gateway
from quantservice.services.execution.slicing import chase, child, iceberg, part_now

_log = structlog.get_logger(__name__)
_SCOPE: Final = "algorithm"
_S_NS: Final = 1_000_000_000
_LOOK_S: Final = 0.25
_CHASE_NS: Final = 2 * _S_NS  # a part rests so long at least before it follows the market
_VALID_NS: Final = 30 * _S_NS
_TRIES: Final = 10  # parts in a row that came to nothing before it gives up
_PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
MOST_PARTS: Final = 500
MOST_ACTIVE: Final = 100
KEPT: Final = 500  # parents that have ended
AlgorithmKind: TypeAlias = Literal["twap", "vwap", "iceberg", "limit"]
AlgorithmState: TypeAlias = Literal["running", "cancelling", "done", "cancelled", "expired", "failed"]
#: Best bid and ask of an instrument, or None where no price is known.
TouchOf: TypeAlias = Callable[[InstrumentId], tuple[Decimal, Decimal] | None]


class Algorithm(msgspec.Struct, frozen=True, kw_only=True):
    """A parent and how far it is.

    ``weights``: of twap and vwap, one share per equal part of the time. ``shown``: of iceberg, what the market sees at once.
    ``end_ns``: nothing of it is open after that instant (0: no end). ``sent``: numbers of parts that may have been sent.
    """

    parent: Intent
    kind: AlgorithmKind
    start_ns: int
    end_ns: int = 0
    weights: tuple[Decimal, ...] = ()
    shown: Decimal | None = None
    post_only: bool = False
    state: AlgorithmState = "running"
    reason: str = ""
    sent: int = 0
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    ended_ns: int = 0

    @property
    def name(self) -> str:
        """Its id: that of the parent's intent."""
        return self.parent.intent_id

    @property
    def active(self) -> bool:
        """Whether it may still send or cancel parts."""
        return self.state in ("running", "cancelling")

    @property
    def average_price(self) -> Decimal | None:
        """Average price of what is filled."""
        return _average(self.cost, self.filled)

    def slot(self, now_ns: int) -> int:
        """Return in which part of its time an instant is."""
        each_ns = max(1, (self.end_ns - self.start_ns) // len(self.weights))
        return max(0, min((now_ns - self.start_ns) // each_ns, len(self.weights) - 1))

    def slot_end_ns(self, slot: int) -> int:
        """Return when a part of its time ends."""
        return self.start_ns + (slot + 1) * ((self.end_ns - self.start_ns) // len(self.weights))


class Algorithms:
    """Works off the parents of one account, and is their only owner."""

    def __init__(
        self,
        gateway: Gateway,
        state: StateStore,
        clock: Clock,
        *,
        instrument_of: Callable[[InstrumentId], Instrument | None],
        touch_of: TouchOf,
    ) -> None:
        self._gateway, self._state, self._clock = gateway, state, clock
        self._instrument_of, self._touch_of = instrument_of, touch_of
        self._active: dict[str, Algorithm] | None = None
        self._ended: dict[str, Order] = {}  # parts that are complete: they change no more
        self._working = asyncio.Lock()  # a cancel waits for the part that is being sent, and then sees it
        self._pauses: dict[str, tuple[int, int]] = {}  # parent -> parts in a row that came to nothing, and when the next is due

    # --- as it is asked ------------------------------------------------------------------------------------------------

    async def place(self, made: Algorithm) -> Algorithm:
        """Take a parent: it is durable before this returns. The same parent again is found as it is."""
        async with self._working:
            active = await self._load()
            known = await self.find(made.name)
            if known is not None:
                if (known.parent.terms, known.kind, known.shown) != (made.parent.terms, made.kind, made.shown):
                    raise InvalidValue("Idempotency-Key", "it was used for another order; take a new one")
                return known
            check(made)
            if len(active) >= MOST_ACTIVE:
                raise InvalidValue("algorithm", f"{len(active)} are active on account {self._gateway.account}; end one first")
            await self._keep(made)
            active[made.name] = made
            return made

    async def cancel(self, name: str) -> Algorithm:
        """Send no part any more and cancel the open one; what is filled stays."""
        async with self._working:
            active = await self._load()
            known = active.get(name) or await self.find(name)
            if known is None:
                raise UnknownName("algorithm", name[:80], tuple(active))
            if known.state == "running":
                known = msgspec.structs.replace(known, state="cancelling")
                await self._keep(known)
                active[name] = known
                if self._gateway.ready:
                    known = await self._step(known)
            return known

    async def cancel_all(self, instrument: InstrumentId | None = None) -> list[Algorithm]:
        """Cancel every parent, or those of one instrument."""
        active = (await self._load()).values()
        names = [item.name for item in active if instrument in (None, item.parent.terms.instrument)]
        return [await self.cancel(name) for name in names]

    async def find(self, name: str) -> Algorithm | None:
        """Return a parent of this account as it is."""
        active = self._active or {}
        if name in active:
            return active[name]
        async with self._state.transaction() as work:
            kept = await work.values.get(_SCOPE, name)
        found = None if kept is None else msgspec.json.decode(kept, type=Algorithm)
        return found if found is not None and found.parent.terms.account == self._gateway.account else None

    # --- the loop ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled; works a second time on the same object."""
        token = -1
        while True:
            try:
                if self._gateway.ready:
                    if token != self._gateway.token:  # the start, or the account comes back from another process
                        token, self._active, self._ended = self._gateway.token, None, {}
                    await self.look()
            except (VenueError, EnvironmentFault) as error:
                _log.info("algorithms.wait", account=self._gateway.account, reason=str(error))
            await self._clock.sleep(_LOOK_S)

    async def look(self) -> None:
        """Bring every parent one step on."""
        for name in tuple(await self._load()):
            async with self._working:
                algorithm = (await self._load()).get(name)
                if algorithm is not None:
                    await self._step(algorithm)

    async def _load(self) -> dict[str, Algorithm]:
        if self._active is None:
            async with self._state.transaction() as work:
                kept = await work.values.items(_SCOPE)
            found = [msgspec.json.decode(text, type=Algorithm) for text in kept.values()]
            mine = [item for item in found if item.active and item.parent.terms.account == self._gateway.account]
            await self._prune(found)
            self._active = {item.name: item for item in sorted(mine, key=lambda item: item.start_ns)}
        return self._active

    async def _prune(self, found: Sequence[Algorithm]) -> None:
        """Forget old parents that have ended; their parts stay."""
        ended = sorted((item for item in found if not item.active), key=lambda item: item.ended_ns)
        if len(ended) > KEPT:
            async with self._state.transaction() as work:
                for item in ended[:-KEPT]:
                    await work.values.remove(_SCOPE, item.name)

    async def _keep(self, algorithm: Algorithm) -> None:
        async with self._state.transaction() as work:
            await work.values.put(_SCOPE, algorithm.name, msgspec.json.encode(algorithm).decode())

    async def _put(self, algorithm: Algorithm) -> Algorithm:
        """Keep a parent as it is now, where it changed."""
        active = await self._load()
        if algorithm != active.get(algorithm.name):
            await self._keep(algorithm)
        if algorithm.active:
            active[algorithm.name] = algorithm
        else:
            active.pop(algorithm.name, None)
            self._pauses.pop(algorithm.name, None)
            self._ended = {name: order for name, order in self._ended.items() if order.parent != algorithm.name}
        return algorithm

    # --- one step ------------------------------------------------------------------------------------------------------

    async def _step(self, algorithm: Algorithm) -> Algorithm:
        children = await self._children(algorithm)
        filled, cost = _sums(children)
        algorithm = await self._put(msgspec.structs.replace(algorithm, filled=filled, cost=cost))
        live = [order for order in children if not order.final]
        unsure = live or [order for order in children if order.fills_missing]
        now_ns = self._clock.now_ns()
        over = bool(algorithm.end_ns and now_ns >= algorithm.end_ns)
        if algorithm.state == "cancelling" or over or (live and self._misplaced(algorithm, live[-1], now_ns)):
            for order in live:
                if not order.cancel_asked:
                    await self._gateway.cancel(order.order_id)
            if live:
                return algorithm  # what came of it is seen at the next look
        if unsure:
            return algorithm
        left = algorithm.parent.terms.quantity - filled
        if left <= 0:
            return await self._end(algorithm, "done", "")
        if algorithm.state == "cancelling":
            return await self._end(algorithm, "cancelled", "")
        if over:
            return await self._end(algorithm, "expired", f"{left:f} was not filled when its time ended")
        return await self._send(algorithm, left, now_ns)

    async def _children(self, algorithm: Algorithm) -> list[Order]:
        """Return the parts that were sent, oldest first; one number more than is noted may have been, before a crash."""
        found = []
        last = len(algorithm.weights) if algorithm.weights else algorithm.sent + 1
        for number in range(last):
            order_id = child(algorithm.parent, number, algorithm.parent.terms.quantity, now_ns=0, until_ns=0).client_id
            order = self._ended.get(order_id) or await self._gateway.find(order_id)
            if order is None:
                continue
            if order.final and not order.fills_missing:
                self._ended[order_id] = order
            found.append(order)
        return found

    def _misplaced(self, algorithm: Algorithm, order: Order, now_ns: int) -> bool:
        """Say whether an open part is no longer where it should be: its time passed, or the market moved away from it."""
        if algorithm.weights:
            return now_ns >= algorithm.slot_end_ns(algorithm.slot(order.created_ns))
        if algorithm.kind != "limit" or now_ns < order.created_ns + _CHASE_NS:
            return False
        wanted = self._chasing(algorithm, order.remaining, now_ns)
        return wanted is not None and wanted.terms.limit_price != order.terms.limit_price

    async def _send(self, algorithm: Algorithm, left: Decimal, now_ns: int) -> Algorithm:
        """Send the next part, where one is due."""
        count, due_ns = self._pauses.get(algorithm.name, (0, 0))
        wanted = None if now_ns < due_ns else self._next(algorithm, left, now_ns)
        if wanted is None:
            return algorithm
        number, intent = wanted
        (outcome,) = await self._gateway.submit([intent])
        nothing = isinstance(outcome, Denied) or (outcome.final and not outcome.filled and not outcome.reported)
        reason = ""
        if nothing:
            reason = outcome.sentence if isinstance(outcome, Denied) else outcome.reason or outcome.state.value
            pause_ns = round(_PAUSES_S[min(count, len(_PAUSES_S) - 1)] * _S_NS)
            self._pauses[algorithm.name] = (count + 1, now_ns + pause_ns)
            _log.info("algorithms.part_came_to_nothing", account=self._gateway.account, algorithm=algorithm.name, reason=reason)
        else:
            self._pauses.pop(algorithm.name, None)
        after = await self._put(msgspec.structs.replace(algorithm, sent=max(algorithm.sent, number + 1), reason=reason))
        if nothing and count + 1 >= _TRIES:
            return await self._end(after, "failed", reason)
        return after

    def _next(self, algorithm: Algorithm, left: Decimal, now_ns: int) -> tuple[int, Intent] | None:
        """Return the next part and its number, or None where none is due or no price is known."""
        parent = algorithm.parent
        instrument = self._instrument_of(parent.terms.instrument)
        if instrument is None or now_ns < algorithm.start_ns:
            return None
        if algorithm.weights:
            slot = algorithm.slot(now_ns)
            touch = self._touch_of(parent.terms.instrument)
            if slot < algorithm.sent or touch is None:
                return None  # this time had its part
            quantity = part_now(left, instrument, price=touch[0], weights=algorithm.weights[slot:])
            until_ns = algorithm.slot_end_ns(slot)
            return (slot, child(parent, slot, quantity, now_ns=now_ns, until_ns=until_ns)) if quantity > 0 else None
        if algorithm.kind == "iceberg":
            shown = algorithm.shown or left
            made = iceberg(parent, shown=shown, filled=parent.terms.quantity - left, number=algorithm.sent, now_ns=now_ns)
            return None if made is None else (algorithm.sent, _bounded(made, now_ns))
        following = self._chasing(algorithm, left, now_ns)
        return None if following is None else (algorithm.sent, _bounded(following, now_ns))

    def _chasing(self, algorithm: Algorithm, left: Decimal, now_ns: int) -> Intent | None:
        """Return the part that rests at the best price of its own side, never beyond the parent's limit."""
        parent = algorithm.parent
        instrument, touch = self._instrument_of(parent.terms.instrument), self._touch_of(parent.terms.instrument)
        if instrument is None or touch is None:
            return None
        best = touch[0] if parent.terms.side == "buy" else touch[1]
        limit = parent.terms.limit_price or best
        made = chase(parent, instrument, touch=best, limit=limit, number=algorithm.sent, left=left, now_ns=now_ns)
        if made is None:
            return None
        return msgspec.structs.replace(made, terms=msgspec.structs.replace(made.terms, post_only=algorithm.post_only))

    async def _end(self, algorithm: Algorithm, state: AlgorithmState, reason: str) -> Algorithm:
        _log.info("algorithms.ended", account=self._gateway.account, algorithm=algorithm.name, state=state, reason=reason)
        after = msgspec.structs.replace(algorithm, state=state, reason=reason, ended_ns=self._clock.now_ns())
        return await self._put(after)


async def algorithms_of(state: StateStore, *, account: str | None = None, limit: int = 200) -> list[Algorithm]:
    """Return parents, newest first."""
    async with state.transaction() as work:
        kept = await work.values.items(_SCOPE)
    found = [msgspec.json.decode(text, type=Algorithm) for text in kept.values()]
    wanted = [item for item in found if account in (None, item.parent.terms.account)]
    return sorted(wanted, key=lambda item: item.parent.created_ns, reverse=True)[:limit]


def check(made: Algorithm) -> None:
    """Raise InvalidValue for a parent that makes no sense."""
    terms = made.parent.terms
    timed = made.kind in ("twap", "vwap")
    if timed and made.end_ns <= made.start_ns:
        raise InvalidValue("minutes", f"a {made.kind} is spread over a time above 0")
    if timed and not 1 <= len(made.weights) <= MOST_PARTS:
        raise InvalidValue("slices", f"{len(made.weights)} parts; 1 to {MOST_PARTS} are possible")
    if timed and (any(not weight.is_finite() or weight < 0 for weight in made.weights) or not any(made.weights)):
        raise InvalidValue("profile", "needs shares of volume, none below zero and one above it")
    if terms.type not in ("market", "limit"):
        raise InvalidValue("type", f"an algorithm's parts are market or limit orders, not {terms.type}")
    if made.kind == "iceberg":
        if made.shown is None or not 0 < made.shown <= terms.quantity:
            raise InvalidValue("shown", "an iceberg shows more than 0 and at most its whole quantity")
        if terms.type != "limit":
            raise InvalidValue("limit_price", "an iceberg rests at a limit price")
    if terms.post_only and timed:
        raise InvalidValue("post_only", f"a {made.kind} takes what is there, or rests at its limit; for post-only take limit")


@exact
def _sums(children: Sequence[Order]) -> tuple[Decimal, Decimal]:
    return sum((order.filled for order in children), ZERO), sum((order.cost for order in children), ZERO)


@exact
def _average(cost: Decimal, filled: Decimal) -> Decimal | None:
    return cost / filled if filled else None


def _bounded(intent: Intent, now_ns: int) -> Intent:
    """Give a part the time in which it may be sent: once it rests, the algorithm alone ends it."""
    return msgspec.structs.replace(intent, valid_until_ns=now_ns + _VALID_NS)
