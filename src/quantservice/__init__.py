"""QuantService: raw exchange frames go in, audited profit and loss comes out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from quantservice.version import __version__

if TYPE_CHECKING:
    from quantservice.app.backtesting import Backtest
    from quantservice.app.example import example_bars
    from quantservice.app.notebook import load_bars
    from quantservice.core.signals import CancelOrders, OrderRequest, OrderUpdate, Signal
    from quantservice.quant.bars import Bars
    from quantservice.quant.strategies.bar import Bar
    from quantservice.quant.strategies.base import Strategy
    from quantservice.quant.strategies.feed import BarsView
    from quantservice.quant.strategies.parameters import Choices, Range
    from quantservice.quant.strategies.view import View

__all__ = [
    "Backtest",
    "Bar",
    "Bars",
    "BarsView",
    "CancelOrders",
    "Choices",
    "OrderRequest",
    "OrderUpdate",
    "Range",
    "Signal",
    "Strategy",
    "View",
    "__version__",
    "example_bars",
    "load_bars",
]

#: Public name -> where it lives. Loaded when it is asked for, so that importing a room stays cheap.
_HOMES = {
    "Backtest": "quantservice.app.backtesting",
    "Bar": "quantservice.quant.strategies.bar",
    "Bars": "quantservice.quant.bars",
    "BarsView": "quantservice.quant.strategies.feed",
    "CancelOrders": "quantservice.core.signals",
    "Choices": "quantservice.quant.strategies.parameters",
    "OrderRequest": "quantservice.core.signals",
    "OrderUpdate": "quantservice.core.signals",
    "Range": "quantservice.quant.strategies.parameters",
    "Signal": "quantservice.core.signals",
    "Strategy": "quantservice.quant.strategies.base",
    "View": "quantservice.quant.strategies.view",
    "example_bars": "quantservice.app.example",
    "load_bars": "quantservice.app.notebook",
}


def __getattr__(name: str) -> Any:
    """Load a public name."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'quantservice' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Show the public names to whoever completes them."""
    return sorted(__all__)
