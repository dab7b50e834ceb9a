"""A strategy's process for tests: the registry's templates and some that misbehave."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from quantservice.adapters.strategy_host import child
from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import OrderRequest, OrderUpdate, Signal
from quantservice.quant.strategies import Bar, Strategy, View
from quantservice.quant.strategies.bar import MarketTicker
from quantservice.quant.strategies.feed import BarsView


class Counting(Strategy):
    """Counts klines and says the count as its target."""

    step: float = 0.001

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.seen = 0

    def indicators(self) -> Mapping[str, Any]:
        return {"mean": ("sma", 5)}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        self.seen += 1
        return Signal(kline.instrument, self.seen * self.step, tag=f"{view['mean']:.6f}")


class Raising(Strategy):
    """Raises at the third kline after its warm-up."""

    after: int = 2

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.live = 0

    def on_kline(self, kline: Bar, view: View) -> Signal:
        self.live += kline.volume == 12.5  # the live ones, see the test
        if self.live > self.after:
            raise ZeroDivisionError("the strategy's own mistake")
        return Signal(kline.instrument, 0.0)


class Dividing(Strategy):
    """Raises on whole arrays, at the first live kline."""

    def on_bars(self, bars: BarsView) -> Any:
        return np.full(len(bars), 1 // int(bars["volume"][-1] != 12.5))


class Blocking(Strategy):
    """Never answers a live kline."""

    wait_s: float = 3_600.0

    def on_kline(self, kline: Bar, view: View) -> None:
        if kline.volume == 12.5:
            time.sleep(self.wait_s)


class Leaking(Strategy):
    """Holds more and more memory."""

    megabytes: int = 400

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.hoard: list[bytearray] = []

    def on_kline(self, kline: Bar, view: View) -> None:
        if kline.volume == 12.5:
            self.hoard.append(bytearray(b"x") * (self.megabytes << 20))

    def save_state(self) -> dict[str, Any]:
        return {}


class Ordering(Strategy):
    """Places an order at every kline; its tag says how many it has placed, its indicator, and what it was told of its orders."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.placed = 0
        self.told: list[str] = []

    def indicators(self) -> Mapping[str, Any]:
        return {"mean": ("sma", 3)}

    def on_kline(self, kline: Bar, view: View) -> OrderRequest:
        self.placed += 1
        return self.order(kline.instrument, f"{self.placed} {view['mean']:g} {','.join(self.told)}")

    def order(self, instrument: InstrumentId, tag: str) -> OrderRequest:
        return OrderRequest(instrument=instrument, side="buy", type="limit", fraction=0.1, limit_price=1.0, tag=tag)


class Hearing(Ordering):
    """Also hears of its orders, and answers each that is filled with another."""

    def on_order_update(self, update: OrderUpdate, view: View) -> OrderRequest | None:
        self.told.append(f"{update.state}:{update.tag}")
        return self.order(update.instrument, f"after {update.tag} at {view['mean']:g}") if update.state == "filled" else None


class Paid(Strategy):
    """Says the last settled funding rate."""

    def indicators(self) -> Mapping[str, Any]:
        return {"rate": "funding_rate"}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, 0.0, tag=f"{view['rate']:g}")


class Watching(Strategy):
    """Says what it sees of the market between klines."""

    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, 0.0, tag="kline")

    def on_market_data(self, ticker: MarketTicker, view: View) -> Signal:
        return Signal(ticker.instrument, 0.0, tag=f"{ticker.price:g} {ticker.bid:g} {ticker.ask:g} {ticker.volume_24h:g}")


MADE = {item.name(): item for item in (Counting, Raising, Dividing, Blocking, Leaking, Ordering, Hearing, Paid, Watching)}


def make(name: str, parameters: Mapping[str, Any]) -> Strategy:
    return MADE[name](**dict(parameters))


def main(channel: socket.socket) -> None:
    child.serve(channel, make)
