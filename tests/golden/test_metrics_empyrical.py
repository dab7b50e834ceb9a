"""Ratios give the values that empyrical's authors wrote down (252 business days, 52 weeks, 12 months)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from quantservice.quant.metrics import RunArrays, ratios
from quantservice.quant.metrics.calendar import group_returns, months, weeks, years_of
from quantservice.quant.metrics.value import Daily

pytestmark = pytest.mark.data

F64: TypeAlias = npt.NDArray[np.float64]
PERIODS = {"daily": 252.0, "weekly": 52.0, "monthly": 12.0, "yearly": 1.0}
#: Where we differ on purpose (test, returns, what else tells the case apart), and why.
OURS = {
    ("test_sharpe_ratio", "flat_line_1", "0.0"): "returns that do not vary have no Sharpe ratio; empyrical says infinity",
    ("test_omega", "one_return", "0.0"): "one gain and no loss is infinite; empyrical asks for two returns",
    ("test_omega", "positive_returns", "0.01"): "gains without losses are infinite; empyrical says undefined",
    ("est_beta_fragility_heuristic", "mixed_returns", ""): "the benchmark has ties, which empyrical orders by the machine's sort",
    ("est_beta_fragility_heuristic", "negative_returns", ""): "the same ties",
}


class Case:
    """One recorded case with its series."""

    def __init__(self, row: dict[str, Any], series: dict[str, F64], index: dict[str, npt.NDArray[np.datetime64]]) -> None:
        self.row, self.series, self.index = row, series, index
        self.periods = PERIODS[row.get("period", "daily")]

    def rate(self, name: str) -> float | F64:
        """A number, or the series that a name stands for."""
        text = str(self.row[name])
        return self.series[text] if text in self.series else float(text)

    @property
    def r(self) -> F64:
        """Returns without what is not known: no observation of the moments."""
        values = self.series[self.row["returns"]]
        return values[np.isfinite(values)]

    @property
    def whole(self) -> F64:
        """Returns with nothing where they are not known: time passes all the same."""
        return np.nan_to_num(self.series[self.row["returns"]])

    def pair(self, name: str) -> tuple[F64, F64]:
        """Returns and a second series where both are known."""
        a = self.series[self.row["returns"]]
        other = self.rate(name)
        b = np.broadcast_to(np.asarray(other, dtype=np.float64), a.shape) if not isinstance(other, np.ndarray) else other
        n = min(len(a), len(b))
        known = np.isfinite(a[:n]) & np.isfinite(b[:n])
        return a[:n][known], b[:n][known]

    def spans(self, name: str) -> tuple[F64, F64]:
        """As ``pair``, with nothing where a value is not known."""
        other = self.rate(name)
        assert isinstance(other, np.ndarray)
        n = min(len(self.whole), len(other))
        return self.whole[:n], np.nan_to_num(other[:n])


@cache
def recorded(folder: Path) -> dict[str, list[Case]]:
    known = json.loads((folder / "metrics" / "empyrical" / "known_values.json").read_text())
    series = {name: np.array([math.nan if v is None else v for v in s["values"]]) for name, s in known["series"].items()}
    index = {name: np.array([text[:10] for text in s["index"]], dtype="datetime64[D]") for name, s in known["series"].items()}
    found: dict[str, list[Case]] = {}
    for row in known["cases"]:
        found.setdefault(row["test"], []).append(Case(row, series, index))
    return found


def of_curve(returns: F64) -> RunArrays:
    equity = np.asarray(np.cumprod(1.0 + returns), dtype=np.float64)
    return RunArrays(time=86_400_000 * np.arange(1, len(equity) + 1, dtype=np.int64), equity=equity, start_time=0, start_equity=1.0)


def grouped(case: Case) -> F64:
    key = {"weekly": weeks, "monthly": months, "quarterly": lambda day: months(day) // 3, "yearly": years_of}[
        case.row["convert_to"]
    ]
    day = case.index[case.row["returns"]].astype(np.int64)
    equity = np.concatenate([[1.0], np.cumprod(1.0 + case.whole)])
    return group_returns(Daily(np.concatenate([[day[0] - 1], day]), equity, case.whole), key)


def rolled(case: Case, make: Callable[[F64], float]) -> list[float]:
    window, values = case.row["window"], case.whole
    return [make(values[i : i + window]) for i in range(len(values) - window + 1)]


def rolled_pair(case: Case, name: str, make: Callable[[F64, F64], Any]) -> list[Any]:
    window = case.row["window"]
    a, b = case.spans(name)
    return [make(a[i : i + window], b[i : i + window]) for i in range(len(a) - window + 1)]


def alpha_beta(a: F64, b: F64) -> list[float]:
    if len(a) < 2:
        return [math.nan, math.nan]
    return [ratios.alpha(a, b, 252.0, annualise="compound"), ratios.beta(a, b)]


def side_of(case: Case, name: str, *, up: bool) -> list[float]:
    a, b = case.pair(name)
    chosen = b > 0 if up else b < 0
    return alpha_beta(a[chosen], b[chosen])


def up_down(a: F64, b: F64) -> float:
    down = ratios.capture(a, b, 252.0, side="down")
    return ratios.capture(a, b, 252.0, side="up") / down


def known_omega(case: Case) -> float:
    required = float(case.row["required_return"])
    if required <= -1.0:
        return math.nan
    rate = case.rate("risk_free")
    a, b = case.pair("risk_free") if isinstance(rate, np.ndarray) else (case.r, rate)
    return ratios.omega(a, b + ratios.per_period(required, 252.0))


def known_sharpe(case: Case) -> float:
    a, b = case.pair("risk_free")
    return ratios.sharpe(a, 252.0, b)


COMPUTE: dict[str, Callable[[Case], Any]] = {
    "test_cum_returns_final": lambda c: (
        (1.0 + ratios.compounded(c.whole)) * (c.row["starting_value"] or 1.0) - (not c.row["starting_value"])
        if len(c.whole)
        else math.nan
    ),
    "test_aggregate_returns": grouped,
    "test_max_drawdown": lambda c: ratios.max_drawdown(c.whole),
    "test_annual_ret": lambda c: ratios.annual_return(c.whole, c.periods),
    "test_annual_volatility": lambda c: ratios.annual_volatility(c.r, c.periods),
    "test_calmar": lambda c: (
        ratios.annual_return(c.whole, c.periods) / abs(ratios.max_drawdown(c.whole))
        if ratios.max_drawdown(c.whole) < 0
        else math.nan
    ),
    "test_omega": known_omega,
    "test_sharpe_ratio": known_sharpe,
    "test_downside_risk": lambda c: ratios.downside_deviation(
        c.pair("required_return")[0], c.periods, c.pair("required_return")[1]
    ),
    "test_sortino": lambda c: ratios.sortino(c.pair("required_return")[0], c.periods, c.pair("required_return")[1]),
    "test_excess_sharpe": lambda c: ratios.sharpe(c.pair("factor_returns")[0] - c.pair("factor_returns")[1]),
    "test_alpha_beta": lambda c: alpha_beta(*c.pair("benchmark")),
    "test_alpha": lambda c: alpha_beta(*c.pair("benchmark"))[0],
    "test_stability_of_timeseries": lambda c: ratios.stability(c.r),
    "test_tail_ratio": lambda c: ratios.tail_ratio(c.r),
    "test_cagr": lambda c: ratios.annual_return(c.whole, c.periods),
    "est_beta_fragility_heuristic": lambda c: ratios.beta_fragility(*c.pair("factor_returns")),
    "test_roll_max_drawdown": lambda c: rolled(c, ratios.max_drawdown),
    "test_roll_sharpe_ratio": lambda c: [
        ratios.sharpe(w[np.isfinite(w)], 252.0)
        for w in (c.series[c.row["returns"]][i : i + c.row["window"]] for i in range(len(c.whole) - c.row["window"] + 1))
    ],
    "test_capture_ratio": lambda c: ratios.capture(*c.spans("factor_returns"), 252.0),
    "test_down_capture": lambda c: ratios.capture(*c.spans("factor_returns"), 252.0, side="down"),
    "test_up_capture": lambda c: ratios.capture(*c.spans("benchmark"), 252.0, side="up"),
    "test_up_down_capture": lambda c: up_down(*c.spans("factor_returns")),
    "test_roll_up_down_capture": lambda c: rolled_pair(c, "factor_returns", up_down),
    "test_roll_down_capture": lambda c: rolled_pair(c, "factor_returns", lambda a, b: ratios.capture(a, b, 252.0, side="down")),
    "test_roll_up_capture": lambda c: rolled_pair(c, "factor_returns", lambda a, b: ratios.capture(a, b, 252.0, side="up")),
    "test_down_alpha_beta": lambda c: side_of(c, "benchmark", up=False),
    "test_up_alpha_beta": lambda c: side_of(c, "benchmark", up=True),
    "test_batting_average": lambda c: ratios.batting_average(*c.pair("benchmark")),
}


def close(found: Any, expected: Any, decimals: int) -> bool:
    if isinstance(expected, list):
        values = list(found)
        return len(values) == len(expected) and all(close(a, b, decimals) for a, b in zip(values, expected, strict=True))
    if expected is None:
        return bool(np.isnan(found).all())
    return float(expected) == found or bool(abs(found - float(expected)) <= 1.5 * 10.0**-decimals)


@pytest.mark.parametrize("test", COMPUTE)
def test_values_that_empyrical_recorded(test: str, data_dir: Path) -> None:
    cases = recorded(data_dir)[test]
    wrong = []
    for case in cases:
        if (test, case.row.get("returns"), str(case.row.get("risk_free", ""))) in OURS:
            continue
        found = COMPUTE[test](case)
        if not close(found, case.row["expected"], case.row["decimals"]):
            wrong.append((case.row, found))
    assert not wrong
    assert cases


def test_simple_and_cumulated_returns(data_dir: Path) -> None:
    for case in recorded(data_dir)["test_simple_returns"]:
        prices = case.series[case.row["prices"]]
        with np.errstate(divide="ignore"):
            found = prices[1:] / prices[:-1] - 1.0
        expected = np.array([math.inf if v == "inf" else v for v in case.row["expected"]], dtype=np.float64)
        np.testing.assert_allclose(found, expected, atol=1.5e-4)
    for case in recorded(data_dir)["test_cum_returns"]:
        if len(case.whole):
            base = case.row["starting_value"] or 1.0
            found = base * of_curve(case.whole).equity - (0.0 if case.row["starting_value"] else 1.0)
            np.testing.assert_allclose(found, case.row["expected"], atol=1.5e-4)
