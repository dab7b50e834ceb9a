"""On which real data each template is run: for its page and for its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyarrow import feather

from quantservice.quant.bars import Bars, Funding
from quantservice.quant.research import Backtest

_UM = "binance:um:{}-USDT-PERP"
_SPOT = "binance:spot:{}-USDT"


@dataclass(frozen=True)
class Case:
    """A run: the files (folder of klines, coin, period), parameters, and what is said of it on the page."""

    files: tuple[tuple[str, str, str], ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fees: str = "binance_um:vip0"
    slippage: float = 1.0
    last: int | None = None  # only so many bars, the last ones


CASES: dict[str, Case] = {
    "ma_cross": Case((("um", "BTC", "1h"),)),
    "rsi_reversion": Case((("um", "ETH", "1h"),)),
    "donchian_breakout": Case((("um", "BTC", "1h"), ("um", "ETH", "1h"), ("um", "LTC", "1h"))),
    "grid": Case((("um", "BTC", "5m"),), last=40_000),
    "dca": Case((("spot", "BTC", "1h"),), fees="binance_spot:vip0"),
    "pairs": Case((("um", "ETH", "1h"), ("um", "LTC", "1h"))),
    "funding_carry": Case(
        (("spot", "BTC", "1h"), ("um", "BTC", "1h")),
        {"settlements": 1, "entry": 0.00015, "leave": 0.00011},  # the defaults trade too seldom to say anything
        fees="venue",
    ),
    "random": Case((("um", "ETH", "1h"),)),
}


def load_table(data: Path, market: str, coin: str, period: str) -> Bars:
    """Read one file of real klines; of futures with the real funding beside it."""
    if market == "spot":
        return _bars(_SPOT.format(coin), period, feather.read_table(data / f"klines/binance_spot/{coin}_USDT-{period}.feather"))
    table = feather.read_table(data / f"klines/binance_um/{coin}_USDT_USDT-{period}-futures.feather")
    settled = feather.read_table(data / f"funding/binance_um_2023_2024/{coin}_USDT_USDT-8h-funding_rate.feather")
    funding = Funding(_times(settled["date"]) // 60_000 * 60_000, _floats(settled["open"]))
    return _bars(_UM.format(coin), period, table, funding)


def _bars(name: str, period: str, table: Any, funding: Funding | None = None) -> Bars:
    columns: dict[str, npt.NDArray[Any]] = {key: _floats(table[key]) for key in ("open", "high", "low", "close", "volume")}
    columns["open_time"] = _times(table["date"])
    columns["quote_volume"] = columns["volume"] * columns["close"]
    nothing = np.zeros(len(columns["close"]))
    columns |= {key: nothing.copy() for key in ("count", "taker_buy_base_volume", "taker_buy_quote_volume")}
    return Bars(name, period, columns, funding)


def _times(column: Any) -> npt.NDArray[np.int64]:
    return np.asarray(column.to_numpy()).astype("datetime64[ms]").astype(np.int64)


def _floats(column: Any) -> npt.NDArray[np.float64]:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def shared_window(tables: list[Bars], most: int | None = None) -> list[Bars]:
    """Cut tables to the time that all of them cover, and to the last ``most`` bars of it."""
    first = max(int(table["open_time"][0]) for table in tables)
    last = min(int(table["open_time"][-1]) for table in tables)
    for table in tables:
        if table.funding is not None:
            last = min(last, int(table.funding.time[-1]))  # all settlements of the window are known
    kept = []
    for table in tables:
        rows = np.flatnonzero((table["open_time"] >= first) & (table["open_time"] <= last))
        rows = rows if most is None else rows[-most:]
        kept.append(Bars(table.instrument, table.period, {name: table[name][rows] for name in table}, table.funding))
    return kept


def backtest_of(name: str, data: Path) -> Backtest:
    """Return the backtest of a template's page."""
    case = CASES[name]
    tables = shared_window([load_table(data, *file) for file in case.files], case.last)
    return Backtest(name, tables, parameters=case.parameters, fees=case.fees, slippage=case.slippage)
