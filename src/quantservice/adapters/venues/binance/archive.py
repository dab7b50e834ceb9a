"""Binance's bulk archive (data.binance.vision): names of its files, their checksums, and their rows as events.

A file is read only after its sha256 equals the one published beside it, and is judged whole before its first event is
given out. Rows: klines of 12 columns, aggregate trades of 7 (um, cm) or 8 (spot), with or without a header, in ms or µs.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from quantservice.adapters.venues.binance.spec import spec_of
from quantservice.core.errors import IntegrityError, InvalidValue
from quantservice.core.events import Kind, Kline, Source, StreamId, Trade
from quantservice.core.kline_rows import (
    ARCHIVE_COLUMNS,
    FIRST_MS,
    LAST_MS,
    RefusedRow,
    RowReader,
    columns_of,
    read_header,
    read_number,
    read_time_ms,
)
from quantservice.core.spans import Span
from quantservice.core.validation import trade_fault

#: Largest file unpacked; a month of BTCUSDT aggregate trades is about 6 GB as text.
MAX_UNPACKED_BYTES: Final = 32 << 30
SHOWN_ROWS: Final = 1_000
_CHUNK: Final = 1 << 20
_MAX_LINE: Final = 4_096
_CHECKSUM: Final = re.compile(r"([0-9a-fA-F]{64})\s+\*?(\S+)\s*")

#: What reading a damaged zip raises; the last two: a compression Python has not, an encrypted member.
_DAMAGE: Final = (
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    csv.Error,
    UnicodeDecodeError,
    NotImplementedError,
    RuntimeError,
)

ArchiveEvent: TypeAlias = Kline | Trade


class ArchiveFile(msgspec.Struct, frozen=True):
    """One file of the archive: where it is and which span it covers."""

    url: str
    span: Span

    @property
    def name(self) -> str:
        """The file's own name, as its checksum names it."""
        return self.url.rpartition("/")[2]

    @property
    def checksum_url(self) -> str:
        """Where its checksum is."""
        return self.url + ".CHECKSUM"


class ArchiveReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds. Its events may be stored only if ``accepted``."""

    name: str
    accepted: bool
    rows: int
    refused: int
    refused_rows: tuple[RefusedRow, ...] = ()
    fault: str = ""


def archive_file(base: str, stream: StreamId, venue_symbol: str, day: dt.date, *, monthly: bool = False) -> ArchiveFile:
    """Name the daily (or monthly) file of ``stream`` that holds ``day`` below ``base`` (``https://data.binance.vision/data``)."""
    spec = spec_of(stream.instrument.market)
    kind = {Kind.KLINE: "klines", Kind.TRADE: "aggTrades"}.get(stream.kind)
    if kind is None:
        raise InvalidValue("stream", f"the archive has klines and trades, not {stream.kind}")
    first = day.replace(day=1) if monthly else day
    after = (first + dt.timedelta(days=32)).replace(day=1) if monthly else first + dt.timedelta(days=1)
    stamp = f"{first:%Y-%m}" if monthly else f"{first:%Y-%m-%d}"
    folder = f"{base.rstrip('/')}/{spec.archive_path}/{'monthly' if monthly else 'daily'}/{kind}/{venue_symbol}"
    if stream.kind is Kind.KLINE:
        # The archive spells the month as we do ("1mo"), since file names may not differ by case alone.
        url = f"{folder}/{stream.period}/{venue_symbol}-{stream.period}-{stamp}.zip"
    else:
        url = f"{folder}/{venue_symbol}-aggTrades-{stamp}.zip"
    return ArchiveFile(url, Span(_midnight_ms(first), _midnight_ms(after)))


def archive_files(base: str, stream: StreamId, venue_symbol: str, span: Span, *, today: dt.date) -> list[ArchiveFile]:
    """Name the files that cover ``span``: whole months by month, the rest by day; today's is not there yet."""
    files: list[ArchiveFile] = []
    day = dt.datetime.fromtimestamp(span.start_ms // 1000, tz=dt.UTC).date()
    this_month = today.replace(day=1)
    while day < today and _midnight_ms(day) < span.end_ms:
        month = archive_file(base, stream, venue_symbol, day, monthly=True)
        whole = day.day == 1 and month.span.end_ms <= span.end_ms and day < this_month
        files.append(month if whole else archive_file(base, stream, venue_symbol, day))
        day = dt.datetime.fromtimestamp(files[-1].span.end_ms // 1000, tz=dt.UTC).date()
    return files


def check_sha256(path: Path, checksum: str, *, name: str = "") -> None:
    """Raise :class:`IntegrityError` unless ``path`` has the sha256 that ``checksum`` (``<hex>  <name>``) states for it."""
    found = _CHECKSUM.fullmatch(checksum)
    if found is None:
        raise IntegrityError(f"the checksum of {path.name} is not of the form '<sha256>  <name>'")
    wanted, of = found.group(1).lower(), found.group(2)
    if of != (name or path.name):
        raise IntegrityError(f"the checksum is of {of} and not of {name or path.name}")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
    if digest.hexdigest() != wanted:
        raise IntegrityError(f"{path.name} is damaged: its sha256 is {digest.hexdigest()} and should be {wanted}; fetch it again")


class ArchiveReader:
    """One file on disk, as events of ``stream``. :meth:`check` first; :meth:`chunks` then gives what was found sound.

    The two are separate passes over the file: nothing is given out before the last row was seen, and no file has to fit
    into memory. ``flag_bad_rows`` accepts a file with bad rows without them.
    """

    def __init__(self, path: Path, stream: StreamId, *, flag_bad_rows: bool = False, recv_ns: int = 0) -> None:
        if stream.kind not in {Kind.KLINE, Kind.TRADE}:
            raise InvalidValue("stream", f"the archive has klines and trades, not {stream.kind}")
        self.path: Final = path
        self.stream: Final = stream
        self._flag: Final = flag_bad_rows
        self._recv_ns: Final = recv_ns

    def check(self) -> ArchiveReport:
        """Read the whole file and say what is in it."""
        rows = refused = 0
        shown: list[RefusedRow] = []
        fault = ""
        try:
            for line, event in self._events():
                if isinstance(event, str):
                    refused += 1
                    if len(shown) < SHOWN_ROWS:
                        shown.append(RefusedRow(line, event))
                else:
                    rows += 1
        except InvalidValue as error:
            fault = error.reason
        if not fault and not rows:
            fault = "it holds no sound row"
        return ArchiveReport(
            name=self.path.name,
            accepted=not fault and (not refused or self._flag),
            rows=rows,
            refused=refused,
            refused_rows=tuple(shown),
            fault=fault,
        )

    def chunks(self, rows: int = 10_000) -> Iterator[list[ArchiveEvent]]:
        """Yield the sound events in the file's order, at most ``rows`` at a time."""
        chunk: list[ArchiveEvent] = []
        for _, event in self._events():
            if not isinstance(event, str):
                chunk.append(event)
                if len(chunk) >= rows:
                    yield chunk
                    chunk = []
        if chunk:
            yield chunk

    def _events(self) -> Iterator[tuple[int, ArchiveEvent | str]]:
        if self.stream.kind is Kind.KLINE:
            return self._klines()
        return self._trades()

    def _klines(self) -> Iterator[tuple[int, Kline | str]]:
        reader = RowReader(self.stream, columns_of(ARCHIVE_COLUMNS), source=Source.ARCHIVE, recv_ns=self._recv_ns)
        for line, row in _rows(self.path):
            if line > 1 or read_header(row) is None:
                yield line, reader.read(row)
        fault = reader.table_fault()
        if fault is not None:
            raise InvalidValue("file", fault)

    def _trades(self) -> Iterator[tuple[int, Trade | str]]:
        last_id = -1
        for line, row in _rows(self.path):
            if line == 1 and row[0].strip().lower() == "agg_trade_id":
                continue
            trade = self._trade(row)
            if isinstance(trade, Trade):
                if trade.trade_id <= last_id:
                    yield line, "ids_not_rising"
                    continue
                last_id = trade.trade_id
            yield line, trade

    def _trade(self, row: list[str]) -> Trade | str:
        if len(row) < 7:
            return "too_few_columns"
        try:
            ids = [_id(row[index]) for index in (0, 3, 4)]
            time_ms = read_time_ms(row[5])
            price, quantity = read_number(row[1], "price"), read_number(row[2], "quantity")
        except ValueError as error:
            return str(error)
        maker = {"true": True, "false": False}.get(row[6].strip().lower())
        if maker is None:
            return "bad_buyer_is_maker"
        if not FIRST_MS <= time_ms < LAST_MS:
            return "time_out_of_range"
        trade = Trade(
            stream=self.stream,
            trade_id=ids[0],
            price=price,
            quantity=quantity,
            time=time_ms,
            buyer_is_maker=maker,
            first_id=ids[1],
            last_id=ids[2],
            aggregate=True,
            source=Source.ARCHIVE,
            recv_ns=self._recv_ns,
        )
        return trade_fault(trade) or trade


def _id(text: str) -> int:
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) <= 16):
        raise ValueError("bad_id")
    return int(stripped)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of the one CSV in the zip; :class:`InvalidValue` when it is damaged or not what it should be."""
    line = 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if item.filename.lower().endswith(".csv")]
            if len(members) != 1:
                raise InvalidValue("file", f"{path.name} must hold one CSV file and holds {len(members)}")
            if members[0].file_size > MAX_UNPACKED_BYTES:
                raise InvalidValue("file", f"{path.name} would unpack to {members[0].file_size} bytes")
            with archive.open(members[0]) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
                while text_line := text.readline(_MAX_LINE):
                    line += 1
                    if len(text_line) >= _MAX_LINE:
                        raise InvalidValue("file", f"line {line} of {path.name} is longer than {_MAX_LINE} characters")
                    row = next(csv.reader([text_line]), [])
                    if row:
                        yield line, row
    except _DAMAGE as error:
        said = str(error)[:160] or type(error).__name__
        raise InvalidValue("file", f"{path.name} is damaged after line {line}: {said}") from None


def _midnight_ms(day: dt.date) -> int:
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp()) * 1000
