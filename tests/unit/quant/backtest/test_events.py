"""The event engine: what a strategy sees, hears and is told when it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.small_market import FREE, HOUR, SPOT, START, UM, flat, market, order, table

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.signals import CancelOrders, OrderUpdate, Signal
from quantservice.quant.backtest import MarketData, run_events, run_targets
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Answer, Strategy
from quantservice.quant.strategies.view import View

PRICES = [100.0, 101.0, 102.0, 101.0, 99.0, 98.0, 100.0, 103.0, 105.0, 104.0]
DATA = market([(price, price + 1, price - 1, price) for price in PRICES])


class Cross(Strategy):
    """Long above an average of three."""

    def indicators(self) -> Mapping[str, Any]:
        return {"mean": ("sma", 3)}

    def on_kline(self, kline: Bar, view: View) -> Answer:
        return Signal(kline.instrument, 1.0 if kline.close > view["mean"] else 0.0, tag="up")


def test_signals_equal_the_same_targets() -> None:
    means = [float("nan")] * 2 + [sum(PRICES[i - 2 : i + 1]) / 3 for i in range(2, len(PRICES))]
    targets = [1.0 if price > mean else 0.0 for price, mean in zip(PRICES, means, strict=True)]
    by_events, by_targets = run_events(DATA, Cross(), FREE), run_targets(DATA, targets, FREE)
    assert by_events.equity.tolist() == by_targets.equity.tolist()
    assert len(by_events.trades) == len(by_targets.trades) == 2
    assert [by_events.tags[row["entry_tag"]] for row in by_events.trades] == ["up", "up"]


class Watcher(Strategy):
    """Writes down what it sees of its account and hears of its orders."""

    def on_start(self, instruments: Any, period: str) -> None:
        self.seen: list[tuple[float, ...]] = []
        self.heard: list[OrderUpdate] = []

    def on_kline(self, kline: Bar, view: View) -> Answer:
        self.seen.append((view.position(), view.entry_price(), view.equity, view.cash, float(len(view.open_orders()))))
        if view.row == 0:
            return [order("buy", quantity=2.0, tag="in"), order("sell", "limit", limit_price=110.0, tag="out", quantity=1.0)]
        if view.row == 5:
            return CancelOrders(instrument=kline.instrument)
        return None

    def on_order_update(self, update: OrderUpdate, view: View) -> Answer:
        self.heard.append(update)
        return None


def test_a_strategy_sees_its_account_and_hears_of_its_orders() -> None:
    watcher = Watcher()
    run_events(DATA, watcher, FREE)
    position, entry, equity, cash, orders = watcher.seen[1]
    assert (position, entry, equity, cash, orders) == (2.0, 101.0, 10_000.0, 10_000.0, 1.0)
    assert watcher.seen[0][0] == 0.0
    assert watcher.seen[-1][4] == 0.0
    told = [(update.tag, update.state, update.filled_quantity) for update in watcher.heard]
    assert told == [("in", "accepted", 0.0), ("out", "accepted", 0.0), ("in", "filled", 2.0), ("out", "cancelled", 0.0)]
    assert watcher.heard[2].fill_price == 101.0
    assert watcher.heard[3].reason == "cancelled by the strategy"


def test_updates_of_partial_fills_add_up() -> None:
    class Big(Watcher):
        def on_kline(self, kline: Bar, view: View) -> Answer:
            return Signal(kline.instrument, 1.0) if view.row == 0 else None

    big, thin = Big(), market([(*row, 100.0) for row in flat(*[100.0] * 5)], synthetic={str(UM): [False] * 5})
    run_events(thin, big, FREE.replace(volume_share_cap=0.4, fill_on_stale=True))
    told = [(update.state, update.fill_quantity, update.filled_quantity) for update in big.heard]
    assert told == [("partially_filled", 40.0, 40.0), ("partially_filled", 40.0, 80.0), ("filled", 20.0, 100.0)]


def test_a_decision_from_an_update_counts_at_that_close() -> None:
    class Bracket(Strategy):
        def on_kline(self, kline: Bar, view: View) -> Answer:
            return order("buy", tag="in") if view.row == 0 else None

        def on_order_update(self, update: OrderUpdate, view: View) -> Answer:
            if update.state == "filled" and update.tag == "in":
                return order("sell", "stop", stop_price=98.5, reduce_only=True, tag="stop")
            return None

    result = run_events(DATA, Bracket(), FREE)
    assert result.fills["price"].tolist() == [101.0, 98.5]
    assert result.fills["bar"].tolist() == [1, 4]


def test_several_instruments_are_asked_in_their_order_when_they_have_a_kline() -> None:
    late = {name: values[2:] for name, values in table([(p, p, p, p) for p in PRICES]).items()}
    data = MarketData.of({str(UM): table([(p, p, p, p) for p in PRICES]), str(SPOT): late}, period="1h")
    calls: list[tuple[int, str, int]] = []

    class Both(Strategy):
        def on_kline(self, kline: Bar, view: View) -> Answer:
            calls.append(((kline.open_time - START) // HOUR, kline.instrument.market, view.bars))
            return Signal(kline.instrument, 0.25)

    result = run_events(data, Both(), FREE)
    assert calls[:4] == [(0, "um", 1), (1, "um", 2), (2, "um", 3), (2, "spot", 1)]
    assert result.fills["bar"].tolist() == [1, 3]


class Wrong(Strategy):
    """Fails in the way it is told to."""

    how: str = "raises"

    def on_kline(self, kline: Bar, view: View) -> Answer:
        if view.row < 3:
            return None
        answers: dict[str, Any] = {
            "nonsense": "buy!",
            "nan": Signal(kline.instrument, float("nan")),
            "infinite": Signal(kline.instrument, float("inf")),
            "stranger": Signal(SPOT, 1.0),
            "leg": Signal(kline.instrument, 1.0, "long"),
            "list": [Signal(kline.instrument, 1.0), 7],
        }
        if self.how == "raises":
            return Signal(kline.instrument, 1.0 / (view.row - 3))
        if self.how == "history":
            view.history("close", 99)
        return answers.get(self.how)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "raises",
            r"Wrong.on_kline: raised ZeroDivisionError at the kline of binance:um:.* that opened at 2023-11-15 03:00",
        ),
        ("nonsense", r"Wrong.on_kline: returned 'buy!'"),
        ("nan", "not a finite number"),
        ("infinite", "finite"),
        ("stranger", "binance:spot:BTC-USDT"),
        ("leg", "hedge"),
        ("list", "returned 7"),
        ("history", "99 bars of close are asked"),
    ],
)
def test_a_strategy_that_is_wrong_is_told_so(how: str, message: str) -> None:
    with pytest.raises((InvalidValue, UnknownName), match=message):
        run_events(DATA, Wrong(how=how), FREE)


def test_a_strategy_of_several_instruments_that_raises_is_named_too() -> None:
    data = MarketData.of({str(UM): table(flat(*PRICES)), str(SPOT): table(flat(*PRICES))}, period="1h")
    with pytest.raises(InvalidValue, match="ZeroDivisionError at the kline of binance:um:BTC-USDT-PERP"):
        run_events(data, Wrong(), FREE)


def test_hedged_views_name_their_leg() -> None:
    seen: list[tuple[float, float, float]] = []

    class Hedged(Strategy):
        def on_kline(self, kline: Bar, view: View) -> Answer:
            seen.append((view.position(side="long"), view.position(side="short"), view.position()))
            return [Signal(kline.instrument, 0.4, "long"), Signal(kline.instrument, -0.2, "short")]

    run_events(market(flat(100.0, 100.0, 100.0)), Hedged(), FREE.replace(position_mode="hedge"))
    assert seen[1] == (40.0, -20.0, 20.0)
