"""DCA: buy in equal parts over time, take the profit of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import OrderRequest
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Range
from quantservice.quant.strategies.view import View


class Dca(Strategy):
    """Every ``every`` bars buy the same part of the equity, at most ``parts`` times; sell all above the average price."""

    every: Annotated[int, Range(1, 10_000, step=6), "bars between two buys"] = 24
    parts: Annotated[int, Range(1, 200, step=1), "buys until the equity is used"] = 10
    take_profit: Annotated[float, Range(0.0, 10.0, step=0.005), "gain over the average price at which all is sold; 0: never"] = 0.02

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Share the equity equally."""
        self.share = 1.0 / len(instruments)
        self.bought: dict[str, int] = {}
        self.waited: dict[str, int] = {}

    def on_kline(self, kline: Bar, view: View) -> OrderRequest | None:
        """Take the profit, or buy when it is time."""
        name, held = str(kline.instrument), view.position()
        waited = self.waited[name] = self.waited.get(name, self.every - 1) + 1
        if held > 0.0 and self.take_profit and kline.close >= view.entry_price() * (1.0 + self.take_profit):
            self.bought[name] = 0
            return OrderRequest(instrument=kline.instrument, side="sell", quantity=held, reduce_only=True, tag="profit")
        if waited >= self.every and self.bought.get(name, 0) < self.parts:
            self.waited[name] = 0
            self.bought[name] = self.bought.get(name, 0) + 1
            return OrderRequest(instrument=kline.instrument, side="buy", fraction=self.share / self.parts, tag="part")
        return None
