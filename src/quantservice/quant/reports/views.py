"""The tables of a report: by month, symbol, hour and reason, what things cost, rolling figures, hard weeks."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.quant.backtest.results import RunResult
from quantservice.quant.metrics import Metrics, ratios
from quantservice.quant.metrics.calendar import group_returns, months
from quantservice.quant.metrics.value import F64, I64, NAN, Daily
from quantservice.quant.reports.table import Table

Words: TypeAlias = npt.NDArray[Any]

#: Times in which markets broke: English and Chinese name, first and last day.
HARD_TIMES: Final = (
    ("COVID crash", "新冠暴跌", "2020-03-08", "2020-03-16"),
    ("May 2021 sell-off", "2021年5月抛售", "2021-05-12", "2021-05-23"),
    ("Terra/LUNA collapse", "LUNA 崩盘", "2022-05-05", "2022-05-14"),
    ("June 2022 deleveraging", "2022年6月去杠杆", "2022-06-10", "2022-06-19"),
    ("FTX collapse", "FTX 倒闭", "2022-11-05", "2022-11-21"),
    ("USDC de-peg", "USDC 脱锚", "2023-03-08", "2023-03-14"),
    ("August 2023 flush", "2023年8月闪崩", "2023-08-14", "2023-08-19"),
    ("Yen carry unwind", "日元套息平仓", "2024-07-29", "2024-08-08"),
    ("Tariff shock", "关税冲击", "2025-04-02", "2025-04-09"),
    ("October 2025 liquidations", "2025年10月爆仓潮", "2025-10-09", "2025-10-12"),
)


def monthly(daily: Daily) -> Table:
    """Return of each UTC month, and of the year in ``month`` 0; the first and last may be cut."""
    if not len(daily.returns) or not np.isfinite(daily.returns).all():
        return Table("monthly", {"year": np.zeros(0, np.int64), "month": np.zeros(0, np.int64), "return": np.zeros(0)})
    number = months(daily.day[1:])
    values = group_returns(daily, months)
    found = number[np.append(np.flatnonzero(np.diff(number)), len(number) - 1)]
    years = found // 12 + 1970
    whole = [float(np.prod(1.0 + values[years == year]) - 1.0) for year in np.unique(years)]
    return Table(
        "monthly",
        {
            "year": np.concatenate([years, np.unique(years)]).astype(np.int64),
            "month": np.concatenate([found % 12 + 1, np.zeros(len(whole), np.int64)]).astype(np.int64),
            "return": np.concatenate([values, whole]),
        },
    )


def rolling(daily: Daily, benchmark: F64 | None, window: int, periods: float = 365.0) -> Table:
    """Sharpe ratio, volatility and beta over the last ``window`` days, at the end of each."""
    r = daily.returns
    if len(r) < window or not np.isfinite(r).all():
        return Table("rolling", {"time": np.zeros(0, "datetime64[ms]"), "sharpe": np.zeros(0), "volatility": np.zeros(0)})
    mean, spread = _moving(r, window)
    columns: dict[str, Any] = {
        "time": daily.time[window:].astype("datetime64[ms]"),
        "sharpe": np.divide(mean, spread, out=np.full(len(mean), np.nan), where=spread > 1e-12) * np.sqrt(periods),
        "volatility": spread * np.sqrt(periods),
    }
    if benchmark is not None:
        mean_b, spread_b = _moving(benchmark, window)
        both = np.convolve(r * benchmark, np.ones(window), "valid")
        covariance = (both - window * mean * mean_b) / (window - 1)
        columns["beta"] = np.divide(covariance, spread_b**2, out=np.full(len(mean), np.nan), where=spread_b > 1e-12)
    return Table("rolling", columns)


def _moving(values: F64, window: int) -> tuple[F64, F64]:
    """Mean and spread (ddof=1) of each window."""
    blocks = np.lib.stride_tricks.sliding_window_view(values, window)
    return blocks.mean(axis=1), blocks.std(axis=1, ddof=1)


def histogram(r: F64, bins: int = 41) -> dict[str, Any]:
    """Counts of daily returns in equal bins round zero, and the normal curve of the same mean and spread."""
    r = r[np.isfinite(r)]
    if len(r) < 2:
        return {"edges": [], "counts": [], "normal": []}
    reach = float(np.percentile(np.abs(r), 99.5)) or 0.01
    edges = np.linspace(-reach, reach, bins + 1)
    counts, _ = np.histogram(np.clip(r, -reach, reach), edges)
    spread = float(r.std(ddof=1))
    middle = (edges[:-1] + edges[1:]) / 2
    normal = np.zeros(bins)
    if spread > 0.0:
        normal = np.exp(-0.5 * ((middle - r.mean()) / spread) ** 2) / spread / np.sqrt(2 * np.pi) * len(r) * (edges[1] - edges[0])
    return {"edges": edges.tolist(), "counts": counts.tolist(), "normal": normal.tolist()}


def grouped(trades: Table, keys: Words, name: str) -> Table:
    """Statistics of closed trades by a key, in the order of their profit; open trades are left out."""
    closed = ~trades["open"].astype(np.bool_)
    net, r = trades["net"][closed], trades["return"][closed]
    cost = (trades["fees"] - trades["funding"] + trades["slippage"])[closed]
    names, place = (
        np.unique(keys[closed].astype(str), return_inverse=True) if closed.any() else (np.zeros(0, str), np.zeros(0, int))
    )
    rows = []
    for k, key in enumerate(names):
        mine = place == k
        own = net[mine]
        rows.append(
            (
                str(key),
                int(mine.sum()),
                float((own > 0).mean()),
                float(own.sum()),
                float(own.mean()),
                float(r[mine].mean()),
                ratios.over(float(own[own > 0].sum()), float(-own[own < 0].sum())),
                float(r[mine].max()),
                float(r[mine].min()),
                float(cost[mine].sum()),
            )
        )
    rows.sort(key=lambda row: -row[3])
    heads = (name, "trades", "win_rate", "net", "mean_net", "mean_return", "profit_factor", "best", "worst", "costs")
    kinds: tuple[Any, ...] = (object, np.int64, *[np.float64] * 8)
    columns = zip(*rows, strict=True) if rows else [()] * len(heads)
    return Table(name, {head: np.array(list(c), dtype=kind) for head, kind, c in zip(heads, kinds, columns, strict=True)})


def by_hour(trades: Table) -> Table:
    """Closed trades by the UTC hour of their entry: all 24, in order."""
    closed = ~trades["open"].astype(np.bool_)
    hour = (trades["entry_time"][closed].astype("datetime64[h]").astype(np.int64) % 24).astype(np.int64)
    net = trades["net"][closed]
    count = np.bincount(hour, minlength=24)
    wins = np.bincount(hour, weights=(net > 0).astype(float), minlength=24)
    rate = np.divide(wins, count, out=np.full(24, np.nan), where=count > 0)
    total = np.bincount(hour, weights=net, minlength=24)
    return Table("hour", {"hour": np.arange(24), "trades": count, "win_rate": rate, "net": total})


def costs(result: RunResult, metrics: Metrics) -> Table:
    """From the profit before costs to the profit, step by step; amounts in the reporting currency."""
    fees = result.fills["fee"] * result.fills["rate"]
    maker = result.fills["maker"]
    steps = [
        ("profit_before_costs", metrics.number("gross_profit")),
        ("maker_fees", -float(fees[maker].sum())),
        ("taker_fees", -float(fees[~maker].sum())),
        ("slippage", -metrics.number("slippage")),
        ("funding_paid", -metrics.number("funding_paid")),
        ("funding_received", metrics.number("funding_received")),
        ("profit", metrics.number("profit")),
    ]
    return Table(
        "costs", {"item": np.array([name for name, _ in steps], object), "amount": np.array([amount for _, amount in steps])}
    )


def hard_times(daily: Daily, benchmark: F64 | None) -> Table:
    """Return and drawdown in the windows of `HARD_TIMES` that the run saw whole."""
    rows = []
    whole = bool(np.isfinite(daily.returns).all())
    for english, chinese, first, last in HARD_TIMES if whole else ():
        a, b = (int(np.datetime64(day, "D").astype(np.int64)) - int(daily.day[0]) for day in (first, last))
        if a >= 1 and b < len(daily.day):
            r = daily.returns[a - 1 : b]
            other = NAN if benchmark is None else ratios.compounded(benchmark[a - 1 : b])
            rows.append((english, chinese, first, last, ratios.compounded(r), other, ratios.max_drawdown(r)))
    heads = ("window", "window_zh", "first", "last", "return", "benchmark", "drawdown")
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    kinds: tuple[Any, ...] = (object, object, "datetime64[ms]", "datetime64[ms]", np.float64, np.float64, np.float64)
    return Table("hard_times", {h: np.array(list(c), dtype=kind) for h, c, kind in zip(heads, columns, kinds, strict=True)})


def rejections(result: RunResult) -> Table:
    """Orders that were not filled whole, by state and reason."""
    words = result.columns("orders")
    bad = words["reason"] != "" if len(result.orders) else np.zeros(0, np.bool_)
    pairs, count = (
        np.unique(
            np.array([f"{s}\t{r}" for s, r in zip(words["state"][bad], words["reason"][bad], strict=True)]), return_counts=True
        )
        if bad.any()
        else (np.zeros(0, str), np.zeros(0, np.int64))
    )
    split = [str(pair).split("\t") for pair in pairs]
    order = np.argsort(-count, kind="stable")
    return Table(
        "rejections",
        {
            "state": np.array([split[k][0] for k in order], object),
            "reason": np.array([split[k][1] for k in order], object),
            "orders": count[order].astype(np.int64),
        },
    )


def drawdown_of(equity: F64, worst: F64, start: float) -> F64:
    """Fall below the highest close before (the start included) at each bar, its worst inside; 0 or negative."""
    peak = np.maximum.accumulate(np.concatenate([[start], equity[:-1]]))
    low = np.minimum(equity, worst) if len(worst) else equity
    return np.minimum(low / peak - 1.0, 0.0)


def longest_window(days: int) -> int:
    """Days of the rolling figures: 90 where the run is long enough for them, otherwise 30."""
    return 90 if days >= 240 else 30


def times_of(milliseconds: I64) -> Any:
    """Milliseconds UTC as ``datetime64[ms]``."""
    return milliseconds.astype("datetime64[ms]")
