"""Figures of the equity curve: the run itself, its return, its risk-adjusted ratios and its tail."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.arrays import RunArrays
from quantservice.quant.metrics.calendar import Span, group_returns, months, trailing_return, weeks, years_of
from quantservice.quant.metrics.drawdown import Falls
from quantservice.quant.metrics.scan import DAY_MS, worst_window
from quantservice.quant.metrics.sheet import Sheet
from quantservice.quant.metrics.value import F64, NAN, time_text

NO_DAYS: Final = "there is no complete daily return"
FLAT: Final = "daily returns do not vary"
ONE_DAY: Final = "one daily return has no spread"
NO_BENCHMARK: Final = "no benchmark was given"
#: Observations that a mean over a tail needs.
TAIL_POINTS: Final = 20
HOUR_MS: Final = 3_600_000
_TRAILING: Final[dict[str, Span]] = {"return_mtd": "mtd", "return_3m": 3, "return_6m": 6, "return_ytd": "ytd", "return_1y": 12}
_WINDOWS: Final = (("worst_hour", HOUR_MS, "an hour"), ("worst_24h", DAY_MS, "24 hours"))
Z_95: Final = NormalDist().inv_cdf(0.95)


def put_run(sheet: Sheet, run: RunArrays, falls: Falls, in_market: float) -> None:
    """Write the group *Run*."""
    sheet.put("start", float(run.begin))
    sheet.put("end", float(run.time[-1]))
    sheet.put("duration", run.days)
    sheet.put("bars", float(len(run.time)))
    sheet.put("data_fingerprint", run.fingerprint or NAN, "" if run.fingerprint else "the data has no recorded fingerprint")
    sheet.put("exposure_time", in_market, "no positions were given" if math.isnan(in_market) else "")
    sheet.put("start_equity", run.first)
    sheet.put("final_equity", float(run.equity[-1]))
    if run.flows is None:
        sheet.put("peak_equity", falls.peak)
        sheet.put("min_equity", falls.lowest)
        sheet.put("net_deposits", 0.0)
        return
    sheet.put("peak_equity", max(run.first, float(run.equity.max())))
    sheet.put("min_equity", min(run.first, float((run.equity if run.worst is None else run.worst).min())))
    sheet.put("net_deposits", float(run.flows.sum()))


def broken(run: RunArrays) -> str:
    """Return why the curve has no daily returns; empty if it has."""
    daily = run.daily
    if len(daily.returns) == 0:
        return NO_DAYS
    if math.isnan(daily.returns[-1]):
        day = int(daily.time[int(np.flatnonzero(daily.equity <= 0.0)[0])])
        return f"equity is zero or less on {time_text(day - 1)[:10]}; returns from there on are undefined"
    return ""


def profit_of(run: RunArrays) -> float:
    """Return what was earned: final minus start equity minus what was paid in."""
    return float(run.equity[-1]) - run.first - (0.0 if run.flows is None else float(run.flows.sum()))


def cagr(run: RunArrays) -> float:
    """Return the growth per calendar year; NaN when nothing is left."""
    growth = float(run.clean[0][-1]) / run.first
    return ratios.grow(growth, 1.0 / run.years) if run.years > 0.0 else NAN


def no_growth(run: RunArrays) -> str:
    """Return why there is no growth per year."""
    return "equity is zero or less at the end" if run.clean[0][-1] <= 0.0 else "the run is too short for a growth per year"


def put_return(sheet: Sheet, run: RunArrays) -> None:
    """Write the group *Return* but for what costs decide."""
    daily, periods, fault = run.daily, sheet.settings.periods, broken(run)
    r = daily.returns
    sheet.put("total_return", float(run.clean[0][-1]) / run.first - 1.0)
    sheet.put("profit", profit_of(run))
    growth = cagr(run)
    sheet.put("cagr", growth, no_growth(run) if math.isnan(growth) else "")
    sheet.put("annual_return", NAN if fault else ratios.annual_return(r, periods), fault)
    sheet.ratio("annual_volatility", NAN if fault else ratios.annual_volatility(r, periods), undefined=fault or ONE_DAY)
    for name, span in _TRAILING.items():
        value, reason = trailing_return(daily, span)
        sheet.put(name, NAN if fault else value, fault or reason)
    sheet.guarded(fault, {"best_day": lambda: float(r.max()), "worst_day": lambda: float(r.min())})
    monthly = r
    for word, key in (("week", weeks), ("month", months), ("year", years_of)):
        grouped = r if fault else group_returns(daily, key)
        monthly = grouped if word == "month" else monthly
        sheet.put(f"best_{word}", NAN if fault else float(grouped.max()), fault)
        sheet.put(f"worst_{word}", NAN if fault else float(grouped.min()), fault)
    sheet.put("positive_days", NAN if fault else float((r > 0.0).mean()), fault)
    sheet.put("positive_months", NAN if fault else float((monthly > 0.0).mean()), fault)
    _put_market(sheet, run)


def _put_market(sheet: Sheet, run: RunArrays) -> None:
    bench = run.daily_benchmark
    sheet.put("buy_hold_return", NAN if bench is None else ratios.compounded(bench), "" if bench is not None else NO_BENCHMARK)
    change = NAN if run.market_change is None else run.market_change
    sheet.put("market_change", change, "no prices were given" if math.isnan(change) else "")


def put_risk(sheet: Sheet, run: RunArrays, falls: Falls) -> None:
    """Write the group *Risk-adjusted* but for what trades decide."""
    settings = sheet.settings
    periods, fault = settings.periods, broken(run)
    r = run.daily.returns if not fault else np.zeros(0)
    rate, target = ratios.per_period(settings.risk_free, periods), ratios.per_period(settings.target, periods)
    spread = fault or (ONE_DAY if len(r) < 2 else FLAT)
    one = ratios.sharpe(r, 1.0, rate)
    root = math.sqrt(periods)
    sheet.ratio("sharpe", one * root, undefined=spread)
    sheet.ratio("sharpe_daily", one, undefined=spread)
    sheet.ratio("lo_sharpe", ratios.lo_sharpe(r, periods, rate), undefined=spread if len(r) < 4 or fault else FLAT)
    no_loss = "no day fell below the minimum acceptable return"
    sortino = ratios.sortino(r, periods, target)
    sheet.ratio("sortino", sortino, undefined=fault or (ONE_DAY if len(r) < 2 else no_loss), infinite=no_loss)
    for name, value in (("omega", ratios.omega(r, target)), ("gain_to_pain", ratios.gain_to_pain(r, target))):
        sheet.ratio(name, value, undefined=fault or no_loss, infinite=no_loss)
    monthly = r if fault else group_returns(run.daily, months)
    no_month = "no month lost"
    sheet.ratio("gain_to_pain_monthly", ratios.gain_to_pain(monthly), undefined=fault or no_month, infinite=no_month)
    penalty = ratios.autocorrelation_penalty(r)
    sheet.ratio("smart_sharpe", one * root / penalty, undefined=spread)
    sheet.ratio("smart_sortino", sortino / penalty, undefined=fault or no_loss, infinite=no_loss)
    tail = ratios.tail_ratio(r)
    no_tail = "the 5th percentile of daily returns is zero"
    sheet.ratio("tail_ratio", tail, undefined=fault or no_tail, infinite=no_tail)
    gains = ratios.over(float(r[r > 0.0].sum()), float(-r[r < 0.0].sum()))
    sheet.ratio("common_sense_ratio", gains * tail, undefined=fault or no_tail, infinite=f"{no_loss} or {no_tail}")
    yearly, volatility = ratios.annual_return(r, periods), ratios.annual_volatility(r, periods)
    sheet.ratio("return_volatility_ratio", yearly / volatility if volatility > 0.0 else NAN, undefined=spread)
    _put_against_drawdown(sheet, run, falls, fault, volatility)
    _put_against_benchmark(sheet, run, r, rate, fault)


def _put_against_drawdown(sheet: Sheet, run: RunArrays, falls: Falls, fault: str, volatility: float) -> None:
    growth = cagr(run)
    gone = no_growth(run) if math.isnan(growth) else ""
    no_fall = "equity never fell below its peak"
    calmar = ratios.over(growth, abs(falls.depth))
    for name in ("calmar", "mar"):
        sheet.ratio(name, calmar, undefined=gone or no_fall, infinite=no_fall)
    sheet.ratio("recovery_factor", ratios.over(profit_of(run), abs(falls.loss)), undefined=no_fall, infinite=no_fall)
    ulcer = falls.ulcer
    excess = growth - sheet.settings.risk_free
    reason = gone or fault or "no daily close was below an earlier one"
    sheet.ratio("ulcer_performance_index", ratios.over(excess, ulcer), undefined=reason, infinite=reason)
    count = max(1, math.ceil(0.05 * len(falls.daily)))
    deepest = float(np.sort(falls.daily)[:count].mean()) if len(falls.daily) else NAN
    pitfall = abs(deepest) / volatility if volatility > 0.0 else NAN
    sheet.ratio("serenity", ratios.over(excess, ulcer * pitfall), undefined=reason, infinite=reason)


def _put_against_benchmark(sheet: Sheet, run: RunArrays, r: F64, rate: float, fault: str) -> None:
    names = ("treynor", "information_ratio", "tracking_error", "alpha", "beta", "r_squared")
    b = run.daily_benchmark
    if fault or b is None:
        sheet.none(fault or NO_BENCHMARK, *names)
        return
    if len(r) < 2:
        sheet.none(ONE_DAY, *names)
        return
    periods = sheet.settings.periods
    slope = ratios.beta(r, b)
    still = "the benchmark does not move"
    treynor = float(np.mean(r - rate)) * periods / slope if slope != 0.0 else NAN
    sheet.ratio("treynor", treynor, undefined=still if math.isnan(slope) else "beta is zero")
    same = "returns equal the benchmark's but for a constant"
    sheet.ratio("information_ratio", ratios.sharpe(r - b, periods), undefined=same)
    sheet.put("tracking_error", ratios.annual_volatility(r - b, periods))
    sheet.ratio("alpha", ratios.alpha(r, b, periods, rate), undefined=still)
    sheet.ratio("beta", slope, undefined=still)
    sheet.ratio("r_squared", ratios.r_squared(r, b), undefined=f"{FLAT} or {still}")


def worst_windows(run: RunArrays) -> dict[str, float]:
    """Return the lowest returns of an hour and of a day; NaN where bars are longer, which would make the window longer, too."""
    equity = run.clean[0]
    return {
        name: worst_window(run.time, equity, run.begin, run.first, span) if run.bar_ms <= span else NAN
        for name, span, _ in _WINDOWS
    }


def put_tail(sheet: Sheet, run: RunArrays, windows: dict[str, float]) -> None:
    """Write the group *Tail*; ``windows`` are :func:`worst_windows`."""
    fault = broken(run)
    r = run.daily.returns if not fault else np.zeros(0)
    low_95, low_99 = (float(x) for x in np.percentile(r, (5.0, 1.0))) if len(r) else (NAN, NAN)
    sheet.put("var_95", low_95, fault)
    sheet.put("var_99", low_99, fault)
    parametric = float(r.mean()) - Z_95 * ratios.deviation(r) if len(r) else NAN
    sheet.ratio("var_95_parametric", parametric, undefined=fault or ONE_DAY)
    for name, low in (("cvar_95", low_95), ("cvar_99", low_99)):
        worse = r[r <= low]
        enough = len(worse) >= TAIL_POINTS
        few = f"only {len(worse)} days are that bad; a mean over a tail needs {TAIL_POINTS}"
        sheet.put(name, float(worse.mean()) if enough else NAN, fault or ("" if enough else few))
    sheet.ratio("skew", ratios.skewness(r), undefined=fault or ("3 daily returns are needed" if len(r) < 3 else FLAT))
    sheet.ratio("kurtosis", ratios.excess_kurtosis(r), undefined=fault or ("4 daily returns are needed" if len(r) < 4 else FLAT))
    for name, span, word in _WINDOWS:
        short = "the run is shorter" if run.bar_ms <= span else "bars are longer"
        sheet.ratio(name, windows[name], undefined=f"{short} than {word}")
    if fault or len(r) < 2:
        sheet.none(fault or ONE_DAY, "risk_of_ruin")
        return
    logs = np.log1p(r)
    drift, variance = float(logs.mean()), ratios.deviation(logs) ** 2
    ruin = math.exp(min(0.0, -2.0 * drift * math.log(2.0) / variance)) if variance > 0.0 else NAN
    sheet.ratio("risk_of_ruin", ruin, undefined=FLAT)
