"""RSI reversion: against a move that went too fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import Signal
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.strategies.parameters import Range
from quantservice.quant.strategies.view import View


class RsiReversion(Strategy):
    """Buy when the relative strength index is low, sell when it is back in the middle; with ``short`` the mirror image too."""

    length: Annotated[int, Range(2, 200, step=1), "bars of the index"] = 14
    low: Annotated[float, Range(1, 50, step=1), "buy below"] = 30.0
    middle: Annotated[float, Range(1, 99, step=1), "the position ends here"] = 50.0
    high: Annotated[float, Range(50, 99, step=1), "sell short above"] = 70.0
    short: Annotated[bool, "also sell short when the index is high"] = False

    def check(self) -> None:
        """Refuse levels that are not in order."""
        if not self.low < self.middle < self.high:
            raise InvalidValue("middle", f"{self.middle:g} must lie between low, {self.low:g}, and high, {self.high:g}")

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Share the equity equally."""
        self.share = 1.0 / len(instruments)
        self.wanted: dict[str, float] = {}

    def indicators(self) -> Mapping[str, Any]:
        """Ask for the index of the close."""
        return {"rsi": ("rsi", self.length)}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        """Enter at the extreme and leave in the middle; in between what was wanted stays wanted."""
        rsi, name = view["rsi"], str(kline.instrument)
        wanted = self.wanted.get(name, 0.0)
        if rsi < self.low:
            wanted = self.share
        elif self.short and rsi > self.high:
            wanted = -self.share
        elif (wanted > 0.0 and rsi >= self.middle) or (wanted < 0.0 and rsi <= self.middle):
            wanted = 0.0
        self.wanted[name] = wanted
        return Signal(kline.instrument, wanted)

    def on_bars(self, bars: BarsView) -> npt.NDArray[np.float64]:
        """State the same on whole arrays: the last event before a bar decides."""
        rsi = bars["rsi"]
        buys, sells = rsi < self.low, (rsi > self.high) & self.short
        # At a bar without an entry the last entry holds, unless the index was back in the middle since.
        rows = np.arange(len(rsi)).reshape(-1, *([1] * (rsi.ndim - 1)))
        entry = np.maximum.accumulate(np.where(buys | sells, rows, -1), axis=0)
        long_over = np.maximum.accumulate(np.where(rsi >= self.middle, rows, -1), axis=0)
        short_over = np.maximum.accumulate(np.where(rsi <= self.middle, rows, -1), axis=0)
        bought = np.maximum.accumulate(np.where(buys, rows, -1), axis=0) == entry
        held = np.where(bought, long_over < entry, short_over < entry) & (entry >= 0)
        return np.where(held, np.where(bought, self.share, -self.share), 0.0)
