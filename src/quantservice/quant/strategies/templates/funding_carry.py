"""Funding carry: hold spot, sell the perpetual, collect the funding."""

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


class FundingCarry(Strategy):
    """Long spot and short the perpetual of one coin while the average funding rate pays; out when it no longer does.

    Give the spot instrument and its perpetual, in either order.
    """

    settlements: Annotated[int, Range(1, 500, step=1), "settled rates that are averaged"] = 9
    entry: Annotated[float, Range(-0.01, 0.01, step=0.00005), "average rate above which it enters"] = 0.0001
    leave: Annotated[float, Range(-0.01, 0.01, step=0.00005), "average rate below which it leaves"] = 0.00005
    size: Annotated[float, Range(0.05, 1.0, step=0.05), "equity of each leg"] = 0.5

    def check(self) -> None:
        """Refuse an exit above the entry."""
        if self.leave > self.entry:
            raise InvalidValue("leave", f"{self.leave:g} must not be more than entry, {self.entry:g}")

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Find out which is which."""
        spot = [item for item in instruments if item.market == "spot"]
        perpetual = [item for item in instruments if item.market != "spot"]
        if len(spot) != 1 or len(perpetual) != 1:
            raise InvalidValue(
                "instruments", f"funding carry trades one spot and one perpetual, not {', '.join(map(str, instruments))}"
            )
        self.spot, self.perpetual = spot[0], perpetual[0]
        self.first = instruments[0]
        self.held = False
        self.rates: list[float] = []
        self.settled = -1

    def indicators(self) -> Mapping[str, Any]:
        """Ask for the perpetual's last settled rate."""
        return {"rate": ("funding_rate", {"instrument": str(self.perpetual)})}

    def on_kline(self, kline: Bar, view: View) -> list[Signal] | None:
        """Average the rates as they settle, every eight hours, and state both legs."""
        if kline.instrument != self.first:
            return None
        period = kline.close_time // 28_800_000
        if period != self.settled and view["rate"] == view["rate"]:
            self.settled = period
            self.rates = [*self.rates, view["rate"]][-self.settlements :]
        if len(self.rates) == self.settlements:
            average = sum(self.rates) / len(self.rates)
            self.held = average > self.entry or (self.held and average >= self.leave)
        size = self.size if self.held else 0.0
        return [Signal(self.spot, size, tag="carry"), Signal(self.perpetual, -size, tag="carry")]
