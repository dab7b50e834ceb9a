"""A strategy run kline by kline with bounded memory: live, and wherever its answers must not be able to see the future."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, OrderUpdate, Signal
from quantservice.quant.bars import Bars, Settlements
from quantservice.quant.strategies.bar import Bar, MarketTicker, bars_table, close_times
from quantservice.quant.strategies.base import (
    Strategy,
    decisions_of,
    hears_of_orders,
    hears_the_market,
    is_event_driven,
    is_vectorised,
)
from quantservice.quant.strategies.feed import InstrumentFeed, bars_view
from quantservice.quant.strategies.live import LiveValues
from quantservice.quant.strategies.past import RingPast
from quantservice.quant.strategies.targets import targets_of
from quantservice.quant.strategies.view import Account, EmptyAccount, View
from quantservice.quant.strategies.wanted import FUNDING_RATE, wanted_by, window_bars

_FORMAT: Final = 1


class StrategyRunner:
    """Feeds one strategy with klines as they close and collects its decisions. Pure: no clock, no I/O, no threads.

    ``account`` answers what the strategy asks of its positions. Klines that close together are given together, so that the order in
    which they arrive does not matter; they are answered instrument by instrument in the order of ``instruments``.

    What a strategy answers to klines that are given silently is never done. To one that states levels this makes no difference: its
    next level says all. One that acts (places or cancels orders itself, hears of its orders or of tickers) would remember acts that
    never were: it is not asked about such klines, only its indicators take them. Which kind it is shows at its first act.
    """

    def __init__(
        self, strategy: Strategy, instruments: Sequence[InstrumentId], period: str, account: Account | None = None
    ) -> None:
        if not instruments:
            raise InvalidValue("instruments", "none are given; a strategy needs at least one")
        if not is_event_driven(strategy) and not is_vectorised(strategy):
            raise InvalidValue(type(strategy).__name__, "has neither on_kline nor on_bars; write one")
        self.instruments = tuple(instruments)
        self.period = period
        self.account: Account = account if account is not None else EmptyAccount()
        self._begin(strategy)

    def _begin(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.acts = hears_of_orders(strategy) or hears_the_market(strategy)
        strategy.on_start(self.instruments, self.period)  # first: what it asks for may depend on the instruments
        wanted = wanted_by(strategy)
        #: instruments whose settled funding rates it looks at
        self.funding_of = tuple(
            sorted({found for item in wanted if item.price == FUNDING_RATE for found in self._sources(item.instrument)})
        )
        self._indicated_bars = window_bars(wanted, self.period)
        self._values = LiveValues(wanted, self.instruments, self.period)
        self._pasts = {item: RingPast(self.period, self._values.names, strategy.memory_bars) for item in self.instruments}
        self._views = {
            item: View(self.instruments, self.period, self.account, self._pasts[item], memory=strategy.memory_bars)
            for item in self.instruments
        }
        for instrument, view in self._views.items():
            view.instrument = instrument
            view.update(dict.fromkeys(self._values.names, float("nan")))
        self._last_open: dict[InstrumentId, int] = {}

    def _sources(self, instrument: InstrumentId | None) -> Sequence[InstrumentId]:
        return self.instruments if instrument is None else (instrument,)

    @property
    def window_bars(self) -> int:
        """On how many of the newest bars its answers rest, by its indicators and by what it looked back so far; 0: not known."""
        return max(self._indicated_bars, *(past.asked for past in self._pasts.values()))

    def view(self, instrument: InstrumentId) -> View:
        """Return what the strategy sees of an instrument after the last kline."""
        return self._views[instrument]

    def last_open(self, instrument: InstrumentId) -> int | None:
        """Return the open time of the last kline taken of an instrument."""
        return self._last_open.get(instrument)

    def warm_up(self, tables: Sequence[Bars], funding: Mapping[str, Settlements] | None = None) -> int:
        """Take past klines without answering; return how many.

        Values, and the own state of a strategy that states levels, become those of the last one.
        """
        count, before = 0, None if self.acts or not self._last_open else self.strategy.save_state()
        for bars in self._paid(tables, funding):
            count += len(bars)
            self._silently(bars, before)
        return count

    def _silently(self, bars: Sequence[Bar], before: Mapping[str, Any] | None) -> tuple[Decision, ...]:
        """Take klines whose answer is not acted on: a strategy that acts is not asked, or put back to ``before`` (None: begun)."""
        if self.acts:
            self.take(bars)
            return ()
        decisions = self.feed(bars)
        if not self.acts:
            return decisions
        self.strategy = type(self.strategy)(**self.strategy.parameters)
        self.strategy.on_start(self.instruments, self.period)
        if before is not None:
            self.strategy.load_state(before)
        return ()

    def replay(
        self, tables: Sequence[Bars], funding: Mapping[str, Settlements] | None = None
    ) -> Iterator[tuple[list[Bar], tuple[Decision, ...]]]:
        """Feed past klines; yield those that closed together with the decisions at their close."""
        for bars in self._paid(tables, funding):
            yield bars, self.feed(bars)

    def _paid(self, tables: Sequence[Bars], funding: Mapping[str, Settlements] | None) -> Iterator[list[Bar]]:
        """Yield klines that closed together, after the rates that were settled by then were taken."""
        paid = sorted(
            (int(time), InstrumentId.parse(name), float(rate))
            for name, item in (funding or {}).items()
            for time, rate in zip(item.time, item.rate, strict=True)
        )
        at = 0
        for bars in together(tables):
            close_time = bars[0].close_time
            while at < len(paid) and paid[at][0] <= close_time:
                if paid[at][1] in self._views:
                    self.funding(*paid[at][1:])
                at += 1
            yield bars

    def funding(self, instrument: InstrumentId, rate: float) -> None:
        """Take a settled funding rate; give it before the klines that close at or after it."""
        self._values.funding(instrument, rate)

    def feed(self, bars: Sequence[Bar], updates: Sequence[OrderUpdate] = ()) -> tuple[Decision, ...]:
        """Take klines that closed together and return the strategy's decisions.

        ``updates``: what became of its orders since the last close; it hears of them first, as in a backtest. Raises InvalidValue
        for a kline that is not newer than the last one of its instrument: what was revised asks for :meth:`rebuild`. Whatever the
        strategy raises passes through.
        """
        ordered = self.take(bars)
        decisions = [decision for update in updates for decision in self.order_update(update)]
        if is_event_driven(self.strategy):
            decisions += [decision for bar in ordered for decision in self.answer(bar)]
        else:
            decisions += self._answer_whole()
        self._note_acts(decisions)
        return tuple(decisions)

    def feed_muted(self, bars: Sequence[Bar]) -> tuple[Decision, ...]:
        """Take live klines of which it is known that nothing will be done: it is paused, or they came too late."""
        return self._silently(bars, None if self.acts else self.strategy.save_state())

    def _note_acts(self, decisions: Sequence[Decision]) -> None:
        if not self.acts:
            self.acts = any(isinstance(decision, OrderRequest | CancelOrders) for decision in decisions)

    def take(self, bars: Sequence[Bar]) -> Sequence[Bar]:
        """Bring values and views up to klines that closed together, without asking the strategy; return them in its order."""
        self._check(bars)
        self._values.update(bars)
        ordered = sorted(bars, key=lambda bar: self.instruments.index(bar.instrument)) if len(bars) > 1 else bars
        for bar in ordered:
            self._last_open[bar.instrument] = bar.open_time
            row = self._values.row(bar.instrument)
            past, view = self._pasts[bar.instrument], self._views[bar.instrument]
            past.append(bar, row)
            view.row = past.count - 1
            for name, value in zip(self._values.names, row, strict=True):
                view[name] = value
        return ordered

    def answer(self, bar: Bar) -> tuple[Decision, ...]:
        """Ask the strategy at a kline that was taken."""
        return decisions_of(self.strategy.on_kline(bar, self._views[bar.instrument]), "on_kline", self.strategy)

    def _check(self, bars: Sequence[Bar]) -> None:
        for bar in bars:
            if bar.instrument not in self._views:
                raise UnknownName("instrument", str(bar.instrument), map(str, self.instruments))
            if bar.period != self.period or bar.open_time != bars[0].open_time:
                raise InvalidValue("bars", f"{bar.instrument} {bar.period} {bar.open_time} does not close with the others")
            last = self._last_open.get(bar.instrument)
            if last is not None and bar.open_time <= last:
                raise InvalidValue(
                    "bars", f"{bar.instrument} {bar.open_time} is not newer than {last}; rebuild from the revised klines"
                )

    def _answer_whole(self) -> tuple[Decision, ...]:
        feeds = []
        for instrument, past in self._pasts.items():
            columns = past.columns()
            values = tuple(columns.pop(name) for name in self._values.names)
            feeds.append(
                InstrumentFeed(
                    instrument, self.period, columns, close_times(self.period, columns["open_time"]), self._values.names, values
                )
            )
        last = targets_of(self.strategy, bars_view(feeds), start=False)[-1]
        sides: tuple[PositionSide, ...] = ("both",) if last.ndim == 1 else ("long", "short")
        return tuple(
            Signal(instrument, float(target), side)
            for instrument, row in zip(self.instruments, last.reshape(len(self.instruments), -1), strict=True)
            for side, target in zip(sides, row, strict=True)
            if not np.isnan(target)
        )

    def ticker(self, ticker: MarketTicker) -> tuple[Decision, ...]:
        """Give the market between klines and return the decisions."""
        return decisions_of(self.strategy.on_market_data(ticker, self._views[ticker.instrument]), "on_market_data", self.strategy)

    def order_update(self, update: OrderUpdate) -> tuple[Decision, ...]:
        """Tell what became of an order and return the decisions."""
        view = self._views.get(update.instrument)
        if view is None:  # of an instrument that the deployment no longer has
            return ()
        return decisions_of(self.strategy.on_order_update(update, view), "on_order_update", self.strategy)

    def save_state(self) -> dict[str, Any]:
        """Return everything that a restart needs, as values that JSON knows."""
        return {
            "format": _FORMAT,
            "acts": self.acts,
            "strategy": self.strategy.save_state(),
            "values": self._values.save_state(),
            "pasts": {str(item): past.save_state() for item, past in self._pasts.items()},
            "last_open": {str(item): time for item, time in self._last_open.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`save_state` stopped; instruments, period and parameters must be the same."""
        if state.get("format") != _FORMAT or set(state["pasts"]) != {str(item) for item in self.instruments}:
            raise InvalidValue("state", "was saved for other instruments or by another version; warm up from klines instead")
        self.strategy.load_state(state["strategy"])
        self.acts = self.acts or bool(state.get("acts"))
        try:
            self._values.load_state(state["values"])
        except KeyError as error:
            raise InvalidValue("state", f"has no value of {error.args[0]}; warm up from klines instead") from None
        for instrument, past in self._pasts.items():
            past.load_state(state["pasts"][str(instrument)])
            view = self._views[instrument]
            view.row = past.count - 1
            if past.count:
                view.update({name: float(past.values(name, view.row, 1)[0]) for name in self._values.names})
        self._last_open = {InstrumentId.parse(name): int(time) for name, time in state["last_open"].items()}

    def rebuild(
        self,
        tables: Sequence[Bars],
        funding: Mapping[str, Settlements] | None = None,
        *,
        checkpoint: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin again, silently, from healed or revised klines: from a saved state before them, or from the start of ``tables``.

        Nothing is changed when the strategy raises on the way. Its account is the present one: what it asks of positions while
        the past is replayed is answered with today's. A strategy that acts keeps its memory, because what it did stays done; only
        its indicators and past klines are made anew.
        """
        fresh = StrategyRunner(type(self.strategy)(**self.strategy.parameters), self.instruments, self.period, self.account)
        fresh.acts = self.acts
        if checkpoint is not None:
            fresh.load_state(checkpoint)
        fresh.warm_up(tables, funding)
        if not self.acts:
            self.strategy, self.acts = fresh.strategy, fresh.acts
        self._values, self._pasts, self._views, self._last_open = fresh._values, fresh._pasts, fresh._views, fresh._last_open


def together(tables: Sequence[Bars]) -> Iterator[list[Bar]]:
    """Yield the bars of several instruments that have one open time, oldest first, in the order of the tables."""
    if len(tables) == 1:
        yield from ([bar] for bar in bars_table(tables[0]))
        return
    rising = merge(*(bars_table(table) for table in tables), key=attrgetter("open_time"))
    for _time, group in groupby(rising, key=attrgetter("open_time")):
        yield list(group)
