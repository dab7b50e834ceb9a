"""All figures of a run in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from quantservice.quant.backtest.records import ORDER_REASONS, ORDER_STATES
from quantservice.quant.beside import Beside
from quantservice.quant.metrics.arrays import RunArrays
from quantservice.quant.metrics.capital import exposures, put_costs, put_execution, put_exposure
from quantservice.quant.metrics.catalogue import CATALOGUE
from quantservice.quant.metrics.credibility import Confidence, put_credibility
from quantservice.quant.metrics.curve import put_return, put_risk, put_run, put_tail, worst_windows
from quantservice.quant.metrics.deals import put_trades
from quantservice.quant.metrics.drawdown import Falls, put_drawdown
from quantservice.quant.metrics.sheet import Sheet
from quantservice.quant.metrics.value import F64, Metrics, Settings

if TYPE_CHECKING:
    from quantservice.quant.backtest.results import RunResult


def measure(run: RunArrays, settings: Settings | None = None, confidence: Confidence | None = None) -> Metrics:
    """Return every figure of the catalogue for a run; what its arrays cannot say is NaN with the reason.

    ``confidence`` carries what only the outside knows (trials, out-of-sample parts) and how many bootstrap resamples are
    wanted; without it there is no bootstrap.
    """
    sheet = Sheet(settings or Settings(), run.days)
    walks = Beside(lambda: (worst_windows(run), exposures(run)), len(run.time))
    falls = Falls.of(run)
    put_return(sheet, run)
    put_risk(sheet, run, falls)
    put_drawdown(sheet, falls)
    put_trades(sheet, run)
    put_costs(sheet, run)
    put_execution(sheet, run)
    put_credibility(sheet, run, confidence or Confidence())
    windows, exposure = walks.result()
    put_tail(sheet, run, windows)
    put_run(sheet, run, falls, put_exposure(sheet, run, exposure))
    figures = {name: sheet.figures[name] for name in CATALOGUE}
    return Metrics(figures, run.daily, falls.episodes(), sheet.settings)


def metrics_of(
    result: RunResult,
    benchmark: F64 | None = None,
    *,
    settings: Settings | None = None,
    confidence: Confidence | None = None,
    **more: object,
) -> Metrics:
    """Return every figure of a backtest. ``benchmark`` (T,) is a price or equity on its bar clock; ``more`` as `arrays_of`."""
    return measure(arrays_of(result, benchmark, **more), settings, confidence)


def arrays_of(result: RunResult, benchmark: F64 | None = None, **more: object) -> RunArrays:
    """Return a backtest's result as the arrays that are measured.

    ``more`` gives or replaces fields of `RunArrays` that a result does not carry: benchmark_start, benchmark_fee,
    market_change, risk, notional, volume, rejected_signals, synthetic, stale.
    """
    replaced = ORDER_REASONS.index("replaced by a newer target")
    given: Mapping[str, object] = {
        "time": result.close_time,
        "equity": result.equity,
        "start_time": int(result.time[0]),
        "start_equity": result.initial_equity,
        "worst": result.worst_equity,
        "gross": _kept(result.gross_exposure),
        "net": _kept(result.net_exposure),
        "margin": _kept(result.margin_used),
        "benchmark": benchmark,
        "trades": result.trades,
        "fills": result.fills,
        "funding": result.funding,
        "orders": result.orders,
        "order_states": ORDER_STATES,
        "replaced_orders": int((result.orders["reason"] == replaced).sum()),
        "liquidations": len(result.liquidations),
        "fingerprint": result.data_fingerprint,
    }
    return RunArrays(**{**given, **more})  # type: ignore[arg-type]


def _kept(curve: F64) -> F64 | None:
    """A curve, or None where the run kept none."""
    return curve if len(curve) else None
