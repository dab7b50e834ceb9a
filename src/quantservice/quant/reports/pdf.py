"""A report on paper: A4 pages with the figures, the curve, the months, the trades, and every metric."""

from __future__ import annotations

import io
import math
import textwrap
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from quantservice.quant.metrics import CATALOGUE
from quantservice.quant.metrics.catalogue import GROUPS
from quantservice.quant.reports import pdf_charts as charts
from quantservice.quant.reports.gates import gates_of
from quantservice.quant.reports.words import WORDS

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report

INK: Final = "#16191f"
DIM: Final = "#5b6472"
LINE: Final = "#d9dde3"
_STATES: Final = {"passed": ("✓", "#0b7a4b"), "failed": ("✗", "#c1322b"), "warning": ("!", "#8a5a00"), "unknown": ("?", "#5b6472")}
_TILES: Final = (
    "total_return",
    "cagr",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "trades",
    "win_rate",
    "profit_factor",
    "exposure_time",
    "fees",
    "annual_volatility",
)
#: Fonts that are tried for letters that the first one lacks, where they are installed.
_FONTS: Final = ("DejaVu Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "SimHei")
_ROWS: Final = 58
#: A4 in inches, and the margins as fractions of the page.
A4: Final = (8.27, 11.69)
LEFT, RIGHT, TOP, BOTTOM = 0.075, 0.94, 0.955, 0.05


def document(report: Report) -> bytes:
    """Return the bytes of a PDF file; the same report gives the same bytes."""
    mpl: Any = import_module("matplotlib")  # only when paper is asked for
    fonts: Any = import_module("matplotlib.font_manager")
    backend: Any = import_module("matplotlib.backends.backend_pdf")
    installed = {font.name for font in fonts.fontManager.ttflist}
    style: dict[str, Any] = {
        "font.family": [name for name in _FONTS if name in installed],
        "font.size": 8,
        "text.color": INK,
        "axes.edgecolor": LINE,
        "axes.labelcolor": DIM,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "xtick.color": DIM,
        "ytick.color": DIM,
        "axes.grid": True,
        "grid.color": "#eceff2",
        "grid.linewidth": 0.6,
        "pdf.fonttype": 42,
        "axes.unicode_minus": True,
    }
    out = io.BytesIO()
    with (
        mpl.rc_context(style),
        backend.PdfPages(out, metadata={"Title": report.about.strategy or "Backtest", "CreationDate": None}) as pages,
    ):
        drawn = [_first(report), _second(report), _third(report), *_lists(report)]
        for number, figure in enumerate(drawn, start=1):
            _foot(figure, report, number, len(drawn))
            pages.savefig(figure)
    return out.getvalue()


def _page() -> Any:
    return import_module("matplotlib.figure").Figure(figsize=A4, facecolor="white")


def _foot(figure: Any, report: Report, number: int, total: int) -> None:
    stamp = report.result.data_fingerprint[:16]
    figure.text(
        LEFT,
        0.022,
        f"QuantService · data {stamp or 'without fingerprint'} · result {report.result.fingerprint()[:16]}",
        size=6.5,
        color=DIM,
    )
    figure.text(RIGHT, 0.022, f"{number} / {total}", size=6.5, color=DIM, ha="right")


def _heading(figure: Any, y: float, text: str, note: str = "") -> None:
    figure.text(LEFT, y, text, size=10, weight="bold", va="bottom")
    figure.text(RIGHT, y, note, size=7, color=DIM, ha="right", va="bottom")


def _axes(figure: Any, top: float, height: float, left: float = LEFT, right: float = RIGHT) -> Any:
    """Axes whose frame begins right of the labels."""
    return figure.add_axes((left + 0.045, top - height, right - left - 0.045, height))


def _first(report: Report) -> Any:
    figure = _page()
    result, about, figures = report.result, report.about, report.metrics
    figure.text(LEFT, TOP, about.strategy or "Backtest", size=19, weight="bold", va="top")
    shown = [str(item) if len(result.instruments) == 1 else item.symbol for item in result.instruments[:4]]
    names = ", ".join(shown) + (f" + {len(result.instruments) - 4}" if len(result.instruments) > 4 else "")
    start, end = figures["start"].text, figures["end"].text
    figure.text(
        LEFT, TOP - 0.033, f"{names} · {result.period} · {start} – {end} UTC · {len(result):,} bars", size=8.5, color=DIM, va="top"
    )
    lines = textwrap.wrap(about.description, 120)[:2]
    lines += textwrap.wrap("Parameters: " + (", ".join(f"{n} = {v}" for n, v in about.parameters.items()) or "none"), 120)[:2]
    a = result.assumptions
    fees = a.fees if isinstance(a.fees, str) else "own rates"
    lines.append(
        f"Assumptions: {a.initial_equity:,.0f} {result.currency}, fees {fees}, slippage {a.slippage.model}, "
        f"fill {a.fill}, leverage {a.leverage:g}x {a.margin_mode}"
    )
    figure.text(LEFT, TOP - 0.052, "\n".join(lines), size=7.5, color=DIM, va="top", linespacing=1.45)
    _tiles(figure, report, TOP - 0.052 - 0.0155 * len(lines) - 0.012)
    y = TOP - 0.052 - 0.0155 * len(lines) - 0.012 - 0.135
    y = _gates(figure, report, y)
    _heading(
        figure,
        y - 0.03,
        "Equity and drawdown",
        " · ".join(filter(None, (result.currency, report.settings.benchmark and f"dashed: {report.settings.benchmark}"))),
    )
    room = y - 0.04 - BOTTOM - 0.02
    upper = _axes(figure, y - 0.04, room * 0.66)
    lower = _axes(figure, y - 0.04 - room * 0.66 - 0.012, room * 0.34 - 0.012)
    charts.equity(upper, lower, report)
    return figure


def _tiles(figure: Any, report: Report, top: float) -> None:
    """Key figures in two rows of six."""
    width = (RIGHT - LEFT) / 6
    for k, name in enumerate(_TILES):
        x, y = LEFT + (k % 6) * width, top - (k // 6) * 0.058
        metric = report.metrics[name]
        signed = (
            name in {"total_return", "cagr", "max_drawdown"} and isinstance(metric.value, float) and not math.isnan(metric.value)
        )
        colour = INK if not signed else "#0b7a4b" if float(metric) >= 0.0 else "#c1322b"
        figure.text(x, y, CATALOGUE[name].label, size=7, color=DIM, va="top")
        figure.text(x, y - 0.0145, metric.text, size=13, weight="bold", color=colour, va="top")
        low, high = (report.metrics.figures.get(f"{name}_ci_{side}") for side in (5, 95))
        if low is not None and high is not None and low.defined and high.defined:
            figure.text(x, y - 0.036, f"90 %: {low.text} … {high.text}", size=6, color=DIM, va="top")


def _gates(figure: Any, report: Report, top: float) -> float:
    """What was checked, in two columns; returns the lowest place used."""
    _heading(figure, top, "Can it be believed?")
    gates = gates_of(report)
    half = (len(gates) + 1) // 2
    for k, gate in enumerate(gates):
        x, y = LEFT + (k // half) * (RIGHT - LEFT) / 2, top - 0.012 - (k % half) * 0.0175
        mark, colour = _STATES[gate.state]
        title = WORDS.get(f"gate_{gate.name}", (gate.name.replace("_", " "), ""))[0]
        figure.text(x, y, mark, size=8, weight="bold", color=colour, va="top")
        figure.text(x + 0.016, y, title, size=7.5, weight="bold", va="top")
        figure.text(x + 0.165, y, textwrap.shorten(gate.text, 46, placeholder=" …"), size=6.8, color=DIM, va="top")
    y = top - 0.012 - half * 0.0175
    for flag in report.result.flags[:4]:
        figure.text(LEFT, y, "• " + textwrap.shorten(flag.text, 140, placeholder=" …"), size=6.8, color=DIM, va="top")
        y -= 0.013
    return y


def _second(report: Report) -> Any:
    figure = _page()
    table = report.table("monthly")
    years = len(np.unique(table["year"]))
    height = min(0.035 * max(years, 1) + 0.02, 0.26)
    _heading(figure, TOP - 0.01, "Monthly returns", "per cent")
    charts.months(_axes(figure, TOP - 0.035, height), table)
    y = TOP - 0.035 - height - 0.055
    rolling = report.table("rolling")
    window = len(report.metrics.daily.returns) - len(rolling) + 1
    _heading(figure, y, "Rolling Sharpe ratio and volatility", f"{window} days" if len(rolling) else "")
    charts.rolling(_axes(figure, y - 0.012, 0.13), _axes(figure, y - 0.155, 0.08), rolling)
    y -= 0.30
    middle = (LEFT + RIGHT) / 2
    _heading(figure, y, "Daily returns")
    charts.histogram(_axes(figure, y - 0.012, 0.19, LEFT, middle - 0.02), report)
    figure.text(middle + 0.02, y, "Gross exposure", size=10, weight="bold", va="bottom")
    charts.exposure(_axes(figure, y - 0.012, 0.19, middle + 0.02, RIGHT), report)
    _drawdowns(figure, report, y - 0.265)
    return figure


def _drawdowns(figure: Any, report: Report, top: float) -> None:
    _heading(figure, top, "Deepest drawdowns")
    rows: list[tuple[str, ...]] = [("depth", "loss", "peak", "valley", "recovery", "days")]
    for row in report.table("drawdowns").rows():
        ends = [_when(row[name]) for name in ("peak", "valley", "recovery")]
        rows.append((f"{row['depth'] * 100:.2f} %", f"{row['loss']:,.2f}", *ends, f"{row['days']:.1f}"))
    _grid(figure, top - 0.01, rows, (0.08, 0.20, 0.24, 0.42, 0.60, 0.84), right=(0, 1, 5))


def _when(milliseconds: int) -> str:
    if milliseconds == np.iinfo(np.int64).min:
        return "not recovered"
    return np.datetime_as_string(np.datetime64(milliseconds, "ms"), unit="m").replace("T", " ")


def _grid(figure: Any, top: float, rows: list[tuple[str, ...]], places: tuple[float, ...], *, right: tuple[int, ...]) -> None:
    """A small table; ``places`` are fractions of the text width, ``right`` the columns that end there."""
    width = RIGHT - LEFT
    for k, row in enumerate(rows):
        y = top - k * 0.0165
        for column, (text, place) in enumerate(zip(row, places, strict=True)):
            figure.text(
                LEFT + place * width,
                y,
                text,
                size=7.2,
                color=DIM if k == 0 else INK,
                va="top",
                ha="right" if column in right else "left",
            )


def _third(report: Report) -> Any:
    figure = _page()
    middle = (LEFT + RIGHT) / 2
    trades = report.trades
    _heading(figure, TOP - 0.01, "Excursions", "each trade's worst (MAE) and best (MFE) open return")
    charts.excursions(_axes(figure, TOP - 0.022, 0.25, LEFT, middle - 0.02), trades, "mae")
    charts.excursions(_axes(figure, TOP - 0.022, 0.25, middle + 0.02, RIGHT), trades, "mfe")
    y = TOP - 0.022 - 0.25 - 0.07
    _heading(figure, y, "Net profit by hour of entry (UTC)", report.result.currency)
    charts.hours(_axes(figure, y - 0.012, 0.12), report.table("hours"))
    y -= 0.195
    _heading(figure, y, "From profit before costs to profit", report.result.currency)
    charts.costs(_axes(figure, y - 0.012, 0.12, LEFT + 0.10, RIGHT), report.table("costs"))
    y -= 0.19
    for name, title in (("instruments", "By instrument"), ("exit_reasons", "By exit reason")):
        table = report.table(name)
        if not len(table) or y < 0.12:
            continue
        _heading(figure, y, title)
        rows: list[tuple[str, ...]] = [("", "trades", "net", "win rate", "mean return", "profit factor", "costs")]
        for row in list(table.rows())[:8]:
            key = str(next(iter(row.values()))).rsplit(":", maxsplit=1)[-1]
            factor = row["profit_factor"]
            rows.append(
                (
                    key,
                    f"{row['trades']:,}",
                    f"{row['net']:,.2f}",
                    f"{row['win_rate'] * 100:.0f} %",
                    f"{row['mean_return'] * 100:.2f} %",
                    "∞" if math.isinf(factor) else "n/a" if math.isnan(factor) else f"{factor:.2f}",
                    f"{row['costs']:,.2f}",
                )
            )
        _grid(figure, y - 0.01, rows, (0.0, 0.34, 0.48, 0.60, 0.74, 0.88, 1.0), right=(1, 2, 3, 4, 5, 6))
        y -= 0.05 + 0.0165 * len(rows)
    return figure


def _lists(report: Report) -> list[Any]:
    """Every figure, in two columns of as many pages as are needed."""
    rows: list[tuple[str, str, str]] = []
    for group, (title, _) in GROUPS.items():
        names = [name for name, row in CATALOGUE.items() if row.group == group]
        if len(rows) % _ROWS > _ROWS - 3:
            rows += [("", "", "")] * (_ROWS - len(rows) % _ROWS)
        rows.append((title, "", "group"))
        rows += [(CATALOGUE[name].label, _value(report, name), report.metrics[name].reason) for name in names]
        rows.append(("", "", ""))
    figures = []
    for first in range(0, len(rows), 2 * _ROWS):
        figure = _page()
        _heading(
            figure,
            TOP - 0.01,
            "All metrics",
            "formulas, sampling and annualisation: the page, the workbook, docs/backtest-metrics.md",
        )
        for k, (label, value, reason) in enumerate(rows[first : first + 2 * _ROWS]):
            width = (RIGHT - LEFT) / 2 - 0.015
            x, y = LEFT + (k // _ROWS) * (width + 0.03), TOP - 0.025 - (k % _ROWS) * 0.0152
            heading = reason == "group"
            figure.text(x, y, label, size=7.8 if heading else 6.9, weight="bold" if heading else "normal", va="top")
            figure.text(x + width, y, value, size=6.9, va="top", ha="right")
            used = len(label) * 0.0069 + 0.012
            room = int((width - used - len(value) * 0.0066) / 0.0049)
            if reason and not heading and room > 10:
                said = textwrap.shorten(reason, room, placeholder=" …")
                figure.text(x + used, y - 0.0008, said, size=5.4, color=DIM, va="top")
        figures.append(figure)
    return figures


def _value(report: Report, name: str) -> str:
    text = report.metrics[name].text
    return f"{text[:12]}…" if len(text) > 24 else text
