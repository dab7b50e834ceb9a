"""A made-up market for a strategy whose own is not at hand: enough to see whether it looks ahead, never to judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import FIXED_MS, HOUR_MS
from quantservice.quant.bars import Bars, Funding
from quantservice.quant.honesty.market import Market
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Value

_PERPETUAL = InstrumentId("binance", "um", "BTC-USDT-PERP")
#: What is tried, in this order, until the strategy's ``on_start`` is content.
_SETS: tuple[tuple[InstrumentId, ...], ...] = (
    (_PERPETUAL,),
    (_PERPETUAL, InstrumentId("binance", "um", "ETH-USDT-PERP")),
    (InstrumentId("binance", "spot", "BTC-USDT"), _PERPETUAL),
)
_START_MS = 1_704_067_200_000  # 2024-01-01, a Monday


def example_market(
    cls: type[Strategy], *, parameters: Mapping[str, Value] | None = None, rows: int = 1_500, period: str = "1h", seed: int = 7
) -> Market:
    """Return a random walk whose volatility comes and goes, for as many instruments as the strategy wants."""
    trouble: InvalidValue | None = None
    for instruments in _SETS:
        try:
            cls(**dict(parameters or {})).on_start(instruments, period)
        except InvalidValue as error:
            trouble = trouble or error
            continue
        return made_up(instruments, rows, period, seed)
    raise InvalidValue("bars", f"give bars of the instruments that {cls.__name__} trades ({trouble})")


def made_up(instruments: Sequence[InstrumentId], rows: int, period: str, seed: int) -> Market:
    """Return the walk; instruments share a part of their moves, futures settle funding every eight hours."""
    rng = np.random.default_rng(seed)
    times = _START_MS + np.arange(rows, dtype=np.int64) * FIXED_MS[period]
    volatility = 0.004 * np.exp(np.convolve(rng.normal(0.0, 0.35, rows + 49), np.full(50, 0.15), "valid"))
    common = rng.normal(0.0, 1.0, rows) * volatility
    tables, funding = [], {}
    for place, instrument in enumerate(instruments):
        close = 100.0 * (place + 1) * np.exp(np.cumsum(common + 0.3 * rng.normal(0.0, 1.0, rows) * volatility))
        open_ = np.concatenate((close[:1], close[:-1]))
        reach = np.abs(rng.normal(0.0, 0.5, (2, rows))) * volatility
        volume = rng.lognormal(3.0, 0.6, rows)
        tables.append(
            Bars(
                str(instrument),
                period,
                {
                    "open_time": times,
                    "open": open_,
                    "high": np.maximum(open_, close) * (1.0 + reach[0]),
                    "low": np.minimum(open_, close) * (1.0 - reach[1]),
                    "close": close,
                    "volume": volume,
                    "quote_volume": volume * close,
                    "count": np.floor(volume * 10.0),
                    "taker_buy_base_volume": volume * 0.5,
                    "taker_buy_quote_volume": volume * close * 0.5,
                },
            )
        )
        if instrument.market != "spot":
            settled = np.arange(times[0], times[-1] + 1, 8 * HOUR_MS, dtype=np.int64)
            rates = np.convolve(rng.normal(0.0, 1e-4, len(settled) + 29), np.full(30, 0.2), "valid") + 5e-5
            funding[str(instrument)] = Funding(settled, rates)
    return Market(tuple(tables), funding)
