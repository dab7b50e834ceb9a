"""The tables of the market store as data, and the DDL made from them: alone, or replicated and distributed on a cluster.

Identifiers come from this file and from :func:`view_name` only; nothing that a person or a venue typed becomes SQL.
"""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kind
from quantservice.core.instruments import Instrument, InstrumentId, check_market
from quantservice.core.periods import check_period

DECIMAL: Final = "Decimal(38, 18)"
_NAME: Final = "LowCardinality(String)"
_TIME: Final = "Int64 CODEC(DoubleDelta, ZSTD(1))"
#: Merges take column after column, with small buffers: half the memory of the engine's way, for the same rows. What was merged
#: away is forgotten after 15 s and not 8 min (what is known of each such part takes memory, and a flood makes hundreds), which is
#: safe only because the merged part is on the disk by then: merges are synced.
_MERGING: Final = (
    "vertical_merge_algorithm_min_rows_to_activate = 1, vertical_merge_algorithm_min_columns_to_activate = 1, "
    "max_compress_block_size = 65536, old_parts_lifetime = 15, min_compressed_bytes_to_fsync_after_merge = 1, "
    "fsync_part_directory = 1"
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")

#: The exact values of a kline; each has a ``<name>_float`` twin that the server computes on insert.
KLINE_DECIMALS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``kind`` is name, int, bool, decimal, decimal? (nullable), decimals (array), text, ints."""

    name: str
    type: str
    kind: str
    materialized: str = ""

    @property
    def ddl(self) -> str:
        """The column's text inside CREATE TABLE."""
        base, _, codec = self.type.partition(" CODEC")
        made = f" MATERIALIZED {self.materialized}" if self.materialized else ""
        return f"`{self.name}` {base}{made}" + (f" CODEC{codec}" if codec else "")

    @property
    def plain_type(self) -> str:
        """The type as ``system.columns`` prints it."""
        return self.type.partition(" CODEC")[0]


@dataclass(frozen=True, slots=True)
class Table:
    """One table. ``time`` is its time column (milliseconds) and partitions it by month; ``replace`` names a version column."""

    name: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]
    time: str = ""
    replacing: bool = False
    version: str = ""

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that an insert names."""
        return tuple(column for column in self.columns if not column.materialized)


def _name(name: str) -> Column:
    return Column(name, _NAME, "name")


def _int(name: str, sql_type: str = "Int64 CODEC(Delta, ZSTD(1))") -> Column:
    return Column(name, sql_type, "int")


def _time(name: str) -> Column:
    return Column(name, _TIME, "int")


def _decimal(name: str) -> Column:
    return Column(name, f"{DECIMAL} CODEC(ZSTD(1))", "decimal")


def _maybe(name: str) -> Column:
    return Column(name, f"Nullable({DECIMAL}) CODEC(ZSTD(1))", "decimal?")


def _many(name: str) -> Column:
    return Column(name, f"Array({DECIMAL}) CODEC(ZSTD(1))", "decimals")


def _text(name: str) -> Column:
    return Column(name, "String CODEC(ZSTD(1))", "text")


def _bool(name: str) -> Column:
    return Column(name, "Bool", "bool")


def _float(name: str) -> Column:
    return Column(name, "Float64 CODEC(ZSTD(1))", "float")


def _float_twin(name: str) -> Column:
    """Make the float64 twin of an exact column, correctly rounded.

    ``toFloat64`` of a Decimal(38, 18) rounds twice and is one unit off in a fifth of all prices. Up to 8 decimals and
    below 2^53 in units of 1e-8, one division of two exact numbers rounds once; all else is parsed from its text.
    """
    short = f"toDecimal128({name}, 8)"
    exact = f"abs({name}) < 90071992 AND {short} = {name}"
    return Column(
        f"{name}_float",
        "Float64 CODEC(ZSTD(1))",
        "float",
        materialized=f"if({exact}, toFloat64({short}), toFloat64(toString({name})))",
    )


_STREAM: Final = (_name("venue"), _name("market"), _name("symbol"))
_SEEN: Final = (_name("source"), _int("recv_ns"))

KLINE: Final = Table(
    "kline",
    (
        *_STREAM,
        _name("period"),
        _time("open_time"),
        _time("close_time"),
        *(_decimal(name) for name in KLINE_DECIMALS[:6]),
        _int("count"),
        *(_decimal(name) for name in KLINE_DECIMALS[6:]),
        _name("source"),
        _int("revision", "UInt32 CODEC(ZSTD(1))"),
        _int("first_seen_ns"),
        _bool("synthetic"),
        *(_float_twin(name) for name in KLINE_DECIMALS),
    ),
    ("venue", "market", "symbol", "period", "open_time", "revision"),
    time="open_time",
)
TRADE: Final = Table(
    "trade",
    (
        *_STREAM,
        _time("time"),
        _int("trade_id"),
        _decimal("price"),
        _decimal("quantity"),
        _bool("buyer_is_maker"),
        _int("first_id"),
        _int("last_id"),
        _bool("aggregate"),
        _time("event_time"),
        *_SEEN,
    ),
    ("venue", "market", "symbol", "time", "aggregate", "trade_id"),
    time="time",
    replacing=True,
)
QUOTE: Final = Table(
    "quote",
    (
        *_STREAM,
        _time("time"),
        _int("update_id"),
        _decimal("bid_price"),
        _decimal("bid_quantity"),
        _decimal("ask_price"),
        _decimal("ask_quantity"),
        *_SEEN,
    ),
    ("venue", "market", "symbol", "time", "update_id"),
    time="time",
    replacing=True,
)
BOOK: Final = Table(
    "book",
    (
        *_STREAM,
        _time("time"),
        _int("update_id"),
        _many("bid_prices"),
        _many("bid_quantities"),
        _many("ask_prices"),
        _many("ask_quantities"),
        *_SEEN,
    ),
    ("venue", "market", "symbol", "time", "update_id"),
    time="time",
    replacing=True,
)
TICKER: Final = Table(
    "ticker",
    (
        *_STREAM,
        _time("time"),
        *(_decimal(name) for name in ("last_price", "open_price", "high_price", "low_price", "volume", "quote_volume")),
        _int("count"),
        *_SEEN,
    ),
    ("venue", "market", "symbol", "time"),
    time="time",
    replacing=True,
)
FUNDING: Final = Table(
    "funding",
    (*_STREAM, _time("time"), _decimal("rate"), _maybe("mark_price"), *_SEEN),
    ("venue", "market", "symbol", "time"),
    time="time",
    replacing=True,
)
MARK_PRICE: Final = Table(
    "mark_price",
    (
        *_STREAM,
        _time("time"),
        _decimal("mark_price"),
        _maybe("index_price"),
        _maybe("funding_rate"),
        _time("next_funding_time"),
        *_SEEN,
    ),
    ("venue", "market", "symbol", "time"),
    time="time",
    replacing=True,
)
OPEN_INTEREST: Final = Table(
    "open_interest",
    (*_STREAM, _time("time"), _decimal("open_interest"), *_SEEN),
    ("venue", "market", "symbol", "time"),
    time="time",
    replacing=True,
)
INSTRUMENT: Final = Table(
    "instrument",
    (
        *_STREAM,
        _text("venue_symbol"),
        _time("valid_from_ms"),
        _time("valid_to_ms"),
        _text("rules"),
        _int("written_ns"),
    ),
    ("venue", "market", "symbol", "valid_from_ms"),
    replacing=True,
    version="written_ns",
)
DIGEST_LOG: Final = Table(
    "digest_log",
    (
        _int("sequence"),
        *_STREAM,
        _name("period"),
        _time("day_ms"),
        _int("through_ns"),
        _int("sealed_ns"),
        Column("open_times", "Array(Int64) CODEC(ZSTD(1))", "ints"),
        Column("revisions", "Array(UInt32) CODEC(ZSTD(1))", "ints"),
        _text("row_hashes"),
        _text("digest"),
        _text("previous"),
        _text("link"),
    ),
    ("sequence",),
)
_INDICATOR_KEY: Final = (*_STREAM, _name("period"))
INDICATOR: Final = Table(
    "indicator",
    (
        *_INDICATOR_KEY,
        _name("indicator"),
        _name("output"),
        _time("open_time"),
        _float("value"),
        _int("written_ns"),
    ),
    ("venue", "market", "symbol", "period", "indicator", "output", "open_time"),
    time="open_time",
    replacing=True,
    version="written_ns",
)
INDICATOR_MA: Final = Table(
    "indicator_ma",
    (*_INDICATOR_KEY, _time("open_time"), _float("ma20"), _float("ma50"), _int("written_ns")),
    ("venue", "market", "symbol", "period", "open_time"),
    time="open_time",
    replacing=True,
    version="written_ns",
)

TABLES: Final[tuple[Table, ...]] = (
    KLINE,
    TRADE,
    QUOTE,
    BOOK,
    TICKER,
    FUNDING,
    MARK_PRICE,
    OPEN_INTEREST,
    INSTRUMENT,
    DIGEST_LOG,
    INDICATOR,
    INDICATOR_MA,
)
TABLE_OF: Final[dict[Kind, Table]] = {
    Kind.KLINE: KLINE,
    Kind.TRADE: TRADE,
    Kind.QUOTE: QUOTE,
    Kind.BOOK: BOOK,
    Kind.TICKER: TICKER,
    Kind.FUNDING: FUNDING,
    Kind.MARK_PRICE: MARK_PRICE,
    Kind.OPEN_INTEREST: OPEN_INTEREST,
}


def check_identifier(name: str, *, field: str) -> str:
    """Return ``name`` if it may stand in SQL as a database or cluster name, else raise."""
    if _IDENTIFIER.match(name):
        return name
    raise InvalidValue(field, f"{name[:64]!r} must be letters, digits and underscores, starting with a letter")


def create_statements(table: Table, *, database: str, cluster: str = "") -> list[str]:
    """Return the CREATE statements of one table: one alone, two (local and distributed) on a cluster."""
    columns = ",\n  ".join(column.ddl for column in table.columns)
    order = ", ".join(f"`{name}`" for name in table.order_by)
    version = table.version
    engine = f"ReplacingMergeTree({version})" if table.replacing else "MergeTree"
    partition = f"\nPARTITION BY toYYYYMM(fromUnixTimestamp64Milli(`{table.time}`, 'UTC'))" if table.time else ""
    if not cluster:
        return [
            f"CREATE TABLE IF NOT EXISTS `{database}`.`{table.name}` (\n  {columns}\n)\n"
            f"ENGINE = {engine}{partition}\nORDER BY ({order})\nSETTINGS non_replicated_deduplication_window = 100, {_MERGING}"
        ]
    path = f"'/clickhouse/tables/{{shard}}/{database}/{table.name}', '{{replica}}'"
    local_engine = (
        f"Replicated{'ReplacingMergeTree' if table.replacing else 'MergeTree'}({path}{', ' + version if version else ''})"
    )
    sharding = "cityHash64(`venue`, `market`, `symbol`)"
    return [
        f"CREATE TABLE IF NOT EXISTS `{database}`.`{table.name}_local` ON CLUSTER `{cluster}` (\n  {columns}\n)\n"
        f"ENGINE = {local_engine}{partition}\nORDER BY ({order})\nSETTINGS {_MERGING}",
        f"CREATE TABLE IF NOT EXISTS `{database}`.`{table.name}` ON CLUSTER `{cluster}` AS `{database}`.`{table.name}_local`\n"
        f"ENGINE = Distributed(`{cluster}`, `{database}`, `{table.name}_local`, {sharding})",
    ]


def view_name(instrument: Instrument, period: str) -> str:
    """Return the name of a pair's view: ``kline_{symbol}_{market}_{period}``, the venue in front unless it is Binance.

    The symbol is the venue's own. Two symbols never share a name: capitals and digits stand for themselves, every other
    character becomes ``x<hex>z`` (``测试USDT`` -> ``xe6b58bzxe8af95zUSDT``). An underscore stays where it cannot be taken
    for the border after a venue's name (which has no capitals): ``BTCUSD_250328``.
    """
    venue, market = instrument.id.venue, check_market(instrument.id.market)
    symbol = _encode(instrument.venue_symbol, keep_underscore=True)
    if venue == "binance":
        head = symbol.partition("_")[0]
        if "_" in symbol and not any(char.isupper() for char in head):
            symbol = _encode(instrument.venue_symbol, keep_underscore=False)
        return f"kline_{symbol}_{market}_{check_period(period)}"
    if not re.fullmatch(r"[a-z][a-z0-9]{0,31}", venue):
        raise InvalidValue("venue", f"{venue[:40]!r} must be lower-case letters and digits")
    return f"kline_{venue}_{symbol}_{market}_{check_period(period)}"


def _encode(text: str, *, keep_underscore: bool) -> str:
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + ("_" if keep_underscore else "")
    return "".join(char if char in plain else f"x{char.encode('utf-8').hex()}z" for char in text)


def view_statement(instrument: Instrument, period: str, *, database: str, cluster: str = "") -> str:
    """Return the CREATE of a pair's view: the highest revision of each open time."""
    name = view_name(instrument, period)
    where = " AND ".join(
        f"{column} = {quote(value)}"
        for column, value in zip(("venue", "market", "symbol", "period"), (*_parts(instrument.id), period), strict=True)
    )
    ledger = ("source", "revision", "first_seen_ns", "synthetic")
    shown = ("open_time", "close_time", *KLINE_DECIMALS[:6], "count", *KLINE_DECIMALS[6:], *ledger)
    columns = ", ".join(f"`{column}`" for column in shown)
    on_cluster = f" ON CLUSTER `{cluster}`" if cluster else ""
    return (
        f"CREATE OR REPLACE VIEW `{database}`.`{name}`{on_cluster} AS SELECT {columns} FROM `{database}`.`kline` "
        f"WHERE {where} ORDER BY open_time, revision DESC LIMIT 1 BY open_time"
    )


def moving_average_view(*, database: str, cluster: str = "") -> str:
    """Return the CREATE of ``indicator_ma_live``: ma20 and ma50 of the current klines, computed when asked.

    A view that is filled at each insert would be wrong: it sees one block of rows, not the bars before it nor a later revision.
    Averages with fewer bars than their length are NaN.
    """
    on_cluster = f" ON CLUSTER `{cluster}`" if cluster else ""
    key = "`venue`, `market`, `symbol`, `period`"
    columns, windows = [], []
    for name, length in (("ma20", 20), ("ma50", 50)):
        columns.append(f"if(count() OVER {name}_bars = {length}, avg(`close_float`) OVER {name}_bars, nan) AS `{name}`")
        frame = f"ROWS BETWEEN {length - 1} PRECEDING AND CURRENT ROW"
        windows.append(f"{name}_bars AS (PARTITION BY {key} ORDER BY `open_time` {frame})")
    current = (
        f"SELECT {key}, `open_time`, `close_float` FROM `{database}`.`kline` "
        f"ORDER BY {key}, `open_time`, `revision` DESC LIMIT 1 BY {key}, `open_time`"
    )
    return (
        f"CREATE OR REPLACE VIEW `{database}`.`indicator_ma_live`{on_cluster} AS "
        f"SELECT {key}, `open_time`, {', '.join(columns)} FROM ({current}) WINDOW {', '.join(windows)}"
    )


def _parts(instrument: InstrumentId) -> tuple[str, str, str]:
    return instrument.venue, instrument.market, instrument.symbol


def quote(value: str) -> str:
    """Write ``value`` as a SQL string literal: only for views, whose stored text cannot take parameters."""
    if not value.isprintable():
        raise InvalidValue("value", f"{value[:40]!r} holds characters that cannot be printed")
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
