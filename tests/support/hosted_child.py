"""A strategy's process for tests: the registry's templates and some that misbehave."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from quantservice.adapters.strategy_host import child
from quantservice.core.signals import Signal
from quantservice.quant.strategies import Bar, Strategy, View


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


MADE = {item.name(): item for item in (Counting, Raising, Blocking, Leaking)}


def make(name: str, parameters: Mapping[str, Any]) -> Strategy:
    return MADE[name](**dict(parameters))


def main(channel: socket.socket) -> None:
    child.serve(channel, make)
