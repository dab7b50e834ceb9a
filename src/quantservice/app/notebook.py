"""What a notebook calls: stored data as arrays, from the running process or from the store itself."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict, Unpack, overload
from weakref import finalize

import msgspec
import numpy as np

from quantservice.app.cli.console import parse_time
from quantservice.app.client import PlatformClient, platform_client
from quantservice.app.settings import LoadedSettings, load_settings
from quantservice.app.settings.loader import DEFAULT_FILE
from quantservice.core.errors import UserError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.margin_tiers import DatedTiers, Tier, chosen_tiers, dated_tables
from quantservice.core.periods import check_period
from quantservice.quant.bars import COLUMNS, Bars, Funding

#: Identity of bars that are still there -> settings of the store that they came from: where their runs are counted.
_origins: dict[int, LoadedSettings] = {}


@overload
def load_bars(symbol: str, **where: Unpack[Where]) -> Bars: ...


@overload
def load_bars(symbol: list[str] | tuple[str, ...], **where: Unpack[Where]) -> list[Bars]: ...


def load_bars(symbol: str | list[str] | tuple[str, ...], **where: Unpack[Where]) -> Bars | list[Bars]:
    """Load stored klines as :class:`Bars`, with the instrument's rules and, of futures, the stored funding.

    ``symbol`` is a short form (``BTC-USDT``, ``BTCUSDT``) or a full name, or several of them; ``market``, ``period`` (default 1h)
    and ``venue`` say which; ``start`` (inclusive) and ``end`` (exclusive) are ISO dates, UTC, or milliseconds. ``data_dir``,
    ``demo`` and ``config`` say where. Works beside a running ``qs up`` (it is asked) and without one; also inside a notebook's
    event loop. Raises UserError naming the known symbols, markets and periods.
    """
    loaded = _settings(where)
    one = isinstance(symbol, str)
    symbols = [symbol] if isinstance(symbol, str) else list(symbol)

    def ask() -> list[Bars]:
        with platform_client(loaded) as client:
            return [bars_by(client, item, where) for item in symbols]

    # A thread of its own: a notebook has a running event loop, and a second one cannot run inside it.
    with ThreadPoolExecutor(max_workers=1) as pool:
        tables = pool.submit(ask).result()
    for table in tables:
        _origins[id(table)] = loaded
        finalize(table, _origins.pop, id(table), None)
    return tables[0] if one else tables


def origin_of(bars: Any) -> LoadedSettings:
    """Return the settings of the store that bars came from; of anything else, the usual ones."""
    tables = [bars] if isinstance(bars, Bars) else list(bars) if isinstance(bars, list | tuple) else []
    known = [_origins[id(table)] for table in tables if id(table) in _origins]
    return known[0] if known else _settings({})


class Where(TypedDict, total=False):
    """Which bars, and of which store."""

    market: str | None
    period: str
    start: str | int | None
    end: str | int | None
    venue: str
    data_dir: str | Path | None
    demo: bool
    config: str | Path | None


def _settings(where: Where) -> LoadedSettings:
    data_dir, config = where.get("data_dir"), where.get("config")
    flags: dict[str, Any] = {"data_dir": str(data_dir) if data_dir is not None else None}
    if where.get("demo"):
        flags["environment"] = "demo"
    file = Path(config) if config is not None else None
    read = file or Path(os.environ.get("QS_CONFIG") or DEFAULT_FILE)
    return _loaded(file, tuple(flags.items()), Path.cwd(), _stamp(read), frozenset(os.environ.items()))


@lru_cache(maxsize=32)
def _loaded(
    file: Path | None,
    flags: tuple[tuple[str, Any], ...],
    _cwd: Path,
    _stamp: tuple[int, int],
    _environment: frozenset[tuple[str, str]],
) -> LoadedSettings:
    """Read the settings, once for the same file, folder and environment."""
    return load_settings(file, flags=dict(flags))


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def bars_by(client: PlatformClient, symbol: str, where: Where, tiers: Mapping[str, Sequence[Tier]] | None = None) -> Bars:
    """Load the bars of one instrument through an open client; ``tiers`` are a person's own margin tiers, before those stored."""
    place, _, name = symbol.rpartition(":")
    market, venue = place.rpartition(":")[2] or where.get("market"), where.get("venue", "binance")
    period = check_period(where.get("period", "1h"))
    start, end = where.get("start"), where.get("end")
    query = {
        "symbol": symbol,
        "market": market,
        "venue": venue,
        "period": period,
        "start_ms": parse_time("start", None if start is None else str(start)),
        "end_ms": parse_time("end", None if end is None else str(end)),
    }
    table = client.arrow("/api/v1/klines", query)
    if not table.num_rows:
        raise UserError(
            f"no {period} klines of {symbol} are stored in this range; collect them with qs up, or import files with qs data import"
        )
    found = client.get("/api/v1/instruments", {"q": name, "market": market, "venue": venue, "limit": 1})["data"]
    funding = None
    brackets: DatedTiers = ()
    if found and found[0]["market"] in {"um", "cm"}:
        brackets = _brackets(client, found[0], tiers or {})
        paid = client.arrow("/api/v1/funding", query | {"period": None})
        if paid.num_rows:
            funding = Funding(_array(paid["time"], np.int64), _array(paid["rate"], np.float64))
    columns = {name: _array(table[name], np.int64 if name == "open_time" else np.float64) for name in COLUMNS}
    return Bars(found[0]["instrument"] if found else symbol, period, columns, funding, tuple(map(_rules, found)), brackets)


def _brackets(client: PlatformClient, row: Mapping[str, Any], given: Mapping[str, Sequence[Tier]]) -> DatedTiers:
    name = str(row["instrument"])
    own = chosen_tiers(given, InstrumentId.parse(name), str(row["venue_symbol"]))
    if own:
        return dated_tables(own, name)
    stored = client.get("/api/v1/margin-tiers", {"instrument": name})["data"]
    return dated_tables(msgspec.convert(stored[0]["tiers"], tuple[Tier, ...]), name) if stored else ()


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
