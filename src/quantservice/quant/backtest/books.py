"""Recorded order books for the ``book`` slippage model: snapshots of levels, as distances from the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.quant.backtest.tables import F64, I64


@dataclass(frozen=True, eq=False)
class BookSnapshots:
    """Order books of one instrument, oldest first.

    ``time`` (N,) ms UTC; ``asks`` and ``bids`` N arrays each of (levels, 2): distance from the middle as a fraction, best first,
    and quantity (base units or contracts).
    """

    time: I64
    asks: tuple[F64, ...]
    bids: tuple[F64, ...]

    @classmethod
    def of(cls, snapshots: Sequence[tuple[int, Sequence[tuple[float, float]], Sequence[tuple[float, float]]]]) -> BookSnapshots:
        """Read (time in ms, asks, bids) with levels of (price, quantity), best first."""
        times: list[int] = []
        sides: tuple[list[F64], list[F64]] = ([], [])
        for row, (time, asks, bids) in enumerate(snapshots):
            if times and time <= times[-1]:
                raise InvalidValue("books", f"snapshot {row} is not after the one before it")
            if not asks or not bids or asks[0][0] <= bids[0][0]:
                raise InvalidValue("books", f"snapshot {row} has an empty or a crossed side")
            middle = 0.5 * (asks[0][0] + bids[0][0])
            times.append(time)
            for levels, kept in zip((asks, bids), sides, strict=True):
                array = np.array(levels, dtype=np.float64)
                kept.append(np.column_stack((np.abs(array[:, 0] / middle - 1.0), array[:, 1])))
        return cls(np.array(times, dtype=np.int64), tuple(sides[0]), tuple(sides[1]))
