"""Import klines from a file in two passes: the first reads it all and judges it, the second gives what was found sound.

So nothing of a bad file is written before its last row was seen, and a file larger than the memory can be imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import msgspec

from quantservice.adapters.files.tables import TableRow, rows_of
from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.kline_rows import RefusedRow, RowReader, columns_of, guess_columns, read_header

#: Refused rows that are told one by one; all are counted.
SHOWN_ROWS: Final = 1_000
_HEADER_ROWS: Final = 3  # a comment or two may stand above the header
_GUESS_ROWS: Final = 200


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file. ``rows`` are the sound ones; they are to be stored only if ``accepted``.

    ``fault`` is why the file as a whole cannot be taken, bad rows flagged or not; "" where it can.
    """

    file: str
    stream: str
    accepted: bool
    rows: int
    refused: int
    fault: str = ""
    refused_rows: tuple[RefusedRow, ...] = ()
    reasons: dict[str, int] = {}
    first_ms: int = 0
    last_ms: int = 0

    @property
    def summary(self) -> str:
        """One sentence about the file."""
        name = Path(self.file).name
        most = max(self.reasons, key=lambda reason: self.reasons[reason]) if self.reasons else ""
        rows = f"{self.rows} good rows and {self.refused} bad ones" + (f", mostly {most}" if most else "")
        if self.fault:
            return f"{name} is refused: {self.fault} ({rows})"
        if not self.refused:
            return f"{name}: {self.rows} klines of {self.stream}"
        return f"{name}: {rows}; " + ("the good ones are taken" if self.accepted else "refused (--flag takes the good ones)")

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values, with its summary."""
        return {**msgspec.to_builtins(self), "summary": self.summary}


class KlineFile:
    """One file that is said to hold klines of ``stream``.

    Call :meth:`check` first; if its report is accepted, store what :meth:`chunks` yields. ``columns`` names the columns of a
    file without a header where the known forms do not fit (``("open_time", "volume", "open", …)``, "-" to skip one).
    """

    def __init__(
        self,
        path: Path,
        stream: StreamId,
        *,
        columns: Sequence[str] = (),
        flag_bad_rows: bool = False,
        source: Source = Source.IMPORT,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path: Final = path
        self.stream: Final = stream
        self._columns: Final = columns_of(columns) if columns else None
        self._flag: Final = flag_bad_rows
        self._source: Final = source
        self._recv_ns: Final = clock_ns()

    def check(self) -> ImportReport:
        """Read the whole file and say what is in it; a damaged file is reported like a bad row."""
        good, bad, first_ms, last_ms = 0, 0, 0, 0
        shown: list[RefusedRow] = []
        reasons: dict[str, int] = {}
        try:
            reader, rows = self._open()
            for row in rows:
                kline = reader.read(row.cells)
                if isinstance(kline, str):
                    bad += 1
                    reasons[kline] = reasons.get(kline, 0) + 1
                    if len(shown) < SHOWN_ROWS:
                        shown.append(RefusedRow(row.line, kline))
                else:
                    good += 1
                    first_ms = min(first_ms or kline.open_time, kline.open_time)
                    last_ms = max(last_ms, kline.open_time)
            fault = reader.table_fault() or ("" if good else "no row of it is a kline")
        except InvalidValue as damage:
            fault = damage.reason
        return ImportReport(
            file=str(self.path),
            stream=str(self.stream),
            accepted=not fault and (not bad or self._flag),
            rows=good,
            refused=bad,
            fault=fault,
            refused_rows=tuple(shown),
            reasons=reasons,
            first_ms=first_ms,
            last_ms=last_ms,
        )

    def chunks(self, rows: int = 10_000) -> Iterator[list[Kline]]:
        """Yield the sound klines in the file's order, at most ``rows`` at a time."""
        reader, table = self._open()
        sound = (kline for kline in map(reader.read, (row.cells for row in table)) if isinstance(kline, Kline))
        while chunk := list(islice(sound, rows)):
            yield chunk

    def _open(self) -> tuple[RowReader, Iterator[TableRow]]:
        rows = rows_of(self.path)
        head = list(islice(rows, _HEADER_ROWS))
        columns = self._columns
        if columns is None:
            for index, row in enumerate(head):
                columns = read_header(row.cells)
                if columns is not None:
                    head = head[index + 1 :]
                    break
            else:
                head += islice(rows, _GUESS_ROWS)
                columns = guess_columns([row.cells for row in head])
        if columns is None:
            raise InvalidValue("file", f"{self.path.name} has no columns for time, open, high, low, close and volume")
        return RowReader(self.stream, columns, source=self._source, recv_ns=self._recv_ns), chain(head, rows)
