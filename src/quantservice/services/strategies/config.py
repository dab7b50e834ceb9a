"""What the hosting service is told."""

from __future__ import annotations

from typing import Final

import msgspec

GROUP: Final = "strategies"


class StrategiesConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``warm_up_bars``: past klines given before the first live one; ``together_s``: how long klines of one close are waited for.

    ``snapshot_s``: least time between two saves of a strategy's memory; ``settle_s``: after a healed or revised kline, how long
    before strategies that saw it begin again, so that many are one; ``memory_s``: between two looks at their memory;
    ``stop_s``: how long a strategy that is stopped may finish its answer and save what it remembers.
    """

    warm_up_bars: int = 2_000
    together_s: float = 2.0
    snapshot_s: float = 60.0
    settle_s: float = 2.0
    memory_s: float = 5.0
    stop_s: float = 4.0
