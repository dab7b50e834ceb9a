"""What the backtester would have done in a run that happened: the decisions, and the fills of the orders that were sent.

Decisions are asked for with the account as it was (what a venue did is given, not guessed); fills come from the compiled account
that every backtest uses, for exactly the orders that were sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import msgspec
import numpy as np

from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.core.signals import Decision, OrderRequest, OrderUpdate, Signal
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.events import Driver
from quantservice.quant.backtest.orders import OrderTable
from quantservice.quant.backtest.targets import run_targets
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.strategies.bar import MarketTicker
from quantservice.quant.strategies.base import Strategy, hears_of_orders, is_event_driven
from quantservice.quant.strategies.feed import bars_view, feeds_of
from quantservice.quant.strategies.targets import targets_of
from quantservice.quant.strategies.view import Account, OpenOrder

#: So much money that no modelled order is refused for want of it: what an account can afford is not the fill model's question.
_PLENTY: Final = 1e12


class PastAccount(Account, Protocol):
    """An account that can be as it was, and what a strategy was given with it."""

    def go_to(self, open_time: int) -> None:
        """Be as it was when the kline that opened then was answered."""
        ...

    def asked(self) -> bool:
        """Whether the strategy was asked at that kline, rather than given it silently."""
        ...

    def updates(self) -> list[OrderUpdate]:
        """What it was told of its orders before that kline."""
        ...

    def tickers(self) -> Iterable[MarketTicker]:
        """What it was given of the market after that kline; the account is as it was at each."""
        ...


class SentOrder(msgspec.Struct, frozen=True):
    """An order that was sent: its key, the open time of the kline whose close decided it, and what was asked for."""

    key: str
    open_time: int
    request: OrderRequest


class ModelledFill(msgspec.Struct, frozen=True):
    """What the fill model made of a sent order: average price, quantity, fee in the settlement currency, and how it ended."""

    key: str
    price: float
    quantity: float
    fee: float
    state: str


def replay_decisions(data: MarketData, strategy: Strategy, account: PastAccount) -> list[tuple[int, Decision]]:
    """Return (open time of the kline, decision) for all that the strategy states over the klines, in order."""
    tables = [Bars(str(item.instrument), item.period, {name: item.columns[name] for name in COLUMNS}) for item in data.series]
    feeds = feeds_of(strategy, tables, {str(name): table for name, table in data.funding.items()})
    if not is_event_driven(strategy):
        return _whole(data, targets_of(strategy, bars_view(feeds), start=False))
    driven = _Driven(data, account)
    Driver(data, strategy, Assumptions(rebalance="always"), feeds, driven).run_many(hears_of_orders(strategy))
    return driven.requests.found


def _whole(data: MarketData, targets: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[tuple[int, Decision]]:
    """Return an array of targets as a live strategy on whole arrays states them: each that is a number, at every close."""
    sides: tuple[PositionSide, ...] = ("both",) if targets.ndim == 2 else ("long", "short")
    rows = targets.reshape(len(data.time), len(data.series), len(sides))
    return [
        (int(time), Signal(instrument, float(target), side))
        for time, row in zip(data.time, rows, strict=True)
        for instrument, legs in zip(data.instruments, row, strict=True)
        for side, target in zip(sides, legs, strict=True)
        if not np.isnan(target)
    ]


class _Collected:
    """Takes decisions as the engine's requests do, and keeps them as they are."""

    hedged = False

    def __init__(self, data: MarketData) -> None:
        self.places = {name: place for place, name in enumerate(data.instruments)}
        self.rows: list[tuple[float, ...]] = []
        self.found: list[tuple[int, Decision]] = []
        self._times = data.time.tolist()

    def add(self, bar: int, decision: Decision) -> None:
        """Keep one."""
        self.found.append((self._times[bar], decision))

    def signal(self, bar: int, signal: Signal, place: int | None = None) -> None:
        """Keep one that is a target."""
        self.add(bar, signal)


class _Driven:
    """A past account where the engine's own would be."""

    def __init__(self, data: MarketData, account: PastAccount) -> None:
        self.requests = _Collected(data)
        self._times, self._account, self._bar = data.time.tolist(), account, -1

    @property
    def bar(self) -> int:
        """The present bar."""
        return self._bar

    @bar.setter
    def bar(self, bar: int) -> None:
        self._bar = bar
        self._account.go_to(self._times[bar])

    def position(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the quantity that was held."""
        return self._account.position(instrument, side)

    def entry_price(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the entry price that was."""
        return self._account.entry_price(instrument, side)

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        """Return the orders that worked."""
        return self._account.open_orders(instrument)

    @property
    def equity(self) -> float:
        """The equity that was."""
        return self._account.equity

    @property
    def cash(self) -> float:
        """The cash that was."""
        return self._account.cash

    def hand_over(self) -> None:
        """Nothing is executed here."""

    def asks(self) -> bool:
        """Whether it was asked at the present bar."""
        return self._account.asked()

    def updates(self) -> list[OrderUpdate]:
        """Return what it was told of its orders."""
        return self._account.updates()

    def tickers(self) -> Iterable[MarketTicker]:
        """Return the market between this bar and the next, as it was given."""
        return self._account.tickers()


def model_fills(data: MarketData, sent: Sequence[SentOrder], assumptions: Assumptions) -> list[ModelledFill]:
    """Return what the fill model makes of orders that were sent; those that no kline follows, or none decided, are left out."""
    rows = {int(time): row for row, time in enumerate(data.time)}
    table, hedged = OrderTable(), any(order.request.position_side != "both" for order in sent)
    for order in sent:
        row = rows.get(order.open_time)
        if row is not None and row < len(rows) - 1:
            table.add(row, msgspec.structs.replace(order.request, tag=order.key))
    if not len(table):
        return []
    plenty = assumptions.replace(
        initial_equity=_PLENTY, funding=False, margin_mode="cross", position_mode="hedge" if hedged else "one_way"
    )
    result = run_targets(data, orders=table, assumptions=plenty)
    found = result.columns("orders")
    names = ("tag", "average_price", "filled", "fee", "state")
    return [
        ModelledFill(str(key), float(price), float(quantity), float(fee), str(state))
        for key, price, quantity, fee, state in zip(*(found[name] for name in names), strict=True)
    ]
