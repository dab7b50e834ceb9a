"""What is wanted: for each registered pair and period, from its listing or the set start up to the last closed bar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from quantservice.core.errors import QuantServiceError
from quantservice.core.events import StreamId
from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.periods import DAY_MS, ceil_open, floor_open, period_ms
from quantservice.core.spans import Span
from quantservice.ports import Clock, StateStore, TradingPair, Venue
from quantservice.services.backfill.model import BackfillConfig

log = structlog.get_logger(__name__)

_SCOPE: Final = "listing"
_ASK_AGAIN_S: Final = 600.0


class Planner:
    """Turns the registry into wanted spans. The venue's first kline of an instrument is asked for once and kept."""

    def __init__(
        self,
        venues: Mapping[tuple[str, str], Venue],
        *,
        state: StateStore,
        clock: Clock,
        config: BackfillConfig,
        instruments: Callable[[], InstrumentBook],
    ) -> None:
        self._venues = venues
        self._state = state
        self._clock = clock
        self._config = config
        self._instruments = instruments
        self._first: dict[InstrumentId, int] = {}
        self._unknown_until: dict[InstrumentId, float] = {}
        self._mute: set[tuple[str, str]] = set()
        self.periods: frozenset[str] = frozenset()  # of all collected pairs, also those of which nothing is wanted yet

    async def load(self) -> None:
        """Read the listings known from before."""
        async with self._state.transaction() as work:
            items = await work.values.items(_SCOPE)
        self._first = {InstrumentId.parse(key): int(value) for key, value in items.items()}

    async def wanted(self, periods: Iterable[str] | None = None) -> dict[StreamId, Span]:
        """Return the wanted span of every kline stream (of these periods only, if given)."""
        only = None if periods is None else set(periods)
        async with self._state.transaction() as work:
            pairs = await work.pairs.list(enabled_only=True)
        book = self._instruments()
        chosen = {
            pair.instrument: (pair, instrument)
            for pair in pairs
            if "kline" in pair.kinds
            and (pair.venue, pair.market) in self._venues
            and (instrument := book.get(pair.instrument)) is not None
            and (only is None or only.intersection(pair.periods))
        }
        if only is None:
            self.periods = frozenset(period for pair, _ in chosen.values() for period in pair.periods)
        await self._learn_listings([(instrument, min(pair.periods, key=period_ms)) for pair, instrument in chosen.values()])
        spans: dict[StreamId, Span] = {}
        for pair, instrument in chosen.values():
            for period in pair.periods:
                if only is not None and period not in only:
                    continue
                span = self._span(pair, instrument, period, self._first.get(instrument.id))
                if span is not None:
                    spans[StreamId.kline(pair.instrument, period)] = span
        return spans

    def closed_until(self, period: str) -> int:
        """Return the end of the last bar that is surely closed and had its time to arrive."""
        return floor_open(period, self._clock.now_ms() - int(self._config.grace_s * 1000))

    def _span(self, pair: TradingPair, instrument: Instrument, period: str, first_ms: int | None) -> Span | None:
        default_ms = int(self._clock.now_ms() - self._config.history_days * DAY_MS) // DAY_MS * DAY_MS
        start = ceil_open(period, pair.history_start_ms if pair.history_start_ms is not None else default_ms)
        listed = first_ms if first_ms is not None else instrument.listed_ms
        if listed is not None:
            start = max(start, floor_open(period, listed))
        end = self.closed_until(period)
        if instrument.delisted_ms is not None:
            end = min(end, ceil_open(period, instrument.delisted_ms))
        elif instrument.status in ("delisted", "delivering") and instrument.valid_from_ms:
            end = min(end, ceil_open(period, instrument.valid_from_ms))
        return Span(start, end) if start < end else None

    async def _learn_listings(self, wanted: Sequence[tuple[Instrument, str]]) -> None:
        """Ask for the first kline of instruments not asked before, a few at a time."""
        now = self._clock.monotonic()
        unknown = [item for item in wanted if item[0].id not in self._first and self._unknown_until.get(item[0].id, now) <= now]
        if not unknown:
            return
        self._mute.clear()
        gate = asyncio.Semaphore(self._config.concurrency)
        async with asyncio.TaskGroup() as group:
            for instrument, period in unknown:
                group.create_task(self._learn_listing(instrument, period, gate))

    async def _learn_listing(self, instrument: Instrument, period: str, gate: asyncio.Semaphore) -> None:
        key = (instrument.id.venue, instrument.id.market)
        async with gate:
            if key in self._mute:
                return
            try:
                first = await self._venues[key].history.first_kline_ms(StreamId.kline(instrument.id, period))
            except QuantServiceError as error:
                # Not knowing is no obstacle: the wanted span then begins at the set start, and the venue answers with less.
                log.debug("backfill.listing_unknown", instrument=str(instrument.id), reason=str(error))
                self._mute.add(key)
                return
        if first is None:
            self._unknown_until[instrument.id] = self._clock.monotonic() + _ASK_AGAIN_S
            return
        self._first[instrument.id] = first
        async with self._state.transaction() as work:
            await work.values.put(_SCOPE, str(instrument.id), first)
