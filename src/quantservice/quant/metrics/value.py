"""One measured figure with all that is needed to believe it, and the set of figures of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName

F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]

NAN: Final = float("nan")
INFINITE: Final = float("inf")
#: Said of a value that is not finite though nothing is known to be wrong with the input (an overflow).
NO_FINITE_RESULT: Final = "the arithmetic has no finite result on this data"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: what it is, how it was made, and why it is undefined if it is.

    ``value`` is a number, or text for what is none (a fingerprint). Fractions are fractions (0.35 is 35 %), money is in the
    run's currency, times are milliseconds UTC. NaN always comes with a ``reason``; infinity does too (no losing trades).
    ``formula`` is the id under which the formula stands in the catalogue, ``sampling`` says what one observation is,
    ``annualisation`` the factor that was applied.
    """

    name: str
    value: float | str
    unit: str
    formula: str
    sampling: str
    annualisation: str = ""
    reason: str = ""

    def __float__(self) -> float:
        if isinstance(self.value, str):
            raise TypeError(f"the metric {self.name} is text: {self.value}")
        return float(self.value)

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return isinstance(self.value, str) or not math.isnan(self.value)

    @property
    def text(self) -> str:
        """The value as a person reads it; ``n/a`` where it is undefined."""
        return text_of(self.value, self.unit)

    def __str__(self) -> str:
        return f"{self.text} ({self.reason})" if self.reason else self.text


def time_text(milliseconds: float) -> str:
    """Return ``2024-05-01 13:00`` (UTC) of a time in milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def text_of(value: float | str, unit: str) -> str:
    """Write a value of one unit for a person: percent for fractions, thousands separated."""
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "n/a"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    shown = _FORMATS[unit](value)
    return shown.replace("-", "−", 1) if unit != "time" and shown.startswith("-") else shown


def _quote(value: float) -> str:
    return f"{value:,.2f}" if abs(value) < 1e6 else f"{value:,.0f}"


_FORMATS: Final = {
    "fraction": lambda value: f"{value * 100:,.2f} %",
    "ratio": lambda value: f"{value:,.3f}",
    "quote": _quote,
    "count": lambda value: f"{value:,.0f}",
    "per_day": lambda value: f"{value:,.2f} / day",
    "days": lambda value: f"{value:,.1f} d",
    "hours": lambda value: f"{value:,.1f} h" if abs(value) < 96 else f"{value / 24:,.1f} d",
    "ms": lambda value: f"{value:,.0f} ms",
    "bps": lambda value: f"{value:,.2f} bp",
    "time": time_text,
}


@dataclass(frozen=True, eq=False)
class Daily:
    """Equity sampled at the end of each UTC day.

    ``day`` (n+1,) are day numbers since 1970 with the sample before the run first, ``equity`` (n+1,) the values,
    ``returns`` (n,) the simple returns between them. A day without a kline keeps the value before it: its return is 0.
    """

    day: I64
    equity: F64
    returns: F64

    @property
    def time(self) -> I64:
        """End of each day in milliseconds UTC."""
        return (self.day + 1) * 86_400_000


class Drawdown(msgspec.Struct, frozen=True):
    """One fall below a peak. ``depth`` is a negative fraction, ``loss`` the negative amount; times in milliseconds UTC.

    ``recovery_time`` is None while the peak has not been reached again.
    """

    peak_time: int
    valley_time: int
    recovery_time: int | None
    depth: float
    loss: float
    days: float


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What figures assume.

    ``periods`` days make a year (365: every day is a trading day), ``risk_free`` and ``target`` (the minimum acceptable
    return) are rates per year. Annualised figures need ``min_days`` days of
    run. ``benchmark`` names what returns are compared with.
    """

    periods: float = 365.0
    risk_free: float = 0.0
    target: float = 0.0
    min_days: float = 90.0
    benchmark: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.periods) and self.periods > 0.0):
            raise InvalidValue("periods", f"a year must have a positive number of samples, not {self.periods}")
        for name, rate in (("risk_free", self.risk_free), ("target", self.target)):
            if not (math.isfinite(rate) and rate > -1.0):
                raise InvalidValue(name, f"a yearly rate must be more than -1, not {rate}")


@dataclass(frozen=True, eq=False)
class Metrics(Mapping[str, Metric]):
    """The figures of one run by name, in the order of the catalogue.

    ``daily`` is the curve that they were made from, ``drawdowns`` the deepest falls (deepest first), ``settings`` what the
    figures assumed.
    """

    figures: Mapping[str, Metric]
    daily: Daily
    drawdowns: tuple[Drawdown, ...]
    settings: Settings

    def __getitem__(self, name: str) -> Metric:
        try:
            return self.figures[name]
        except KeyError:
            raise UnknownName("metric", name, self.figures) from None

    def __contains__(self, name: object) -> bool:
        return name in self.figures

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def number(self, name: str) -> float:
        """Return a figure as a float: NaN where it is undefined."""
        return float(self[name])

    def with_figures(self, more: Iterable[Metric]) -> Metrics:
        """Return these figures with others added or put in place of their namesakes."""
        return Metrics({**self.figures, **{metric.name: metric for metric in more}}, self.daily, self.drawdowns, self.settings)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return plain JSON values: NaN is null, infinity the text ``inf``."""
        return {name: {**msgspec.to_builtins(metric), "value": _plain(metric.value)} for name, metric in self.figures.items()}

    def to_pandas(self) -> Any:
        """Return a pandas table with one row per figure."""
        import pandas as pd  # noqa: PLC0415 - the table library is the caller's choice

        return pd.DataFrame([msgspec.to_builtins(metric) for metric in self.figures.values()]).set_index("name")

    def __repr__(self) -> str:
        heads = ("total_return", "cagr", "sharpe", "sortino", "max_drawdown", "trades", "profit_factor")
        return f"Metrics({', '.join(f'{name} {self.figures[name].text}' for name in heads if name in self.figures)})"


def metric_of(row: Mapping[str, Any]) -> Metric:
    """Read a figure back from ``Metrics.to_dict``."""
    value = row["value"]
    if value is None:
        value = NAN
    elif value in {"inf", "-inf"}:
        value = float(value)
    return Metric(**{**row, "value": value})


def _plain(value: float | str) -> float | str | None:
    if isinstance(value, str) or math.isfinite(value):
        return value
    return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
