"""Moving-average cross: with the trend, as two averages of the close see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

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


class MaCross(Strategy):
    """Long while the fast average is above the slow one; else flat, or short."""

    fast: Annotated[int, Range(2, 500, step=1), "bars of the fast average"] = 10
    slow: Annotated[int, Range(3, 2_000, step=5), "bars of the slow average"] = 50
    average: Annotated[Literal["sma", "ema"], "which average"] = "sma"
    short: Annotated[bool, "short instead of flat while the fast average is below"] = False

    def check(self) -> None:
        """Refuse a fast average that is not the faster one."""
        if self.fast >= self.slow:
            raise InvalidValue("fast", f"{self.fast} must be less than slow, {self.slow}")

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Share the equity equally."""
        self.share = 1.0 / len(instruments)

    def indicators(self) -> Mapping[str, Any]:
        """Ask for both averages of the close."""
        return {"fast": (self.average, self.fast), "slow": (self.average, self.slow)}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        """State the position that the averages want."""
        fast, slow = view["fast"], view["slow"]
        if fast > slow:
            return Signal(kline.instrument, self.share)
        return Signal(kline.instrument, -self.share if self.short and fast < slow else 0.0)

    def on_bars(self, bars: BarsView) -> npt.NDArray[np.float64]:
        """State the same on whole arrays."""
        fast, slow = bars["fast"], bars["slow"]
        below = -self.share if self.short else 0.0
        return np.where(fast > slow, self.share, np.where(fast < slow, below, 0.0))
