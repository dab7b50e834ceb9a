"""What is sought: one figure of a run, and whether more of it is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics.summary import FIELDS, field

#: Of these less is better; of every other figure more is. Drawdowns are negative numbers: more is shallower.
_LESS: Final = frozenset(
    (
        "annual_volatility",
        "max_drawdown_duration",
        "time_underwater",
        "ulcer_index",
        "avg_trade_duration",
        "fees",
        "slippage",
        "traded_notional",
        "turnover",
        "liquidations",
        "funding_missing",
        "exposure_time",
    )
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A figure of ``FIELDS``; ``sign`` is 1 where more is better, else -1."""

    name: str
    sign: float

    @classmethod
    def of(cls, text: str) -> Objective:
        """Read ``sharpe``, or ``turnover:max`` to turn the direction around; raises UnknownName with the nearest figures."""
        name, mark, direction = text.strip().partition(":")
        field(name)
        if mark and direction not in ("max", "min"):
            raise InvalidValue("objective", f"{direction!r} is neither max nor min")
        less = name in _LESS if not mark else direction == "min"
        return cls(name, -1.0 if less else 1.0)

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """``maximize`` or ``minimize``."""
        return "maximize" if self.sign > 0 else "minimize"

    def value(self, figures: npt.NDArray[np.float64]) -> float:
        """Return the figure of one run (one value per name of ``FIELDS``)."""
        return float(figures[FIELDS.index(self.name)])

    def scores(self, column: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return figures turned so that more is better; what is not defined is worst of all."""
        values = np.asarray(column, dtype=np.float64) * self.sign
        return np.where(np.isnan(values), -np.inf, values)

    def best(self, column: npt.ArrayLike) -> int | None:
        """Return the position of the best figure (the first among equals), None where none is defined."""
        scores = self.scores(column)
        if not len(scores) or (not np.isfinite(scores.max()) and math.isinf(scores.max()) and scores.max() < 0):
            return None
        return int(np.argmax(scores))

    def __str__(self) -> str:
        return f"{self.name}:{'max' if self.sign > 0 else 'min'}"


def objectives_of(texts: Sequence[str]) -> tuple[Objective, ...]:
    """Read one or several objectives; each may stand once."""
    found = tuple(Objective.of(text) for text in texts)
    names = [item.name for item in found]
    if not found:
        raise InvalidValue("objective", "name at least one figure to look for, such as sharpe")
    if len(set(names)) < len(names):
        raise InvalidValue("objective", f"{max(names, key=names.count)} is named twice")
    return found


def pareto(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the rows of ``scores`` (n, objectives; more is better) that no other row beats in everything."""
    order: list[Any] = []
    for row in range(len(scores)):
        if np.isneginf(scores[row]).any():
            continue
        others = (scores >= scores[row]).all(axis=1) & (scores > scores[row]).any(axis=1)
        if not others.any():
            order.append(row)
    return np.array(order, dtype=np.int64)
