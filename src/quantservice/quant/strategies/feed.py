"""What a strategy is fed: the view of whole arrays, and per instrument the bars with their indicator values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.quant.bars import COLUMNS, Bars, Settlements
from quantservice.quant.indicators.calls import compute_with_state, price
from quantservice.quant.strategies.alignment import Known, last_known, resampled, spread
from quantservice.quant.strategies.bar import CHUNK, Bar, bars_of, close_times
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.view import ColumnPast
from quantservice.quant.strategies.wanted import FUNDING_RATE, Wanted, wanted_by

T = TypeVar("T")


class BarsView(Mapping[str, npt.NDArray[Any]]):
    """All bars of all instruments on one clock: ``bars["close"]`` is ``(T,)`` for one instrument and ``(T, S)`` for several.

    Indicators have their names too (``bars["fast"]``). NaN where an instrument has no bar. Arrays are read-only.
    """

    def __init__(
        self,
        instruments: Sequence[InstrumentId],
        period: str,
        open_time: npt.NDArray[np.int64],
        columns: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        self.instruments: tuple[InstrumentId, ...] = tuple(instruments)
        self.period = period
        self._open_time = open_time
        self._columns = columns

    @property
    def instrument(self) -> InstrumentId:
        """The first, or only, instrument."""
        return self.instruments[0]

    @property
    def open_time(self) -> npt.NDArray[np.int64]:
        """Open times (T,), ms UTC."""
        return self["open_time"]

    @property
    def time(self) -> npt.NDArray[np.datetime64]:
        """Open times as ``datetime64[ms]`` (UTC)."""
        return self.open_time.astype("datetime64[ms]")

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name == "open_time":
            found = self._open_time.view()
        else:
            try:
                column = self._columns[name]
            except KeyError:
                raise UnknownName("column or indicator", str(name), self) from None
            found = column[:, 0].view() if column.ndim == 2 and len(self.instruments) == 1 else column.view()
        found.flags.writeable = False
        return found

    def __contains__(self, name: object) -> bool:
        return name == "open_time" or name in self._columns

    def __iter__(self) -> Iterator[str]:
        yield "open_time"
        yield from self._columns

    def __len__(self) -> int:
        """Bars, not columns."""
        return len(self._open_time)

    def of(self, instrument: InstrumentId | str) -> BarsView:
        """Return the bars of one instrument."""
        names = [str(item) for item in self.instruments]
        if str(instrument) not in names:
            raise UnknownName("instrument", str(instrument), names)
        place = names.index(str(instrument))
        columns = {name: column[:, place : place + 1] for name, column in self._columns.items()}
        return BarsView(self.instruments[place : place + 1], self.period, self._open_time, columns)

    def head(self, rows: int) -> BarsView:
        """Return the first ``rows`` bars as copies, behind which nothing of the rest can be found."""
        columns = {name: column[:rows].copy() for name, column in self._columns.items()}
        return BarsView(self.instruments, self.period, self._open_time[:rows].copy(), columns)

    def to_pandas(self) -> Any:
        """Return a pandas table indexed by UTC open time; of several instruments with columns (name, instrument)."""
        import pandas as pd  # noqa: PLC0415 - a table library is the caller's choice

        index = pd.DatetimeIndex(self.time, name="open_time").tz_localize("UTC")
        if len(self.instruments) == 1:
            return pd.DataFrame({name: self[name] for name in self._columns}, index=index)
        labels = [str(item) for item in self.instruments]
        parts = {name: pd.DataFrame(self._columns[name], index=index, columns=labels) for name in self._columns}
        return pd.concat(parts, axis=1)

    def __repr__(self) -> str:
        names = ", ".join(name for name in self._columns if name not in COLUMNS)
        shown = f", with {names}" if names else ""
        return f"BarsView({', '.join(map(str, self.instruments))} {self.period}, {len(self):,} bars{shown})"


@dataclass(frozen=True, eq=False)
class InstrumentFeed:
    """One instrument's bars with the values of what its strategy asked for, all as long as the bars.

    ``names`` are the names in the view, ``values`` their arrays in that order. ``past`` answers ``view.history``.
    """

    instrument: InstrumentId
    period: str
    columns: Mapping[str, npt.NDArray[Any]]
    close_times: npt.NDArray[np.int64]
    names: tuple[str, ...]
    values: tuple[npt.NDArray[np.float64], ...]

    def __len__(self) -> int:
        return len(self.close_times)

    @property
    def past(self) -> ColumnPast:
        """The columns and values as a view's past."""
        return ColumnPast({**self.columns, **dict(zip(self.names, self.values, strict=True))}, self.close_times)

    def bars(self, start: int = 0, stop: int | None = None) -> Iterator[Bar]:
        """Yield rows as bars."""
        return bars_of(self.instrument, self.period, self.columns, start, stop)

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[float, ...]]:
        """Yield rows of values, in the order of ``names``."""
        stop = len(self) if stop is None else stop
        if not self.names:
            yield from repeat((), stop - start)
        for low in range(start, stop, CHUNK):
            high = min(low + CHUNK, stop)
            yield from zip(*(array[low:high].tolist() for array in self.values), strict=True)


def feeds_of(
    strategy: Strategy, tables: Sequence[Bars], funding: Mapping[str, Settlements] | None = None
) -> tuple[InstrumentFeed, ...]:
    """Compute in bulk what a strategy asks for, on bars of one period; one feed per table, in the order given.

    The strategy's ``on_start`` is called first: what it asks for may depend on the instruments.
    """
    if not tables:
        raise InvalidValue("bars", "none are given; a strategy needs at least one instrument")
    period = tables[0].period
    for table in tables:
        if table.period != period:
            raise InvalidValue(
                "bars", f"{table.instrument} is in {table.period}, {tables[0].instrument} in {period}; give one period"
            )
    strategy.on_start([InstrumentId.parse(table.instrument) for table in tables], period)
    maker = _Maker(wanted_by(strategy), tables, funding or {})
    return tuple(maker.feed(InstrumentId.parse(table.instrument)) for table in tables)


class _Maker:
    """Computes each indicator once, however many instruments look at it."""

    def __init__(self, wanted: Sequence[Wanted], tables: Sequence[Bars], funding: Mapping[str, Settlements]) -> None:
        self.wanted = wanted
        self.period = tables[0].period
        self.tables = {InstrumentId.parse(table.instrument): table.columns for table in tables}
        self.funding = funding
        self._known: dict[tuple[InstrumentId, str], Known] = {}
        self._done: dict[tuple[Any, ...], npt.NDArray[np.float64]] = {}

    def feed(self, instrument: InstrumentId) -> InstrumentFeed:
        columns = self.tables[instrument]
        at = close_times(self.period, columns["open_time"])
        names: list[str] = []
        values: list[npt.NDArray[np.float64]] = []
        for wanted in self.wanted:
            names.extend(wanted.outputs)
            values.extend(self._values(wanted, instrument, at))
        return InstrumentFeed(instrument, self.period, columns, at, tuple(names), tuple(values))

    def known(self, instrument: InstrumentId, period: str) -> Known:
        key = (instrument, period or self.period)
        if key not in self._known:
            self._known[key] = resampled(self.period, source_of(self.tables, instrument), key[1])
        return self._known[key]

    def _values(self, wanted: Wanted, instrument: InstrumentId, at: npt.NDArray[np.int64]) -> list[npt.NDArray[np.float64]]:
        source = instrument if wanted.instrument is None or wanted.benchmark else wanted.instrument
        if wanted.price == FUNDING_RATE:
            source_of(self.tables, source)
            paid = self.funding.get(str(source))
            if paid is None:
                return [np.full(len(at), np.nan)]
            return [spread(paid.rate, last_known(paid.time, at))]
        known = self.known(source, wanted.period)
        made = self._compute(wanted, source, known)
        if not (source == instrument and wanted.period in {"", self.period}):
            made = spread(made, last_known(known.known_ms, at))
        return [np.ascontiguousarray(made[:, pick]) for pick in wanted.picks]

    def _compute(self, wanted: Wanted, source: InstrumentId, known: Known) -> npt.NDArray[np.float64]:
        """Return bars by outputs on the source's own rows."""
        if wanted.call is None:
            return price(known.columns, wanted.price)[:, np.newaxis]
        key = (source, wanted.call, wanted.period)
        if key not in self._done:
            columns = known.columns
            if wanted.benchmark and wanted.instrument is not None:
                other = self.known(wanted.instrument, wanted.period)
                beside = spread(price(other.columns, "close"), last_known(other.known_ms, known.known_ms))
                columns = {**columns, "benchmark": beside}
            self._done[key] = compute_with_state(wanted.call, columns)[0]
        return self._done[key]


def source_of(tables: Mapping[InstrumentId, T], instrument: InstrumentId) -> T:
    """Return what belongs to an instrument that a strategy names, or raise a sentence with those that are there."""
    try:
        return tables[instrument]
    except KeyError:
        raise UnknownName("instrument of an indicator", str(instrument), map(str, tables), hint="give its bars too") from None


def bars_view(feeds: Sequence[InstrumentFeed]) -> BarsView:
    """Put feeds on one clock (the union of their open times)."""
    clocks = [feed.columns["open_time"] for feed in feeds]
    same = all(len(clock) == len(clocks[0]) and np.array_equal(clock, clocks[0]) for clock in clocks[1:])
    clock = clocks[0] if same else np.unique(np.concatenate(clocks))
    names = [*COLUMNS[1:], *feeds[0].names]
    columns: dict[str, npt.NDArray[Any]] = {name: np.full((len(clock), len(feeds)), np.nan) for name in names}
    for place, feed in enumerate(feeds):
        rows: Any = slice(None) if same else np.searchsorted(clock, feed.columns["open_time"])
        for name, array in (*((name, feed.columns[name]) for name in COLUMNS[1:]), *zip(feed.names, feed.values, strict=True)):
            columns[name][rows, place] = array
    return BarsView([feed.instrument for feed in feeds], feeds[0].period, clock, columns)
