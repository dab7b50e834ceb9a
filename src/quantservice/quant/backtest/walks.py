"""Compiled walks over klines and journal: what is sound, what each kline is, and the journal laid out for a reader.

Arrays come as :func:`fixed` gives them, so that one machine code serves what may be written to and what may not.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.quant.backtest.kernel.layout import PRESENT, STALE, SYNTHETIC
from quantservice.quant.jit import jit

F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]
U8: TypeAlias = npt.NDArray[np.uint8]


def fixed(values: Any, kind: Any = np.float64) -> npt.NDArray[Any]:
    """Return values as a contiguous read-only array, without a copy where they lie so already."""
    array = np.ascontiguousarray(values, dtype=kind).view()
    array.flags.writeable = False
    return array


@jit
def apart(times: I64, least: int) -> bool:
    """Say whether each time is at least so much after the one before it."""
    bad = 0
    for i in range(1, times.shape[0]):  # no branch inside, so that several rows are looked at with one instruction
        bad |= times[i] - times[i - 1] < least
    return bad == 0


@jit
def sound_prices(opened: F64, high: F64, low: F64, close: F64) -> bool:
    """Say whether all prices are finite and positive and each high and low holds the others."""
    bad = 0
    for i in range(low.shape[0]):
        bad |= not (low[i] > 0.0)
        bad |= not (high[i] < np.inf)
        bad |= not (low[i] <= opened[i])
        bad |= not (low[i] <= close[i])
        bad |= not (high[i] >= opened[i])
        bad |= not (high[i] >= close[i])
    return bad == 0


@jit
def sound_volume(volume: F64) -> tuple[bool, bool]:
    """Say whether all volumes are finite and none negative, and whether there is any."""
    bad, some = 0, 0
    for i in range(volume.shape[0]):
        bad |= not (volume[i] >= 0.0)
        bad |= not (volume[i] < np.inf)
        some |= volume[i] != 0.0
    return bad == 0, some != 0


@jit
def states_of(opened: F64, high: F64, low: F64, close: F64, volume: F64, made: bool, again: bool, state: U8) -> None:
    """Write what each kline is: ``made`` up where nothing was traded and nothing moved, stale where it is the same ``again``."""
    before = np.nan
    for i in range(state.shape[0]):
        now, what = volume[i], PRESENT
        if now == 0.0:
            what |= SYNTHETIC if made and high[i] == low[i] else 0
        elif now == before and again:  # seldom: of nearly all rows only the volume is read
            same = opened[i] == opened[i - 1] and high[i] == high[i - 1] and low[i] == low[i - 1] and close[i] == close[i - 1]
            what |= STALE if same and now > 0.0 else 0
        state[i] = what
        before = now


@jit
def by_kind(journal: F64, widths: I64) -> tuple[F64, I64]:
    """Return the journal's rows, each kind by itself and column by column, and how many rows there are of each kind.

    ``widths``: how many columns of each kind (its number is the place) are laid out, from the second; 0: none. What is returned
    is one piece: kind after kind, each (width, rows).
    """
    kinds = widths.shape[0]
    counts, firsts, places = np.zeros(kinds, np.int64), np.zeros(kinds, np.int64), np.zeros(kinds, np.int64)
    for i in range(journal.shape[0]):
        counts[int(journal[i, 0])] += 1
    total = 0
    for kind in range(kinds):
        firsts[kind] = total
        total += widths[kind] * counts[kind]
    out = np.empty(total)
    for i in range(journal.shape[0]):
        kind = int(journal[i, 0])
        place = firsts[kind] + places[kind]
        for column in range(widths[kind]):
            out[place] = journal[i, 1 + column]
            place += counts[kind]
        places[kind] += 1
    return out, counts
