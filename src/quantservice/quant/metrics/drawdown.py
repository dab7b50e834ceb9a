"""Figures of the falls below a peak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quantservice.quant.metrics import scan
from quantservice.quant.metrics.arrays import RunArrays
from quantservice.quant.metrics.sheet import Sheet
from quantservice.quant.metrics.value import F64, NAN, Drawdown


@dataclass(frozen=True, eq=False)
class Falls:
    """What one walk over the finest curve and one over the daily curve found.

    ``slots`` are those of :mod:`scan`, ``top`` the deepest episodes, ``daily`` (n,) the drawdown at each day's end.
    """

    slots: F64
    top: F64
    daily: F64

    @classmethod
    def of(cls, run: RunArrays) -> Falls:
        """Walk a run's curve from its start."""
        equity, worst = run.clean
        top = np.zeros((scan.TOP, 6))
        slots = scan.walk_drawdowns(run.time, equity, worst, run.begin, run.first, top)
        values = run.daily.equity
        peaks = np.maximum.accumulate(values)
        return cls(slots, top, (values / peaks - 1.0)[1:])

    @property
    def depth(self) -> float:
        """Deepest fall as a negative fraction, 0 when there was none."""
        return float(self.slots[scan.DEPTH])

    @property
    def loss(self) -> float:
        """Largest fall in money, negative."""
        return float(self.slots[scan.LOSS])

    @property
    def peak(self) -> float:
        """Highest equity."""
        return float(self.slots[scan.PEAK])

    @property
    def lowest(self) -> float:
        """Lowest equity, inside bars too."""
        return float(self.slots[scan.LOWEST])

    @property
    def ulcer(self) -> float:
        """Ulcer index of the daily curve."""
        return math.sqrt(float(np.mean(self.daily**2))) if len(self.daily) else NAN

    def episodes(self) -> tuple[Drawdown, ...]:
        """Return the deepest falls, deepest first."""
        found = []
        for depth, loss, peak, valley, end, still_open in self.top.tolist():
            if depth < 0.0:
                recovery = None if still_open else int(end)
                found.append(Drawdown(int(peak), int(valley), recovery, depth, loss, (end - peak) / scan.DAY_MS))
        return tuple(found)


def put_drawdown(sheet: Sheet, falls: Falls) -> None:
    """Write the group *Drawdown*."""
    slots = falls.slots
    never = "equity never fell below its peak"
    sheet.put("max_drawdown", falls.depth)
    sheet.put("max_underwater", abs(falls.depth))
    sheet.put("max_drawdown_quote", falls.loss)
    first = int(slots[scan.STILL_OPEN])
    for name, slot, still_open in (
        ("max_drawdown", scan.DEPTH, bool(first & 1)),
        ("max_drawdown_quote", scan.LOSS, bool(first & 2)),
    ):
        if slots[slot] == 0.0:
            sheet.none(never, f"{name}_peak", f"{name}_valley", f"{name}_recovery")
            continue
        sheet.put(f"{name}_peak", float(slots[slot + 1]))
        sheet.put(f"{name}_valley", float(slots[slot + 2]))
        sheet.put(f"{name}_recovery", NAN if still_open else float(slots[slot + 3]), "not recovered" if still_open else "")
    sheet.put("max_drawdown_daily", float(falls.daily.min(initial=0.0)))
    unfinished = slots[scan.CURRENT] < 0.0
    note = "the last fall is not recovered; its time runs to the end" if unfinished else ""
    sheet.put("max_drawdown_duration", float(slots[scan.LONGEST]) / scan.DAY_MS, note)
    depths, lengths = _daily_episodes(falls.daily)
    sheet.put("avg_drawdown", float(depths.mean()) if len(depths) else NAN, "" if len(depths) else never)
    sheet.put("avg_drawdown_duration", float(lengths.mean()) if len(lengths) else NAN, "" if len(lengths) else never)
    sheet.put("current_drawdown", float(slots[scan.CURRENT]))
    sheet.put("time_underwater", float(slots[scan.UNDERWATER]))
    sheet.put("ulcer_index", falls.ulcer, "" if len(falls.daily) else "there is no complete daily return")


def _daily_episodes(daily: F64) -> tuple[F64, F64]:
    """Return depth and days (peak to recovery or end) of each run of days below a peak."""
    under = np.concatenate([[False], daily < 0.0, [False]])
    edges = np.flatnonzero(under[1:] != under[:-1])
    begins, ends = edges[::2], edges[1::2]
    depths = np.array([daily[a:b].min() for a, b in zip(begins, ends, strict=True)])
    # The peak is the sample before the first day below it; recovery is the first day that is not below, if there is one.
    lengths = np.array([min(b + 1, len(daily)) - a for a, b in zip(begins, ends, strict=True)], dtype=np.float64)
    return depths, lengths
