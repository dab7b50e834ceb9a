"""Figures of exposure, leverage, cost and execution."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from quantservice.quant.metrics.arrays import EMPTY, RunArrays
from quantservice.quant.metrics.curve import profit_of
from quantservice.quant.metrics.scan import walk_exposure
from quantservice.quant.metrics.sheet import Sheet
from quantservice.quant.metrics.value import NAN

NO_EXPOSURE: Final = "exposures were not given"
NO_FILLS: Final = "fills were not given"
#: Share of a bar's quote volume that one fill may take before the strategy is said to be too large for its market.
CAPACITY_SHARE: Final = 0.01


def exposures(run: RunArrays) -> tuple[list[float], float] | None:
    """Return what :func:`walk_exposure` finds and the median leverage (NaN: there was never a position); None: not known."""
    if run.gross is None:
        return None
    leverage = np.empty(len(run.equity))
    net, margin = EMPTY if run.net is None else run.net, EMPTY if run.margin is None else run.margin
    ratios, count = walk_exposure(run.equity, run.gross, net, margin, leverage)
    return ratios.tolist(), float(np.median(leverage[:count], overwrite_input=True)) if count else NAN


def put_exposure(sheet: Sheet, run: RunArrays, exposure: tuple[list[float], float] | None) -> float:
    """Write exposures, leverage and margin; return the share of bars with a position (NaN if not known)."""
    if exposure is None:
        sheet.none(NO_EXPOSURE, "max_gross_exposure", "avg_gross_exposure", "max_net_exposure", "min_net_exposure")
        sheet.none(NO_EXPOSURE, "avg_net_exposure", "max_leverage", "median_leverage", "max_margin_use", "avg_margin_use")
        return NAN
    found, median = exposure
    sheet.put("max_gross_exposure", found[0])
    sheet.put("avg_gross_exposure", found[1])
    for name, value in (("max_net_exposure", found[2]), ("min_net_exposure", found[3]), ("avg_net_exposure", found[4])):
        known = run.net is not None and math.isfinite(value)
        sheet.put(name, value if known else NAN, "" if known else NO_EXPOSURE)
    sheet.put("max_leverage", found[0])
    sheet.put("median_leverage", median, "" if math.isfinite(median) else "there was never a position")
    for name, value in (("max_margin_use", found[5]), ("avg_margin_use", found[6])):
        sheet.put(name, value if run.margin is not None else NAN, "" if run.margin is not None else "margin was not given")
    return float(found[7])


def put_costs(sheet: Sheet, run: RunArrays) -> None:
    """Write turnover, costs, capacity, and the return before costs."""
    sheet.put("liquidations", NAN if run.liquidations is None else run.liquidations, _unless(run.liquidations, "liquidations"))
    paid, received = _put_funding(sheet, run)
    costs = ("fees", "slippage", "traded_notional", "turnover", "break_even_cost", "capacity", "implementation_shortfall")
    if run.fills is None:
        sheet.none(NO_FILLS, *costs, "gross_profit", "gross_return", "maker_share")
        return
    fees = float((run.fills["fee"] * run.fills["rate"]).sum())
    slippage = float((run.fills["slippage"] * run.fills["rate"]).sum())
    notional = run.fill_notional
    traded = float(notional.sum())
    profit = profit_of(run)
    sheet.put("fees", fees)
    sheet.put("slippage", slippage)
    sheet.put("traded_notional", traded)
    mean = float(run.equity.mean())
    turnover = traded / 2.0 / mean / run.years if mean > 0.0 and run.years > 0.0 else NAN
    sheet.ratio("turnover", turnover, undefined="mean equity is zero or less")
    nothing = "nothing was traded"
    sheet.ratio("break_even_cost", (profit + fees + slippage) / traded * 1e4 if traded > 0.0 else NAN, undefined=nothing)
    sheet.ratio("implementation_shortfall", (slippage + fees) / traded * 1e4 if traded > 0.0 else NAN, undefined=nothing)
    maker = float(notional[run.fills["maker"]].sum())
    sheet.ratio("maker_share", maker / traded if traded > 0.0 else NAN, undefined=nothing)
    gross = profit + fees + slippage - received + paid
    sheet.put("gross_profit", gross)
    sheet.put("gross_return", gross / run.first)
    _put_capacity(sheet, run)


def _put_funding(sheet: Sheet, run: RunArrays) -> tuple[float, float]:
    if run.funding is None:
        sheet.none("funding was not given", "funding_paid", "funding_received", "funding", "funding_missing")
        return 0.0, 0.0
    amounts = np.where(run.funding["missing"], 0.0, run.funding["amount"] * run.funding["rate"])
    missing = int(run.funding["missing"].sum())
    note = f"{missing} settlements are missing and not part of it" if missing else ""
    paid, received = abs(float(amounts[amounts < 0.0].sum())), float(amounts[amounts > 0.0].sum())
    sheet.put("funding_paid", paid, note)
    sheet.put("funding_received", received, note)
    sheet.put("funding", received - paid, note)
    sheet.put("funding_missing", float(missing))
    return paid, received


def _put_capacity(sheet: Sheet, run: RunArrays) -> None:
    if run.volume is None or run.fills is None:
        sheet.none("the volume of the bars of the fills was not given", "capacity")
        return
    notional = run.fill_notional
    known = np.isfinite(run.volume) & (notional > 0.0)
    if not known.any():
        sheet.none("no fill in a bar with known volume", "capacity")
        return
    equity = run.equity[run.fills["bar"][known]]
    sizes = equity * CAPACITY_SHARE * run.volume[known] / notional[known]
    sheet.put("capacity", float(np.percentile(sizes, 5.0)))


def put_execution(sheet: Sheet, run: RunArrays) -> None:
    """Write what became of orders."""
    for name, count in (("rejected_signals", run.rejected_signals), ("replaced_orders", run.replaced_orders)):
        sheet.put(name, NAN if count is None else count, _unless(count, name.replace("_", " ")))
    latencies = ("latency_p50", "latency_p95", "latency_p99")
    if run.orders is None:
        sheet.none("orders were not given", "orders", "fill_ratio", "rejected_orders", "expired_orders", "cancelled_orders")
        sheet.none("orders were not given", *latencies)
        return
    orders = run.orders
    sheet.put("orders", float(len(orders)))
    for word in ("rejected", "expired", "cancelled"):
        state = run.order_states.index(word) if word in run.order_states else -1
        sheet.put(f"{word}_orders", float((orders["state"] == state).sum()))
    wanted = orders["quantity"] > 0.0
    share = float((orders["filled"][wanted] / orders["quantity"][wanted]).mean()) if wanted.any() else NAN
    sheet.ratio("fill_ratio", share, undefined="no order was sent")
    filled = orders["filled"] > 0.0
    if not filled.any():
        sheet.none("no order was filled", *latencies)
        return
    waits = (orders["end_time"] - orders["time"])[filled].astype(np.float64)
    for name, value in zip(latencies, np.percentile(waits, (50.0, 95.0, 99.0)), strict=True):
        sheet.put(name, float(value))


def _unless(value: object, word: str) -> str:
    return f"{word} were not given" if value is None else ""
