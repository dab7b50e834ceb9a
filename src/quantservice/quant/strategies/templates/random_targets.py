"""Random: no idea at all, the same at every run. What any strategy must beat, and what engines are tested with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated

from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import Signal
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Range
from quantservice.quant.strategies.view import View


class Random(Strategy):
    """At each bar, with a small chance, a new random target; drawn from seed, instrument and time, so that no bar knows another."""

    seed: Annotated[int, Range(0, 2**31 - 1), "another seed, another strategy"] = 1
    chance: Annotated[float, Range(0.0, 1.0, step=0.01), "how often the target changes"] = 0.05
    short: Annotated[bool, "also short"] = True

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Share the equity equally."""
        self.share = 1.0 / len(instruments)

    def on_kline(self, kline: Bar, view: View) -> Signal | None:
        """Draw whether to change, and to what: long, flat or short."""
        digest = hashlib.blake2b(f"{self.seed} {kline.instrument} {kline.open_time}".encode(), digest_size=16).digest()
        if int.from_bytes(digest[:8], "big") / 2.0**64 >= self.chance:
            return None
        choice = int.from_bytes(digest[8:], "big") % (3 if self.short else 2)
        return Signal(kline.instrument, (self.share, 0.0, -self.share)[choice])
