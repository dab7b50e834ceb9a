"""Why was there no trade? For every bar and instrument what the strategy said, and the gate that said no.

The strategy is run once more, and what it says is written down and laid beside the orders that came of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import CancelOrders, Decision, OrderUpdate, Signal
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.events import run_events
from quantservice.quant.backtest.results import RunResult
from quantservice.quant.backtest.targets import run_targets
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.honesty.events import Around
from quantservice.quant.reports.table import Table
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Answer, Strategy, decisions_of, hears_of_orders, is_vectorised
from quantservice.quant.strategies.feed import InstrumentFeed, bars_view, feeds_of
from quantservice.quant.strategies.targets import targets_of
from quantservice.quant.strategies.view import View

TRADED: Final = "traded"
_SAME: Final = "the same target as before"
_SILENT: Final = "the strategy said nothing"
_NO_KLINE: Final = "no kline of the instrument at this bar"
_NOT_TRADING: Final = "the instrument is not trading"
_NO_SHORT: Final = "a spot account cannot sell what it does not hold"
_TOO_SMALL: Final = "the position has it already, or is off by less than one step of quantity"
_CANCELS: Final = "the strategy only cancelled"
Said: TypeAlias = dict[tuple[int, int], list[Decision]]


class _Noting(Around):
    """Writes down what a strategy says, by close time and instrument."""

    def __init__(self, inner: Strategy) -> None:
        super().__init__(inner)
        self.said: dict[tuple[int, InstrumentId], list[Decision]] = {}

    def on_kline(self, kline: Bar, view: View) -> Answer:
        return self._note(kline.close_time, self.inner.on_kline(kline, view), "on_kline")

    def _note(self, close_time: int, answer: Any, method: str) -> Answer:
        decisions = decisions_of(answer, method, self.inner)
        for decision in decisions:
            self.said.setdefault((close_time, decision.instrument), []).append(decision)
        return decisions


class _NotingListener(_Noting):
    """The same for a strategy that hears of its orders."""

    def on_order_update(self, update: OrderUpdate, view: View) -> Answer:
        return self._note(view.time, self.inner.on_order_update(update, view), "on_order_update")


def why_no_trade(strategy: Strategy, data: MarketData, assumptions: Assumptions) -> Table:
    """Return a table of bars by instruments: ``time`` (open), ``instrument``, ``said``, ``gate`` (``traded`` where it did)."""
    tables = [Bars(str(item.instrument), item.period, {name: item.columns[name] for name in COLUMNS}) for item in data.series]
    feeds = feeds_of(strategy, tables, {str(name): table for name, table in data.funding.items()})
    if is_vectorised(strategy):
        targets = targets_of(strategy, bars_view(feeds), start=False)
        result, said = run_targets(data, targets, assumptions), _stated(targets, data.instruments)
    else:
        noting = (_NotingListener if hears_of_orders(strategy) else _Noting)(strategy)
        result = run_events(data, noting, assumptions)
        said = _by_bar(noting.said, data)
    gates = _Gates(data, assumptions, result, said, feeds)
    return gates.table()


def summary_of(table: Table) -> dict[str, int]:
    """Return how many bars each gate said no at, the most frequent first."""
    return {gate: count for gate, count in Counter(table["gate"].tolist()).most_common() if gate != TRADED}


def _stated(targets: npt.NDArray[np.float64], instruments: tuple[InstrumentId, ...]) -> Said:
    """Return targets of arrays as if they had been said at each bar; NaN says nothing."""
    sides = ("both",) if targets.ndim == 2 else ("long", "short")
    cells = targets[:, :, np.newaxis] if targets.ndim == 2 else targets
    said: Said = {}
    for bar, place, leg in np.argwhere(~np.isnan(cells)).tolist():
        signal = Signal(instruments[place], float(cells[bar, place, leg]), side=sides[leg])  # type: ignore[arg-type]
        said.setdefault((bar, place), []).append(signal)
    return said


def _by_bar(said: Mapping[tuple[int, InstrumentId], list[Decision]], data: MarketData) -> Said:
    bars = {int(time): bar for bar, time in enumerate(data.close_time)}
    places = {instrument: place for place, instrument in enumerate(data.instruments)}
    return {(bars[time], places[InstrumentId.parse(str(name))]): decisions for (time, name), decisions in said.items()}


@dataclass(eq=False)
class _Gates:
    """Goes through the bars and finds the gate of each."""

    data: MarketData
    assumptions: Assumptions
    result: RunResult
    said: Said
    feeds: tuple[InstrumentFeed, ...]
    last: dict[tuple[int, str], float] = field(default_factory=dict)  # the level that stands, by instrument and leg

    def table(self) -> Table:
        """Return the rows."""
        bars, count = len(self.data.time), len(self.data.instruments)
        gates, texts = np.empty((bars, count), dtype=object), np.empty((bars, count), dtype=object)
        outcomes = self._outcomes()
        for place in range(count):
            empty, here = self._without_value(place), self._trading(place)
            present = np.zeros(bars, dtype=bool)
            present[self.data.places[place]] = True
            for bar in range(bars):
                decisions = self.said.get((bar, place), [])
                texts[bar, place] = ", ".join(map(_shown, decisions))
                level = self._level(place, decisions, bool(here[bar]))
                outcome = outcomes.get((bar, place))
                gates[bar, place] = outcome or (
                    _NO_KLINE if not present[bar] else self._gate(decisions, level, bool(here[bar]), empty.get(bar, ""))
                )
        names = np.array([str(item) for item in self.data.instruments], dtype=object)
        columns = {
            "time": np.repeat(self.data.time.astype("datetime64[ms]"), count),
            "instrument": np.tile(names, bars),
            "said": texts.ravel(),
            "gate": gates.ravel(),
        }
        return Table("why", columns)

    def _gate(self, decisions: list[Decision], level: str, trading: bool, empty: str) -> str:
        if not decisions:
            return f"{_SILENT}; {empty}" if empty else _SILENT
        if not trading:
            return _NOT_TRADING
        if all(isinstance(item, CancelOrders) for item in decisions):
            return _CANCELS
        if level == _SAME and empty:
            return f"{_SAME}; {empty}"
        return level or _TOO_SMALL

    def _level(self, place: int, decisions: list[Decision], trading: bool) -> str:
        """Take the levels that were stated; say what of them asks for nothing."""
        found = ""
        for item in decisions:
            if not isinstance(item, Signal) or not trading:
                continue
            short = item.target < 0.0 and self.data.contracts[place].spot
            target, leg = 0.0 if short else item.target, (place, item.side)
            if target == self.last.get(leg, 0.0):
                found = _NO_SHORT if short else _SAME
            self.last[leg] = target
        return found

    def _outcomes(self) -> dict[tuple[int, int], str]:
        """Return what became of the orders of a bar: traded, where one of them did, else why the last one did not."""
        orders = self.result.columns("orders")
        numbers = self.result.orders
        found: dict[tuple[int, int], str] = {}
        rows = zip(
            numbers["bar"].tolist(),
            numbers["instrument"].tolist(),
            orders["filled"],
            orders["state"],
            orders["reason"],
            strict=True,
        )
        for bar, place, filled, state, reason in rows:
            if filled > 0.0:
                found[bar, place] = TRADED
            elif found.get((bar, place)) != TRADED:
                found[bar, place] = f"{state}: {reason}" if reason else str(state)
        return found

    def _without_value(self, place: int) -> dict[int, str]:
        """Return for each bar the names of the view that have no value there."""
        feed = self.feeds[place]
        found: dict[int, list[str]] = {}
        for name, values in zip(feed.names, feed.values, strict=True):
            if "." in name:
                continue  # an output of one that is named already
            for bar in self.data.places[place][np.isnan(values)].tolist():
                found.setdefault(bar, []).append(name)
        return {bar: f"warm-up: no value yet of {' and '.join(names)}" for bar, names in found.items()}

    def _trading(self, place: int) -> npt.NDArray[np.bool_]:
        """Return whether the instrument trades at each close: its klines have begun, it is listed, and its rules say so."""
        close = self.data.close_time
        here = np.arange(len(close)) >= int(self.data.places[place][0])
        versions = self.data.versions.get(self.data.instruments[place], ())
        for number, item in enumerate(versions):
            since = close >= item.valid_from_ms if number else np.ones(len(close), dtype=bool)
            later = [other.valid_from_ms for other in versions[number + 1 :]]
            until = close < min(later) if later else np.ones(len(close), dtype=bool)
            if item.status not in {"trading", "delisted"}:
                here &= ~(since & until)
        listed = [item.listed_ms for item in versions if item.listed_ms is not None]
        gone = [item.delisted_ms for item in versions if item.delisted_ms is not None]
        if listed:
            here &= self.data.time >= min(listed)
        return here & (self.data.time < min(gone)) if gone else here


def _shown(decision: Decision) -> str:
    if isinstance(decision, Signal):
        leg = "" if decision.side == "both" else f"{decision.side} "
        return f"{leg}target {decision.target:g}"
    if isinstance(decision, CancelOrders):
        return "cancel"
    size = f"{decision.quantity:g}" if decision.quantity is not None else f"{decision.fraction:g} of the equity"
    return f"{decision.side} {decision.type} {size}"
