"""The closed kline as a strategy sees it: plain floats, cheap to make by the hundred thousand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.events import Kline
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import FIXED_MS, close_of
from quantservice.quant.bars import Bars


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One closed kline. Times are milliseconds UTC, prices and volumes floats; ``bar["close"]`` reads like ``bar.close``."""

    instrument: InstrumentId
    period: str
    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    quote_volume: float = 0.0
    count: int = 0
    taker_buy_base_volume: float = 0.0
    taker_buy_quote_volume: float = 0.0

    def __getitem__(self, name: str) -> float:
        value: float = getattr(self, name)
        return value

    @classmethod
    def of(cls, kline: Kline) -> Bar:
        """Return the floats of an exact kline."""
        return cls(
            kline.stream.instrument,
            kline.stream.period,
            kline.open_time,
            kline.close_time,
            float(kline.open),
            float(kline.high),
            float(kline.low),
            float(kline.close),
            float(kline.volume),
            float(kline.quote_volume),
            kline.count,
            float(kline.taker_buy_base_volume),
            float(kline.taker_buy_quote_volume),
        )


class MarketTicker(msgspec.Struct, frozen=True, gc=False):
    """The market between two klines, as ``on_market_data`` sees it; ``volume_24h`` is in base units or contracts."""

    instrument: InstrumentId
    time: int
    price: float
    bid: float
    ask: float
    volume_24h: float


#: The columns of bars in the order of :class:`Bar`'s fields after ``close_time``.
VALUE_COLUMNS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)


def close_times(period: str, open_times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the last millisecond of each bar (int64, as long as ``open_times``)."""
    length = FIXED_MS.get(period)
    if length is not None:
        return open_times + (length - 1)
    return np.array([close_of(period, int(time)) for time in open_times], dtype=np.int64)


def bars_of(
    instrument: InstrumentId, period: str, columns: Mapping[str, npt.NDArray[Any]], start: int = 0, stop: int | None = None
) -> Iterator[Bar]:
    """Yield rows ``start`` to ``stop`` of columns (named as in :data:`quantservice.quant.bars.COLUMNS`) as bars."""
    rows = slice(start, len(columns["open_time"]) if stop is None else stop)
    times = columns["open_time"][rows]
    values = [columns[name][rows] for name in VALUE_COLUMNS]
    values[6] = np.asarray(values[6]).astype(np.int64)
    # No Python frame is entered per bar.
    return map(Bar, repeat(instrument), repeat(period), *map(numbers_in, (times, close_times(period, times), *values)))


def numbers_in(array: npt.NDArray[Any]) -> Iterable[Any]:
    """Return what yields an array's values as Python numbers one by one: no list of them is made, which would take longer."""
    return array.data if array.dtype in {np.dtype(np.float64), np.dtype(np.int64)} else array.tolist()


def bars_table(bars: Bars, start: int = 0, stop: int | None = None) -> Iterator[Bar]:
    """Yield rows of a table as bars."""
    return bars_of(InstrumentId.parse(bars.instrument), bars.period, bars.columns, start, stop)
