"""Donchian breakout: with the price when it leaves the range of the last bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import Signal
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Range
from quantservice.quant.strategies.view import View


class DonchianBreakout(Strategy):
    """Long above the highest high of the last ``entry`` bars, out below the lowest low of the last ``leave``."""

    entry: Annotated[int, Range(2, 500, step=5), "bars of the range that is left at the entry"] = 55
    leave: Annotated[int, Range(2, 500, step=5), "bars of the range that is left at the exit"] = 20
    short: Annotated[bool, "also short below the lowest low"] = False

    def check(self) -> None:
        """Refuse an exit range that is wider than the entry's."""
        if self.leave > self.entry:
            raise InvalidValue("leave", f"{self.leave} must not be more than entry, {self.entry}")

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Share the equity equally."""
        self.share = 1.0 / len(instruments)
        self.wanted: dict[str, float] = {}

    def indicators(self) -> Mapping[str, Any]:
        """Ask for the borders of both ranges."""
        return {
            "highest": ("max", self.entry, {"input": "high"}),
            "lowest": ("min", self.entry, {"input": "low"}),
            "exit_high": ("max", self.leave, {"input": "high"}),
            "exit_low": ("min", self.leave, {"input": "low"}),
        }

    def on_kline(self, kline: Bar, view: View) -> Signal:
        """Compare the close with the ranges as they were before this bar."""
        name, close = str(kline.instrument), kline.close
        wanted = self.wanted.get(name, 0.0)
        if close > view.previous("highest"):
            wanted = self.share
        elif self.short and close < view.previous("lowest"):
            wanted = -self.share
        elif (wanted > 0.0 and close < view.previous("exit_low")) or (wanted < 0.0 and close > view.previous("exit_high")):
            wanted = 0.0
        self.wanted[name] = wanted
        return Signal(kline.instrument, wanted)
