"""Rows of a table -> klines, whoever wrote the table. Pure: the caller opens files and hands over rows.

A table says by its header which column is what, or is one of the known forms without a header. Times may be seconds,
milliseconds, micro- or nanoseconds, or written out; they are UTC. A row that cannot be is answered with its reason.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.periods import FIXED_MS, close_of
from quantservice.core.validation import kline_fault

#: Row as read: texts of a CSV, or values of a typed table.
Row: TypeAlias = Sequence[Any]

FIRST_MS: Final = 1_230_768_000_000  # 2009-01-01: before it there was nothing to trade
LAST_MS: Final = 4_102_444_800_000  # 2100-01-01
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_WHOLE: Final = re.compile(r"\d{1,19}(\.0*)?", re.ASCII)
_MAX_TEXT: Final = 64
_MAX_DECIMALS: Final = 18  # what is stored behind the point; more would be lost without a word
_ZERO: Final = Decimal(0)

FIELDS: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)
_NEEDED: Final = FIELDS[:6]
#: Names that others give to our columns, lower case, without spaces and underscores.
_ALIASES: Final[Mapping[str, str]] = {
    **{field.replace("_", ""): field for field in FIELDS},
    **dict.fromkeys(("timestamp", "time", "date", "datetime", "unix", "ts", "opentimestamp", "candlebegintime", "t"), "open_time"),
    "o": "open",
    "h": "high",
    "l": "low",
    "c": "close",
    **dict.fromkeys(("v", "vol", "basevolume"), "volume"),
    **dict.fromkeys(("volumequote", "quotevol", "quoteassetvolume", "turnover"), "quote_volume"),
    **dict.fromkeys(("trades", "numberoftrades", "numtrades", "tradecount", "n"), "count"),
    **dict.fromkeys(("takerbuyvolume", "takerbuybaseassetvolume", "takerbuybase"), "taker_buy_base_volume"),
    **dict.fromkeys(("takerbuyquoteassetvolume", "takerbuyquote"), "taker_buy_quote_volume"),
}
#: Forms without a header, told apart by what makes sense of the rows.
ARCHIVE_COLUMNS: Final = FIELDS
OHLCV_COLUMNS: Final = _NEEDED
OCHLV_COLUMNS: Final = ("open_time", "open", "close", "high", "low", "volume")  # Bitfinex, Jesse


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that was not taken: its line (from 1; 0 is the file as a whole) and why."""

    line: int
    reason: str


def read_header(row: Row) -> dict[str, int] | None:
    """Return our field -> column index if ``row`` is a header, None if it is not one."""
    names = [re.sub(r"[\s_]+", "", str(cell)).strip("\ufeff\"'").lower() for cell in row]
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        field = _ALIASES.get(name)
        if field is not None:
            found.setdefault(field, index)
    in_base = [index for index, name in enumerate(names) if name.startswith("volume") and name != "volume"]
    if in_base and "quote_volume" not in found and "volume" in found:
        found["volume"], found["quote_volume"] = in_base[0], found["volume"]  # CryptoDataDownload: volume_btc, then in dollars
    return found if all(field in found for field in _NEEDED) else None


def guess_columns(rows: Sequence[Row]) -> dict[str, int] | None:
    """Return the columns of a table without a header, by which known form makes sense of the most of ``rows``."""
    if not rows:
        return None
    width = min(len(row) for row in rows)
    if width >= len(FIELDS):
        return columns_of(ARCHIVE_COLUMNS)
    if width < len(_NEEDED):
        return None
    forms = [columns_of(OHLCV_COLUMNS), columns_of(OCHLV_COLUMNS)]
    return max(forms, key=lambda form: sum(_is_plausible(row, form) for row in rows))


def columns_of(names: Sequence[str]) -> dict[str, int]:
    """Return field -> index for columns named in order; unknown names ("-") are skipped."""
    columns = {name: index for index, name in enumerate(names) if name in FIELDS}
    missing = [field for field in _NEEDED if field not in columns]
    if missing:
        raise InvalidValue("columns", f"{', '.join(missing)} must be among them; known are {', '.join(FIELDS)}")
    return columns


class RowReader:
    """Turns the rows of one table into klines of one stream, and keeps what tells whether the table is what it claims."""

    def __init__(self, stream: StreamId, columns: Mapping[str, int], *, source: Source, recv_ns: int = 0) -> None:
        if not stream.period:
            raise InvalidValue("stream", f"{stream} is not a kline stream")
        self._stream: Final = stream
        self._columns: Final = dict(columns)
        self._source: Final = source
        self._recv_ns: Final = recv_ns
        self._seen: Final[set[int]] = set()
        self._steps: Final[Counter[int]] = Counter()
        self._last_open = -1
        self._high_is_close = 0
        self._moving = 0

    def read(self, row: Row) -> Kline | str:
        """Return the row's kline, or why it cannot be."""
        try:
            kline = self._kline(row)
        except _BadCell as bad:
            return bad.reason
        fault = kline_fault(kline)
        if fault is not None:
            self._note(kline.open_time)
            return fault
        if kline.open_time in self._seen:
            return "open_time_repeated"
        self._seen.add(kline.open_time)
        self._note(kline.open_time)
        if kline.high != kline.low:
            self._moving += 1
            self._high_is_close += kline.high == kline.close
        return kline

    def table_fault(self) -> str | None:
        """Return why the table as a whole cannot be klines of this stream, after all rows were read."""
        if sum(self._steps.values()) >= 5:
            step, _ = self._steps.most_common(1)[0]
            length = FIXED_MS.get(self._stream.period)
            if length is not None and step != length:
                return f"rows are {step / 1000:g} s apart and not {length // 1000} s: is the period {self._stream.period}?"
        if self._moving >= 20 and self._high_is_close / self._moving > 0.9:
            return "high repeats close in nearly every row"
        return None

    def _note(self, open_time: int) -> None:
        if self._last_open >= 0 and open_time != self._last_open:
            self._steps[abs(open_time - self._last_open)] += 1
            if len(self._steps) > 1_000:
                for step, _ in self._steps.most_common()[500:]:
                    del self._steps[step]
        self._last_open = open_time

    def _kline(self, row: Row) -> Kline:
        open_time = self._time(row, "open_time")
        close_time = close_of(self._stream.period, open_time)
        if "close_time" in self._columns and self._time(row, "close_time") != close_time:
            raise _BadCell("close_time_off_border")
        return Kline(
            stream=self._stream,
            open_time=open_time,
            close_time=close_time,
            open=self._number(row, "open"),
            high=self._number(row, "high"),
            low=self._number(row, "low"),
            close=self._number(row, "close"),
            volume=self._number(row, "volume"),
            quote_volume=self._number(row, "quote_volume"),
            count=self._count(row),
            taker_buy_base_volume=self._number(row, "taker_buy_base_volume"),
            taker_buy_quote_volume=self._number(row, "taker_buy_quote_volume"),
            source=self._source,
            recv_ns=self._recv_ns,
        )

    def _cell(self, row: Row, field: str) -> Any:
        index = self._columns[field]
        if index >= len(row):
            raise _BadCell("too_few_columns")
        return row[index]

    def _number(self, row: Row, field: str) -> Decimal:
        if field not in self._columns:
            return _ZERO
        return read_number(self._cell(row, field), field)

    def _count(self, row: Row) -> int:
        if "count" not in self._columns:
            return 0
        count = read_number(self._cell(row, "count"), "count")
        if count != count.to_integral_value() or not 0 <= count < 1 << 53:
            raise _BadCell("bad_count")
        return int(count)

    def _time(self, row: Row, field: str) -> int:
        time_ms = read_time_ms(self._cell(row, field))
        if not FIRST_MS <= time_ms < LAST_MS:
            raise _BadCell(f"{field}_out_of_range")
        return time_ms


class _BadCell(ValueError):
    """A cell that cannot be read; ``reason`` is short and countable."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def read_number(cell: Any, field: str) -> Decimal:
    """Read a cell exactly: texts as written, doubles as the shortest number that prints the same."""
    text = cell.strip() if isinstance(cell, str) else str(cell)
    if len(text) > _MAX_TEXT or not _NUMBER.fullmatch(text):
        raise _BadCell(f"bad_{field}")
    number = Decimal(text)
    if (len(text) > _MAX_DECIMALS or "e" in text or "E" in text) and _decimals(number) > _MAX_DECIMALS:
        raise _BadCell(f"too_many_digits_in_{field}")
    return number


def _decimals(number: Decimal) -> int:
    """Count the digits behind the point that are not trailing zeros; without arithmetic, which would round."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or not any(digits):
        return 0
    zeros = next(index for index, digit in enumerate(reversed(digits)) if digit)
    return -exponent - zeros


def read_time_ms(cell: Any) -> int:
    """Read an instant as UTC milliseconds: a number (its size tells the unit), a date, or a written time."""
    if isinstance(cell, dt.datetime):
        return _to_ms(cell)
    text = str(cell).strip().strip("\"'")
    if _WHOLE.fullmatch(text):
        digits = text.partition(".")[0]
        if len(digits) == 8:  # 20240131: no instant of ours has eight digits in any unit
            return _written(digits)
        return _scaled(int(digits))
    return _written(text)


def _scaled(value: int) -> int:
    if value < 100_000_000_000:
        return value * 1_000
    if value < 100_000_000_000_000:
        return value
    return value // 1_000 if value < 100_000_000_000_000_000 else value // 1_000_000


def _written(text: str) -> int:
    if len(text) > _MAX_TEXT:
        raise _BadCell("bad_open_time")
    try:
        return _to_ms(dt.datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return _to_ms(dt.datetime.strptime(text, "%Y-%m-%d %I-%p").replace(tzinfo=dt.UTC))
    except ValueError:
        raise _BadCell("bad_open_time") from None


def _to_ms(moment: dt.datetime) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // _MILLISECOND


_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND: Final = dt.timedelta(milliseconds=1)


def _is_plausible(row: Row, columns: Mapping[str, int]) -> bool:
    try:
        values = {field: read_number(row[columns[field]], field) for field in ("open", "high", "low", "close")}
        return values["low"] <= min(values["open"], values["close"]) <= max(values["open"], values["close"]) <= values["high"]
    except (_BadCell, ArithmeticError):
        return False
