"""The judge of a replay: when the files have run out, every row of the store is held against them."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import lzma
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from quantservice.app.cli.console import note
from quantservice.core.events import StreamId
from quantservice.core.spans import Span
from quantservice.simulator.server import Simulator

if TYPE_CHECKING:
    from quantservice.app.platform import Platform

_POLL_S: Final = 0.5
_PATIENCE_S: Final = 600.0
Row = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal, int, Decimal, int, Decimal, Decimal]


class ReplayResult(msgspec.Struct, kw_only=True):
    """How one file compares with the store."""

    symbol: str
    rows: int
    equal: int = 0
    missing: int = 0
    different: int = 0
    sources: dict[str, int] = {}

    @property
    def sound(self) -> bool:
        """Say whether every row is there with the same values."""
        return self.equal == self.rows


class ReplayJudge:
    """Waits for the end of a replay and compares."""

    def __init__(self, platform: Platform, simulator: Simulator, files: Sequence[Path]) -> None:
        self._platform = platform
        self._simulator = simulator
        self._files = files
        self.results: list[ReplayResult] = []

    @property
    def exit_code(self) -> int:
        """0 unless a comparison was made and failed."""
        return 0 if all(result.sound for result in self.results) else 1

    async def run(self) -> None:
        """Wait for the end of the files, compare once everything is stored, and say what was found."""
        while not self._simulator.finished.is_set():  # noqa: ASYNC110 - the event belongs to the simulator's own loop
            await asyncio.sleep(_POLL_S)
        note("  replay       the files have run out; comparing the store with them")
        waited_s = 0.0
        while True:
            self.results = [await self._compare(file) for file in self._files]
            if all(result.sound for result in self.results) or waited_s >= _PATIENCE_S:
                break
            await asyncio.sleep(_POLL_S)
            waited_s += _POLL_S
        for result in self.results:
            verdict = "equal, value for value" if result.sound else f"{result.missing} missing, {result.different} different"
            sources = ", ".join(f"{count:,} {source}" for source, count in sorted(result.sources.items()))
            note(f"  {result.symbol:<12} {result.equal:,} of {result.rows:,} klines {verdict} ({sources})")
        note(f"  replay       {'the store equals the files' if self.exit_code == 0 else 'the store differs from the files'}")

    async def _compare(self, file: Path) -> ReplayResult:
        rows = await asyncio.to_thread(lambda: list(read_rows(file)))
        symbol = symbol_of(file)
        result = ReplayResult(symbol=symbol, rows=len(rows))
        if not rows:
            return result
        instrument = self._platform.book().resolve(symbol)
        stream = StreamId.kline(instrument.id, period_of(file))
        span = Span(rows[0][0], rows[-1][6] + 1)
        stored = await self._platform.market_store.read_klines(stream, span)
        by_open = {kline.open_time: kline for kline in stored}
        sources: Counter[str] = Counter()
        for row in rows:
            kline = by_open.get(row[0])
            if kline is None:
                result.missing += 1
                continue
            sources[kline.source.value] += 1
            values = (
                kline.open_time,
                kline.open,
                kline.high,
                kline.low,
                kline.close,
                kline.volume,
                kline.close_time,
                kline.quote_volume,
                kline.count,
                kline.taker_buy_base_volume,
                kline.taker_buy_quote_volume,
            )
            if values == row:
                result.equal += 1
            else:
                result.different += 1
        result.sources = dict(sources)
        return result


def read_rows(file: Path) -> Iterator[Row]:
    """Read the archive's own columns, exact; written apart from the importer, so that the two cannot share a mistake."""
    with _open_text(file) as text:
        for fields in csv.reader(text):
            if not fields or not fields[0].isdigit():
                continue
            scale = 1000 if len(fields[0]) > 13 else 1
            yield (
                int(fields[0]) // scale,
                *(Decimal(value) for value in fields[1:6]),  # type: ignore[misc]  # five decimals by position
                int(fields[6]) // scale,
                Decimal(fields[7]),
                int(fields[8]),
                Decimal(fields[9]),
                Decimal(fields[10]),
            )


def symbol_of(file: Path) -> str:
    """Read the symbol from an archive file's name (``BTCUSDT-1m-2026-02.csv.xz``)."""
    return file.name.split("-", 1)[0]


def period_of(file: Path) -> str:
    """Read the period from an archive file's name."""
    parts = file.name.split("-")
    return {"1M": "1mo"}.get(parts[1], parts[1]) if len(parts) > 2 else "1m"


@contextmanager
def _open_text(file: Path) -> Iterator[TextIO]:
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as raw, io.TextIOWrapper(raw, "ascii") as text:
            yield text
    elif file.suffix == ".xz":
        with lzma.open(file, "rt", encoding="ascii") as text:
            yield text
    elif file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="ascii") as text:
            yield text
    else:
        with file.open("rt", encoding="ascii") as text:
            yield text
