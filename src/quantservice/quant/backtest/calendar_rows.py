"""What is known by date, laid out for the kernel: a calendar of changes and settlements, and the tables it points into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from quantservice.core.instruments import InstrumentId
from quantservice.core.margin import UNKNOWN_TIERS, Bracket
from quantservice.core.periods import DAY_MS
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.fee_tiers import rates_for
from quantservice.quant.backtest.funding import with_missing
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.results import Flag
from quantservice.quant.backtest.tables import F64

ALWAYS: Final = -1e15


@dataclass(frozen=True, eq=False)
class Rows:
    """The kernel's table, its calendar in the rows ``first`` to ``end``; ``aux`` is what the slippage model needs of each row."""

    table: F64
    aux: F64
    first: int
    end: int
    tiered: bool


class _Table:
    """Collects rows behind a calendar whose length is known only at the end: references are moved when it is built."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.calendar: list[tuple[float, int, int, float, float]] = []  # time, kind, instrument, first, second
        self.bulk: list[F64] = []

    def add(self, rows: list[tuple[float, ...]]) -> tuple[int, int]:
        first = len(self.rows)
        self.rows.extend(rows)
        return first, len(self.rows)

    def event(self, time: float, kind: int, instrument: int, first: float, second: float = 0.0) -> None:
        self.calendar.append((time, kind, instrument, first, second))

    def built(self) -> tuple[F64, int]:
        events = np.zeros((len(self.calendar), at.TABLE_COLUMNS))
        if self.calendar:
            events[:, :5] = self.calendar
        events = np.concatenate((events, *self.bulk))
        order = np.lexsort((events[:, at.E_INSTRUMENT], events[:, at.E_KIND], events[:, at.E_TIME]))
        events = events[order]
        refers = np.isin(events[:, at.E_KIND], (at.EVENT_RULES, at.EVENT_TIERS, at.EVENT_FEES))
        events[refers, at.E_FIRST] += len(events)
        events[refers, at.E_SECOND] += len(events)
        table = np.zeros((len(events) + len(self.rows), at.TABLE_COLUMNS))
        table[: len(events)] = events
        for place, row in enumerate(self.rows, len(events)):
            table[place, : len(row)] = row
        return table, len(events)


def build(data: MarketData, assumptions: Assumptions, flags: list[Flag]) -> Rows:
    """Lay out rules, margin tiers, fees, settlements and books of a run; what had to be guessed is flagged."""
    table, tiered = _Table(), False
    guessed: list[str] = []
    untold: list[str] = []
    for place, name in enumerate(data.instruments):
        _add_rules(table, data, place, name)
        _add_tiers(table, data, place, name, untold)
        rates, guess = rates_for(assumptions.fees, name)
        guessed += [str(name)] if guess else []
        for start in sorted({item.from_ms for item in rates}):
            group = sorted((item for item in rates if item.from_ms == start), key=lambda item: item.min_volume)
            tiered = tiered or len(group) > 1
            first, end = table.add([(item.min_volume, item.maker, item.taker) for item in group])
            table.event(ALWAYS if start == rates[0].from_ms else float(start), at.EVENT_FEES, place, first, end)
        if assumptions.funding:
            _add_funding(table, data, place, name)
    if guessed:
        flags.append(Flag("fees_guessed", f"no fee schedule is known of {_some(guessed)}: 0.1 % is taken", len(guessed)))
    if untold:
        text = f"no margin tiers are known of {_some(untold)}: 1 % maintenance margin is taken"
        flags.append(Flag("margin_tiers_guessed", text, len(untold)))
    aux, books = _aux(table, data, assumptions)
    built, end = table.built()
    if books:
        aux = np.where(aux >= 0.0, aux + end, aux)
    return Rows(built, aux, 0, end, tiered)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _add_rules(table: _Table, data: MarketData, place: int, name: InstrumentId) -> None:
    for number, item in enumerate(data.versions.get(name, ())):
        row = (float(item.tick_size), float(item.lot_size), float(item.min_quantity), float(item.min_notional))
        first, end = table.add([row])
        time = ALWAYS if number == 0 else float(item.valid_from_ms)
        table.event(time, at.EVENT_RULES, place, first, end)
        if item.status not in {"trading", "delisted"} or number > 0:
            table.event(time, at.EVENT_STATUS, place, float(item.status in {"trading", "delisted"}))


def _add_tiers(table: _Table, data: MarketData, place: int, name: InstrumentId, guessed: list[str]) -> None:
    if data.contracts[place].spot:
        return
    dated = data.brackets.get(name)
    if dated is None:
        guessed.append(str(name))
        dated = ((0, UNKNOWN_TIERS),)
    for number, (start, tiers) in enumerate(dated):
        first, end = table.add([_tier(item) for item in tiers.brackets])
        table.event(ALWAYS if number == 0 else float(start), at.EVENT_TIERS, place, first, end)


def _tier(item: Bracket) -> tuple[float, ...]:
    return float(item.floor), float(item.cap), float(item.maintenance_rate), float(item.max_leverage), float(item.cum)


def _add_funding(table: _Table, data: MarketData, place: int, name: InstrumentId) -> None:
    known = data.funding.get(name)
    perpetual = not data.contracts[place].spot and name.symbol.endswith("-PERP")
    if known is None and not perpetual:
        return
    funding = with_missing(known, int(data.series[place].times[0]), int(data.row_time[-1]) + data.row_ms)
    rows = np.zeros((len(funding), at.TABLE_COLUMNS))
    rows[:, at.E_TIME] = funding.time
    rows[:, at.E_KIND] = at.EVENT_FUNDING
    rows[:, at.E_INSTRUMENT] = place
    rows[:, at.E_FIRST] = funding.rate
    rows[:, at.E_SECOND] = funding.mark
    table.bulk.append(rows)


def _aux(table: _Table, data: MarketData, assumptions: Assumptions) -> tuple[F64, bool]:
    """Return one number per row and price column: the spread, the impact per root of quantity, or the row of a book."""
    model = assumptions.slippage.model
    if model not in {"spread", "sqrt_impact", "book"}:
        return np.zeros((1, 1)), False
    aux = np.full(data.rows.shape, np.nan if model == "spread" else 0.0 if model == "sqrt_impact" else -1.0)
    bar = np.repeat(np.arange(len(data.time)), np.diff(data.starts))
    for place, name in enumerate(data.instruments):
        if model == "spread" and name in data.spreads:
            on_clock = np.full(len(data.time), np.nan)
            on_clock[data.places[place]] = data.spreads[name]
            aux[:, place] = on_clock[bar]
        elif model == "sqrt_impact":
            aux[:, place] = _impact(data, place)
        elif model == "book" and name in data.books:
            aux[:, place] = _book_rows(table, data, name)
    return aux, model == "book"


def _impact(data: MarketData, place: int) -> F64:
    """Return daily volatility over the root of the average daily volume, both of the 30 days before each row's day.

    The first days, which have nothing before them, take their own day's figures: there is nothing else to go by.
    """
    series = data.series[place]
    day = series.times // DAY_MS
    first = int(day[0])
    days = int(day[-1]) - first + 1
    volume = np.bincount(day - first, weights=series.columns["volume"], minlength=days)
    close = np.full(days, np.nan)
    close[day - first] = series.columns["close"]
    change = np.diff(np.log(close), prepend=np.log(series.columns["open"][0]))
    out = np.zeros(days)
    for number in range(days):
        window = slice(max(0, number - 30), max(1, number))
        traded, moves = volume[window], change[window]
        moves = moves[np.isfinite(moves)]
        spread = float(np.sqrt(np.mean(moves**2))) if len(moves) else 0.0
        out[number] = spread / np.sqrt(traded.mean()) if traded.mean() > 0.0 else 0.0
    rows = np.clip(data.row_time // DAY_MS - first, 0, days - 1)
    return out[rows]


def _book_rows(table: _Table, data: MarketData, name: InstrumentId) -> F64:
    """Put an instrument's books into the table; return for each row of the clock where the last one before it begins."""
    books, begins = data.books[name], []
    for asks, bids in zip(books.asks, books.bids, strict=True):
        first, _end = table.add([(float(len(asks)), float(len(bids)))])
        table.add([(float(distance), float(quantity)) for levels in (asks, bids) for distance, quantity in levels])
        begins.append(float(first))
    place = np.searchsorted(books.time, data.row_time, side="right") - 1
    return np.where(place >= 0, np.array(begins)[np.maximum(place, 0)], -1.0)
