"""The figures of a sweep: from sums that an engine keeps while it runs, in constant memory per combination.

An engine makes ``sums`` and ``daily`` with `new_sums` and `new_daily`, calls `add_bar` at each close, `add_fill`, `add_trade` and
`add_funding` as they happen, and `finish` at the end, which writes one value per name of `FIELDS`. All of it is compiled and can
be called from compiled code. The values equal those of `measure` under the same names; formulas stand in the catalogue.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from quantservice.core.errors import UnknownName
from quantservice.quant.jit import jit
from quantservice.quant.metrics.scan import DAY_MS
from quantservice.quant.metrics.value import F64, I64

#: What ``finish`` writes, by the names of the catalogue.
FIELDS: Final = (
    "total_return",
    "profit",
    "cagr",
    "annual_return",
    "annual_volatility",
    "sharpe",
    "sharpe_daily",
    "sortino",
    "calmar",
    "omega",
    "gain_to_pain",
    "ulcer_performance_index",
    "recovery_factor",
    "return_volatility_ratio",
    "max_drawdown",
    "max_drawdown_quote",
    "max_drawdown_daily",
    "max_drawdown_duration",
    "current_drawdown",
    "time_underwater",
    "ulcer_index",
    "best_day",
    "worst_day",
    "positive_days",
    "skew",
    "kurtosis",
    "psr",
    "start_equity",
    "final_equity",
    "peak_equity",
    "min_equity",
    "duration",
    "bars",
    "exposure_time",
    "trades",
    "trades_per_day",
    "win_rate",
    "long_trades",
    "short_trades",
    "break_even_trades",
    "profit_factor",
    "payoff_ratio",
    "expectancy",
    "expectancy_return",
    "expectancy_ratio",
    "avg_win",
    "avg_loss",
    "best_trade",
    "worst_trade",
    "avg_trade_duration",
    "sqn",
    "kelly",
    "fees",
    "slippage",
    "traded_notional",
    "turnover",
    "break_even_cost",
    "liquidations",
    "funding_missing",
    "funding",
)

# Positions in `FIELDS`, for compiled code.
(
    _O_TOTAL_RETURN,
    _O_PROFIT,
    _O_CAGR,
    _O_ANNUAL_RETURN,
    _O_ANNUAL_VOLATILITY,
    _O_SHARPE,
    _O_SHARPE_DAILY,
    _O_SORTINO,
    _O_CALMAR,
    _O_OMEGA,
    _O_GAIN_TO_PAIN,
    _O_ULCER_PERFORMANCE_INDEX,
    _O_RECOVERY_FACTOR,
    _O_RETURN_VOLATILITY_RATIO,
    _O_MAX_DRAWDOWN,
    _O_MAX_DRAWDOWN_QUOTE,
    _O_MAX_DRAWDOWN_DAILY,
    _O_MAX_DRAWDOWN_DURATION,
    _O_CURRENT_DRAWDOWN,
    _O_TIME_UNDERWATER,
    _O_ULCER_INDEX,
    _O_BEST_DAY,
    _O_WORST_DAY,
    _O_POSITIVE_DAYS,
    _O_SKEW,
    _O_KURTOSIS,
    _O_PSR,
    _O_START_EQUITY,
    _O_FINAL_EQUITY,
    _O_PEAK_EQUITY,
    _O_MIN_EQUITY,
    _O_DURATION,
    _O_BARS,
    _O_EXPOSURE_TIME,
    _O_TRADES,
    _O_TRADES_PER_DAY,
    _O_WIN_RATE,
    _O_LONG_TRADES,
    _O_SHORT_TRADES,
    _O_BREAK_EVEN_TRADES,
    _O_PROFIT_FACTOR,
    _O_PAYOFF_RATIO,
    _O_EXPECTANCY,
    _O_EXPECTANCY_RETURN,
    _O_EXPECTANCY_RATIO,
    _O_AVG_WIN,
    _O_AVG_LOSS,
    _O_BEST_TRADE,
    _O_WORST_TRADE,
    _O_AVG_TRADE_DURATION,
    _O_SQN,
    _O_KELLY,
    _O_FEES,
    _O_SLIPPAGE,
    _O_TRADED_NOTIONAL,
    _O_TURNOVER,
    _O_BREAK_EVEN_COST,
    _O_LIQUIDATIONS,
    _O_FUNDING_MISSING,
    _O_FUNDING,
) = range(len(FIELDS))

# Slots of ``sums``. Peak and trough first: they change at every bar.
_PEAK, _PEAK_TIME, _DEPTH, _LOSS, _LOW, _LONGEST, _UNDER, _BARS, _HELD, _EQUITY_SUM = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
_START, _START_TIME, _LAST, _LAST_TIME, _BASE_DAY, _FALLEN = 10, 11, 12, 13, 14, 15
_TRADES, _WINS, _LOSSES, _WON, _LOST, _MEAN, _M2, _RETURNS, _BEST, _WORST, _LONGS, _TIME_HELD = range(16, 28)
_FEES, _SLIPPAGE, _NOTIONAL, _FUNDING, _MISSING, _LIQUIDATIONS = 28, 29, 30, 31, 32, 33
SUMS: Final = 34
#: A little less than one: a rounding of a product does not decide what is looked at more closely.
_NEAR: Final = 1.0 - 1e-9


def field(name: str) -> int:
    """Return the position of a name in `FIELDS`."""
    if name not in FIELDS:
        raise UnknownName("objective", name, FIELDS)
    return FIELDS.index(name)


@jit
def days_between(start_time: int, end_time: int) -> int:
    """Return how many samples ``daily`` needs for a run from the first open to the last close."""
    return (end_time - 1) // DAY_MS - (start_time // DAY_MS - 1) + 1


@jit
def new_daily(start_time: int, end_time: int) -> F64:
    """Return an empty array of daily samples."""
    return np.full(days_between(start_time, end_time), np.nan)


@jit
def new_sums() -> F64:
    """Return an empty array of sums."""
    return np.zeros(SUMS)


@jit
def begin(sums: F64, daily: F64, start_time: int, equity: float) -> None:
    """Set both arrays to the state before the first bar; an engine may use the same arrays for one combination after another."""
    for k in range(SUMS):
        sums[k] = 0.0
    for k in range(daily.shape[0]):
        daily[k] = np.nan
    daily[0] = equity
    sums[_START], sums[_PEAK], sums[_LOW], sums[_LAST] = equity, equity, equity, equity
    sums[_START_TIME], sums[_PEAK_TIME], sums[_LAST_TIME] = start_time, start_time, start_time
    sums[_BASE_DAY] = start_time // DAY_MS - 1
    sums[_BEST], sums[_WORST] = -np.inf, np.inf


@jit
def add_bar(sums: F64, daily: F64, close_time: int, equity: float, worst: float, held: bool) -> None:
    """Take the state at a close: ``worst`` is the lowest equity inside the bar, ``held`` whether there is a position."""
    low = min(worst, equity)
    peak = sums[_PEAK]
    if low < peak:
        fall = low - peak
        sums[_FALLEN] = 1.0
        sums[_LOSS] = min(sums[_LOSS], fall)
        sums[_DEPTH] = min(sums[_DEPTH], fall / peak)
        sums[_LOW] = min(sums[_LOW], low)
    if equity >= peak:
        if sums[_FALLEN] > 0.0:
            sums[_LONGEST] = max(sums[_LONGEST], close_time - sums[_PEAK_TIME])
            sums[_FALLEN] = 0.0
        sums[_PEAK], sums[_PEAK_TIME] = equity, close_time
    else:
        sums[_UNDER] += 1.0
    sums[_BARS] += 1.0
    if held:
        sums[_HELD] += 1.0
    sums[_EQUITY_SUM] += equity
    sums[_LAST], sums[_LAST_TIME] = equity, close_time
    daily[(close_time - 1) // DAY_MS - int(sums[_BASE_DAY])] = equity


@jit
def add_bars(sums: F64, daily: F64, closes: I64, rows: F64) -> None:
    """Take many closes as `add_bar` takes one: of ``rows``, flat, six numbers each: equity, worst, bar (of ``closes``), held.

    What changes at every bar is kept beside the arrays meanwhile, and a fall is divided by its peak only where it may be deeper.
    """
    peak, peak_time, depth, loss, low = sums[_PEAK], sums[_PEAK_TIME], sums[_DEPTH], sums[_LOSS], sums[_LOW]
    under, held, total, fallen = sums[_UNDER], sums[_HELD], sums[_EQUITY_SUM], sums[_FALLEN] > 0.0
    equity, close_time, day, day_ends = sums[_LAST], int(sums[_LAST_TIME]), 0, -1
    border, base = depth * peak * _NEAR, int(sums[_BASE_DAY])
    if rows.shape[0] == 0:
        return
    for v in range(0, rows.shape[0], 6):
        if closes[int(rows[v + 2])] > day_ends:  # what the day before ended with, and where this one ends
            if v > 0:
                daily[day - base] = equity
            day = (closes[int(rows[v + 2])] - 1) // DAY_MS
            day_ends = (day + 1) * DAY_MS
        equity, close_time = rows[v], closes[int(rows[v + 2])]
        lowest = min(rows[v + 1], equity)
        if lowest < peak:
            fall = lowest - peak
            fallen = True
            loss, low = min(loss, fall), min(low, lowest)
            if fall <= border:
                depth = min(depth, fall / peak)
                border = depth * peak * _NEAR
        if equity >= peak:
            if fallen:
                sums[_LONGEST] = max(sums[_LONGEST], close_time - peak_time)
                fallen = False
            peak, peak_time = equity, float(close_time)
            border = depth * peak * _NEAR
        else:
            under += 1.0
        if rows[v + 3] != 0.0:
            held += 1.0
        total += equity
    daily[day - base] = equity
    sums[_PEAK], sums[_PEAK_TIME], sums[_DEPTH], sums[_LOSS], sums[_LOW] = peak, peak_time, depth, loss, low
    sums[_UNDER], sums[_HELD], sums[_EQUITY_SUM], sums[_FALLEN] = under, held, total, 1.0 if fallen else 0.0
    sums[_BARS] += rows.shape[0] // 6
    sums[_LAST], sums[_LAST_TIME] = equity, close_time


@jit
def add_same(sums: F64, daily: F64, first_close: int, last_close: int, bars: int, equity: float) -> None:
    """Take ``bars`` closes at which nothing is held and the equity stays the same, as `add_bar` takes one after the other."""
    before = sums[_EQUITY_SUM]
    add_bar(sums, daily, first_close, equity, equity, False)
    more = bars - 1
    if more < 1:
        return
    if equity >= sums[_PEAK]:
        sums[_PEAK_TIME] = last_close
    else:
        sums[_UNDER] += more
    sums[_BARS] += more
    sums[_EQUITY_SUM] = before + bars * equity
    sums[_LAST_TIME] = last_close
    base = int(sums[_BASE_DAY])
    for day in range((first_close - 1) // DAY_MS - base, (last_close - 1) // DAY_MS - base + 1):
        daily[day] = equity  # a day without a bar would be filled with it


@jit
def add_fill(sums: F64, notional: float, fee: float, slippage: float) -> None:
    """Take one fill; all in the reporting currency, ``notional`` without sign."""
    sums[_NOTIONAL] += notional
    sums[_FEES] += fee
    sums[_SLIPPAGE] += slippage


@jit
def add_trade(sums: F64, net: float, on_notional: float, side: int, milliseconds: int) -> None:
    """Take one closed round trip: net profit, return on its entry notional, 1 (long) or -1, and how long it was open."""
    sums[_TRADES] += 1.0
    off = net - sums[_MEAN]
    sums[_MEAN] += off / sums[_TRADES]
    sums[_M2] += off * (net - sums[_MEAN])
    if net > 0.0:
        sums[_WINS] += 1.0
        sums[_WON] += net
    elif net < 0.0:
        sums[_LOSSES] += 1.0
        sums[_LOST] -= net
    sums[_RETURNS] += on_notional
    sums[_BEST], sums[_WORST] = max(sums[_BEST], on_notional), min(sums[_WORST], on_notional)
    if side > 0:
        sums[_LONGS] += 1.0
    sums[_TIME_HELD] += milliseconds


@jit
def add_funding(sums: F64, amount: float, missing: bool) -> None:
    """Take one settlement of an open position: received (paid: negative), or its rate is not known."""
    if missing:
        sums[_MISSING] += 1.0
    else:
        sums[_FUNDING] += amount


@jit
def add_liquidation(sums: F64) -> None:
    """Take one forced closing."""
    sums[_LIQUIDATIONS] += 1.0


@jit
def _over(numerator: float, denominator: float) -> float:
    if denominator == 0.0:
        return np.inf if numerator > 0.0 else np.nan
    return numerator / denominator


@jit
def finish(sums: F64, daily: F64, periods: float, rate: float, target: float, risk_free: float, min_days: float, out: F64) -> None:
    """Write the figures of a finished run into ``out`` (one per name of `FIELDS`).

    ``rate`` and ``target`` are per day, ``risk_free`` is the same rate per year. Annualised figures are NaN under ``min_days``
    days of run. ``daily`` is filled forward where a day had no bar.
    """
    for k in range(out.shape[0]):
        out[k] = np.nan
    days = (sums[_LAST_TIME] - sums[_START_TIME]) / DAY_MS
    years = days / 365.25
    long_enough = days >= min_days
    growth = sums[_LAST] / sums[_START]
    out[_O_TOTAL_RETURN] = growth - 1.0
    profit = sums[_LAST] - sums[_START]
    out[_O_PROFIT] = profit
    if long_enough and growth > 0.0:
        out[_O_CAGR] = growth ** (1.0 / years) - 1.0
        out[_O_CALMAR] = _over(out[_O_CAGR], abs(sums[_DEPTH]))
    out[_O_RECOVERY_FACTOR] = _over(profit, abs(sums[_LOSS]))
    out[_O_MAX_DRAWDOWN], out[_O_MAX_DRAWDOWN_QUOTE] = sums[_DEPTH], sums[_LOSS]
    open_fall = sums[_LAST_TIME] - sums[_PEAK_TIME] if sums[_FALLEN] > 0.0 else 0.0
    out[_O_MAX_DRAWDOWN_DURATION] = max(sums[_LONGEST], open_fall) / DAY_MS
    out[_O_CURRENT_DRAWDOWN] = sums[_LAST] / sums[_PEAK] - 1.0
    out[_O_TIME_UNDERWATER] = sums[_UNDER] / sums[_BARS]
    _finish_days(daily, periods, rate, target, long_enough, out)
    if long_enough:
        out[_O_ULCER_PERFORMANCE_INDEX] = _over(out[_O_CAGR] - risk_free, out[_O_ULCER_INDEX])
    out[_O_START_EQUITY], out[_O_FINAL_EQUITY], out[_O_PEAK_EQUITY], out[_O_MIN_EQUITY] = (
        sums[_START],
        sums[_LAST],
        max(sums[_PEAK], sums[_START]),
        sums[_LOW],
    )
    out[_O_DURATION], out[_O_BARS], out[_O_EXPOSURE_TIME] = days, sums[_BARS], sums[_HELD] / sums[_BARS]
    _finish_trades(sums, days, out)
    out[_O_FEES], out[_O_SLIPPAGE], out[_O_TRADED_NOTIONAL] = sums[_FEES], sums[_SLIPPAGE], sums[_NOTIONAL]
    mean = sums[_EQUITY_SUM] / sums[_BARS]
    if long_enough and mean > 0.0:
        out[_O_TURNOVER] = sums[_NOTIONAL] / 2.0 / mean / years
    if sums[_NOTIONAL] > 0.0:
        out[_O_BREAK_EVEN_COST] = (profit + sums[_FEES] + sums[_SLIPPAGE]) / sums[_NOTIONAL] * 1e4
    out[_O_LIQUIDATIONS], out[_O_FUNDING_MISSING], out[_O_FUNDING] = sums[_LIQUIDATIONS], sums[_MISSING], sums[_FUNDING]


@jit
def _finish_days(daily: F64, periods: float, rate: float, target: float, long_enough: bool, out: F64) -> None:
    """Write what is made of daily returns: two passes, as `ratios` does it."""
    n = daily.shape[0] - 1
    if n < 1:
        return
    peak, deepest, squares_below = daily[0], 0.0, 0.0
    total, below, gains, losses, positive = 0.0, 0.0, 0.0, 0.0, 0.0
    best, worst = -np.inf, np.inf
    for i in range(1, n + 1):
        if np.isnan(daily[i]):
            daily[i] = daily[i - 1]
        if daily[i] <= 0.0:
            return
        r = daily[i] / daily[i - 1] - 1.0
        total += r
        best, worst = max(best, r), min(worst, r)
        if r > 0.0:
            positive += 1.0
        excess = r - target
        if excess > 0.0:
            gains += excess
        else:
            losses -= excess
            below += excess * excess
        peak = max(peak, daily[i])
        fall = daily[i] / peak - 1.0
        deepest = min(deepest, fall)
        squares_below += fall * fall
    out[_O_OMEGA], out[_O_GAIN_TO_PAIN] = _over(gains, losses), _over(gains - losses, losses)
    out[_O_MAX_DRAWDOWN_DAILY], out[_O_ULCER_INDEX] = deepest, np.sqrt(squares_below / n)
    out[_O_BEST_DAY], out[_O_WORST_DAY], out[_O_POSITIVE_DAYS] = best, worst, positive / n
    if long_enough:
        out[_O_ANNUAL_RETURN] = (daily[n] / daily[0]) ** (periods / n) - 1.0
    if n > 1:
        _finish_spread(daily, total / n, np.sqrt(below / n), periods, rate, target, long_enough, out)


@jit
def _finish_spread(
    daily: F64, mean: float, below: float, periods: float, rate: float, target: float, long_enough: bool, out: F64
) -> None:
    """Write what needs the spread and shape of daily returns around their mean."""
    n = daily.shape[0] - 1
    m2, m3, m4 = 0.0, 0.0, 0.0
    for i in range(1, n + 1):
        d = daily[i] / daily[i - 1] - 1.0 - mean
        m2 += d * d
        m3 += d * d * d
        m4 += d * d * d * d
    sortino = _over(mean - target, below)
    spread = np.sqrt(m2 / (n - 1))
    if spread <= 1e-12 * abs(mean):
        spread = 0.0
    if long_enough:
        out[_O_ANNUAL_VOLATILITY] = spread * np.sqrt(periods)
        out[_O_SORTINO] = sortino * np.sqrt(periods)
    if spread == 0.0:
        return
    one = (mean - rate) / spread
    out[_O_SHARPE_DAILY] = one
    if long_enough:
        out[_O_SHARPE] = one * np.sqrt(periods)
        out[_O_RETURN_VOLATILITY_RATIO] = out[_O_ANNUAL_RETURN] / out[_O_ANNUAL_VOLATILITY]
    skew, kurtosis = (m3 / n) / (m2 / n) ** 1.5, (m4 / n) / (m2 / n) ** 2
    if n > 2:
        out[_O_SKEW] = np.sqrt(n * (n - 1.0)) / (n - 2.0) * skew
    if n > 3:
        out[_O_KURTOSIS] = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * (kurtosis - 3.0) + 6.0)
    inner = 1.0 - skew * one + (kurtosis - 1.0) / 4.0 * one * one
    if inner > 0.0 and n >= 30:
        out[_O_PSR] = 0.5 * math.erfc(-one * np.sqrt(n - 1.0) / np.sqrt(inner) / np.sqrt(2.0))


@jit
def _finish_trades(sums: F64, days: float, out: F64) -> None:
    """Write what is made of closed trades."""
    n = sums[_TRADES]
    out[_O_TRADES], out[_O_LONG_TRADES], out[_O_SHORT_TRADES] = n, sums[_LONGS], n - sums[_LONGS]
    if days > 0.0:
        out[_O_TRADES_PER_DAY] = n / days
    if n == 0.0:
        return
    rate = sums[_WINS] / n
    out[_O_WIN_RATE], out[_O_BREAK_EVEN_TRADES] = rate, n - sums[_WINS] - sums[_LOSSES]
    out[_O_PROFIT_FACTOR] = _over(sums[_WON], sums[_LOST])
    payoff = np.nan
    if sums[_WINS] > 0.0:
        out[_O_AVG_WIN] = sums[_WON] / sums[_WINS]
        payoff = np.inf
    if sums[_LOSSES] > 0.0:
        out[_O_AVG_LOSS] = -sums[_LOST] / sums[_LOSSES]
        payoff = out[_O_AVG_WIN] / -out[_O_AVG_LOSS] if sums[_WINS] > 0.0 else 0.0
    out[_O_PAYOFF_RATIO] = payoff
    out[_O_EXPECTANCY], out[_O_EXPECTANCY_RETURN] = sums[_MEAN], sums[_RETURNS] / n
    if not np.isnan(payoff):
        out[_O_EXPECTANCY_RATIO] = (1.0 + payoff) * rate - 1.0
    out[_O_BEST_TRADE], out[_O_WORST_TRADE] = sums[_BEST], sums[_WORST]
    out[_O_AVG_TRADE_DURATION] = sums[_TIME_HELD] / n / 3_600_000.0
    if n > 1.0:
        spread = np.sqrt(sums[_M2] / (n - 1.0))
        if spread > 1e-12 * abs(sums[_MEAN]):
            out[_O_SQN] = np.sqrt(min(n, 100.0)) * sums[_MEAN] / spread
    if payoff > 0.0:
        out[_O_KELLY] = rate - (1.0 - rate) / payoff
