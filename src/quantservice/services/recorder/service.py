"""The recorder's loop: batch by size or time, append, commit, announce; spill to disk while the store is away.

Order of safety: rows are durable (in the store, or synced in the spool) before the subscription is committed. While
anything waits in the spool, later rows go behind it, so one stream's rows reach the store in the order they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import BookDelta, Kind, Kline, MarketEvent
from quantservice.core.messages import MarketBatch, Message, Overflow, StoredBatch, SystemEvent, Topic
from quantservice.ports import AppendResult, Clock, EventBus, MarketStore, Subscription
from quantservice.services.recorder.spool import Spool, SpoolFull

_log = structlog.get_logger(__name__)
_ALL_KINDS: Final = tuple(kind.value for kind in Kind)
_DRAIN_LIMIT_S: Final = 8.0
_RATE_OLD_S: Final = 5.0
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class RecorderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``kinds`` names what is stored; of klines only closed ones, of books only snapshots are.

    Rows are written when ``batch_rows`` are there or the first has waited ``flush_ms``. Where the last write was less than
    ``flush_ms`` ago it takes ``flood_rows``.
    """

    spill_dir: str
    batch_rows: int = 5_000
    flood_rows: int = 20_000
    flush_ms: int = 250
    spill_limit_bytes: int = 1_024_000_000
    queue_events: int = 20_000
    retry_s: float = 1.0
    append_timeout_s: float = 20.0
    drain_rows: int = 20_000
    kinds: tuple[str, ...] = _ALL_KINDS


class _Figures(msgspec.Struct):
    rows: int = 0
    batches: int = 0
    unchanged: int = 0
    revised: int = 0
    refused: int = 0
    spilled_rows: int = 0
    drained_rows: int = 0
    lag_ms: float = 0.0
    rows_per_s: float = 0.0
    losses: int = 0


class RecorderService:
    """Writes live and fetched market events to the store."""

    name = "recorder"
    consumes: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.MARKET_HISTORY)
    produces: tuple[str, ...] = (Topic.MARKET_STORED, Topic.SYSTEM)

    def __init__(self, store: MarketStore, bus: EventBus, clock: Clock, config: RecorderConfig) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._config = config
        self._kinds = frozenset(Kind(kind) for kind in config.kinds)
        self._spool = Spool(Path(config.spill_dir), limit_bytes=config.spill_limit_bytes)
        self._figures = _Figures()
        self._waiting: list[MarketEvent] = []
        self._cause: Message | None = None
        self._first_at = 0.0
        self._wrote_at = float("-inf")
        self._away = False
        self._retry_at = 0.0
        self._full_told = False
        self._rate_from = (0.0, 0)

    async def run(self) -> None:
        """Record until cancelled; then write or spill what is held."""
        await asyncio.to_thread(self._spool.open)
        if not self._spool.empty:
            _log.info("recorder.spool_found", bytes=self._spool.size_bytes)
        self._rate_from = (self._clock.monotonic(), self._figures.rows)
        capacity = self._config.queue_events
        try:
            async with self._bus.subscribe(self.consumes, group=self.name, overflow=Overflow.BLOCK, capacity=capacity) as inbox:
                await self._record(inbox)
        finally:
            self._spool.close()

    def stats(self) -> Mapping[str, Any]:
        """Counters since start, what waits, and how far behind the recorder is."""
        quiet = self._clock.monotonic() - self._rate_from[0] > _RATE_OLD_S
        return {
            **msgspec.structs.asdict(self._figures),
            "rows_per_s": 0.0 if quiet else self._figures.rows_per_s,
            "waiting_rows": len(self._waiting),
            "spill_bytes": self._spool.size_bytes,
            "spill_torn_bytes": self._spool.torn_bytes,
            "store_away": int(self._away),
        }

    # --- the loop ----------------------------------------------------------------------------------------------------

    async def _record(self, inbox: Subscription) -> None:
        batches = aiter(inbox)
        arriving = asyncio.ensure_future(_next(batches))
        try:
            while True:
                await asyncio.wait({arriving}, timeout=self._pause_s())
                if arriving.done():
                    messages = arriving.result()
                    if messages is None:
                        break
                    self._take(messages)
                    arriving = asyncio.ensure_future(_next(batches))
                if self._due():
                    await self._flush(inbox)
                if not self._spool.empty and self._clock.monotonic() >= self._retry_at:
                    await self._drain()
        finally:
            arriving.cancel()
            await asyncio.wait({arriving})
            if not arriving.cancelled() and arriving.exception() is None:
                self._take(arriving.result() or ())
            await self._finish(inbox, batches)

    def _take(self, messages: Sequence[Message]) -> None:
        kinds = self._kinds
        if not self._waiting:
            self._first_at = self._clock.monotonic()
        waiting = self._waiting
        for message in messages:
            if type(message.data) is not MarketBatch:
                continue
            for event in message.data.events:
                if type(event) is Kline:
                    if event.closed and Kind.KLINE in kinds:
                        waiting.append(event)
                elif event.kind in kinds and type(event) is not BookDelta:
                    waiting.append(event)
            self._cause = message

    def _due(self) -> bool:
        if not self._waiting:
            return False
        now, flush_s = self._clock.monotonic(), self._config.flush_ms / 1000
        if now - self._first_at >= flush_s:
            return True
        # In a flood a full batch waits for more: few large writes cost the store half of what many small ones do.
        flood = now - self._wrote_at < flush_s
        return len(self._waiting) >= (max(self._config.batch_rows, self._config.flood_rows) if flood else self._config.batch_rows)

    def _pause_s(self) -> float:
        """How long to wait for more before there is something else to do."""
        if self._waiting:
            left = self._first_at + self._config.flush_ms / 1000 - self._clock.monotonic()
        elif not self._spool.empty:
            left = self._retry_at - self._clock.monotonic()
        else:
            left = self._config.retry_s
        return min(max(left, 0.0), self._config.retry_s)

    async def _flush(self, inbox: Subscription) -> None:
        events, self._waiting = self._waiting, []
        began, self._wrote_at = self._first_at, self._clock.monotonic()
        try:
            await self._make_durable(events)
        except BaseException:
            # Not yet durable anywhere: keep the rows for the way out.
            self._waiting = events + self._waiting
            raise
        await inbox.commit()
        self._figures.batches += 1
        self._figures.lag_ms = round((self._clock.monotonic() - began) * 1000, 1)

    async def _make_durable(self, events: list[MarketEvent]) -> None:
        """Append ``events`` to the store, else to the spool; where both are full, hold the bus back until one is not."""
        while True:
            if self._spool.empty and self._clock.monotonic() >= self._retry_at:
                result = await self._append(events)
                if result is not None:
                    await self._announce(result, self._cause)
                    return
            try:
                await _undivided(self._spool.write, events)
            except SpoolFull as error:
                await self._tell_full(error)
                await self._clock.sleep(max(self._retry_at - self._clock.monotonic(), 0.0))
                await self._drain()
            else:
                self._figures.spilled_rows += len(events)
                return

    async def _drain(self) -> None:
        """Hand the oldest part of the spool over to the store."""
        if self._spool.empty:
            return
        events, token = await _undivided(self._read_spool, self._config.drain_rows)
        if events:
            result = await self._append(events)
            if result is None:
                return
            self._figures.drained_rows += len(events)
            await self._announce(result, None)
        await _undivided(self._spool.done, token)

    def _read_spool(self, most_events: int) -> tuple[list[MarketEvent], int]:
        return self._spool.read(most_events=most_events)

    async def _append(self, events: list[MarketEvent]) -> AppendResult | None:
        """Append to the store; None when it is away."""
        try:
            async with asyncio.timeout(self._config.append_timeout_s):
                result = await self._store.append(events)
        except TimeoutError:
            await self._lost("the store did not answer in time")
        except EnvironmentFault as error:
            await self._lost(str(error))
        else:
            await self._returned()
            return result
        return None

    async def _finish(self, inbox: Subscription, batches: AsyncIterator[Sequence[Message]]) -> None:
        """Make durable what is held and what still stands in the queue, within a bound."""
        try:
            async with asyncio.timeout(_DRAIN_LIMIT_S):
                while inbox.stats.depth:
                    self._take(await anext(batches))
                if self._waiting:
                    await self._flush(inbox)
        except (TimeoutError, StopAsyncIteration):
            if self._waiting:
                _log.error("recorder.stopped_with_rows", rows=len(self._waiting))

    # --- what it says ------------------------------------------------------------------------------------------------

    async def _announce(self, result: AppendResult, cause: Message | None) -> None:
        figures = self._figures
        figures.rows += result.rows
        figures.unchanged += result.unchanged
        figures.revised += len(result.revised)
        figures.refused += len(result.refused)
        now, (since, before) = self._clock.monotonic(), self._rate_from
        if now - since >= 1.0:
            figures.rows_per_s = round((figures.rows - before) / (now - since), 1)
            self._rate_from = (now, figures.rows)
        if not result.rows:
            return
        data = StoredBatch(new=result.new, revised=result.revised, other_rows=result.rows - len(result.new) - len(result.revised))
        if cause is None:
            message = Message(topic=Topic.MARKET_STORED, event_type="market.stored", data=data)
        else:
            message = cause.caused(topic=Topic.MARKET_STORED, event_type="market.stored", key=cause.key, data=data)
        await self._publish(message)

    async def _lost(self, reason: str) -> None:
        self._retry_at = self._clock.monotonic() + self._config.retry_s
        if self._away:
            return
        self._away = True
        self._figures.losses += 1
        _log.warning("recorder.store_lost", reason=reason)
        await self._alarm("recorder.store_lost", "warning", f"rows are kept on disk until the store returns: {reason}")

    async def _returned(self) -> None:
        self._retry_at = 0.0
        self._full_told = False
        if not self._away:
            return
        self._away = False
        _log.info("recorder.store_returned", spill_bytes=self._spool.size_bytes)
        await self._alarm("recorder.store_returned", "info", "the store takes rows again; what was kept on disk follows")

    async def _tell_full(self, error: SpoolFull) -> None:
        self._retry_at = max(self._retry_at, self._clock.monotonic() + self._config.retry_s)
        if self._full_told:
            return
        self._full_told = True
        _log.error("recorder.spill_full", reason=str(error), bytes=self._spool.size_bytes)
        await self._alarm("recorder.spill_full", "critical", f"{error}; feeds are held back until the store returns")

    async def _alarm(self, name: str, level: str, detail: str) -> None:
        event = SystemEvent(name=name, level=level, detail=detail, data={"spill_bytes": self._spool.size_bytes})
        await self._publish(Message(topic=Topic.SYSTEM, event_type=f"system.{name}", key=self.name, data=event))

    async def _publish(self, message: Message) -> None:
        try:
            await self._bus.publish([message])
        except EnvironmentFault as error:
            # The bus closes before the last rows are written: they are durable, nobody listens any more.
            _log.info("recorder.not_announced", event_type=message.event_type, reason=str(error))


async def _next(batches: AsyncIterator[Sequence[Message]]) -> Sequence[Message] | None:
    """The next batch, None at the end."""
    return await anext(batches, None)


async def _undivided(call: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
    """Run a piece of disk work in a thread to its end, even when cancelled: two threads must never share the spool."""
    work = asyncio.ensure_future(asyncio.to_thread(call, *arguments, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
