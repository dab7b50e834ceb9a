"""Real files as a market: their klines value for value, history first and then live.

Read are the archive CSVs (with or without header, times in ms or µs, plain, ``.gz``, ``.xz`` or ``.zip``) and, where
pyarrow is present, feather files. The file's own text of every value is kept, so that what goes out has the same
trailing zeros. Between two bars the trades are invented: they touch the bar's open, high, low and close and add up to
its volume, quote volume and count (which side took is not known of each); the closed bar is always the file's.
"""

from __future__ import annotations

import gzip
import io
import itertools
import lzma
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from quantservice.core.errors import UserError
from quantservice.core.periods import FIXED_MS
from quantservice.simulator.config import MARKET_NAMES, MarketName, SymbolSpec
from quantservice.simulator.markets.bars import CLOSE, COLUMNS, COUNT, FIRST_ID, TIME, Bar, IntTable, Trades
from quantservice.simulator.protocol.text import SymbolText

_MAX_TRADES: Final = 24  # invented trades of one bar; a busier bar's are aggregates of several ids
_QUOTES: Final = ("USDT", "USDC", "BUSD", "FDUSD", "USD", "BTC", "ETH", "EUR")
_MS_LIMIT: Final = 10**14  # larger times are microseconds
_KLINE: Final = re.compile(r"\d{12,17}(?:,\d+(?:\.\d+)?){7},\d+(?:,\d+(?:\.\d+)?){2}")
_Line = tuple[int, tuple[str, ...]]


class ReplayFile(msgspec.Struct, frozen=True):
    """One file read: its symbol and its bars' own text (o h l c v q n V Q), oldest first."""

    symbol: str
    lines: tuple[_Line, ...]


def read_file(path: Path) -> ReplayFile:
    """Read one kline file; raise :class:`UserError` with the line that is wrong."""
    if not path.is_file():
        raise UserError(f"replay file {path} does not exist")
    if ".feather" in path.name:
        return ReplayFile(symbol_of(path), tuple(_sorted(_feather_lines(path), path)))
    return ReplayFile(symbol_of(path), tuple(_sorted(_csv_lines(path), path)))


def symbol_of(path: Path) -> str:
    """Return the venue's symbol a file is named after (``AVAXUSDT-1m-2026-02.csv.xz``, ``BTC_USDT-1m.feather``)."""
    stem = path.name.split(".", maxsplit=1)[0]
    parts = [part for part in re.split(r"[-]", stem) if part]
    name = parts[0] if "_" in parts[0] or len(parts) == 1 or len(parts[0]) > 5 else "".join(parts[:2])
    if name.endswith("_PERP") or re.search(r"_\d{6}$", name):
        return name.upper()
    first, _, second = name.partition("_")
    return (first + second.split("_", maxsplit=1)[0]).upper()


def market_of(path: Path) -> MarketName:
    """Return the market a file belongs to, from its folder's name."""
    words = set(re.split(r"[_\-]", path.parent.name.lower()))
    for market in MARKET_NAMES:
        if market in words:
            return market
    raise UserError(f"the market of {path.name} cannot be told from its folder {path.parent.name!r}; name it: spot, um or cm")


class FileHistory:
    """One symbol's market as its files have it."""

    def __init__(self, symbol: str, market: MarketName, lines: Sequence[_Line]) -> None:
        if not lines:
            raise UserError(f"the replay files of {symbol} hold no klines")
        self.market: MarketName = market
        self.base_ms = _step([line[0] for line in lines], symbol)
        self._text = dict(lines)
        self._period = next(name for name, length in FIXED_MS.items() if length == self.base_ms)
        columns = list(zip(*(values for _, values in lines), strict=True))
        # spot archives write eight digits whatever the tick; there the tick is what is really used
        places = _used if market == "spot" else _places
        price_decimals = max(places(column) for column in columns[:4])
        lot_decimals = max(places(columns[4]), places(columns[7]))
        base, quote = _split(symbol)
        self.spec = SymbolSpec(
            symbol=symbol,
            base=base,
            quote=quote,
            price_decimals=price_decimals,
            lot_decimals=lot_decimals,
            level=float(columns[3][-1]),
            minute_volume=max(1.0, float(np.mean([float(text) for text in columns[4]])) / (self.base_ms / 60_000)),
            minute_trades=_MAX_TRADES,
            contract_type="PERPETUAL" if market != "cm" or symbol.endswith("_PERP") else "CURRENT_QUARTER",
        )
        scales = _scales(price_decimals, lot_decimals, SymbolText(self.spec, market).quote_decimals)
        self._table = _table([line[0] for line in lines], columns, scales)
        self.first_ms = int(self._table[0, TIME])
        self.end_ms: int | None = int(self._table[-1, TIME]) + self.base_ms

    def coarse_rows(self, start_ms: int, end_ms: int) -> IntTable:
        """Return the same as :meth:`rows`: a file's bars are at hand at once."""
        return self.rows(start_ms, end_ms)

    async def warm(self, start_ms: int, end_ms: int) -> None:
        """Do nothing: a file's bars are at hand at once."""

    def rows(self, start_ms: int, end_ms: int) -> IntTable:
        """Return the file's bars that open in ``[start_ms, end_ms)``."""
        low, high = np.searchsorted(self._table[:, TIME], [start_ms, end_ms])
        return self._table[low:high]

    def price_before(self, time_ms: int) -> int:
        """Return the close of the bar that ends at the instant; 0 where the file has none."""
        rows = self.rows(time_ms - self.base_ms, time_ms)
        return int(rows[-1][CLOSE]) if len(rows) else 0

    def trades(self, start_ms: int, end_ms: int) -> Trades:
        """Return invented trades in the span, whole bars' worth of consistent ones."""
        found = Trades([], [], [], [], [], [], [], [], [])
        for row in self.rows(start_ms - self.base_ms + 1, end_ms):
            _invent(Bar.of(row), self.base_ms, found, (start_ms, end_ms))
        return found

    def block_end(self, time_ms: int) -> int:
        """Return the end of the bar that contains ``time_ms``."""
        return (time_ms // self.base_ms + 1) * self.base_ms

    def exact_text(self, period: str, open_ms: int) -> tuple[str, ...] | None:
        """Return the file's own text of a bar of the file's period."""
        if period != self._period:
            return None
        values = self._text.get(open_ms)
        if values is None:
            return None
        row = self.rows(open_ms, open_ms + 1)
        return (*values, str(int(row[0, FIRST_ID]) if int(values[6]) else -1))


def histories(files: Iterable[str], market: MarketName | None) -> list[FileHistory]:
    """Read the files and return one history per market and symbol; several files of one symbol are joined."""
    joined: dict[tuple[MarketName, str], dict[int, tuple[str, ...]]] = {}
    for name in files:
        path = Path(name)
        read = read_file(path)
        series = joined.setdefault((market or market_of(path), read.symbol), {})
        series.update(read.lines)
    return [FileHistory(symbol, own, sorted(series.items())) for (own, symbol), series in joined.items()]


def _csv_lines(path: Path) -> Iterator[_Line]:
    with _open_text(path) as stream:
        for number, line in enumerate(stream, start=1):
            fields = line.rstrip("\r\n").split(",")
            if _KLINE.fullmatch(",".join(fields[:11])) is None:
                if not line.strip() or (number == 1 and not fields[0].isdigit()):
                    continue
                raise UserError(f"{path.name} line {number} is not a kline of twelve numbers: {line[:80].strip()!r}")
            open_time = int(fields[0])
            yield (
                open_time // 1_000 if open_time > _MS_LIMIT else open_time,
                (*fields[1:6], fields[7], fields[8], fields[9], fields[10]),
            )


def _feather_lines(path: Path) -> Iterator[_Line]:
    try:
        from pyarrow import feather  # noqa: PLC0415  # optional here, and slow to import
    except ImportError:
        raise UserError(f"{path.name} needs pyarrow to be read; install it or give a CSV file") from None
    table = feather.read_table(path).to_pydict()
    for index, date in enumerate(table["date"]):
        texts = tuple(_plain(table[name][index]) for name in ("open", "high", "low", "close", "volume"))
        # these files have neither quote volume nor counts: the venue would show them, so they are derived
        quote = _plain(round(table["close"][index] * table["volume"][index], 8))
        half = _plain(round(table["volume"][index] / 2, 8))
        yield int(date.timestamp() * 1000), (*texts, quote, "1", half, _plain(round(float(quote) / 2, 8)))


def _plain(value: float) -> str:
    text = format(Decimal(repr(float(value))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _open_text(path: Path) -> io.TextIOBase:
    if path.suffix == ".xz":
        return io.TextIOWrapper(lzma.open(path), encoding="utf-8")
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(inside) != 1:
                raise UserError(f"{path.name} holds {len(inside)} CSV files; one is wanted")
            return io.StringIO(archive.read(inside[0]).decode())
    return path.open(encoding="utf-8", newline="")


def _sorted(lines: Iterable[_Line], path: Path) -> list[_Line]:
    unique: dict[int, tuple[str, ...]] = {}
    for open_ms, values in lines:
        if open_ms in unique and unique[open_ms] != values:
            raise UserError(f"{path.name} has two different klines that open at {open_ms}")
        unique[open_ms] = values
    return sorted(unique.items())


def _step(times: list[int], symbol: str) -> int:
    steps = {later - earlier for earlier, later in itertools.pairwise(times)} or {60_000}
    step = min(steps)
    if step not in FIXED_MS.values():
        raise UserError(f"the klines of {symbol} are {step} ms apart, which is no period of the venue")
    return step


def _split(symbol: str) -> tuple[str, str]:
    pair = symbol.split("_", maxsplit=1)[0]
    for quote in _QUOTES:
        if pair.endswith(quote) and len(pair) > len(quote):
            return pair[: -len(quote)], quote
    return pair, "USDT"


def _places(column: Sequence[str]) -> int:
    return max(len(text) - text.find(".") - 1 if "." in text else 0 for text in column)


def _used(column: Sequence[str]) -> int:
    return max(len(text.partition(".")[2].rstrip("0")) for text in column)


def _scales(price: int, lot: int, quote: int) -> tuple[int, ...]:
    return price, price, price, price, lot, quote, 0, lot, quote


def _whole(column: Sequence[str], places: int) -> list[int]:
    joined = "\n".join(column)
    if places and len(re.findall(rf"\.\d{{{places}}}(?:\n|$)", joined)) == len(column):
        # the usual case, at once: every value has the same digits after its point
        return list(map(int, joined.replace(".", "").split("\n")))
    # digits beyond the scale are cut: only the aggregates of longer periods see it, never the bar's own text
    values: list[int] = []
    for text in column:
        head, _, tail = text.partition(".")
        values.append(int(head + tail[:places].ljust(places, "0")))
    return values


def _table(times: Sequence[int], columns: Sequence[Sequence[str]], scales: tuple[int, ...]) -> IntTable:
    table = np.empty((len(times), COLUMNS), dtype=np.int64)
    table[:, TIME] = times
    for index, (column, places) in enumerate(zip(columns, scales, strict=True), start=1):
        table[:, index] = _whole(column, places)
    counts = table[:, COUNT]
    table[:, FIRST_ID] = 1 + np.cumsum(counts) - counts
    return table


def _invent(bar: Bar, length: int, found: Trades, span: tuple[int, int]) -> None:
    """Add the trades of one bar that fall in ``span``: open, then the nearer extreme, the other, then close."""
    count = min(bar.count, bar.volume, _MAX_TRADES)
    if count < 1:
        return
    turns = (bar.open, bar.low, bar.high, bar.close) if bar.close >= bar.open else (bar.open, bar.high, bar.low, bar.close)
    for index in range(count):
        time_ms = bar.open_time + (2 * index + 1) * length // (2 * count)
        if not span[0] <= time_ms < span[1]:
            continue
        price = _on_the_way(turns, index, count)
        sell = index % 2 == 1
        quantity = _share(bar.volume, index, count)
        found.times.append(time_ms)
        found.prices.append(price)
        found.quantities.append(quantity)
        found.quotes.append(_share(bar.quote, index, count))
        found.sells.append(sell)
        found.first_ids.append(bar.first_id + bar.count * index // count)
        found.ids.append(bar.first_id + bar.count * (index + 1) // count - 1)
        found.bids.append(price if sell else price - 1)
        found.asks.append(price + 1 if sell else price)


def _on_the_way(turns: tuple[int, int, int, int], index: int, count: int) -> int:
    if count < 4:
        return turns[0] if index == 0 and count > 1 else turns[3]
    corners = (0, (count - 1) // 3, 2 * (count - 1) // 3, count - 1)
    leg = 2 if index >= corners[2] else 1 if index >= corners[1] else 0
    here, there = corners[leg], corners[leg + 1]
    return turns[leg] + (turns[leg + 1] - turns[leg]) * (index - here) // (there - here)


def _share(total: int, index: int, count: int) -> int:
    return total * (index + 1) // count - total * index // count
