"""What a notebook calls: stored data as arrays, from the running process or from the store itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from quantservice.app.cli.console import parse_time
from quantservice.app.client import platform_client
from quantservice.app.settings import load_settings
from quantservice.core.errors import UserError
from quantservice.core.periods import check_period
from quantservice.quant.bars import COLUMNS, Bars


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
    """Load stored klines as :class:`Bars`.

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

    def ask() -> tuple[str, Any]:
        with platform_client(loaded) as client:
            table = client.arrow("/api/v1/klines", query)
            found = client.get("/api/v1/instruments", {"q": symbol, "market": market, "venue": venue, "limit": 1})["data"]
            return (found[0]["instrument"] if found else symbol), table

    # A thread of its own: a notebook has a running event loop, and a second one cannot run inside it.
    with ThreadPoolExecutor(max_workers=1) as pool:
        instrument, table = pool.submit(ask).result()
    if not table.num_rows:
        raise UserError(
            f"no {period} klines of {symbol} are stored in this range; collect them with qs up, or import files with qs data import"
        )
    columns = {name: _array(table[name], np.int64 if name == "open_time" else np.float64) for name in COLUMNS}
    return Bars(instrument, period, columns)


def _array(column: Any, kind: type[np.generic]) -> Any:
    import pyarrow as pa

    wanted = pa.int64() if kind is np.int64 else pa.float64()
    return np.array(column.cast(wanted).to_numpy(), dtype=kind)
