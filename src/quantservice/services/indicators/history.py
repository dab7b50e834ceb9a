"""The offline form: fill what is missing of an indicator's stored history in bulk, and end with the state to go on from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.events import StreamId
from quantservice.core.spans import Span
from quantservice.ports import Columns, IndicatorExtent, IndicatorStore, IndicatorValues
from quantservice.quant.indicators import IndicatorCall, compute_with_state

_LATEST_MS = 2**62
_CHUNK = 200_000  # rows of one write


class IndicatorSource(IndicatorStore, Protocol):
    """What of the market store is needed: klines as arrays, and the indicators' tables."""

    async def read(self, stream: StreamId, span: Span) -> Columns:
        """Current klines as float64 columns."""
        ...


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A stream after its fill: the states behind its last bar (one per call), that bar's values by key, rows written."""

    states: tuple[npt.NDArray[np.float64], ...]
    last_open: int
    last_values: tuple[npt.NDArray[np.float64], ...]
    written: int


async def fill(
    store: IndicatorSource,
    stream: StreamId,
    calls: Sequence[IndicatorCall],
    known: Mapping[str, IndicatorExtent],
    *,
    changed_from: int | None = None,
) -> Filled | None:
    """Compute ``calls`` over all stored klines of ``stream``; write only bars that are missing or lie behind a change.

    ``known``: what is stored, by the indicator's key. A value depends on the bars before it alone, so those before ``changed_from``
    stand; where the klines begin earlier than the stored values did, everything is new. None: the stream has no klines.
    """
    bars = await store.read(stream, Span(0, _LATEST_MS))
    opens = np.asarray(bars["open_time"], dtype=np.int64)
    if not len(opens):
        return None
    computed = await asyncio.to_thread(_compute, calls, bars)
    batch: list[IndicatorValues] = []
    written = 0
    for call, (values, _state) in zip(calls, computed, strict=True):
        begin = first_to_write(opens, known.get(str(call)), changed_from)
        for start in range(begin, len(opens), _CHUNK):
            part = slice(start, start + _CHUNK)
            batch.append(IndicatorValues(stream, str(call), call.spec.outputs, opens[part], values[part]))
    if batch:
        written = await store.put_indicators(batch)
    return Filled(
        states=tuple(state for _values, state in computed),
        last_open=int(opens[-1]),
        last_values=tuple(values[-1] for values, _state in computed),
        written=written,
    )


def first_to_write(opens: npt.NDArray[np.int64], known: IndicatorExtent | None, changed_from: int | None) -> int:
    """Return the place of the first bar whose value must be written."""
    if known is None:
        return 0
    stored = int(np.searchsorted(opens, known.last_ms, side="right"))
    whole = known.first_ms == int(opens[0]) and known.bars == stored
    begin = stored if whole else 0
    if changed_from is not None:
        begin = min(begin, int(np.searchsorted(opens, changed_from, side="left")))
    return begin


def _compute(calls: Sequence[IndicatorCall], bars: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    return [compute_with_state(call, bars) for call in calls]
