"""Strategies: one class that is backtested, swept and run live unchanged."""

from __future__ import annotations

from quantservice.core.signals import CancelOrders, Decision, OrderRequest, OrderUpdate, Signal
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Choices, Range
from quantservice.quant.strategies.view import View

__all__ = ["Bar", "CancelOrders", "Choices", "Decision", "OrderRequest", "OrderUpdate", "Range", "Signal", "Strategy", "View"]
