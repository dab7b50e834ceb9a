"""Entries on the strategy's own period, only with the trend of a longer one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from quantservice import Bar, Choices, Range, Signal, Strategy, View


class TwoPeriods(Strategy):
    """Long while the short average rises above the long one and the price is above the average of the longer period."""

    fast: Annotated[int, Range(2, 200)] = 12
    slow: Annotated[int, Range(5, 500)] = 36
    trend: Annotated[int, Range(2, 200)] = 20
    trend_period: Annotated[str, Choices("4h", "8h", "1d")] = "4h"

    def indicators(self) -> Mapping[str, Any]:
        """The longer period's value is that of its last closed bar: the unfinished one is never seen."""
        return {
            "fast": ("ema", self.fast),
            "slow": ("ema", self.slow),
            "trend": ("sma", self.trend, {"period": self.trend_period}),
        }

    def on_kline(self, kline: Bar, view: View) -> Signal:
        """Say the level that is wanted."""
        long = view["fast"] > view["slow"] and kline.close > view["trend"]
        return Signal(kline.instrument, 1.0 if long else 0.0, tag="with the trend" if long else "out")
