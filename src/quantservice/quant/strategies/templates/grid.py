"""Grid: buy each step down, sell each step up; it earns while the price goes to and fro."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, OrderUpdate
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Range
from quantservice.quant.strategies.view import View


class Grid(Strategy):
    """Limit buys at equal steps below an anchor; each one that fills is sold one step higher. A stop below the grid ends the loss.

    The anchor is the close at which the grid was laid. It is laid anew when it holds nothing and the price has left it upwards, and
    after a stop.
    """

    levels: Annotated[int, Range(1, 50, step=1), "buys below the anchor"] = 5
    step: Annotated[float, Range(0.0005, 0.2, step=0.0025), "distance of two levels, as a fraction of the anchor"] = 0.01
    fraction: Annotated[float, Range(0.001, 1.0, step=0.05), "equity of each level"] = 0.15
    stop_steps: Annotated[float, Range(0.0, 50.0, step=1.0), "steps below the last level at which all is sold; 0 for no stop"] = 3.0

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Share the equity equally."""
        self.share = 1.0 / len(instruments)
        self.anchors: dict[str, float] = {}

    def on_kline(self, kline: Bar, view: View) -> list[Decision] | None:
        """Lay the grid, move it up when it is empty, end it when the price falls through."""
        name, held = str(kline.instrument), view.position()
        anchor = self.anchors.get(name)
        if anchor is not None and self.stop_steps and kline.close < anchor * (1.0 - self.step * (self.levels + self.stop_steps)):
            del self.anchors[name]
            orders: list[Decision] = [CancelOrders(instrument=kline.instrument)]
            if held > 0.0:
                orders.append(OrderRequest(instrument=kline.instrument, side="sell", quantity=held, reduce_only=True, tag="stop"))
            return orders
        if anchor is None and held <= 0.0:
            return self._lay(kline, [])
        if anchor is not None and held <= 0.0 and kline.close > anchor * (1.0 + self.step):
            return self._lay(kline, [CancelOrders(instrument=kline.instrument)])
        return None

    def _lay(self, kline: Bar, orders: list[Decision]) -> list[Decision]:
        self.anchors[str(kline.instrument)] = kline.close
        orders.extend(self._buy(kline.instrument, level) for level in range(1, self.levels + 1))
        return orders

    def _buy(self, instrument: InstrumentId, level: int) -> OrderRequest:
        price = self.anchors[str(instrument)] * (1.0 - self.step * level)
        return OrderRequest(
            instrument=instrument,
            side="buy",
            type="limit",
            fraction=self.fraction * self.share,
            limit_price=price,
            tag=f"buy {level}",
        )

    def on_order_update(self, update: OrderUpdate, view: View) -> Any:
        """Sell one step higher what was bought; buy again where it was sold."""
        anchor = self.anchors.get(str(update.instrument))
        action, _, level = update.tag.partition(" ")
        if update.state != "filled" or anchor is None or not level:
            return None
        if action == "buy":
            return OrderRequest(
                instrument=update.instrument,
                side="sell",
                type="limit",
                quantity=update.filled_quantity,
                limit_price=anchor * (1.0 - self.step * (int(level) - 1)),
                reduce_only=True,
                tag=f"sell {level}",
            )
        return self._buy(update.instrument, int(level))
