"""Reports of backtests: figures, tables, and pages for a browser, a notebook, a spreadsheet and paper."""

from __future__ import annotations

from quantservice.quant.reports.report import Report
from quantservice.quant.reports.story import About, Candles, Gate, buy_and_hold, candles_of
from quantservice.quant.reports.table import Table

__all__ = ["About", "Candles", "Gate", "Report", "Table", "buy_and_hold", "candles_of"]
