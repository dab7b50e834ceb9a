"""Our metrics and conventions beside the packages themselves, on one seeded curve.

Run with a Python that has quantstats, empyrical-reloaded, vectorbt and backtesting (whichever is missing is left out), from the
project's root: ``PYTHONPATH=src:. python benchmarks/agreement_metrics.py [--freqtrade METRICS.PY] [--golden]``.
``--golden`` prints the packages' values as the Python literal that tests/unit/quant/metrics/test_conventions.py holds.
``--freqtrade`` names a copy of freqtrade/data/metrics.py, which is loaded alone.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from tests.support.curves import DAY, START, TEN_NETS, curve, seeded, trades_of

from quantservice.quant.metrics import Settings, conventions, measure, ratios

PERIODS = 365.0
#: Trades of the freqtrade comparison: one a week.
NETS = tuple(net * 3 for net in TEN_NETS * 8)


def series(days: int = 730) -> tuple[Any, Any, Any]:
    """Daily returns, a benchmark's, as pandas series, and the run behind the first."""
    import pandas as pd

    index = pd.date_range("2023-01-01", periods=days, freq="D")
    r, b = seeded(days), seeded(days, seed=7)
    return pd.Series(r, index), pd.Series(b, index), curve(r, start=10_000.0, trades=trades_of(NETS, hours=168.0))


def of_empyrical() -> dict[str, float]:
    em = importlib.import_module("empyrical")

    r, b, _ = series()
    calls: dict[str, Callable[[], float]] = {
        "sharpe": lambda: em.sharpe_ratio(r, annualization=PERIODS),
        "sortino": lambda: em.sortino_ratio(r, annualization=PERIODS),
        "calmar": lambda: em.calmar_ratio(r, annualization=PERIODS),
        "cagr": lambda: em.annual_return(r, annualization=PERIODS),
        "annual_volatility": lambda: em.annual_volatility(r, annualization=PERIODS),
        "max_drawdown": lambda: em.max_drawdown(r),
        "omega": lambda: em.omega_ratio(r, required_return=0.1, annualization=PERIODS),
        "tail_ratio": lambda: em.tail_ratio(r),
        "beta": lambda: em.beta(r, b),
        "alpha_compounded": lambda: em.alpha(r, b, annualization=PERIODS),
        "var_95": lambda: em.value_at_risk(r),
        "stability": lambda: em.stability_of_timeseries(r),
    }
    return {name: float(call()) for name, call in calls.items()}


def of_quantstats() -> dict[str, float]:
    qs = importlib.import_module("quantstats.stats")

    r, b, _ = series()
    calls: dict[str, Callable[[], float]] = {
        "sharpe": lambda: qs.sharpe(r, periods=365),
        "sortino": lambda: qs.sortino(r, periods=365),
        "calmar": lambda: qs.calmar(r, periods=365),
        "cagr": lambda: qs.cagr(r, periods=365),
        "annual_volatility": lambda: qs.volatility(r, periods=365),
        "max_drawdown": lambda: qs.max_drawdown(r),
        "smart_sharpe": lambda: qs.smart_sharpe(r, periods=365),
        "smart_sortino": lambda: qs.smart_sortino(r, periods=365),
        "skew": lambda: qs.skew(r),
        "kurtosis": lambda: qs.kurtosis(r),
        "gain_to_pain": lambda: qs.gain_to_pain_ratio(r),
        "omega": lambda: qs.omega(r, required_return=0.1, periods=365),
        "tail_ratio": lambda: qs.tail_ratio(r),
        "common_sense_ratio": lambda: qs.common_sense_ratio(r),
        "var_95_parametric": lambda: qs.value_at_risk(r),
        "cvar_95": lambda: qs.conditional_value_at_risk(r, method="historical"),
        "beta": lambda: qs.greeks(r, b, periods=365)["beta"],
        "alpha": lambda: qs.greeks(r, b, periods=365)["alpha"],
        "r_squared": lambda: qs.r_squared(r, b),
        "information_ratio": lambda: qs.information_ratio(r, b) * math.sqrt(PERIODS),
        "ulcer_index": lambda: qs.ulcer_index(r) * math.sqrt((len(r) - 1) / len(r)),  # it divides by n - 1
    }
    return {name: float(call()) for name, call in calls.items()}


def of_vectorbt() -> dict[str, float]:
    importlib.import_module("vectorbt")  # registers the accessor

    r, _, _ = series()
    found = r.vbt.returns(freq="D", year_freq="365 days")
    return {
        "sharpe": float(found.sharpe_ratio()),
        "sortino": float(found.sortino_ratio()),
        "calmar": float(found.calmar_ratio()),
        "cagr": float(found.annualized()),
        "annual_volatility": float(found.annualized_volatility()),
        "max_drawdown": float(found.max_drawdown()),
    }


def of_backtesting() -> dict[str, float]:
    import pandas as pd

    compute_stats = importlib.import_module("backtesting._stats").compute_stats

    _, _, run = series()
    index = pd.to_datetime(run.time - DAY, unit="ms")
    data = pd.DataFrame({"Close": run.equity}, index=index)
    trades = pd.DataFrame({"EntryBar": [1], "ExitBar": [2], "PnL": [1.0], "ReturnPct": [0.1], "Duration": [pd.Timedelta(days=1)]})
    stats = compute_stats(trades, run.equity, data, None)
    return {
        "sharpe": stats["Sharpe Ratio"],
        "sortino": stats["Sortino Ratio"],
        "calmar": stats["Calmar Ratio"],
        "cagr": stats["CAGR [%]"] / 100,
        "annual_volatility": stats["Volatility (Ann.) [%]"] / 100,
        "max_drawdown": stats["Max. Drawdown [%]"] / 100,
    }


def of_freqtrade(file: str) -> dict[str, dict[str, float]]:
    import pandas as pd

    spec = importlib.util.spec_from_file_location("freqtrade_metrics", file)
    assert spec is not None
    assert spec.loader is not None
    ft = importlib.util.module_from_spec(spec)
    sys.modules["freqtrade_metrics"] = ft
    spec.loader.exec_module(ft)
    _, _, run = series()
    assert run.trades is not None
    close = pd.to_datetime(run.trades["exit_time"], unit="ms")
    trades = pd.DataFrame({"profit_abs": run.trades["net"], "close_date": close})
    begin, end = pd.Timestamp(START, unit="ms"), pd.Timestamp(int(run.time[-1]), unit="ms")
    wallet = pd.DataFrame({"date": pd.to_datetime(run.time - DAY, unit="ms"), "total_quote": run.equity})
    given = (trades, begin, end, 10_000.0)
    return {
        "freqtrade (closed trades)": {
            "sharpe": ft.calculate_sharpe(*given),
            "sortino": ft.calculate_sortino(*given),
            "calmar": ft.calculate_calmar(*given),
            "cagr": ft.calculate_cagr((end - begin).days, 10_000.0, 10_000.0 + trades["profit_abs"].sum()),
            "max_drawdown": -ft.calculate_max_drawdown(trades, starting_balance=10_000.0).relative_account_drawdown,
        },
        "freqtrade (wallet)": {
            "sharpe": ft.calculate_sharpe_from_balance(wallet),
            "sortino": ft.calculate_sortino_from_balance(wallet),
            "calmar": ft.calculate_calmar_from_balance(wallet),
            "max_drawdown": -ft.calculate_max_drawdown_from_balance(wallet).relative_account_drawdown,
        },
    }


def ours() -> dict[str, dict[str, float]]:
    """The same figures of ours, by the tool that they are compared with."""
    r, b = seeded(730), seeded(730, seed=7)
    run = curve(r, start=10_000.0, trades=trades_of(NETS, hours=168.0))
    price = np.asarray(np.cumprod(1.0 + b), dtype=np.float64)
    figures = measure(curve(r, benchmark=price, benchmark_start=1.0), Settings(target=0.1))
    plain = measure(curve(r, benchmark=price, benchmark_start=1.0))
    em = conventions.empyrical(r, PERIODS)
    qs = conventions.quantstats(r, PERIODS)
    named = {printed.tool: printed for printed in conventions.as_printed(run)}
    shown = {
        tool: {name: getattr(printed, name) for name in conventions.SHOWN}
        for tool, printed in {**named, "empyrical": em, "quantstats": qs}.items()
    }
    for tool in ("empyrical", "quantstats"):
        shown[tool].update({name: plain.number(name) for name in (*GOLDEN_NAMES, "sharpe", "sortino", "annual_volatility")})
        shown[tool]["max_drawdown"] = plain.number("max_drawdown_daily")
        shown[tool]["cagr"] = plain.number("annual_return")
        shown[tool]["omega"] = figures.number("omega")
    shown["empyrical"]["alpha_compounded"] = ratios.alpha(r, b, PERIODS, annualise="compound")
    shown["empyrical"]["stability"] = ratios.stability(r)
    return shown


GOLDEN_NAMES = (
    "tail_ratio",
    "beta",
    "alpha",
    "var_95",
    "smart_sharpe",
    "smart_sortino",
    "skew",
    "kurtosis",
    "gain_to_pain",
    "common_sense_ratio",
    "var_95_parametric",
    "cvar_95",
    "r_squared",
    "information_ratio",
    "ulcer_index",
)


def live(freqtrade: str | None) -> dict[str, dict[str, float]]:
    """What the installed packages say."""
    found: dict[str, dict[str, float]] = {}
    makers: dict[str, Callable[[], dict[str, float]]] = {
        "empyrical": of_empyrical,
        "quantstats": of_quantstats,
        "vectorbt": of_vectorbt,
        "backtesting.py": of_backtesting,
    }
    for tool, make in makers.items():
        try:
            found[tool] = make()
        except ImportError as missing:
            print(f"{tool}: not compared ({missing})", file=sys.stderr)
    if freqtrade:
        found.update(of_freqtrade(freqtrade))
    return found


def main() -> int:
    """Print the comparison; the exit code is 1 when a value differs by more than 1e-9."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--freqtrade", help="a copy of freqtrade/data/metrics.py")
    parser.add_argument("--golden", action="store_true", help="print the packages' values as a Python literal")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    theirs = live(given.freqtrade)
    if given.golden:
        print("PACKAGES: dict[str, dict[str, float]] = {")
        for tool, values in theirs.items():
            print(f'    "{tool}": {{')
            print("".join(f'        "{name}": {float(value)!r},\n' for name, value in values.items()), end="    },\n")
        print("}")
        return 0
    mine, worst = ours(), 0.0
    print(f"{'tool':28} {'figure':20} {'theirs':>22} {'ours':>22} {'difference':>11}")
    for tool, values in theirs.items():
        for name, value in values.items():
            own = mine[tool][name]
            off = abs(own - value) / max(1.0, abs(value))
            worst = max(worst, off)
            print(f"{tool:28} {name:20} {value:22.15g} {own:22.15g} {off:11.2e}")
    print(f"largest difference {worst:.2e}")
    return int(worst > 1e-9)


if __name__ == "__main__":
    sys.exit(main())
