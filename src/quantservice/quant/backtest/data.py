"""Market data of a backtest: several instruments on one clock, with what was true of them at each date."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeAlias
from weakref import ref

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.margin import BracketTable
from quantservice.core.periods import FIXED_MS, next_open, period_ms
from quantservice.quant.backtest.books import BookSnapshots
from quantservice.quant.backtest.funding import Funding, funding_of
from quantservice.quant.backtest.kernel.layout import LAST, STALE, SYNTHETIC
from quantservice.quant.backtest.results import Flag
from quantservice.quant.backtest.tables import F64, I64, PRICE_COLUMNS, Series, gaps_of, series_list, series_of, when
from quantservice.quant.backtest.walks import fixed, states_of

_FINGERPRINTED: Final = ("open_time", *PRICE_COLUMNS, "volume")
_MOST_FINGERPRINTS: Final = 64
#: Fingerprints of arrays that cannot change, by their identity, as long as the arrays live.
_fingerprints: dict[tuple[tuple[str, ...], tuple[int, ...]], tuple[str, tuple[ref[Any], ...]]] = {}

U8: TypeAlias = npt.NDArray[np.uint8]
Prices: TypeAlias = tuple[F64, F64, F64, F64, F64]

#: Currencies that are taken at par with each other where no rate is given; the result says so.
AT_PAR: Final = frozenset({"USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "USDE"})


@dataclass(frozen=True, eq=False)
class Contract:
    """What an instrument is, whatever the date: its currencies, whether it is paid in full, its size."""

    base: str
    quote: str
    settle: str
    spot: bool
    inverse: bool
    size: float


@dataclass(frozen=True, eq=False)
class MarketData:
    """Klines of S instruments on one clock of T bars, made by :meth:`of`.

    ``time`` (T,) int64 are open times. ``prices`` are open, high, low, close and volume (F, W) float64 of F rows, ``rows`` (F, W)
    uint8 what each is (0: the instrument has no kline there; bits of present, synthetic, stale, last). F equals T unless klines of
    a lower period give detail: then ``starts`` (T+1,) says which rows make up a bar. The first S of the W columns are the
    instruments, the others only convert currencies. ``versions`` are the venue's rules by date, ``brackets`` the margin tiers by
    date.
    """

    series: tuple[Series, ...]
    period: str
    time: I64
    row_time: I64
    starts: I64
    prices: Prices
    rows: U8
    contracts: tuple[Contract, ...]
    versions: Mapping[InstrumentId, tuple[Instrument, ...]] = field(default_factory=dict)
    brackets: Mapping[InstrumentId, tuple[tuple[int, BracketTable], ...]] = field(default_factory=dict)
    funding: Mapping[InstrumentId, Funding] = field(default_factory=dict)
    spreads: Mapping[InstrumentId, F64] = field(default_factory=dict)
    books: Mapping[InstrumentId, BookSnapshots] = field(default_factory=dict)
    rates: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()

    @classmethod
    def of(  # noqa: PLR0913 - everything that may be known of a market, by name
        cls,
        bars: Any,
        *,
        instrument: InstrumentId | str | None = None,
        period: str = "",
        instruments: Sequence[Instrument] = (),
        funding: Any = None,
        brackets: Mapping[str, Any] | BracketTable | None = None,
        detail: Any = None,
        spread: Any = None,
        books: Mapping[str, BookSnapshots] | None = None,
        fx: Mapping[str, Any] | None = None,
        synthetic: Mapping[str, Any] | None = None,
        stale: Mapping[str, Any] | None = None,
        gaps: str = "flag",
    ) -> MarketData:
        """Put klines on one clock, checked: each complaint is a sentence naming the instrument, row and value.

        - ``bars``: :class:`~quantservice.quant.bars.Bars`, a pandas, polars or Arrow table, a list of Bars, or a mapping of full
          names to tables. ``instrument`` and ``period`` name a single table that does not say it itself.
        - ``instruments``: rules by date (several versions of one instrument are told apart by ``valid_from_ms``).
        - ``funding``: settlements, a table (one instrument) or a mapping of names to tables.
        - ``brackets``: margin tiers: one table for all, or names to a table or to ``[(from_ms, table), …]``.
        - ``detail``: klines of a lower period, in the form of ``bars``; fills and liquidations look inside the bar with them.
        - ``spread``: names to the recorded relative spread of each kline (0.0002 is 2 bp); ``books``: recorded order books.
        - ``fx``: settlement currency to klines of its price in the reporting currency.
        - ``synthetic``, ``stale``: names to a mask of that instrument's klines. Where not given, a kline without volume that
          does not move is synthetic, and one that repeats the row before it, volume and all, is stale.
        - ``gaps``: ``"flag"`` missing klines in the result, or ``"refuse"`` them.
        """
        series = series_list(bars, instrument=instrument, period=period)
        names = tuple(item.instrument for item in series)
        versions = _versions(instruments, names)
        contracts = tuple(contract_of(name, versions.get(name, ())) for name in names)
        extra = {code: series_of(table, instrument=f"user:spot:{code}") for code, table in (fx or {}).items()}
        every = [*series, *extra.values()]
        clock = _union([item.times for item in series])
        masks = tuple(_states(item, _by_name(synthetic, names), _by_name(stale, names)) for item in every)
        inner = _detail(detail, series, instrument)
        row_time, starts = _fine_clock(clock, series[0].period, inner)
        prices, rows = _fill_rows(every, masks, inner, clock, row_time, starts)
        data = cls(
            series=tuple(series),
            period=series[0].period,
            time=clock,
            row_time=row_time,
            starts=starts,
            prices=prices,
            rows=rows,
            contracts=contracts,
            versions=versions,
            brackets=_brackets(brackets, names),
            funding={name: funding_of(table, name) for name, table in _by_name(funding, names, whole=True).items()},
            spreads=_spreads(spread, series, names),
            books=_by_name(books, names),
            rates={code: len(series) + place for place, code in enumerate(extra)},
            flags=_flags(series, rows, gaps),
        )
        _mark_last(data)
        return data

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Full names, in the order of the columns."""
        return tuple(item.instrument for item in self.series)

    @cached_property
    def close_time(self) -> I64:
        """Last millisecond of each bar (T,)."""
        length = FIXED_MS.get(self.period)
        if length is not None:
            return self.time + (length - 1)
        return np.array([next_open(self.period, int(time)) - 1 for time in self.time], dtype=np.int64)

    @cached_property
    def px(self) -> F64:
        """The prices side by side, (F, W, 5): for whoever reads row by row."""
        return np.stack(self.prices, axis=-1)

    @property
    def row_ms(self) -> int:
        """Length of a row of the finest clock."""
        return period_ms(self.period) if len(self.row_time) == len(self.time) else int(np.diff(self.row_time).min())

    @cached_property
    def places(self) -> tuple[I64, ...]:
        """For each instrument, the bar (index into ``time``) of each of its klines."""
        every = np.arange(len(self.time), dtype=np.int64)
        return tuple(every if len(item) == len(every) else np.searchsorted(self.time, item.times) for item in self.series)

    def column(self, name: str) -> F64:
        """Return a column of all instruments on the clock (T, S); NaN where there is no kline."""
        out = np.full((len(self.time), len(self.series)), np.nan)
        for place, item in enumerate(self.series):
            if name not in item.columns:
                raise UnknownName("column", name, item.columns)
            out[self.places[place], place] = item.columns[name]
        return out

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 over names, times, prices, volumes and settlements; computed once for the same arrays."""
        arrays = [item.columns[key] for item in self.series for key in _FINGERPRINTED]
        arrays += [values for table in self.funding.values() for values in (table.time, table.rate)]
        names = (self.period, *map(str, self.instruments), *map(str, self.funding))
        if len(self.row_time) != len(self.time) or any(values.flags.writeable for values in arrays):
            return self._digest()
        key = (names, tuple(map(id, arrays)))
        known = _fingerprints.get(key)
        if known is not None and all(reference() is values for reference, values in zip(known[1], arrays, strict=True)):
            return known[0]
        while len(_fingerprints) >= _MOST_FINGERPRINTS:
            _fingerprints.pop(next(iter(_fingerprints)), None)
        digest = self._digest()
        _fingerprints[key] = (digest, tuple(ref(values) for values in arrays))
        return digest

    def _digest(self) -> str:
        digest = hashlib.sha256(self.period.encode())
        for item in self.series:
            digest.update(str(item.instrument).encode())
            for key in _FINGERPRINTED:
                digest.update(np.ascontiguousarray(item.columns[key]).tobytes())
        for name, table in self.funding.items():
            digest.update(str(name).encode())
            digest.update(table.time.tobytes() + table.rate.tobytes())
        if len(self.row_time) != len(self.time):
            digest.update(self.px.tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        """Bars."""
        return len(self.time)

    def __repr__(self) -> str:
        shown = ", ".join(str(item) for item in self.instruments[:3]) + (" …" if len(self.series) > 3 else "")
        return f"MarketData({shown}; {len(self):,} × {self.period}, {when(self.time[0])} – {when(self.time[-1])} UTC)"


def contract_of(name: InstrumentId, versions: Sequence[Instrument]) -> Contract:
    """Return what an instrument is, from its rules or from its name."""
    spot = name.market in {"spot", "dex"}
    if versions:
        item = versions[0]
        return Contract(item.base, item.quote, item.settle, spot, item.inverse, float(item.contract_size))
    parts = name.symbol.split("-")
    base, quote = (parts[0], parts[1]) if len(parts) > 1 else (name.symbol, "")
    inverse = name.market == "cm"
    size = (100.0 if base == "BTC" else 10.0) if inverse else 1.0  # Binance's coin-margined contracts
    return Contract(base, quote, base if inverse else quote, spot, inverse, size)


def _versions(instruments: Sequence[Instrument], names: Sequence[InstrumentId]) -> dict[InstrumentId, tuple[Instrument, ...]]:
    found: dict[InstrumentId, list[Instrument]] = {}
    for item in instruments:
        if item.id in names:
            found.setdefault(item.id, []).append(item)
    return {name: tuple(sorted(items, key=lambda item: item.valid_from_ms)) for name, items in found.items()}


def _by_name(values: Any, names: Sequence[InstrumentId], *, whole: bool = False) -> dict[InstrumentId, Any]:
    """Return a mapping by full name; ``whole``: a single table belongs to the only instrument."""
    if values is None:
        return {}
    known = {str(name): name for name in names} | {name.symbol: name for name in names}
    if isinstance(values, Mapping) and all(isinstance(key, str | InstrumentId) and str(key) in known for key in values):
        return {known[str(key)]: item for key, item in values.items()}
    if whole and len(names) == 1:
        return {names[0]: values}
    if isinstance(values, Mapping):
        unknown = next(str(key) for key in values if str(key) not in known)
        raise UnknownName("instrument", unknown, [str(name) for name in names])
    raise InvalidValue("funding", "there are several instruments; give a mapping of their names")


def _brackets(
    values: Mapping[str, Any] | BracketTable | None, names: Sequence[InstrumentId]
) -> dict[InstrumentId, tuple[tuple[int, BracketTable], ...]]:
    if isinstance(values, BracketTable):
        return dict.fromkeys(names, ((0, values),))
    found: dict[InstrumentId, tuple[tuple[int, BracketTable], ...]] = {}
    for name, table in _by_name(values, names).items():
        dated = ((0, table),) if isinstance(table, BracketTable) else tuple(sorted(table, key=lambda item: int(item[0])))
        found[name] = dated
    return found


def _spreads(spread: Any, series: Sequence[Series], names: Sequence[InstrumentId]) -> dict[InstrumentId, F64]:
    found: dict[InstrumentId, F64] = {}
    lengths = {item.instrument: len(item) for item in series}
    for name, values in _by_name(spread, names, whole=True).items():
        array = np.asarray(values, dtype=np.float64)
        if len(array) != lengths[name] or bool(np.any(array < 0.0)):
            raise InvalidValue("spread", f"the spread of {name} must be {lengths[name]} fractions of the price, none negative")
        found[name] = array
    return found


def _union(times: Sequence[I64]) -> I64:
    first = times[0]
    if all(item is first or np.array_equal(item, first) for item in times):
        return np.ascontiguousarray(first)
    return np.unique(np.concatenate(times))


def _states(item: Series, synthetic: Mapping[InstrumentId, Any], stale: Mapping[InstrumentId, Any]) -> U8:
    """Return what each kline of a series is."""
    opened, high, low, close, volume = _five(item)
    state = np.empty(len(item), dtype=np.uint8)
    told, repeats = item.instrument in synthetic, item.instrument in stale
    made, again = item.has_volume and not told, item.has_volume and not repeats
    states_of(opened, high, low, close, volume, made, again, state)
    if told:
        state[np.asarray(synthetic[item.instrument], dtype=bool)] |= SYNTHETIC
    if repeats:
        state[np.asarray(stale[item.instrument], dtype=bool)] |= STALE
    return state


def _five(item: Series) -> Prices:
    """Return open, high, low, close and volume as compiled code takes them."""
    opened, high, low, close, volume = (fixed(item.columns[key]) for key in (*PRICE_COLUMNS, "volume"))
    return opened, high, low, close, volume


def _detail(detail: Any, series: Sequence[Series], instrument: InstrumentId | str | None) -> dict[InstrumentId, Series]:
    if detail is None:
        return {}
    names = [item.instrument for item in series]
    default = instrument if instrument is not None else names[0] if len(names) == 1 else None
    inner = {item.instrument: item for item in series_list(detail, instrument=default)}
    coarse = period_ms(series[0].period)
    for name, item in inner.items():
        if name not in names:
            raise UnknownName("instrument of the detail", str(name), [str(known) for known in names])
        if period_ms(item.period) >= coarse or coarse % period_ms(item.period):
            raise InvalidValue("detail", f"{item.period} does not divide {series[0].period}")
    return inner


def _fine_clock(clock: I64, period: str, inner: Mapping[InstrumentId, Series]) -> tuple[I64, I64]:
    """Return the times of the finest rows and the first row of each bar. A bar without detail is one row."""
    if not inner:
        return clock, np.arange(len(clock) + 1, dtype=np.int64)
    times = np.unique(np.concatenate([clock, *(item.times for item in inner.values())]))
    ends = np.array([next_open(period, int(time)) for time in clock], dtype=np.int64)
    bar = np.searchsorted(clock, times, side="right") - 1
    times = times[(bar >= 0) & (times < ends[np.maximum(bar, 0)])]
    return times, np.append(np.searchsorted(times, clock), len(times)).astype(np.int64)


def _fill_rows(
    every: Sequence[Series],
    masks: Sequence[U8],
    inner: Mapping[InstrumentId, Series],
    clock: I64,
    row_time: I64,
    starts: I64,
) -> tuple[Prices, U8]:
    wide = len(every)
    if wide == 1 and not inner:  # one instrument on a clock of its own: its columns are looked at where they lie
        opened, high, low, close, volume = (values[:, np.newaxis] for values in _five(every[0]))
        return (opened, high, low, close, volume), masks[0][:, np.newaxis]
    shape = (len(row_time), wide)
    prices = (np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape))
    rows = np.zeros(shape, dtype=np.uint8)
    for place, item in enumerate(every):
        found = inner.get(item.instrument)
        where = starts[:-1] if item.times is clock else starts[np.searchsorted(clock, item.times)]
        where = where if len(where) == len(item) and (item.times is clock or len(every) == 1) else _at(clock, starts, item.times)
        keep = where >= 0
        state = masks[place]
        if found is not None:
            inside = np.searchsorted(row_time, found.times)
            inside = np.where(inside < len(row_time), inside, 0)
            fits = row_time[inside] == found.times
            _put(prices, rows, place, found, inside, fits, _states(found, {}, {}))
            bars_inside = np.searchsorted(starts, inside[fits], side="right") - 1
            keep = keep & ~np.isin(where, starts[np.unique(bars_inside)])
        _put(prices, rows, place, item, where, keep, state)
    return prices, rows


def _at(clock: I64, starts: I64, times: I64) -> I64:
    """Return the row of each time that is on the clock, -1 of the others."""
    bar = np.minimum(np.searchsorted(clock, times), len(clock) - 1)
    return np.where(clock[bar] == times, starts[bar], -1)


def _put(prices: Prices, rows: U8, place: int, item: Series, where: I64, keep: npt.NDArray[np.bool_], state: U8) -> None:
    if keep.all() and len(where) == len(rows):
        for values, column in zip(prices, _five(item), strict=True):
            values[:, place] = column
        rows[:, place] = state
        return
    chosen = where[keep]
    for values, column in zip(prices, _five(item), strict=True):
        values[chosen, place] = column[keep]
    rows[chosen, place] = state[keep]


def _mark_last(data: MarketData) -> None:
    """Mark the last row of instruments that leave before the clock ends, by their klines or by their rules."""
    for place, name in enumerate(data.instruments):
        versions = data.versions.get(name, ())
        if not versions and data.rows[-1, place] != 0:
            continue  # there to the end
        here = np.flatnonzero(data.rows[:, place])
        gone = [item.delisted_ms for item in versions if item.delisted_ms is not None]
        if gone:
            late = here[data.row_time[here] >= min(gone)]
            data.rows[late, place] = 0
            here = here[: len(here) - len(late)]
        listed = [item.listed_ms for item in versions if item.listed_ms is not None]
        if listed:
            early = here[data.row_time[here] < min(listed)]
            data.rows[early, place] = 0
            here = here[len(early) :]
        if len(here) and len(data.starts) > 2 and here[-1] < data.starts[-3]:  # one missing kline at the end is no delisting
            data.rows[here[-1], place] |= LAST


def _flags(series: Sequence[Series], rows: U8, gaps: str) -> tuple[Flag, ...]:
    found: list[Flag] = []
    for place, item in enumerate(series):
        missing, row = gaps_of(item)
        if missing:
            text = f"{item.instrument} has {missing} missing klines, the first after row {row} ({when(item.times[row])})"
            if gaps == "refuse":
                raise InvalidValue("bars", text)
            found.append(Flag("gaps", text, missing, int(item.times[row]), int(item.times[-1])))
        for bit, name, word in (
            (SYNTHETIC, "synthetic_klines", "made up"),
            (STALE, "stale_klines", "a repetition of the row before"),
        ):
            count = int(np.count_nonzero(rows[:, place] & bit))
            if count:
                found.append(Flag(name, f"{count} klines of {item.instrument} are {word}; orders do not fill on them", count))
    return tuple(found)
