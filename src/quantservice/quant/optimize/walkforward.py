"""Walk-forward: choose on the past, judge on what comes after, move on; only what was judged counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.selection import degradation, walk_forward_efficiency

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Window:
    """Instants (ms UTC) of one step: bars that open in ``[train_start, train_end)`` choose, ``[test_start, test_end)`` judge."""

    number: int
    train_start: int
    train_end: int
    test_start: int
    test_end: int

    def __post_init__(self) -> None:
        if not self.train_start < self.train_end <= self.test_start < self.test_end:
            raise InvalidValue("window", f"{self.number} does not judge after it has chosen")


def windows(
    first: int, end: int, *, train_days: float, test_days: float, anchored: bool = False, gap_days: float = 0.0
) -> tuple[Window, ...]:
    """Cut ``[first, end)`` (ms UTC) into steps of whole test windows; a last test of less than half its length is left out.

    Tests begin at midnight UTC, as the days do that they are judged by. Raises InvalidValue when not even one step fits.
    """
    train, test, gap = (int(days * _DAY_MS) for days in (train_days, test_days, gap_days))
    if test < 1 or train < 1:
        raise InvalidValue("test_days", "training and test need a positive length")
    found: list[Window] = []
    begin = -(-(first + train + gap) // _DAY_MS) * _DAY_MS
    while begin < end and (end - begin) * 2 >= test:
        start = first if anchored else begin - gap - train
        found.append(Window(len(found), start, begin - gap, begin, min(begin + test, end)))
        begin += test
    if not found:
        days = (end - first) / _DAY_MS
        raise InvalidValue(
            "train_days", f"{train_days:g} days of training and {test_days:g} of test do not fit into the {days:.1f} days of bars"
        )
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Step:
    """What one window gave: the combination chosen in training with its score there, and daily returns in and out of sample."""

    window: Window
    parameters: dict[str, Any]
    score: float
    inside: F64
    outside: F64
    outside_days: I64


def join(steps: list[Step], periods: float = 365.0) -> tuple[dict[str, Any], I64, F64]:
    """Put steps together: figures of the joined tests, the days (day numbers since 1970) and their returns.

    ``efficiency`` is the annual return out of sample over that in sample (Pardo); ``consistency`` the share of tests that gained;
    ``sharpe_loss`` what of the mean daily Sharpe in sample was lost out of it.
    """
    ordered = sorted(steps, key=lambda step: step.window.number)
    days = np.concatenate([step.outside_days for step in ordered])
    returns = np.concatenate([step.outside for step in ordered])
    sharpes = np.array([ratios.sharpe(step.inside) for step in ordered])
    known = sharpes[np.isfinite(sharpes)]
    inside = float(known.mean()) if len(known) else float("nan")
    outside = ratios.sharpe(returns)
    summary = {
        "windows": len(ordered),
        "efficiency": walk_forward_efficiency([step.inside for step in ordered], [step.outside for step in ordered], periods),
        "consistency": float(np.mean([ratios.compounded(step.outside) > 0 for step in ordered])),
        "total_return": ratios.compounded(returns),
        "sharpe_daily": outside,
        "sharpe_daily_inside": inside,
        "sharpe_loss": degradation(inside, outside),
        "max_drawdown_daily": ratios.max_drawdown(returns),
        "days": len(returns),
        "distinct_choices": len({tuple(sorted(step.parameters.items())) for step in ordered}),
    }
    return summary, days, returns
