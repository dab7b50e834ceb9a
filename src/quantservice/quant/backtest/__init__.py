"""Backtests: one compiled account and fill arithmetic under two engines, and the result that both leave."""

from __future__ import annotations

from quantservice.quant.backtest.assumptions import Assumptions, FeeRates, Slippage
from quantservice.quant.backtest.records import (
    FILL,
    FILL_REASONS,
    FUNDING,
    LIQUIDATION,
    ORDER,
    ORDER_REASONS,
    ORDER_STATES,
    ORDER_TYPES,
    TRADE,
)
from quantservice.quant.backtest.results import Flag, RunResult

__all__ = [
    "FILL",
    "FILL_REASONS",
    "FUNDING",
    "LIQUIDATION",
    "ORDER",
    "ORDER_REASONS",
    "ORDER_STATES",
    "ORDER_TYPES",
    "TRADE",
    "Assumptions",
    "FeeRates",
    "Flag",
    "RunResult",
    "Slippage",
]
