"""The symbols the simulated venue lists by default, with realistic levels, ticks and lots."""

from __future__ import annotations

from quantservice.simulator.config import MarketName, SymbolSpec

_Row = tuple[str, float, int, int, int, float, int]

# base, level, spot price decimals, spot lot decimals, um price decimals, minute volume, minute trades
_MAJORS: tuple[_Row, ...] = (
    ("BTC", 91_000.0, 2, 5, 2, 18.0, 90),
    ("ETH", 3_050.0, 2, 4, 2, 260.0, 80),
    ("BNB", 880.0, 2, 3, 2, 90.0, 40),
    ("SOL", 138.0, 2, 3, 4, 2_400.0, 60),
    ("XRP", 2.08, 4, 1, 4, 120_000.0, 50),
    ("DOGE", 0.15, 5, 0, 5, 900_000.0, 40),
    ("ADA", 0.43, 4, 1, 5, 240_000.0, 30),
    ("LINK", 13.4, 2, 2, 3, 14_000.0, 30),
    ("LTC", 92.0, 2, 3, 2, 1_500.0, 30),
    ("AVAX", 14.2, 2, 2, 4, 12_000.0, 30),
)
_UM_LOTS = {"BTC": 3, "ETH": 3, "BNB": 2, "SOL": 0, "XRP": 1, "DOGE": 0, "ADA": 0, "LINK": 2, "LTC": 3, "AVAX": 0}
_UM_TICKS = {"BTC": 10, "BNB": 10, "SOL": 100}
_CM: tuple[tuple[str, int, int, float], ...] = (
    ("BTC", 100, 1, 4_200.0),
    ("ETH", 10, 2, 9_000.0),
    ("BNB", 10, 3, 900.0),
    ("SOL", 10, 3, 1_800.0),
    ("XRP", 10, 4, 1_400.0),
)
_DATED: tuple[tuple[str, int, str, int, int, float], ...] = (
    ("BTCUSD_261225", 1_798_185_600_000, "CURRENT_QUARTER", 100, 1, 900.0),
    ("ETHUSD_261225", 1_798_185_600_000, "CURRENT_QUARTER", 10, 2, 1_500.0),
)


def default_symbols() -> dict[MarketName, tuple[SymbolSpec, ...]]:
    """Return the default catalogue: ten symbols per market or so, one of them with a Chinese name."""
    spot = tuple(
        SymbolSpec(
            symbol=f"{base}USDT",
            base=base,
            quote="USDT",
            price_decimals=decimals,
            lot_decimals=lots,
            level=level,
            minute_volume=volume,
            minute_trades=trades,
        )
        for base, level, decimals, lots, _, volume, trades in _MAJORS
    )
    return {"spot": spot, "um": (*_um_symbols(), chinese_symbol()), "cm": _cm_symbols()}


def chinese_symbol() -> SymbolSpec:
    """Return the um symbol with a Chinese name."""
    return SymbolSpec(
        symbol="测试USDT",
        base="测试",
        quote="USDT",
        price_decimals=5,
        lot_decimals=0,
        level=0.042,
        minute_volume=400_000.0,
        minute_trades=12,
        daily_volatility=0.08,
    )


def many_symbols(count: int, *, minute_trades: int = 8) -> tuple[SymbolSpec, ...]:
    """Return ``count`` plain symbols (LOAD0000USDT …) for load: few trades each, cheap to hold."""
    return tuple(
        SymbolSpec(
            symbol=f"LOAD{index:04d}USDT",
            base=f"LOAD{index:04d}",
            quote="USDT",
            price_decimals=4,
            lot_decimals=1,
            level=1.0 + (index * 37 % 997) / 10,
            minute_volume=2_000.0,
            minute_trades=minute_trades,
        )
        for index in range(count)
    )


def _um_symbols() -> tuple[SymbolSpec, ...]:
    return tuple(
        SymbolSpec(
            symbol=f"{base}USDT",
            base=base,
            quote="USDT",
            price_decimals=decimals,
            tick=_UM_TICKS.get(base, 1),
            lot_decimals=_UM_LOTS[base],
            level=level,
            minute_volume=volume * 3,
            minute_trades=trades,
        )
        for base, level, _, _, decimals, volume, trades in _MAJORS
    )


def _cm_symbols() -> tuple[SymbolSpec, ...]:
    levels = {row[0]: row[1] for row in _MAJORS}
    perpetual = tuple(
        SymbolSpec(
            symbol=f"{base}USD_PERP",
            base=base,
            quote="USD",
            price_decimals=decimals,
            lot_decimals=0,
            level=levels[base],
            minute_volume=volume,
            minute_trades=24,
            contract_size=size,
        )
        for base, size, decimals, volume in _CM
    )
    dated = tuple(
        SymbolSpec(
            symbol=symbol,
            base=symbol[:3],
            quote="USD",
            price_decimals=decimals,
            lot_decimals=0,
            level=levels[symbol[:3]] * 1.01,
            minute_volume=volume,
            minute_trades=8,
            contract_type=contract_type,
            delivery_ms=delivery_ms,
            contract_size=size,
        )
        for symbol, delivery_ms, contract_type, size, decimals, volume in _DATED
    )
    return perpetual + dated
