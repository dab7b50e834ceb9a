"""Orders instead of levels: an entry at the market, with a stop and a target of which one cancels the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from quantservice import Bar, OrderRequest, Range, Strategy, View


class Bracket(Strategy):
    """Buys a dip below the lower band; out at the middle, or at a stop."""

    length: Annotated[int, Range(5, 200)] = 30
    width: Annotated[float, Range(0.5, 5.0)] = 2.0
    stop: Annotated[float, Range(0.001, 0.5)] = 0.02
    share: Annotated[float, Range(0.01, 1.0)] = 0.5

    def indicators(self) -> Mapping[str, Any]:
        """Bands around a simple average."""
        return {"band": ("bbands", self.length, self.width, self.width, 0)}

    def on_kline(self, kline: Bar, view: View) -> Sequence[OrderRequest] | None:
        """Answer with three orders, or with nothing."""
        if view.position() or view.open_orders() or not kline.close < view["band.lower"]:
            return None
        name, quantity = kline.instrument, self.share * view.equity / kline.close
        out: dict[str, Any] = {"instrument": name, "side": "sell", "quantity": quantity, "reduce_only": True, "group": "out"}
        return [
            OrderRequest(instrument=name, side="buy", quantity=quantity, tag="entry"),
            OrderRequest(**out, type="take_profit", stop_price=view["band.middle"], tag="target"),
            OrderRequest(**out, type="stop", stop_price=kline.close * (1 - self.stop), tag="stop"),
        ]
