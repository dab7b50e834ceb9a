"""What a strategy is fed: the view of whole arrays, and per instrument the bars with their indicator values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from operator import setitem
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import period_ms
from quantservice.quant.bars import COLUMNS, Bars, Settlements
from quantservice.quant.beside import Beside
from quantservice.quant.indicators.calls import IndicatorCall, compute_with_state, price
from quantservice.quant.strategies.alignment import Known, last_known, resampled, spread
from quantservice.quant.strategies.bar import Bar, bars_of, numbers_in
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.raising import asking
from quantservice.quant.strategies.view import ColumnPast, View
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
    def columns(self) -> Mapping[str, npt.NDArray[Any]]:
        """All columns but the open times as (T, S)."""
        return self._columns

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

    def refreshing(self, view: View) -> Iterator[Any]:
        """Yield once per bar, having written that bar's values into a view; no Python frame is entered per bar."""
        if not self.names:
            return repeat(None, len(self))
        each = zip(self.names, self.values, strict=True)
        return zip(*(map(setitem, repeat(view), repeat(name), numbers_in(array)) for name, array in each), strict=True)


def feeds_of(
    strategy: Strategy, tables: Sequence[Bars], funding: Mapping[str, Settlements] | None = None
) -> tuple[InstrumentFeed, ...]:
    """Compute in bulk what a strategy asks for, on bars of one period; one feed per table, in the order given.

    The strategy's ``on_start`` is called first: what it asks for may depend on the instruments.
    """
    return FeedMaker(tables, funding).feeds(strategy)


def without_values(strategy: Strategy, feeds: Sequence[InstrumentFeed]) -> list[str]:
    """Return a sentence for each indicator that has no value at any bar; mostly because it needs more of them than there are."""
    found = []
    for feed in feeds:
        values = zip(feed.names, feed.values, strict=True)
        empty = {name for name, array in values if np.isnan(array[-1]) and np.isnan(array).all()}
        for wanted in wanted_by(strategy) if empty else ():
            if wanted.call is None or not empty.issuperset(wanted.outputs):  # a funding rate may well be missing
                continue
            needed, period = wanted.call.warm_up + 1, wanted.period or feed.period
            short = needed * period_ms(period) > len(feed) * period_ms(feed.period)
            owner = f"{type(strategy).__name__}.indicators[{wanted.name!r}]"
            reason = f": it needs {needed:,} bars of {period}" if short else ""
            found.append(f"{owner} has no value at any of the {len(feed):,} bars of {feed.instrument}{reason}")
    return found


class FeedMaker:
    """Feeds one strategy after the other with the same bars. An indicator is computed once, however many look at it.

    ``keep_bytes`` bounds the indicators that are kept for the next strategy (the newest stay); None keeps all.
    """

    def __init__(
        self, tables: Sequence[Bars], funding: Mapping[str, Settlements] | None = None, *, keep_bytes: int | None = None
    ) -> None:
        if not tables:
            raise InvalidValue("bars", "none are given; a strategy needs at least one instrument")
        self.period = tables[0].period
        for table in tables:
            if table.period != self.period:
                raise InvalidValue(
                    "bars", f"{table.instrument} is in {table.period}, {tables[0].instrument} in {self.period}; give one period"
                )
        self.instruments = tuple(InstrumentId.parse(table.instrument) for table in tables)
        self.tables = {InstrumentId.parse(table.instrument): table.columns for table in tables}
        self.funding = funding or {}
        self._keep_bytes = keep_bytes
        self._known: dict[tuple[InstrumentId, str], Known] = {}
        self._done: dict[tuple[Any, ...], npt.NDArray[np.float64]] = {}
        self._laid_out: BarsView | None = None

    def feeds(self, strategy: Strategy) -> tuple[InstrumentFeed, ...]:
        """Return one feed per table; see :func:`feeds_of`."""
        with asking(strategy, "on_start"):
            strategy.on_start(self.instruments, self.period)
        wanted = wanted_by(strategy)
        made = tuple(self._feed(item, wanted) for item in self.instruments)
        self._forget()
        return made

    def view(self, strategy: Strategy) -> BarsView:
        """Return the feeds on one clock, as :func:`bars_view` does; the bars' own columns are laid out once for all."""
        feeds = self.feeds(strategy)
        if self._laid_out is None:
            self._laid_out = bars_view([replace(feed, names=(), values=()) for feed in feeds])
        return bars_view(feeds, beside=self._laid_out)

    def _feed(self, instrument: InstrumentId, asked: Sequence[Wanted]) -> InstrumentFeed:
        columns = self.tables[instrument]
        at = self._bars_of(instrument, "").known_ms
        names: list[str] = []
        values: list[npt.NDArray[np.float64]] = []
        self._begin(instrument, asked)
        for wanted in asked:
            names.extend(wanted.outputs)
            values.extend(self._values(wanted, instrument, at))
        return InstrumentFeed(instrument, self.period, columns, at, tuple(names), tuple(values))

    def _begin(self, instrument: InstrumentId, asked: Sequence[Wanted]) -> None:
        """Compute what is asked of the instrument's own bars and not known yet, half of it on another processor meanwhile."""
        columns = self._bars_of(instrument, "").columns
        calls: dict[IndicatorCall, None] = {}
        for wanted in asked:
            plain = wanted.call is not None and wanted.instrument is None and wanted.period in {"", self.period}
            if wanted.call is not None and plain and (instrument, wanted.call, wanted.period) not in self._done:
                calls[wanted.call] = None
        if len(calls) < 2:
            return
        order, rows = list(calls), len(self.tables[instrument]["open_time"])
        other = Beside(lambda: [compute_with_state(call, columns)[0] for call in order[1::2]], rows)
        mine = [compute_with_state(call, columns)[0] for call in order[::2]]
        made = dict(zip(order[::2], mine, strict=True)) | dict(zip(order[1::2], other.result(), strict=True))
        for wanted in asked:
            if wanted.call in made and wanted.instrument is None and wanted.period in {"", self.period}:
                self._done[instrument, wanted.call, wanted.period] = made[wanted.call]

    def _forget(self) -> None:
        """Drop the oldest indicators beyond the bound."""
        if self._keep_bytes is None:
            return
        held = sum(values.nbytes for values in self._done.values())
        while held > self._keep_bytes:
            held -= self._done.pop(next(iter(self._done))).nbytes

    def _bars_of(self, instrument: InstrumentId, period: str) -> Known:
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
        known = self._bars_of(source, wanted.period)
        made = self._compute(wanted, source, known)
        if not (source == instrument and wanted.period in {"", self.period}):
            made = spread(made, last_known(known.known_ms, at))
        return [np.ascontiguousarray(made[:, pick]) for pick in wanted.picks]

    def _compute(self, wanted: Wanted, source: InstrumentId, known: Known) -> npt.NDArray[np.float64]:
        """Return bars by outputs on the source's own rows."""
        if wanted.call is None:
            return price(known.columns, wanted.price)[:, np.newaxis]
        key = (source, wanted.call, wanted.period)
        if key in self._done:
            self._done[key] = self._done.pop(key)  # the newest last
        else:
            columns = known.columns
            if wanted.benchmark and wanted.instrument is not None:
                other = self._bars_of(wanted.instrument, wanted.period)
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


def bars_view(feeds: Sequence[InstrumentFeed], *, beside: BarsView | None = None) -> BarsView:
    """Put feeds on one clock (the union of their open times). ``beside`` has the bars' columns of the same feeds already."""
    clocks = [feed.columns["open_time"] for feed in feeds]
    own = COLUMNS[1:] if beside is None else COLUMNS[:0]
    if beside is not None:
        clock = beside.open_time
        same = all(len(item) == len(clock) for item in clocks)
    else:
        same = all(len(item) == len(clocks[0]) and np.array_equal(item, clocks[0]) for item in clocks[1:])
        clock = clocks[0] if same else np.unique(np.concatenate(clocks))
    columns: dict[str, npt.NDArray[Any]] = {} if beside is None else dict(beside.columns)
    if same and len(feeds) == 1:  # nothing to put together: the arrays are looked at where they lie
        feed = feeds[0]
        found = {**{name: feed.columns[name] for name in own}, **dict(zip(feed.names, feed.values, strict=True))}
        columns |= {name: np.asarray(array, dtype=np.float64)[:, np.newaxis] for name, array in found.items()}
        return BarsView([feed.instrument], feed.period, clock, columns)
    columns |= {name: np.full((len(clock), len(feeds)), np.nan) for name in (*own, *feeds[0].names)}
    for place, feed in enumerate(feeds):
        rows: Any = slice(None) if same else np.searchsorted(clock, feed.columns["open_time"])
        for name, array in (*((name, feed.columns[name]) for name in own), *zip(feed.names, feed.values, strict=True)):
            columns[name][rows, place] = array
    return BarsView([feed.instrument for feed in feeds], feeds[0].period, clock, columns)
