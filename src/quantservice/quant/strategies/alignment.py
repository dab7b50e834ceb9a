"""Bars of a longer period made of shorter ones, and what of them is known at each shorter bar: only what has closed.

A longer bar counts from the instant at which its last part closed. Where that part is missing (a gap), it counts from the close
of the next bar that exists, because only then is it known that nothing more comes. The very first longer bar counts only when
its first part is there. The bulk form (:func:`resampled`) and the one bar at a time (:class:`Resampler`) give equal bars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.core.periods import FIXED_MS, WEEK_MS, floor_open, next_open
from quantservice.core.resample import nests
from quantservice.quant.strategies.bar import close_times

Times = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]
_SUMS: Final = ("volume", "quote_volume", "count", "taker_buy_base_volume", "taker_buy_quote_volume")
_MONDAY_MS: Final = 4 * 86_400_000


@dataclass(frozen=True, eq=False)
class Known:
    """Columns of bars and, per bar, the instant (ms UTC) from which on it is known."""

    columns: Mapping[str, npt.NDArray[Any]]
    known_ms: Times


def check_nests(fine: str, coarse: str) -> None:
    """Raise InvalidValue unless bars of ``coarse`` are made of whole bars of ``fine``."""
    if not nests(fine, coarse):
        raise InvalidValue("period", f"{coarse} bars cannot be made of {fine} bars")


def floor_opens(period: str, times: Times) -> Times:
    """Return for each time the open time of the bar of ``period`` that contains it."""
    length = FIXED_MS.get(period)
    if length == WEEK_MS:
        return (times - _MONDAY_MS) // WEEK_MS * WEEK_MS + _MONDAY_MS
    if length is not None:
        return times // length * length
    months = times.astype("datetime64[ms]").astype("datetime64[M]")
    return months.astype("datetime64[ms]").astype(np.int64)


def _next_opens(period: str, opens: Times) -> Times:
    length = FIXED_MS.get(period)
    if length is not None:
        return opens + length
    months = opens.astype("datetime64[ms]").astype("datetime64[M]") + 1
    return months.astype("datetime64[ms]").astype(np.int64)


def own(period: str, columns: Mapping[str, npt.NDArray[Any]]) -> Known:
    """Return bars as they are: each is known at its own close."""
    return Known(columns, close_times(period, columns["open_time"]))


def resampled(period: str, columns: Mapping[str, npt.NDArray[Any]], coarse: str) -> Known:
    """Make bars of ``coarse`` from rising bars of ``period``; a last one that has not closed is left out."""
    if coarse == period:
        return own(period, columns)
    check_nests(period, coarse)
    opens: Times = columns["open_time"]
    if not len(opens):
        return Known(columns, opens)
    buckets = floor_opens(coarse, opens)
    starts = np.flatnonzero(np.concatenate(([True], buckets[1:] != buckets[:-1])))
    place = np.cumsum(np.concatenate(([0], (buckets[1:] != buckets[:-1]).astype(np.int64))))
    lasts = np.concatenate((starts[1:] - 1, [len(opens) - 1]))
    closes = close_times(period, opens)
    ends = _next_opens(coarse, buckets[starts]) - 1
    # A bar whose last part is there is known then; else when the next bar that exists closes; the last one perhaps never.
    following = np.concatenate((closes[starts[1:]], [np.iinfo(np.int64).max]))
    known = np.where(closes[lasts] == ends, ends, following)
    made: dict[str, npt.NDArray[Any]] = {
        "open_time": buckets[starts],
        "open": np.asarray(columns["open"], dtype=np.float64)[starts],
        "high": np.maximum.reduceat(np.asarray(columns["high"], dtype=np.float64), starts),
        "low": np.minimum.reduceat(np.asarray(columns["low"], dtype=np.float64), starts),
        "close": np.asarray(columns["close"], dtype=np.float64)[lasts],
    }
    for name in _SUMS:  # bincount adds one after the other, as the incremental form does
        made[name] = np.bincount(place, weights=np.asarray(columns[name], dtype=np.float64), minlength=len(starts))
    first = 0 if opens[0] == buckets[0] else 1
    last = len(starts) if known[-1] != np.iinfo(np.int64).max else len(starts) - 1
    kept = slice(first, max(first, last))
    return Known({name: values[kept] for name, values in made.items()}, known[kept])


def last_known(known_ms: Times, at_ms: Times) -> npt.NDArray[np.intp]:
    """Return for each instant the row that is the last one known then; -1 where none is."""
    return np.searchsorted(known_ms, at_ms, side="right") - 1


def spread(values: Array, rows: npt.NDArray[np.intp]) -> Array:
    """Return ``values[rows]`` along the first axis, NaN where the row is -1."""
    if not len(values):
        return np.full((len(rows), *values.shape[1:]), np.nan)
    taken = np.asarray(values, dtype=np.float64)[np.maximum(rows, 0)]
    taken[rows < 0] = np.nan
    return taken


class Resampler:
    """Makes bars of a longer period one bar at a time. ``state`` is JSON-able and may be given back."""

    def __init__(self, period: str, coarse: str, state: Mapping[str, Any] | None = None) -> None:
        check_nests(period, coarse)
        self.period = period
        self.coarse = coarse
        self._parts: dict[str, float] | None = None
        self._open = 0
        self._end = 0
        self._whole = False
        if state is not None:
            self._parts = None if state["parts"] is None else dict(state["parts"])
            self._open, self._end, self._whole = state["open"], state["end"], state["whole"]

    @property
    def state(self) -> dict[str, Any]:
        """What must survive a restart."""
        parts = None if self._parts is None else dict(self._parts)
        return {"parts": parts, "open": self._open, "end": self._end, "whole": self._whole}

    def update(self, bar: Mapping[str, float], open_time: int, close_time: int) -> list[dict[str, float]]:
        """Take the next closed bar; return the longer bars that are known from now on, oldest first (at most two)."""
        done: list[dict[str, float]] = []
        if self._parts is not None and open_time >= self._end:
            self._finish(done)
        if self._parts is None:
            begins = floor_open(self.coarse, open_time)
            self._whole = self._end != 0 or begins == open_time
            self._open, self._end = begins, next_open(self.coarse, begins)
            self._parts = {"open_time": begins, **{name: bar[name] for name in ("open", "high", "low", "close", *_SUMS)}}
        else:
            parts = self._parts
            parts["high"] = max(parts["high"], bar["high"])
            parts["low"] = min(parts["low"], bar["low"])
            parts["close"] = bar["close"]
            for name in _SUMS:
                parts[name] += bar[name]
        if close_time == self._end - 1:
            self._finish(done)
        return done

    def _finish(self, done: list[dict[str, float]]) -> None:
        if self._parts is not None and self._whole:
            done.append(self._parts)
        self._parts = None
