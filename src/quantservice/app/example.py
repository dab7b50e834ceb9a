"""Made-up bars to try things on: the simulator's own market, whole years in a moment, the same for the same seed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.periods import DAY_MS, FIXED_MS, HOUR_MS, check_period
from quantservice.quant.bars import Bars, Funding
from quantservice.simulator.config import MarketName, SymbolSpec
from quantservice.simulator.markets import bars as table
from quantservice.simulator.markets.catalog import default_symbols
from quantservice.simulator.markets.generator import GeneratedHistory
from quantservice.simulator.protocol.text import SymbolText

_START_MS: Final = 1_704_067_200_000  # 2024-01-01
_FUNDING_MS: Final = 8 * HOUR_MS


def example_bars(
    symbol: str = "BTCUSDT", *, market: str = "um", period: str = "1h", days: int = 120, seed: int = 7, funding: bool = True
) -> Bars:
    """Return generated bars of a simulated symbol from 2024-01-01 on. They are nobody's market: no result on them means anything.

    ``symbol`` is one of the simulator's, in the venue's spelling or as ``BTC-USDT``. With ``funding`` futures bring made-up
    settlements every eight hours.
    """
    check_period(period)
    length = FIXED_MS.get(period)
    if length is None or length > DAY_MS:
        raise InvalidValue("period", f"{period} bars are not made here; take one of up to a day")
    if not 1 <= days <= 3_650:
        raise InvalidValue("days", f"{days} is outside 1 … 3650")
    name, spec = _found(symbol, market)
    history = GeneratedHistory(spec, name, seed=seed, first_ms=_START_MS)
    end_ms = _START_MS + days * DAY_MS
    rows = table.aggregate(table.rows_for(history, period, _START_MS, end_ms), period)
    columns = _columns(rows, spec, name)
    settled = _settlements(columns["open_time"], seed) if funding and name != "spot" else None
    tail = "-PERP" if name != "spot" else ""
    return Bars(f"sim:{name}:{spec.base}-{spec.quote}{tail}", period, columns, settled)


def _found(symbol: str, market: str) -> tuple[MarketName, SymbolSpec]:
    known = default_symbols()
    names: dict[str, MarketName] = {item: item for item in known}
    if market not in names:
        raise UnknownName("market", market, names)
    wanted = symbol.upper().replace("-", "").removesuffix("PERP")
    for spec in known[names[market]]:
        if wanted in (spec.symbol, f"{spec.base}{spec.quote}"):
            return names[market], spec
    raise UnknownName("symbol", symbol, [spec.symbol for spec in known[names[market]]])


def _columns(rows: table.IntTable, spec: SymbolSpec, market: MarketName) -> dict[str, Any]:
    price, lot = 10.0**spec.price_decimals, 10.0**spec.lot_decimals
    quote = 10.0 ** SymbolText(spec, market).quote_decimals
    scales = {
        "open": (table.OPEN, price),
        "high": (table.HIGH, price),
        "low": (table.LOW, price),
        "close": (table.CLOSE, price),
        "volume": (table.VOLUME, lot),
        "quote_volume": (table.QUOTE, quote),
        "count": (table.COUNT, 1.0),
        "taker_buy_base_volume": (table.TAKER_VOLUME, lot),
        "taker_buy_quote_volume": (table.TAKER_QUOTE, quote),
    }
    columns: dict[str, Any] = {name: rows[:, place] / scale for name, (place, scale) in scales.items()}
    columns["open_time"] = rows[:, table.TIME].copy()
    return columns


def _settlements(opens: Any, seed: int) -> Funding:
    times = np.arange(-(-int(opens[0]) // _FUNDING_MS) * _FUNDING_MS, int(opens[-1]) + 1, _FUNDING_MS, dtype=np.int64)
    drift = np.random.default_rng(seed).normal(0.0, 1.0, len(times))
    return Funding(times, np.round(0.0001 + 0.00008 * drift, 8))
