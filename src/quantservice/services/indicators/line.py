"""Computes the indicators of every registered pair and period as klines close, and keeps their stored history whole.

Live klines take the short way: one step per indicator for all that closed together, announced at once, stored in batches. What
the recorder made durable is the truth that is compared with: a kline that was missed, healed or revised makes its stream be
computed again from the store, and what followed is corrected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import structlog

from quantservice.core.errors import EnvironmentFault
from quantservice.core.events import Kind, Kline, Source, StreamId
from quantservice.core.messages import IndicatorBatch, IndicatorUpdate, MarketBatch, Message, Overflow, StoredBatch, Topic
from quantservice.ports import Clock, EventBus, IndicatorValues, StateStore
from quantservice.quant.indicators import IndicatorCall
from quantservice.quant.indicators.keys import parse_key
from quantservice.services.indicators.config import GROUP, IndicatorConfig
from quantservice.services.indicators.history import IndicatorSource, fill
from quantservice.services.indicators.online import OnlineIndicators, keys_of

_log = structlog.get_logger(__name__)
_LIVE_CAPACITY: Final = 50_000
_STORED_CAPACITY: Final = 200_000
_LATEST: Final = 2**62  # nothing stored changed: only what is missing is computed


class IndicatorLine:
    """Follows the klines; see the room's page."""

    def __init__(self, store: IndicatorSource, state: StateStore, bus: EventBus, clock: Clock, config: IndicatorConfig) -> None:
        self._calls = tuple(parse_key(key) for key in config.keys)
        self._store = store
        self._state = state
        self._bus = bus
        self._clock = clock
        self._config = config
        self._periods: dict[str, OnlineIndicators] = {}
        self._wanted: frozenset[StreamId] = frozenset()
        self._changed: dict[StreamId, int] = {}  # stream -> earliest changed open time (0: everything)
        self._unwritten: list[IndicatorUpdate] = []
        self._figures = {"updates": 0, "fills": 0, "rows": 0, "corrections": 0}
        self._away = False
        self._computing = 0

    async def run(self) -> None:
        """Compute until cancelled."""
        await self._register()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(Topic.MARKET_LIVE, Overflow.DROP_OLDEST, _LIVE_CAPACITY))
            tasks.create_task(self._follow(Topic.MARKET_STORED, Overflow.BLOCK, _STORED_CAPACITY))
            tasks.create_task(self._mend())
            tasks.create_task(self._write())

    def stats(self) -> Mapping[str, Any]:
        """Counters since start and what waits."""
        return {
            **self._figures,
            "streams": sum(len(online) for online in self._periods.values()),
            "to_compute": len(self._changed) + self._computing,
            "unwritten": len(self._unwritten),
            "store_away": int(self._away),
        }

    # --- following ---------------------------------------------------------------------------------------------------

    async def _follow(self, topic: str, overflow: Overflow, capacity: int) -> None:
        async with self._bus.subscribe((topic,), group=GROUP, overflow=overflow, capacity=capacity) as inbox:
            async for messages in inbox:
                for message in messages:
                    if type(message.data) is MarketBatch:
                        closed = [event for event in message.data.events if type(event) is Kline and event.closed]
                        await self._advance(closed, message)
                    elif type(message.data) is StoredBatch:
                        await self._stored(message.data, message)
                await inbox.commit()

    async def _advance(self, klines: Iterable[Kline], cause: Message) -> None:
        by_period: dict[str, list[Kline]] = {}
        for kline in klines:
            if kline.stream in self._wanted and kline.stream not in self._changed:
                by_period.setdefault(kline.stream.period, []).append(kline)
        for period, closed in by_period.items():
            online = self._online(period)
            updates = online.advance(closed)
            for stream in online.behind:
                self._changed.setdefault(stream, _LATEST)
            online.behind.clear()
            if updates:
                self._figures["updates"] += len(updates)
                self._unwritten += updates
                await self._publish(updates, cause)

    async def _stored(self, batch: StoredBatch, cause: Message) -> None:
        fresh: list[Kline] = []
        for kline in batch.new:
            if kline.stream not in self._wanted:
                continue
            last = self._online(kline.stream.period).last_open(kline.stream)
            if last is None or not last or kline.open_time > last:
                fresh.append(kline)
            elif kline.open_time < last and kline.source is not Source.WS:  # those of the socket were stepped as they came
                self._note_change(kline.stream, kline.open_time)
        for kline, _revision in batch.revised:
            if kline.stream in self._wanted:
                self._note_change(kline.stream, kline.open_time)
        if fresh:
            fresh.sort(key=lambda kline: kline.open_time)
            await self._advance(fresh, cause)

    def _note_change(self, stream: StreamId, open_time: int) -> None:
        self._changed[stream] = min(open_time, self._changed.get(stream, open_time))

    # --- computing again ---------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        async with self._state.transaction() as work:
            pairs = await work.pairs.list(enabled_only=True)
        wanted = frozenset(
            StreamId.kline(pair.instrument, period) for pair in pairs if Kind.KLINE in pair.kinds for period in pair.periods
        )
        for stream in wanted - self._wanted:
            self._changed.setdefault(stream, _LATEST)
        self._wanted = wanted

    async def _mend(self) -> None:
        registered_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._config.settle_s)
            if self._clock.monotonic() - registered_at >= self._config.pairs_every_s:
                registered_at = self._clock.monotonic()
                await self._register()
            for stream in list(self._changed):
                self._computing = 1
                try:
                    await self._mend_one(stream)
                finally:
                    self._computing = 0

    async def _mend_one(self, stream: StreamId) -> None:
        changed_from = self._changed.pop(stream)
        online = self._online(stream.period)
        online.forget(stream)
        await self._write_once()
        try:
            known = await self._store.indicator_extents(stream)
            filled = await fill(self._store, stream, self._calls, known, changed_from=changed_from)
        except EnvironmentFault as error:
            self._note_change(stream, changed_from)
            self._tell_away(str(error))
            return
        self._away = False
        if filled is None or stream not in self._wanted:
            return
        if stream in self._changed:  # more changed meanwhile: the next round computes it
            return
        online.install(stream, filled.states, filled.last_open)
        self._figures["fills"] += 1
        self._figures["rows"] += filled.written
        corrected = changed_from < filled.last_open
        self._figures["corrections"] += corrected
        if filled.written:
            values = _by_key(self._calls, filled.last_values)
            update = IndicatorUpdate(stream=stream, open_time=filled.last_open, values=values, corrected=corrected)
            await self._publish([update], None)

    # --- writing -----------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            await self._clock.sleep(self._config.write_every_s)
            await self._write_once()

    async def _write_once(self) -> None:
        updates, self._unwritten = self._unwritten, []
        if not updates:
            return
        try:
            self._figures["rows"] += await self._store.put_indicators(_rows(self._calls, updates))
        except EnvironmentFault as error:
            for update in updates:  # the store is away: what could not be written is computed again from it later
                self._note_change(update.stream, update.open_time)
            self._tell_away(str(error))

    async def _publish(self, updates: Sequence[IndicatorUpdate], cause: Message | None) -> None:
        data = IndicatorBatch(updates)
        if cause is None:
            message = Message(topic=Topic.INDICATOR, data=data, event_type="indicator.corrected", key=str(updates[0].stream))
        else:
            message = cause.caused(topic=Topic.INDICATOR, data=data, event_type="indicator.new", key=updates[0].stream.period)
        await self._bus.publish([message])

    def _online(self, period: str) -> OnlineIndicators:
        found = self._periods.get(period)
        if found is None:
            found = self._periods[period] = OnlineIndicators(period, self._calls)
        return found

    def _tell_away(self, reason: str) -> None:
        if not self._away:
            self._away = True
            _log.warning("indicators.store_away", reason=reason)


def _by_key(calls: Sequence[IndicatorCall], values: Sequence[Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for call, row in zip(calls, values, strict=True):
        found.update(zip(keys_of(call), np.asarray(row).tolist(), strict=True))
    return found


def _rows(calls: Sequence[IndicatorCall], updates: Sequence[IndicatorUpdate]) -> list[IndicatorValues]:
    by_stream: dict[StreamId, list[IndicatorUpdate]] = {}
    for update in updates:
        by_stream.setdefault(update.stream, []).append(update)
    rows: list[IndicatorValues] = []
    for stream, of_stream in by_stream.items():
        opens = np.array([update.open_time for update in of_stream], dtype=np.int64)
        for call in calls:
            keys = keys_of(call)
            values = np.array([[update.values[key] for key in keys] for update in of_stream], dtype=np.float64)
            rows.append(IndicatorValues(stream, str(call), call.spec.outputs, opens, values))
    return rows
