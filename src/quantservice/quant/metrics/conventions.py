"""The same run as other tools would print it: their conventions, re-made from what they document and do.

These are not our figures: each tool samples, annualises and divides in its own way, and some use sentinels where a value is
undefined. They are shown side by side so that a person who comes from such a tool finds the number that they know.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np

from quantservice.quant.jit import jit
from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.arrays import Rows, RunArrays
from quantservice.quant.metrics.scan import DAY_MS
from quantservice.quant.metrics.value import F64, INFINITE, NAN

#: What is shown of each tool, in this order.
SHOWN: Final = ("sharpe", "sortino", "calmar", "cagr", "annual_volatility", "max_drawdown")
#: freqtrade's answer to a division by zero.
FREQTRADE_SENTINEL: Final = -100.0


class Printed(msgspec.Struct, frozen=True, kw_only=True):
    """What one tool would print. ``convention`` says how it comes to it; NaN where it prints nothing or cannot.

    Fractions are fractions (freqtrade, backtesting.py print them in per cent); drawdowns are negative.
    """

    tool: str
    convention: str
    sharpe: float
    sortino: float
    calmar: float
    cagr: float
    annual_volatility: float
    max_drawdown: float


def as_printed(run: RunArrays) -> tuple[Printed, ...]:
    """Return the run in the conventions of each tool, at their defaults; those that need trades only where there are any."""
    daily = run.daily
    r, values = daily.returns, daily.equity
    if not len(r) or not np.isfinite(r).all():
        return ()
    shown = [
        empyrical(r),
        quantstats(r),
        vectorbt(_bar_returns(run), 365.0 * DAY_MS / max(run.bar_ms, 1)),
        backtesting_py(run.clean[0], values[1:], int(run.time[-1] - run.time[0])),
        freqtrade_wallet(run.clean[0], values[1:], int(run.time[-1] - run.time[0])),
        jesse(values),
    ]
    if run.trades is not None and len(run.trades):
        shown.insert(4, freqtrade_trades(run.trades, run.first, run.days))
    return tuple(shown)


def empyrical(r: F64, periods: float = 252.0) -> Printed:
    """As empyrical 0.7: one sample per business day, returns per year by the number of samples."""
    yearly, fall = ratios.annual_return(r, periods), ratios.max_drawdown(r)
    spread = float(np.std(r, ddof=1)) if len(r) > 1 else NAN
    return Printed(
        tool="empyrical",
        convention=f"daily returns, {periods:g} a year, ddof=1",
        sharpe=_divide(float(r.mean()), spread) * math.sqrt(periods),
        sortino=_divide(float(r.mean()) * periods, ratios.downside_deviation(r, periods)),
        calmar=yearly / abs(fall) if fall < 0.0 else NAN,
        cagr=yearly,
        annual_volatility=spread * math.sqrt(periods),
        max_drawdown=fall,
    )


def quantstats(r: F64, periods: float = 252.0) -> Printed:
    """As quantstats 0.0.86: as empyrical, but a downside of zero is undefined."""
    same = empyrical(r, periods)
    return Printed(
        tool="quantstats",
        convention=f"daily returns, {periods:g} a year (its CAGR too), ddof=1",
        sharpe=same.sharpe,
        sortino=same.sortino if math.isfinite(same.sortino) else NAN,
        calmar=_divide(same.cagr, abs(same.max_drawdown)),
        cagr=same.cagr,
        annual_volatility=same.annual_volatility,
        max_drawdown=same.max_drawdown,
    )


def vectorbt(r: F64, factor: float) -> Printed:
    """As vectorbt 1.2: returns per bar, ``factor`` bars a year of 365 days; drawdown from the first bar's close."""
    spread = float(np.std(r, ddof=1)) if len(r) > 1 else NAN
    value = np.cumprod(1.0 + r)
    fall = float((value / np.maximum.accumulate(value) - 1.0).min())
    yearly = ratios.grow(float(value[-1]), factor / len(r))
    downside = ratios.downside_deviation(r, factor)
    return Printed(
        tool="vectorbt",
        convention="returns per bar, bars of 365 days a year, ddof=1",
        sharpe=float(r.mean()) / spread * math.sqrt(factor) if spread > 0.0 else INFINITE,
        sortino=float(r.mean()) * factor / downside if downside > 0.0 else INFINITE,
        calmar=yearly / abs(fall) if fall < 0.0 else NAN,
        cagr=yearly,
        annual_volatility=spread * math.sqrt(factor),
        max_drawdown=fall,
    )


def backtesting_py(equity: F64, closes: F64, milliseconds: int, periods: float = 365.0) -> Printed:
    """As backtesting.py 0.6.6: geometric return and volatility, days from the first close on, drawdown of the bars' closes."""
    r = closes[1:] / closes[:-1] - 1.0
    if len(r) < 2:
        return Printed(tool="backtesting.py", convention="", **dict.fromkeys(SHOWN, NAN))
    mean = float(np.exp(np.log1p(r).sum() / len(r)) - 1.0)
    yearly = (1.0 + mean) ** periods - 1.0
    grown = (1.0 + mean) ** 2
    volatility = math.sqrt((float(r.var(ddof=1)) + grown) ** periods - grown**periods)
    downside = math.sqrt(float(np.mean(np.minimum(r, 0.0) ** 2)) * periods)
    fall = float((equity / np.maximum.accumulate(equity) - 1.0).min())
    years = milliseconds / DAY_MS / 365.25
    return Printed(
        tool="backtesting.py",
        convention=f"geometric, {periods:g} days a year, Sharpe = Return (Ann.) / Volatility (Ann.)",
        sharpe=yearly / volatility if volatility > 0.0 else NAN,
        sortino=_divide(yearly, downside),
        calmar=yearly / abs(fall) if fall < 0.0 else NAN,
        cagr=ratios.grow(float(equity[-1] / equity[0]), 1.0 / years) if years > 0.0 else NAN,
        annual_volatility=volatility,
        max_drawdown=fall,
    )


def freqtrade_trades(trades: Rows, start: float, days: float) -> Printed:
    """As freqtrade's headline: profit per day over the spread *per trade*, drawdown of closed trades."""
    closed = trades[~np.asarray(trades["open"], dtype=np.bool_)]
    profits = closed["net"][np.argsort(closed["exit_time"], kind="stable")] / start
    whole_days = max(1, int(days))
    mean = float(profits.sum()) / whole_days
    balance = 1.0 + np.cumsum(profits)
    fall = _fall_of_largest_loss(np.concatenate([[1.0], balance]))
    losses = profits[profits < 0.0]
    return Printed(
        tool="freqtrade (closed trades)",
        convention="profit per day / spread per trade (ddof=0) × √365; Calmar is mean × 100 × √365 / drawdown",
        sharpe=_freqtrade(mean, float(np.std(profits)) if len(profits) else NAN),
        sortino=_freqtrade(mean, float(np.std(losses)) if len(losses) else NAN),
        calmar=_freqtrade(mean * 100.0, abs(fall)),
        cagr=ratios.grow(float(balance[-1]), 365.0 / whole_days) if len(profits) else NAN,
        annual_volatility=NAN,
        max_drawdown=fall,
    )


def freqtrade_wallet(equity: F64, closes: F64, milliseconds: int) -> Printed:
    """As freqtrade's daily wallet balance: ddof=0, Sortino over the spread of losing days, Calmar by the mean."""
    r = closes[1:] / closes[:-1] - 1.0
    whole_days = max(1, milliseconds // DAY_MS)
    mean = float(equity[-1] / equity[0] - 1.0) / whole_days
    fall = _fall_of_largest_loss(equity)
    losses = r[r < 0.0]
    return Printed(
        tool="freqtrade (wallet)",
        convention="daily balance, spread ddof=0, √365; Calmar is mean × 100 × √365 / drawdown",
        sharpe=_freqtrade(float(r.mean()), float(np.std(r))) if len(r) else NAN,
        sortino=_freqtrade(float(r.mean()), float(np.std(losses)) if len(losses) else NAN) if len(r) else NAN,
        calmar=_freqtrade(mean * 100.0, abs(fall)),
        cagr=ratios.grow(float(equity[-1] / equity[0]), 365.0 / whole_days),
        annual_volatility=NAN,
        max_drawdown=fall,
    )


def jesse(values: F64) -> Printed:
    """As jesse: daily balances, 365 days a year; its drawdown begins after the first day, its Sortino counts one day more."""
    r = values[1:] / values[:-1] - 1.0
    n = len(r)
    spread = float(np.std(r, ddof=1)) if n > 1 else NAN
    value = np.cumprod(1.0 + r)
    fall = float((value / np.maximum.accumulate(value) - 1.0).min())
    downside = math.sqrt(float((np.minimum(r, 0.0) ** 2).sum()) / (n + 1))
    yearly = ratios.grow(float(value[-1]), 365.0 / n)
    return Printed(
        tool="jesse",
        convention="daily balance, 365 a year, ddof=1",
        sharpe=_divide(float(r.mean()), spread) * math.sqrt(365.0),
        sortino=_divide(float(r.mean()), downside) * math.sqrt(365.0),
        calmar=yearly / abs(fall) if fall < 0.0 else 0.0,
        cagr=yearly,
        annual_volatility=NAN,
        max_drawdown=fall,
    )


def _bar_returns(run: RunArrays) -> F64:
    return changes(run.clean[0], run.first)


@jit
def changes(equity: F64, start: float) -> F64:
    """Return simple returns from mark to mark, the first from ``start``."""
    out = np.empty(equity.shape[0])
    before = start
    for i in range(equity.shape[0]):
        out[i] = equity[i] / before - 1.0
        before = equity[i]
    return out


def _divide(a: float, b: float) -> float:
    """Divide as arrays do: by zero is infinity with a sign, zero by zero undefined."""
    if b != 0.0:
        return a / b
    return NAN if a == 0.0 or math.isnan(a) else math.copysign(INFINITE, a)


def _freqtrade(mean: float, divisor: float) -> float:
    return mean / divisor * math.sqrt(365.0) if divisor != 0.0 and not math.isnan(divisor) else FREQTRADE_SENTINEL


def _fall_of_largest_loss(balance: F64) -> float:
    """Relative fall of the episode with the largest fall in money, negative."""
    peak = np.maximum.accumulate(balance)
    at = int(np.argmin(balance - peak))
    return float(balance[at] / peak[at] - 1.0)
