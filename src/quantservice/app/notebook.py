"""What a notebook calls: stored data as arrays, from the running process or from the store itself."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from quantservice.app.cli.console import parse_time
from quantservice.app.client import platform_client
from quantservice.app.settings import load_settings
from quantservice.core.errors import UserError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.periods import check_period
from quantservice.quant.bars import COLUMNS, Bars, Funding


def load_bars(  # noqa: PLR0913 - a notebook's arguments, all by name but the first
    symbol: str,
    *,
    market: str | None = None,
    period: str = "1h",
    start: str | int | None = None,
    end: str | int | None = None,
    venue: str = "binance",
    data_dir: str | Path | None = None,
    demo: bool = False,
    config: str | Path | None = None,
) -> Bars:
    """Load stored klines as :class:`Bars`, with the instrument's rules and, of futures, the stored funding.

    ``symbol`` is a short form (``BTC-USDT``, ``BTCUSDT``) or a full name; ``start`` (inclusive) and ``end`` (exclusive) are ISO
    dates, UTC, or milliseconds. Works beside a running ``qs up`` (it is asked) and without one; also inside a notebook's event
    loop. Raises UserError naming the known symbols, markets and periods.
    """
    check_period(period)
    flags: dict[str, Any] = {"data_dir": str(data_dir) if data_dir is not None else None}
    if demo:
        flags["environment"] = "demo"
    loaded = load_settings(Path(config) if config is not None else None, flags=flags)
    query = {
        "symbol": symbol,
        "market": market,
        "venue": venue,
        "period": period,
        "start_ms": parse_time("start", None if start is None else str(start)),
        "end_ms": parse_time("end", None if end is None else str(end)),
    }

    def ask() -> tuple[str, Any, tuple[Instrument, ...], Any]:
        with platform_client(loaded) as client:
            table = client.arrow("/api/v1/klines", query)
            place, _, name = symbol.rpartition(":")
            asked = {"q": name, "market": place.rpartition(":")[2] or market, "venue": venue, "limit": 1}
            found = client.get("/api/v1/instruments", asked)["data"]
            settles = bool(found) and found[0]["market"] in {"um", "cm"} and table.num_rows > 0
            paid = client.arrow("/api/v1/funding", query | {"period": None}) if settles else None
            return (found[0]["instrument"] if found else symbol), table, tuple(map(_rules, found)), paid

    # A thread of its own: a notebook has a running event loop, and a second one cannot run inside it.
    with ThreadPoolExecutor(max_workers=1) as pool:
        instrument, table, rules, paid = pool.submit(ask).result()
    if not table.num_rows:
        raise UserError(
            f"no {period} klines of {symbol} are stored in this range; collect them with qs up, or import files with qs data import"
        )
    columns = {name: _array(table[name], np.int64 if name == "open_time" else np.float64) for name in COLUMNS}
    funding = None
    if paid is not None and paid.num_rows:
        funding = Funding(_array(paid["time"], np.int64), _array(paid["rate"], np.float64))
    return Bars(instrument, period, columns, funding, rules)


def _rules(row: Mapping[str, Any]) -> Instrument:
    """Return an instrument from the API's row."""
    words = ("venue_symbol", "base", "quote", "settle", "inverse", "status", "listed_ms", "delisted_ms")
    numbers = ("tick_size", "lot_size", "min_quantity", "min_notional", "contract_size")
    given: dict[str, Any] = {name: row[name] for name in words} | {name: Decimal(row[name]) for name in numbers}
    return Instrument(id=InstrumentId.parse(row["instrument"]), **given)


def _array(column: Any, kind: type[np.generic]) -> Any:
    """Return an Arrow column as an array. Read from its buffers: ``to_numpy`` would import pandas, a quarter of a second."""
    import pyarrow as pa

    typed = column.cast(pa.int64() if kind is np.int64 else pa.float64())
    if typed.null_count:
        typed = typed.fill_null(0 if kind is np.int64 else float("nan"))
    parts = [np.frombuffer(chunk.buffers()[1], dtype=kind)[chunk.offset : chunk.offset + len(chunk)] for chunk in typed.chunks]
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)
