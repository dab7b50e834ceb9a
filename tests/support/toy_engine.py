"""The smallest engine that a strategy can run in: what is wanted is had at that close; limit orders fill where they are touched."""

from __future__ import annotations

from collections.abc import Sequence

from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, OrderUpdate, Signal
from quantservice.quant.honesty.market import Market
from quantservice.quant.strategies import Bar, Strategy, View
from quantservice.quant.strategies.base import decisions_of
from quantservice.quant.strategies.feed import feeds_of
from quantservice.quant.strategies.runner import together
from quantservice.quant.strategies.view import OpenOrder


class ToyAccount:
    """Equity 1,000 that never changes; positions in base units."""

    equity = 1_000.0
    cash = 1_000.0

    def __init__(self) -> None:
        self.held: dict[InstrumentId, float] = {}
        self.entry: dict[InstrumentId, float] = {}
        self.orders: list[tuple[int, OrderRequest]] = []
        self.number = 0

    def position(self, instrument: InstrumentId, _side: PositionSide) -> float:
        return self.held.get(instrument, 0.0)

    def entry_price(self, instrument: InstrumentId, _side: PositionSide) -> float:
        return self.entry.get(instrument, float("nan"))

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        return [
            OpenOrder(order.instrument, number, order.side, order.type, order.quantity or 0.0, order.limit_price, tag=order.tag)
            for number, order in self.orders
            if instrument in {None, order.instrument}
        ]


def run_toy(market: Market, strategy: Strategy) -> ToyAccount:
    """Walk the market; the gate's ``drive``."""
    account = ToyAccount()
    feeds = {feed.instrument: feed for feed in feeds_of(strategy, market.tables, market.funding)}
    views = {
        instrument: View(list(feeds), market.period, account, feed.past, memory=strategy.memory_bars)
        for instrument, feed in feeds.items()
    }
    refreshing = {instrument: feed.refreshing(views[instrument]) for instrument, feed in feeds.items()}
    for bars in together(market.tables):
        for bar in bars:
            view = views[bar.instrument]
            view.instrument, view.row = bar.instrument, view.row + 1
            next(refreshing[bar.instrument])
            _fill(account, bar, strategy, view)
        for bar in bars:
            answer = strategy.on_kline(bar, views[bar.instrument])
            for decision in decisions_of(answer, "on_kline", strategy):
                _take(account, decision, bar)
    return account


def _take(account: ToyAccount, decision: Decision, bar: Bar) -> None:
    if isinstance(decision, Signal):
        account.held[decision.instrument] = decision.target * account.equity / bar.close
        account.entry.setdefault(decision.instrument, bar.close)
    elif isinstance(decision, CancelOrders):
        account.orders = [item for item in account.orders if item[1].instrument != decision.instrument]
    else:
        account.number += 1
        account.orders.append((account.number, decision))


def _fill(account: ToyAccount, bar: Bar, strategy: Strategy, view: View) -> None:
    for number, order in list(account.orders):
        if order.instrument != bar.instrument:
            continue
        price = order.limit_price if order.limit_price is not None else bar.open
        if order.limit_price is not None and not (bar.low < price if order.side == "buy" else bar.high > price):
            continue
        account.orders.remove((number, order))
        quantity = order.quantity if order.quantity is not None else (order.fraction or 0.0) * account.equity / price
        held = account.held.get(order.instrument, 0.0)
        account.held[order.instrument] = held + quantity if order.side == "buy" else max(0.0, held - quantity)
        account.entry[order.instrument] = price
        update = OrderUpdate(
            instrument=order.instrument,
            order_id=number,
            side=order.side,
            state="filled",
            tag=order.tag,
            filled_quantity=quantity,
            fill_price=price,
            fill_quantity=quantity,
            time=bar.open_time,
        )
        for decision in decisions_of(strategy.on_order_update(update, view), "on_order_update", strategy):
            _take(account, decision, bar)
