"""The pictures of the paper report; every function draws on axes that it is given."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from quantservice.quant.metrics.value import F64
from quantservice.quant.reports import views
from quantservice.quant.reports.excel import MONTHS
from quantservice.quant.reports.table import Table
from quantservice.quant.reports.thin import keep_extremes, lowest_between
from quantservice.quant.reports.words import WORDS

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report

BLUE: Final = "#1f5fd0"
GOLD: Final = "#8a6d1a"
GREEN: Final = "#0b7a4b"
RED: Final = "#c1322b"
DIM: Final = "#5b6472"
_POINTS: Final = 2_400


def equity(upper: Any, lower: Any, report: Report) -> None:
    """Equity with the benchmark above, drawdown below, on one clock."""
    values = report.arrays.clean[0]
    kept = keep_extremes(values, _POINTS)
    time = report.result.close_time[kept].astype("datetime64[ms]")
    if report.benchmark is not None:
        upper.plot(time, report.benchmark[kept] * report.result.initial_equity, color=GOLD, linewidth=0.8, linestyle=(0, (4, 2)))
    upper.plot(time, values[kept], color=BLUE, linewidth=1.1)
    upper.fill_between(time, values[kept], float(values[kept].min()), color=BLUE, alpha=0.07, linewidth=0)
    falls = lowest_between(report.drawdown, kept) * 100
    lower.fill_between(time, falls, 0, color=RED, alpha=0.25, linewidth=0)
    lower.plot(time, falls, color=RED, linewidth=0.6)
    lower.set_ylim(top=0)
    lower.set_ylabel("%")
    upper.tick_params(labelbottom=False)
    _thousands(upper)
    for axes in (upper, lower):
        _span(axes, time)
    _dates(lower)


def months(axes: Any, table: Table) -> None:
    """Heat map of months, the whole year at its right."""
    years = np.unique(table["year"])
    grid = np.full((len(years), 13), np.nan)
    place = np.searchsorted(years, table["year"])
    grid[place, np.where(table["month"] == 0, 12, table["month"] - 1)] = table["return"]
    axes.set_axis_off()
    if not len(years):
        return
    limit = float(np.nanpercentile(np.abs(grid[:, :12]), 90)) or 0.01
    axes.set_xlim(-0.6, 12.8)
    axes.set_ylim(len(years) - 0.5, -1.2)
    for m, name in enumerate((*MONTHS, "Year")):
        axes.text(m + (0.2 if m == 12 else 0), -0.85, name, ha="center", va="center", size=7, color=DIM)
    for k, year in enumerate(years):
        axes.text(-0.62, k, str(year), ha="right", va="center", size=7.5, weight="bold")
        for m in range(13):
            value = grid[k, m]
            if np.isnan(value):
                continue
            strength = min(abs(value) / (limit * (4 if m == 12 else 1)), 1.0)
            x = m + (0.2 if m == 12 else 0)
            axes.add_patch(_box(x, k, GREEN if value >= 0 else RED, 0.08 + 0.55 * strength))
            axes.text(
                x,
                k,
                f"{value * 100:.1f}".replace("-", "−"),
                ha="center",
                va="center",
                size=6.8,
                weight="bold" if m == 12 else "normal",
            )


def _box(x: float, y: float, colour: str, alpha: float) -> Any:
    patches: Any = import_module("matplotlib.patches")  # only when paper is asked for
    return patches.FancyBboxPatch(
        (x - 0.46, y - 0.44), 0.92, 0.88, boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour, alpha=alpha, linewidth=0
    )


def rolling(upper: Any, lower: Any, table: Table) -> None:
    """Rolling Sharpe ratio above, volatility below."""
    if not len(table):
        for axes in (upper, lower):
            axes.set_axis_off()
        upper.text(0.5, 0.5, "the run is too short", ha="center", transform=upper.transAxes, color=DIM)
        return
    upper.axhline(0, color=DIM, linewidth=0.7)
    upper.plot(table["time"], table["sharpe"], color=BLUE, linewidth=1)
    lower.fill_between(table["time"], table["volatility"] * 100, 0, color=GOLD, alpha=0.2, linewidth=0)
    lower.plot(table["time"], table["volatility"] * 100, color=GOLD, linewidth=0.8)
    lower.set_ylim(bottom=0)
    lower.set_ylabel("%")
    upper.tick_params(labelbottom=False)
    for axes in (upper, lower):
        _span(axes, table["time"])
    _dates(lower)


def histogram(axes: Any, report: Report) -> None:
    """Daily returns with the normal curve and the value at risk."""
    found = views.histogram(report.metrics.daily.returns)
    if not found["counts"]:
        axes.set_axis_off()
        return
    edges = np.array(found["edges"]) * 100
    middle, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    axes.bar(
        middle,
        found["counts"],
        width * 0.88,
        color=np.where(np.abs(middle) < width / 4, DIM, np.where(middle > 0, GREEN, RED)),
        alpha=0.8,
    )
    axes.plot(middle, found["normal"], color=DIM, linewidth=0.9)
    low = report.metrics.number("var_95") * 100
    if edges[0] < low < edges[-1]:
        axes.axvline(low, color=RED, linewidth=0.8, linestyle=(0, (3, 2)))
        axes.text(
            low, axes.get_ylim()[1] * 0.97, f"VaR 95 {low:.1f} % ".replace("-", "−"), ha="right", va="top", size=6.5, color=RED
        )
    axes.set_xlabel("%")
    axes.grid(visible=False, axis="x")


def exposure(axes: Any, report: Report) -> None:
    """Gross notional over equity in time, the most of each bucket."""
    gross = report.arrays.gross
    if gross is None:
        axes.set_axis_off()
        return
    values = np.divide(gross, report.arrays.equity, out=np.zeros(len(gross)), where=report.arrays.equity > 0) * 100
    kept = keep_extremes(values, 800)
    time = report.result.close_time[kept].astype("datetime64[ms]")
    axes.fill_between(time, values[kept], 0, step="post", color=BLUE, alpha=0.35, linewidth=0)
    _span(axes, time)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("%")
    _dates(axes)


def excursions(axes: Any, trades: Table, name: str) -> None:
    """Each closed trade's excursion and what it came to."""
    closed = ~trades["open"].astype(np.bool_)
    across, result = trades[name][closed] * 100, trades["return"][closed] * 100
    known = np.isfinite(across)
    across, result = across[known], result[known]
    axes.set_xlabel(f"{WORDS[name][0]} %")
    axes.set_ylabel("return %")
    if not len(across):
        return
    won = result > 0
    small = 3 if len(across) > 1500 else 9
    axes.scatter(across[won], result[won], s=small, color=GREEN, alpha=0.55, linewidths=0, rasterized=len(across) > 3000)
    axes.scatter(
        across[~won], result[~won], s=small, color=RED, alpha=0.55, linewidths=0, marker="v", rasterized=len(across) > 3000
    )
    axes.axhline(0, color=DIM, linewidth=0.6)


def hours(axes: Any, table: Table) -> None:
    """Net profit by hour."""
    net = table["net"]
    axes.bar(table["hour"], net, 0.7, color=np.where(net >= 0, GREEN, RED), alpha=0.85)
    axes.axhline(0, color=DIM, linewidth=0.6)
    axes.set_xticks(range(24))
    axes.set_xlim(-0.6, 23.6)
    axes.grid(visible=False, axis="x")
    _thousands(axes)


def costs(axes: Any, table: Table) -> None:
    """From the profit before costs to the profit, step by step."""
    amounts: F64 = table["amount"]
    keep = np.ones(len(amounts), dtype=np.bool_)
    keep[1:-1] = (amounts[1:-1] != 0.0) & np.isfinite(amounts[1:-1])
    names, amounts = table["item"][keep], np.nan_to_num(amounts[keep])
    after = np.cumsum(amounts[:-1])
    starts = np.concatenate([[0.0], after[:-1], [0.0]])
    colours = [BLUE, *(GREEN if amount >= 0 else RED for amount in amounts[1:-1]), BLUE]
    rows = np.arange(len(amounts))
    axes.barh(rows, amounts, 0.6, left=starts, color=colours, alpha=0.85)
    axes.set_yticks(rows, [WORDS[name][0] for name in names])
    axes.invert_yaxis()
    axes.axvline(0, color=DIM, linewidth=0.6)
    axes.grid(visible=False, axis="y")
    ends = starts + amounts
    low, high = float(min(starts.min(), ends.min(), 0.0)), float(max(starts.max(), ends.max(), 0.0))
    axes.set_xlim(low - 0.02 * (high - low), high + 0.16 * (high - low or 1.0))
    for row, (amount, left, end) in enumerate(zip(amounts, starts, ends, strict=True)):
        axes.text(max(left, end), row, f"  {amount:+,.2f}".replace("-", "−"), va="center", size=6.8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace("-", "−"))


def _span(axes: Any, time: Any) -> None:
    """Begin and end the axis where the curve does, if it is longer than a moment."""
    if time[-1] > time[0]:
        axes.set_xlim(time[0], time[-1])


def _thousands(axes: Any) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace("-", "−") if abs(value) >= 10 else f"{value:g}")


def _dates(axes: Any) -> None:
    dates: Any = import_module("matplotlib.dates")  # only when paper is asked for
    locator = dates.AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))
