"""Which data of which deployment is not to be trusted now: holes in the recent klines that it works with.

The truth is asked of the store, never remembered from events: a gap that was healed in parts, or a message that was lost, leaves
nothing behind. What was answered holds for a moment only; where the store cannot be asked the answer expires, and age alone counts
(rule ``fresh_data``). A hole at the very beginning of the window is history that is still being fetched, or that there is not:
nobody is held back by it, and a person's orders by none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import structlog

from quantservice.core.errors import EnvironmentFault, QuantServiceError
from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import count_opens, floor_open, period_ms
from quantservice.core.spans import Span, subtract
from quantservice.ports import WINDOW_SCOPE, Clock, Deployment, StateStore

_log = structlog.get_logger(__name__)
#: Newest closed bars of its period that a deployment is taken to work with while its strategy has not said on how many it does,
#: and of how many it is asked at most.
WINDOW_BARS: Final = 200
_MOST_BARS: Final = 10_000
_SETTLE_MS: Final = 30_000  # beside one bar: how long a close may take into the store
_HOLDS_NS: Final = 30 * 1_000_000_000
_ABSENT: Final = "maintenance"  # scope of what the venue was proven not to have
Missing: TypeAlias = Callable[[Sequence[tuple[StreamId, Span]]], Awaitable[Mapping[StreamId, Sequence[Span]]]]
Faults: TypeAlias = dict[tuple[str, InstrumentId], tuple[str, ...]]


class DataTrust:
    """Keeps ``faults``, which risk control looks at, true. :meth:`look` is called every few seconds, and when a gap was told."""

    def __init__(self, faults: Faults, missing: Missing, state: StateStore, clock: Clock) -> None:
        self._faults, self._missing, self._state, self._clock = faults, missing, state, clock
        self._asked_ns = clock.now_ns()
        self._silent = False

    async def look(self, deployments: Iterable[Deployment]) -> None:
        """Ask what is missing of the deployments that run, and take the answer in place of the one before."""
        wanted = self._wanted(deployments)
        try:
            found, bars = await self._holes(wanted)
        except EnvironmentFault as error:
            if not self._silent:
                self._silent = True
                _log.warning("risk.data_not_asked", reason=str(error))
            if self._clock.now_ns() - self._asked_ns > _HOLDS_NS:
                self._faults.clear()
            return
        self._silent, self._asked_ns = False, self._clock.now_ns()
        told: Faults = {}
        for stream, deployment in ((stream, name) for stream, names in wanted.items() for name in names):
            fault = _fault(stream, bars[deployment], self._window(stream, bars[deployment]), found.get(stream, ()))
            if fault:
                key = (deployment, stream.instrument)
                told[key] = (*told.get(key, ()), fault)
        self._say(told)
        self._faults.clear()
        self._faults.update(told)

    def _wanted(self, deployments: Iterable[Deployment]) -> dict[StreamId, list[str]]:
        wanted: dict[StreamId, list[str]] = {}
        for item in deployments:
            for name in item.instruments if item.state == "running" and item.period else ():
                try:
                    stream = StreamId.kline(InstrumentId.parse(name), item.period)
                except QuantServiceError:  # what is not named so has no klines either
                    continue
                wanted.setdefault(stream, []).append(item.id)
        return wanted

    async def _holes(self, wanted: Mapping[StreamId, Sequence[str]]) -> tuple[dict[StreamId, list[Span]], dict[str, int]]:
        """Return what is missing of each stream, and on how many bars each deployment's decisions rest."""
        if not wanted:
            return {}, {}
        async with self._state.transaction() as work:
            absent = await work.values.items(_ABSENT)
            told = await work.values.items(WINDOW_SCOPE)
        bars = {name: min(int(told.get(name) or WINDOW_BARS), _MOST_BARS) for names in wanted.values() for name in names}
        windows = [(stream, self._window(stream, max(bars[name] for name in names))) for stream, names in wanted.items()]
        missing = await self._missing(windows)
        return {stream: subtract(spans, _proven(absent.get(str(stream)))) for stream, spans in missing.items()}, bars

    def _window(self, stream: StreamId, bars: int) -> Span:
        length = period_ms(stream.period)
        until = floor_open(stream.period, self._clock.now_ms() - length - _SETTLE_MS)
        return Span(floor_open(stream.period, until - bars * length), until)

    def _say(self, told: Faults) -> None:
        for (deployment, instrument), faults in told.items():
            if (deployment, instrument) not in self._faults:
                _log.warning("risk.data_not_trusted", deployment=deployment, instrument=str(instrument), reason="; ".join(faults))


def _proven(evidence: Any) -> list[Span]:
    """Return the ranges that separate attempts found the venue not to have."""
    rows = evidence or ()
    return [Span(int(row["start_ms"]), int(row["end_ms"])) for row in rows if int(row["attempts"]) > 1]


def _fault(stream: StreamId, bars: int, window: Span, holes: Iterable[Span]) -> str:
    """Say what is missing after the first bar that is there; nothing where nothing is."""
    inner = [hole for hole in holes if hole.start_ms > window.start_ms]
    count = sum(count_opens(stream.period, hole.start_ms, hole.end_ms) for hole in inner)
    if not count:
        return ""
    return f"gap: {count} of the last {bars} klines of {stream.period} {'is' if count == 1 else 'are'} missing"
