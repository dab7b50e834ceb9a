"""Markets of a few hand-written klines."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.signals import OrderRequest
from quantservice.quant.backtest import Assumptions, MarketData, OrderTable, RunResult, run_targets

HOUR = 3_600_000
START = 1_700_006_400_000  # 2023-11-15 00:00 UTC
UM = InstrumentId("binance", "um", "BTC-USDT-PERP")
SPOT = InstrumentId("binance", "spot", "BTC-USDT")
CM = InstrumentId("binance", "cm", "BTC-USD-PERP")
FREE = Assumptions(fees="none", funding=False)


def table(rows: Sequence[Sequence[float]], *, start: int = START, step: int = HOUR) -> dict[str, Any]:
    """Rows of (open, high, low, close) or with a volume (default 1,000)."""
    values = np.array([[*row, 1_000.0 + place][:5] for place, row in enumerate(rows)], dtype=np.float64)
    times = start + step * np.arange(len(rows), dtype=np.int64)
    return {"open_time": times, **dict(zip(("open", "high", "low", "close", "volume"), values.T, strict=True))}


def flat(*prices: float) -> list[tuple[float, float, float, float]]:
    """Klines that stand still, opening where they close."""
    return [(price, price, price, price) for price in prices]


def market(rows: Sequence[Sequence[float]], name: InstrumentId = UM, **words: Any) -> MarketData:
    return MarketData.of({str(name): table(rows)}, period="1h", **words)


def order(side: str, kind: str = "market", name: InstrumentId = UM, **words: Any) -> OrderRequest:
    given: dict[str, Any] = {"instrument": name, "side": side, "type": kind, **words}
    if "fraction" not in given:
        given.setdefault("quantity", 1.0)
    return OrderRequest(**given)


def run_orders(data: MarketData, *placed: tuple[int, Any], assumptions: Assumptions = FREE) -> RunResult:
    """Run decisions given as (bar, decision)."""
    orders = OrderTable()
    for bar, decision in placed:
        orders.add(bar, decision)
    return run_targets(data, orders=orders, assumptions=assumptions)


def rules(name: InstrumentId = UM, **words: Any) -> Instrument:
    inverse = name.market == "cm"
    given: dict[str, Any] = {
        "id": name,
        "venue_symbol": "BTCUSDT",
        "base": "BTC",
        "quote": "USD" if inverse else "USDT",
        "settle": "BTC" if inverse else "USDT",
        "tick_size": Decimal("0.1"),
        "lot_size": Decimal(1) if inverse else Decimal("0.001"),
        "contract_size": Decimal(100) if inverse else Decimal(1),
        "inverse": inverse,
        **words,
    }
    return Instrument(**given)
