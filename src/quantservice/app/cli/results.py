"""How commands print a backtest: the figures that matter beside each other, what must be known of them, and the gate's mark."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from quantservice.app.cli.console import write

if TYPE_CHECKING:
    from quantservice.quant.research import BacktestReport

_BLOCKS: Final = (
    (
        "return",
        ("total_return", "profit", "cagr", "annual_volatility", "buy_hold_return", "best_month", "worst_month", "exposure_time"),
    ),
    ("risk", ("sharpe", "sortino", "calmar", "max_drawdown", "max_underwater", "max_drawdown_duration", "cvar_95", "psr")),
    ("trades", ("trades", "win_rate", "profit_factor", "payoff_ratio", "avg_win", "avg_loss", "avg_trade_duration", "best_trade")),
    (
        "costs",
        ("fees", "slippage", "funding_paid", "funding_received", "turnover", "break_even_cost", "max_leverage", "liquidations"),
    ),
)


def report_row(report: BacktestReport) -> dict[str, Any]:
    """Return a report as one JSON-able record."""
    from msgspec.structs import asdict

    verdict = report.verdict
    return {
        "strategy": report.about.strategy,
        "parameters": report.about.parameters,
        "instruments": [str(item) for item in report.result.instruments],
        "period": report.result.period,
        "currency": report.result.currency,
        "code_hash": report.about.code_hash,
        "family": report.about.family,
        "data_fingerprint": report.data_fingerprint,
        "run_fingerprint": report.result.fingerprint(),
        "look_ahead": None if verdict is None else {"passed": verdict.passed, "mark": verdict.mark},
        "flags": [asdict(flag) for flag in report.result.flags],
        "metrics": {name: metric.value if metric.defined else None for name, metric in report.metrics.items()},
        "undefined": {name: metric.reason for name, metric in report.metrics.items() if not metric.defined},
    }


def print_report(report: BacktestReport) -> None:
    """Print a report for a person."""
    from rich.columns import Columns
    from rich.console import Console
    from rich.table import Table

    result, metrics = report.result, report.metrics
    names = ", ".join(map(str, result.instruments[:4])) + (
        f" and {len(result.instruments) - 4} more" if len(result.instruments) > 4 else ""
    )
    write(f"{report.strategy!r}")
    write(f"{names} {result.period}, {metrics['start'].text} – {metrics['end'].text} UTC, {len(result):,} bars")
    tables = []
    for title, wanted in _BLOCKS:
        table = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False, title_style="bold")
        table.add_column()
        table.add_column(justify="right")
        for name in wanted:
            table.add_row(name.replace("_", " "), metrics[name].text)
        tables.append(table)
    terminal = sys.stdout.isatty()
    Console(file=sys.stdout, width=None if terminal else 150, soft_wrap=False).print(Columns(tables, padding=(0, 4)))
    reasons = {metrics[name].reason: None for _title, wanted in _BLOCKS for name in wanted if not metrics[name].defined}
    for reason in reasons:
        write(f"n/a: {reason}")
    for flag in result.flags:
        write(f"note: {flag.text}")
    sign = "–" if report.verdict is None else "✓" if report.verdict.passed else "✗"
    write(f"{sign} {report.mark}")
    about, data = report.about, report.data_fingerprint
    write(f"code {about.code_hash[:12]}  family {about.family[:12]}  data {data[:12]}  run {result.fingerprint()[:12]}")
