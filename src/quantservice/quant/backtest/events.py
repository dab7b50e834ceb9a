"""The event engine: Python is asked at the close of every kline, and the compiled account catches up when there is a reason.

A strategy's answers are collected and taken by the same compiled loop that runs targets: at once if the strategy looks at its
account or wants to hear of its orders, else all together at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import numpy as np

from quantservice.core.errors import InvalidValue, QuantServiceError
from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.core.signals import Decision, OrderUpdate, Signal
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.machine import Machine
from quantservice.quant.backtest.orders import Requests
from quantservice.quant.backtest.plan import Plan
from quantservice.quant.backtest.reading import result_of
from quantservice.quant.backtest.records import ORDER_REASONS, ORDER_STATES, ORDER_TYPES
from quantservice.quant.backtest.results import Flag, RunResult
from quantservice.quant.backtest.tables import when
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.strategies.bar import MarketTicker
from quantservice.quant.strategies.base import Strategy, decisions_of, hears_of_orders, hears_the_market
from quantservice.quant.strategies.feed import InstrumentFeed, feeds_of, without_values
from quantservice.quant.strategies.raising import raised_by
from quantservice.quant.strategies.view import Account, OpenOrder, View

#: Rows that are collected before they become a table.
_BATCH: Final = 65_536


class EngineAccount:
    """The account as a strategy sees it at the close of a bar: looking at it makes the engine catch up."""

    def __init__(self, machine: Machine, requests: Requests) -> None:
        self.machine, self.requests = machine, requests
        self.bar = self._at = -1
        self._legs: dict[tuple[InstrumentId, PositionSide], tuple[int, int]] = {}
        self._read = 0  # journal rows that were told as updates
        self._filled: dict[int, float] = {}  # quantity by order

    def catch_up(self) -> Machine:
        """Bring the engine to the present bar."""
        if self._at != self.bar:
            self.hand_over()
            self.machine.advance(self.bar)
            self._at = self.bar
        return self.machine

    def hand_over(self) -> None:
        """Give the engine what was collected."""
        if self.requests.rows:
            self.machine.ask(self.requests.take())

    def _leg(self, instrument: InstrumentId, side: PositionSide) -> tuple[int, int]:
        """Return the row of a leg and the number of its instrument; remembered, because strategies ask at every kline."""
        found = self._legs.get((instrument, side))
        if found is None:
            place = self.requests.place(instrument)
            found = self._legs[instrument, side] = (place * self.machine.sides + int(self.requests.leg(side, "side")), place)
        return found

    def position(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the signed quantity held."""
        if side == "both" and self.requests.hedged:
            return self.position(instrument, "long") + self.position(instrument, "short")
        return self.catch_up().legs.item(self._leg(instrument, side)[0], at.L_QUANTITY)

    def entry_price(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the average entry price; NaN when flat."""
        leg, place = self._leg(instrument, side)
        legs = self.catch_up().legs
        quantity, cost = legs.item(leg, at.L_QUANTITY), legs.item(leg, at.L_COST)
        if quantity == 0.0:
            return float("nan")
        contract = self.machine.data.contracts[place]
        size = quantity * contract.size
        return size / cost if contract.inverse else cost / size

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        """Return the working orders of one instrument, or all."""
        machine = self.catch_up()
        wanted = None if instrument is None else self.requests.place(instrument)
        rows = machine.orders[: machine.n[at.N_OPEN]]
        return [self._open_order(row) for row in rows if wanted is None or row[at.O_INSTRUMENT] == wanted]

    def _open_order(self, row: Any) -> OpenOrder:
        limit, stop = float(row[at.O_LIMIT]), float(row[at.O_STOP])
        return OpenOrder(
            self.machine.data.instruments[int(row[at.O_INSTRUMENT])],
            int(row[at.O_ID]),
            "buy" if row[at.O_SIDE] > 0 else "sell",
            ORDER_TYPES[int(row[at.O_TYPE])],  # type: ignore[arg-type]
            float(row[at.O_LEFT]),
            None if np.isnan(limit) else limit,
            None if np.isnan(stop) else stop,
            self.requests.tags.texts[int(row[at.O_TAG])],
            self._side(int(row[at.O_LEG])),
        )

    def _side(self, leg: int) -> PositionSide:
        return ("long", "short")[leg] if self.requests.hedged else "both"

    @property
    def equity(self) -> float:
        """Equity in the reporting currency, marked at this bar's close."""
        return self.catch_up().curve.item(at.V_EQUITY, self.bar)

    @property
    def cash(self) -> float:
        """Cash in the reporting currency."""
        return self.catch_up().curve.item(at.V_CASH, self.bar)

    def asks(self) -> bool:
        """Whether the strategy is asked at the present bar: always."""
        return True

    def tickers(self) -> Sequence[MarketTicker]:
        """The market between this bar and the next: klines know nothing of it."""
        return ()

    def updates(self) -> list[OrderUpdate]:
        """Return what became of orders since the last call, if anything can have."""
        machine = self.machine
        if not (
            self.requests.rows or machine.n[at.N_OPEN] or machine.n[at.N_PENDING] or machine.n[at.N_REQUEST] < machine.n[at.N_ASKED]
        ):
            return []
        self.catch_up()
        end = int(machine.n[at.N_JOURNAL])
        rows = machine.journal[self._read : end]
        self._read = end
        told = rows[np.isin(rows[:, 0], (at.J_FILL, at.J_ORDER, at.J_ACCEPTED))]
        return self._told(told)

    def _told(self, rows: Any) -> list[OrderUpdate]:
        """Read updates from journal rows. An order that is filled says so with its last fill."""
        ended = {int(row[1]) for row in rows if row[0] == at.J_ORDER and row[15] == at.FILLED}
        last = {int(row[13]): place for place, row in enumerate(rows) if row[0] == at.J_FILL}
        out: list[OrderUpdate] = []
        for place, row in enumerate(rows):
            if row[0] == at.J_FILL:
                order = int(row[13])
                whole = order in ended and last[order] == place
                out.append(self._fill_update(row, order, "filled" if whole else "partially_filled"))
            elif row[15] != at.FILLED:
                out.append(self._state_update(row))
        return out

    def _fill_update(self, row: Any, order: int, state: Any) -> OrderUpdate:
        self._filled[order] = self._filled.get(order, 0.0) + float(row[7])
        return OrderUpdate(
            instrument=self.machine.data.instruments[int(row[3])],
            order_id=order,
            side="buy" if row[5] > 0 else "sell",
            state=state,
            tag=self.requests.tags.texts[int(row[15])],
            filled_quantity=self._filled[order],
            fill_price=float(row[6]),
            fill_quantity=float(row[7]),
            fee=float(row[8]),
            maker=bool(row[9]),
            time=int(row[1]),
            position_side=self._side(int(row[4])),
        )

    def _state_update(self, row: Any) -> OrderUpdate:
        return OrderUpdate(
            instrument=self.machine.data.instruments[int(row[5])],
            order_id=int(row[1]),
            side="buy" if row[7] > 0 else "sell",
            state=ORDER_STATES[int(row[15])],
            tag=self.requests.tags.texts[int(row[17])],
            filled_quantity=float(row[12]),
            reason=ORDER_REASONS[int(row[16])],
            time=int(row[4]),
            position_side=self._side(int(row[6])),
        )


def flags_of(strategy: Strategy, feeds: Sequence[InstrumentFeed]) -> tuple[Flag, ...]:
    """Return what a reader must know of what a strategy was fed: indicators that asked for more history than there is."""
    return tuple(Flag("no_history", text, 1) for text in without_values(strategy, feeds))


def run_events(data: MarketData, strategy: Strategy, assumptions: Assumptions | None = None) -> RunResult:
    """Run a strategy kline by kline: ``on_kline`` at each close, instrument by instrument; what it answers counts from then on.

    Where the strategy defines ``on_order_update``, it hears at a close, before its kline, what became of its orders in the bar.
    Raises InvalidValue naming the strategy, the instrument and the kline where it raised or answered nonsense.
    """
    assumptions = Assumptions() if assumptions is None else assumptions
    tables = [Bars(str(item.instrument), item.period, {name: item.columns[name] for name in COLUMNS}) for item in data.series]
    feeds = feeds_of(strategy, tables, {str(name): table for name, table in data.funding.items()})
    listens = hears_of_orders(strategy)
    requests = Requests(data.instruments, assumptions)
    machine = Machine(Plan(data, assumptions), tell=listens)
    machine.flags.extend(flags_of(strategy, feeds))
    account = EngineAccount(machine, requests)
    driver = Driver(data, strategy, assumptions, feeds, account)
    if len(feeds) == 1 and not listens:
        driver.run_one()
    else:
        driver.run_many(listens)
    account.hand_over()
    machine.advance(len(data.time) - 1)
    machine.conclude()
    return result_of(machine, requests.tags.texts)


class Collecting(Protocol):
    """Takes what a strategy answers."""

    rows: list[tuple[float, ...]]

    @property
    def hedged(self) -> bool:
        """Whether long and short legs are told apart."""
        ...

    @property
    def places(self) -> dict[InstrumentId, int]:
        """The number of each instrument."""
        ...

    def add(self, bar: int, decision: Decision) -> None:
        """Take one decision."""
        ...

    def signal(self, bar: int, signal: Signal, place: int | None = None) -> None:
        """Take a target."""
        ...


class Driven(Account, Protocol):
    """What a driver needs of an account: the present bar is set before anything is asked."""

    bar: int

    @property
    def requests(self) -> Collecting:
        """Where answers go."""
        ...

    def hand_over(self) -> None:
        """Take what was collected."""
        ...

    def asks(self) -> bool:
        """Whether the strategy is asked at the present bar, rather than given it silently."""
        ...

    def updates(self) -> list[OrderUpdate]:
        """Return what became of orders since the last call."""
        ...

    def tickers(self) -> Iterable[MarketTicker]:
        """The market between this bar and the next."""
        ...


class Driver:
    """Walks the klines and asks the strategy."""

    def __init__(
        self,
        data: MarketData,
        strategy: Strategy,
        assumptions: Assumptions,
        feeds: Sequence[InstrumentFeed],
        account: Driven,
    ) -> None:
        self.data, self.strategy, self.feeds, self.account = data, strategy, feeds, account
        self.requests = account.requests
        self.restates = assumptions.rebalance == "always"
        self.views = [View(data.instruments, data.period, account, feed.past, memory=strategy.memory_bars) for feed in feeds]
        for view, feed in zip(self.views, feeds, strict=True):
            view.instrument = feed.instrument
        self.refreshing = [feed.refreshing(view) for view, feed in zip(self.views, feeds, strict=True)]

    def run_one(self) -> None:
        """Walk one instrument: the tight loop."""
        feed, view, account, strategy = self.feeds[0], self.views[0], self.account, self.strategy
        on_kline, instrument = strategy.on_kline, feed.instrument
        places = self.data.places[0].tolist() if len(feed) != len(self.data.time) else range(len(feed))
        wanted, add = float("nan"), self.requests.signal
        restates = self.restates or self.requests.hedged
        try:
            for account.bar, view.row, bar, _ in zip(places, range(len(feed)), feed.bars(), self.refreshing[0], strict=True):
                answer = on_kline(bar, view)
                if type(answer) is Signal and (answer.instrument is instrument or answer.instrument == instrument):
                    if answer.target != wanted or restates:
                        add(account.bar, answer, 0)
                        wanted = answer.target
                        if len(self.requests.rows) > _BATCH:
                            account.hand_over()
                elif answer is not None:
                    wanted = float("nan")
                    self.take(account.bar, answer, "on_kline")
                    if len(self.requests.rows) > _BATCH:
                        account.hand_over()
        except QuantServiceError:
            raise
        except Exception as error:
            raise self.blame("on_kline", instrument, account.bar, error) from error

    def take(self, row: int, answer: Any, method: str) -> None:
        """Collect what a method answered."""
        for decision in decisions_of(answer, method, self.strategy):
            self.requests.add(row, decision)

    def blame(self, method: str, instrument: InstrumentId, bar: int, error: Exception) -> InvalidValue:
        """Return the sentence of a strategy that raised."""
        place = f"at the kline of {instrument} that opened at {when(self.data.time[bar])}"
        return raised_by(self.strategy, method, error, place)

    def run_many(self, listens: bool) -> None:
        """Walk several instruments on one clock, or one whose strategy wants to hear of its orders."""
        method, place, bar = "on_kline", 0, 0
        on_kline, on_update = self.strategy.on_kline, self.strategy.on_order_update
        asks, between = self.account.asks, hears_the_market(self.strategy)
        walks = [_walk(feed, self.data.places[number]) for number, feed in enumerate(self.feeds)]
        heads = [next(walk, None) for walk in walks]
        try:
            for bar in range(len(self.data.time)):
                self.account.bar = bar
                ready = [number for number, head in enumerate(heads) if head is not None and head[0] == bar]
                for place in ready:
                    self.views[place].row += 1
                    next(self.refreshing[place])
                asked = asks()
                if listens and asked:
                    method = "on_order_update"
                    for update in self.account.updates():
                        place = self.requests.places[update.instrument]
                        self.take(bar, on_update(update, self.views[place]), method)
                    method = "on_kline"
                for place in ready:
                    head = heads[place]
                    if head is not None and not asked:
                        heads[place] = next(walks[place], None)
                    elif head is not None:
                        answer = on_kline(head[1], self.views[place])
                        if answer is not None:
                            self.take(bar, answer, method)
                        heads[place] = next(walks[place], None)
                if between:
                    self._between(bar)
                if len(self.requests.rows) > _BATCH:
                    self.account.hand_over()
        except QuantServiceError:
            raise
        except Exception as error:
            raise self.blame(method, self.data.instruments[place], bar, error) from error

    def _between(self, bar: int) -> None:
        for ticker in self.account.tickers():
            view = self.views[self.requests.places[ticker.instrument]]
            self.take(bar, self.strategy.on_market_data(ticker, view), "on_market_data")


def _walk(feed: InstrumentFeed, places: Any) -> Iterator[tuple[int, Any]]:
    """Yield (bar on the clock, kline) of an instrument."""
    yield from zip(places.tolist(), feed.bars(), strict=True)
