"""Backtests: one compiled account and fill arithmetic under two engines, and the result that both leave."""

from __future__ import annotations

from quantservice.quant.backtest.assumptions import Assumptions, FeeRates, Slippage
from quantservice.quant.backtest.books import BookSnapshots
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.events import run_events
from quantservice.quant.backtest.funding import Funding
from quantservice.quant.backtest.orders import OrderTable
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
from quantservice.quant.backtest.sweep import Sweeper, SweepResult, sweep
from quantservice.quant.backtest.targets import run_targets

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
    "BookSnapshots",
    "FeeRates",
    "Flag",
    "Funding",
    "MarketData",
    "OrderTable",
    "RunResult",
    "Slippage",
    "SweepResult",
    "Sweeper",
    "run_events",
    "run_targets",
    "sweep",
]
