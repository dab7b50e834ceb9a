"""Pairs: two instruments that move together, when their ratio has gone astray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.quant.jit import jit
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.strategies.parameters import Range


class Pairs(Strategy):
    """Sell the dearer and buy the cheaper of two instruments when their log ratio is far from its mean; close when it is back."""

    length: Annotated[int, Range(10, 2_000, step=10), "bars of the mean and deviation"] = 240
    entry: Annotated[float, Range(0.5, 6.0, step=0.25), "deviations from the mean at which it enters"] = 2.0
    leave: Annotated[float, Range(0.0, 3.0, step=0.25), "deviations at which it leaves"] = 0.5
    size: Annotated[float, Range(0.05, 1.0, step=0.05), "equity of each leg"] = 0.5

    memory_bars = 4_000

    def check(self) -> None:
        """Refuse an exit beyond the entry."""
        if self.leave >= self.entry:
            raise InvalidValue("leave", f"{self.leave:g} must be less than entry, {self.entry:g}")

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Refuse anything but two instruments."""
        if len(instruments) != 2:
            raise InvalidValue("instruments", f"pairs trades two instruments, {len(instruments)} are given")

    def on_bars(self, bars: BarsView) -> npt.NDArray[np.float64]:
        """Return opposite targets for the two; between entry and exit nothing new is said."""
        close = bars["close"]
        score = rolling_score(np.log(close[:, 0] / close[:, 1]), self.length)
        wanted = np.full(len(score), np.nan)
        wanted[np.abs(score) <= self.leave] = 0.0
        wanted[score >= self.entry] = -self.size
        wanted[score <= -self.entry] = self.size
        if len(wanted) and np.isnan(wanted[0]):
            wanted[0] = 0.0
        return np.column_stack((wanted, -wanted))


@jit
def rolling_score(values: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    """Return how many deviations each value is from the mean of the ``length`` values that end with it; NaN before and on gaps."""
    score = np.full(len(values), np.nan)
    for row in range(length - 1, len(values)):
        total = 0.0
        for value in values[row + 1 - length : row + 1]:
            total += value
        mean, squares = total / length, 0.0
        for value in values[row + 1 - length : row + 1]:
            squares += (value - mean) ** 2
        deviation = np.sqrt(squares / length)
        score[row] = (values[row] - mean) / deviation if deviation > 0.0 else squares  # zero, or NaN on a gap
    return score
