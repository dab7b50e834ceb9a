"""Running a vectorised strategy: its answer as one array of targets, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.strategies.raising import asking


def targets_of(strategy: Strategy, bars: BarsView, *, start: bool = True, copy: bool = True) -> npt.NDArray[np.float64]:
    """Return ``on_bars`` as bars by instruments (by long and short leg, if it says so); raise a sentence when it is not that.

    ``start``: call ``on_start`` before, as an engine does once. Without ``copy`` the array may be the strategy's own, which it may
    change at its next call: for whoever is done with it by then.
    """
    if start:
        with asking(strategy, "on_start"):
            strategy.on_start(bars.instruments, bars.period)
    with asking(strategy, "on_bars"):
        answer: Any = strategy.on_bars(bars)
    owner = f"{type(strategy).__name__}.on_bars"
    try:
        targets = np.array(answer, dtype=np.float64, copy=True if copy else None)
    except (TypeError, ValueError):
        raise InvalidValue(owner, f"returned {type(answer).__name__} that is no array of numbers") from None
    rows, instruments = len(bars), len(bars.instruments)
    if targets.shape == (rows,) and instruments == 1:
        targets = targets[:, np.newaxis]
    if targets.shape not in {(rows, instruments), (rows, instruments, 2)}:
        wanted = f"({rows},)" if instruments == 1 else f"({rows}, {instruments})"
        raise InvalidValue(
            owner, f"returned an array of shape {targets.shape}; {wanted} is wanted: one target per bar and instrument"
        )
    if np.isinf(targets).any():
        row = int(np.argwhere(np.isinf(targets))[0, 0])
        raise InvalidValue(owner, f"returned an infinite target at {np.datetime_as_string(bars.time[row], unit='m')}")
    return targets
