"""Open a file of any accepted form as rows, streaming: at most one batch is in memory, however large the file."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import numpy as np
import pyarrow
from pyarrow import ipc, parquet

from quantservice.core.errors import InvalidValue

ENDINGS: Final = (".csv", ".csv.gz", ".csv.xz", ".csv.zip", ".zip", ".parquet", ".feather", ".arrow", ".json", ".json.gz", ".npy")
_BATCH_ROWS: Final = 10_000
_MAX_LINE: Final = 1 << 20
_MAX_JSON: Final = 512 << 20  # a JSON file has no lines to stream by
_JSON_TABLE: Final = msgspec.json.Decoder(list[list[Any]], float_hook=Decimal)
#: What reading a damaged file raises, by whichever library notices.
DAMAGE: Final = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,  # zip: a compression Python has not
    RuntimeError,  # zip: encrypted
    csv.Error,
    UnicodeDecodeError,
    msgspec.DecodeError,
    pyarrow.ArrowException,
)


class TableRow(msgspec.Struct, frozen=True):
    """A row and the line it stands in (from 1)."""

    line: int
    cells: list[Any]


def is_typed(path: Path) -> bool:
    """Say whether the file carries its column names and types itself."""
    return path.name.lower().endswith((".parquet", ".feather", ".arrow"))


def rows_of(path: Path) -> Iterator[TableRow]:
    """Yield the rows of ``path``; of a typed file first a row 0 with its column names.

    Raises :class:`InvalidValue` naming the file when its form is not known, or it is damaged (with the line reached).
    """
    if not path.is_file():
        raise InvalidValue("file", f"{path} is not a file")
    if not path.name.lower().endswith(ENDINGS):
        raise InvalidValue("file", f"{path.name} is of no known form; known are {', '.join(ENDINGS)}")
    line = 0
    try:
        for row in _rows(path):
            line = row.line
            yield row
    except DAMAGE as error:
        said = str(error)[:160] or type(error).__name__
        raise InvalidValue("file", f"{path.name} is damaged after line {line}: {said}") from None


def _rows(path: Path) -> Iterator[TableRow]:
    name = path.name.lower()
    if is_typed(path):
        return _typed_rows(path)
    if name.endswith((".json", ".json.gz")):
        return _json_rows(path)
    return _array_rows(path) if name.endswith(".npy") else _csv_rows(path)


def _json_rows(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a list of lists (freqtrade's JSON files); numbers stay as written."""
    opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        content = file.read(_MAX_JSON + 1)
    if len(content) > _MAX_JSON:
        raise OSError(f"it is larger than {_MAX_JSON >> 20} MB; turn it into Parquet or CSV")
    for line, cells in enumerate(_JSON_TABLE.decode(content), 1):
        yield TableRow(line, cells)


def _array_rows(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a two-dimensional array of numbers (Jesse's candles); objects are refused, not unpickled."""
    try:
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise OSError(str(error)) from None
    if table.ndim != 2 or table.dtype.kind not in "fiu":
        raise OSError("it is not a table of numbers")
    for start in range(0, len(table), _BATCH_ROWS):
        for place, cells in enumerate(table[start : start + _BATCH_ROWS].tolist(), start + 1):
            yield TableRow(place, cells)


def _csv_rows(path: Path) -> Iterator[TableRow]:
    with _text(path) as text:
        reader = csv.reader(_bounded(text))
        for cells in reader:
            if cells:
                yield TableRow(reader.line_num, cells)


def _bounded(text: IO[str]) -> Iterator[str]:
    while True:
        line = text.readline(_MAX_LINE)
        if not line:
            return
        if len(line) >= _MAX_LINE:
            raise csv.Error("a line is longer than a megabyte")
        yield line


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    name = path.name.lower()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.namelist() if item.lower().endswith((".csv", ".txt"))]
            if len(members) != 1:
                raise zipfile.BadZipFile(f"it must hold one CSV file and holds {len(members)}")
            with archive.open(members[0]) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
                yield text
        return
    opener: Any = gzip.open if name.endswith(".gz") else lzma.open if name.endswith(".xz") else open
    with opener(path, "rb") as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
        yield text


def _typed_rows(path: Path) -> Iterator[TableRow]:
    names: list[str] | None = None
    line = 0
    for batch in _batches(path):
        if names is None:
            names = list(batch.schema.names)
            yield TableRow(0, list(names))
        columns = [_values(batch.column(index)) for index in range(len(names))]
        for cells in zip(*columns, strict=True):
            line += 1
            yield TableRow(line, list(cells))


def _batches(path: Path) -> Iterator[Any]:
    if path.name.lower().endswith(".parquet"):
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=_BATCH_ROWS)
        return
    with pyarrow.memory_map(str(path)) as source:
        reader = ipc.open_file(source)
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index)
            for start in range(0, batch.num_rows, _BATCH_ROWS):
                yield batch.slice(start, _BATCH_ROWS)


def _values(column: Any) -> list[Any]:
    """Return plain values; timestamps as milliseconds, whatever their unit (a nanosecond has no place in a datetime)."""
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.timestamp("ms", tz=column.type.tz), safe=False).cast(pyarrow.int64())
    values: list[Any] = column.to_pylist()
    return values
