"""The gate for strategies on whole arrays: at every bar, without what comes later and with another future, the same result."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from quantservice.quant.honesty.market import Flavour, Market
from quantservice.quant.honesty.outside import OutsideState
from quantservice.quant.honesty.verdict import Fault
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.feed import BarsView, bars_view, feeds_of
from quantservice.quant.strategies.targets import targets_of

Targets = npt.NDArray[np.float64]
#: Bars of another future that follow a bar when its result is computed again.
_AFTER: Final = 8
#: Bars after which the whole rest is another future.
_BORDERS: Final = 24
_TOLERANCE: Final = 1e-9


@dataclass(eq=False)
class ArrayGate:
    """Runs ``on_bars`` of fresh instances, each as if it were the first run ever."""

    make: Callable[[], Strategy]
    market: Market
    outside: OutsideState
    budget_s: float
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        self.clock = self.market.clock
        self.view = self.view_of(self.market)
        self.names = [str(item) for item in self.view.instruments]
        self.exact = 0
        self.last: Strategy | None = None  # the instance that ran last
        self.columns = len(self.names)
        self.notes: list[str] = []

    def view_of(self, market: Market) -> BarsView:
        """Return what ``on_bars`` is given on a market."""
        return bars_view(feeds_of(self.make(), market.tables, market.funding))

    def run(self, view: BarsView, *, fresh: bool = True) -> Targets:
        """Return the targets of a fresh instance; ``fresh``: with everything outside of it as at the beginning."""
        if fresh:
            self.outside.restore()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a thousand runs on a few bars each: what they warn of, the run itself says once
            self.last = self.make()
            targets = targets_of(self.last, view)
        return targets.reshape(len(targets), -1)

    def check(self) -> Fault | None:
        """Return the first fault, or None."""
        whole = self.run(self.view.head(len(self.clock)))
        self.columns = whole.shape[1]
        began = time.perf_counter()
        again = self.run(self.view.head(len(self.clock)))
        cost = time.perf_counter() - began
        fault = self._compare(whole, again, "not_deterministic")
        if fault is not None:
            return fault
        return self._whole_futures(whole) or self._every_bar(whole, cost) or self._runs_before(whole)

    def _every_bar(self, whole: Targets, cost: float) -> Fault | None:
        """Compute each bar again with nothing behind it, and with a few bars of another future behind it."""
        rows = len(self.clock)
        affordable = max(min(rows, 50), int(self.budget_s / (2.0 * cost + 1e-3)))
        first = max(0, rows - affordable)
        self.exact = rows - first
        works_from: int | None = None
        for row in range(first, rows):
            if self.progress is not None:
                self.progress(row - first, rows - first)
            try:
                alone = self.run(self.view.head(row + 1))
            except Exception as error:  # noqa: BLE001 - a strategy may raise anything
                if works_from is not None or row >= rows - 1:
                    return self._fault("raised", row, 0, "a result", "none", f"given the first {row + 1:,} bars: {error}")
                continue
            if works_from is None:
                works_from = row
                if row > first:
                    self.notes.append(f"needs at least {row + 1:,} bars: with fewer it raises")
            fault = self._compare(whole[: row + 1], alone, "look_ahead") or self._other_future(whole, row)
            if fault is not None:
                return fault
        return None

    def _other_future(self, whole: Targets, row: int) -> Fault | None:
        if row + 1 >= len(self.clock):
            return None
        flavours: tuple[Flavour, ...] = ("mirrored", "higher", "lower")
        until = int(self.clock[min(row + _AFTER, len(self.clock) - 1)])
        return self._altered(whole, row, until, flavours[row % 3])

    def _altered(self, whole: Targets, row: int, until: int, flavour: Flavour) -> Fault | None:
        market = self.market.altered(int(self.clock[row]), until, flavour)
        if len(market.tables) != len(self.market.tables):
            return None  # before an instrument's first bar: another set of instruments is another run
        try:
            other = self.run(self.view_of(market))
        except Exception as error:  # noqa: BLE001 - a strategy may raise anything
            if row + 1 < min(len(self.clock) // 2, 2_000):
                return None  # too few bars for it
            return self._fault("raised", row, 0, "a result", "none", f"given other bars after this one: {error}")
        return self._compare(whole[: row + 1], other[: row + 1], "look_ahead")

    def _whole_futures(self, whole: Targets) -> Fault | None:
        """Change everything behind some bars: what reads far ahead is found at once."""
        rows = len(self.clock)
        last = int(self.clock[-1])
        faults = []
        for row in sorted({int(item) for item in np.linspace(0, rows - 2, min(_BORDERS, max(1, rows - 1)))}):
            if 0 <= row < rows - 1:
                found = self._altered(whole, row, last, "mirrored" if row % 2 else "higher")
                if found is not None and found.kind == "look_ahead":
                    faults.append(found)
        if not faults:
            return None
        # The first bar at which it shows: found exactly by computing the bars before alone.
        worst = min(faults, key=lambda item: item.bar)
        return self._first_before(whole, worst)

    def _first_before(self, whole: Targets, fault: Fault) -> Fault:
        """Return the fault at the first bar that has one, as far as the time allows."""
        until = time.perf_counter() + self.budget_s
        for row in range(fault.bar + 1):
            if time.perf_counter() > until:
                break
            try:
                alone = self.run(self.view.head(row + 1))
            except Exception:  # noqa: BLE001, S112 - too few bars for it; the fault itself is known already
                continue
            found = self._compare(whole[: row + 1], alone, "look_ahead")
            if found is not None:
                return found
        return fault

    def _runs_before(self, whole: Targets) -> Fault | None:
        """Run on half, then on the whole without putting anything back: the whole must come out as in a first run."""
        self.outside.restore()
        half = max(1, len(self.clock) // 2)
        try:
            self.run(self.view.head(half), fresh=False)
            after = self.run(self.view.head(len(self.clock)), fresh=False)
        except Exception as error:  # noqa: BLE001 - a strategy may raise anything
            return self._fault("outside_state", half, 0, "a result", "none", f"after a run on {half:,} bars: {error}")
        finally:
            self.outside.restore()
        return self._compare(whole, after, "outside_state")

    def _compare(self, whole: Targets, other: Targets, kind: str) -> Fault | None:
        with np.errstate(invalid="ignore"):
            off = np.abs(whole - other) > _TOLERANCE * np.maximum(1.0, np.abs(whole))
        off |= np.isnan(whole) != np.isnan(other)
        if not off.any():
            return None
        row, place = (int(item) for item in np.argwhere(off)[0])
        return self._fault(kind, row, place, _shown(whole[row, place]), _shown(other[row, place]))

    def _fault(self, kind: str, row: int, place: int, whole: str, alone: str, detail: str = "") -> Fault:
        return Fault(
            kind=kind,  # type: ignore[arg-type]
            bar=row,
            time=int(self.clock[row]),
            instrument=self.names[place * len(self.names) // self.columns],
            whole=whole,
            alone=alone,
            detail=detail,
        )


def _shown(value: float) -> str:
    return "no target" if np.isnan(value) else f"{value:.10g}"
