"""What a strategy may answer, what it sees, what survives a restart, and the registry."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.support.strategies import BTC, ETH, START_MS, random_bars

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import CancelOrders, OrderRequest, Signal
from quantservice.quant.strategies import Bar, Strategy, View
from quantservice.quant.strategies.bar import MarketTicker, bars_of, bars_table, close_times
from quantservice.quant.strategies.base import decisions_of
from quantservice.quant.strategies.feed import BarsView, bars_view, feeds_of
from quantservice.quant.strategies.registry import StrategyRegistry
from quantservice.quant.strategies.runner import StrategyRunner
from quantservice.quant.strategies.targets import targets_of
from quantservice.quant.strategies.view import EmptyAccount
from quantservice.quant.strategies.wanted import wanted_by, warm_up_bars, window_bars

BARS = random_bars(40)


class Plain(Strategy):
    asked: str = "sma"

    def indicators(self) -> Mapping[str, Any]:
        return {"mean": (self.asked, 3), "bands": ("minmax", 5), "lowest": ("min", 2, {"input": "low"})}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, 1.0)


def last_view(rows: int = 40) -> View:
    runner = StrategyRunner(Plain(), [BTC], "1h")
    assert runner.warm_up([random_bars(rows)]) == rows
    return runner.view(BTC)


# --- answers ---


def test_answers_become_decisions() -> None:
    order = OrderRequest(instrument=BTC, side="buy", quantity=1.0)
    cancel = CancelOrders(instrument=BTC)
    assert decisions_of(None, "on_kline", Plain()) == ()
    assert decisions_of(order, "on_kline", Plain()) == (order,)
    assert decisions_of([Signal(BTC, 0.5), order, cancel], "on_kline", Plain()) == (Signal(BTC, 0.5), order, cancel)
    for nonsense in (1.0, "buy", [1.0], {"target": 1}, [[Signal(BTC, 1.0)]]):
        with pytest.raises(InvalidValue, match=r"Plain\.on_kline: returned .*return a Signal"):
            decisions_of(nonsense, "on_kline", Plain())
    with pytest.raises(InvalidValue, match="not a number"):
        decisions_of(Signal(BTC, float("nan")), "on_kline", Plain())


@pytest.mark.parametrize(
    ("answer", "words"),
    [("text", "no array"), (np.zeros(3), r"shape \(3,\)"), (np.full(40, np.inf), "infinite"), (None, r"shape \(\)")],
)
def test_targets_that_are_none_are_refused(answer: Any, words: str) -> None:
    class Whole(Strategy):
        def on_bars(self, bars: BarsView) -> Any:
            return answer

    view = bars_view(feeds_of(Whole(), [BARS]))
    with pytest.raises(InvalidValue, match=words):
        targets_of(Whole(), view)


def test_a_strategy_without_a_form_is_refused() -> None:
    class Neither(Strategy):
        pass

    with pytest.raises(InvalidValue, match="neither on_kline nor on_bars"):
        StrategyRunner(Neither(), [BTC], "1h")
    with pytest.raises(InvalidValue, match="does not work on whole arrays"):
        Plain().on_bars(bars_view(feeds_of(Plain(), [BARS])))
    with pytest.raises(InvalidValue, match="at least one"):
        StrategyRunner(Plain(), [], "1h")


# --- the view ---


def test_the_view_shows_values_history_and_the_past() -> None:
    view = last_view()
    close = BARS["close"]
    assert view["mean"] == pytest.approx(close[-3:].mean())
    assert view["bands"] == view["bands.min"] <= view["bands.max"]
    np.testing.assert_array_equal(view.history("close", 40), close)
    assert view.history("open_time", 2).dtype == np.int64
    assert view.previous("close") == close[-2]
    assert view.previous("close", 0) == close[-1]
    assert np.isnan(view.previous("close", 40))
    assert view.bars == 40
    assert view.time == START_MS + 40 * 3_600_000 - 1
    assert "mean=" in repr(view)
    assert (view.position(), view.equity, view.cash, list(view.open_orders())) == (0.0, 1.0, 1.0, [])
    assert np.isnan(view.entry_price())


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda view: view["maen"], "did you mean: mean"),
        (lambda view: view.history("close", 41), "41 bars of close are asked of .*, 40 exist"),
        (lambda view: view.history("close", 0), "at least one"),
        (lambda view: view.history("clsoe", 2), "did you mean: close"),
        (lambda view: view.previous("close", -1), "future"),
    ],
)
def test_the_view_refuses_with_a_sentence(ask: Any, words: str) -> None:
    with pytest.raises((InvalidValue, UnknownName), match=words):
        ask(last_view())


def test_more_history_than_is_kept_is_refused() -> None:
    class Short(Plain):
        memory_bars = 10

    runner = StrategyRunner(Short(), [BTC], "1h")
    runner.warm_up([random_bars(300)])
    view = runner.view(BTC)
    np.testing.assert_array_equal(view.history("close", 10), random_bars(300)["close"][-10:])
    with pytest.raises(InvalidValue, match="set memory_bars = 11"):
        view.history("close", 11)


# --- what is asked for ---


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"x": ("smaa", 3)}, "did you mean"),
        ({"x": ("sma", 0)}, "Asks.indicators"),
        ({"x": ("sma", 3, {"period": "7h"})}, "unknown period"),
        ({"x": ("sma", 3, {"instrument": "BTC"})}, "venue:market:SYMBOL"),
        ({"x": ("sma", 3, {"instrument": str(ETH)})}, "give its bars too"),
        ({"x": ("sma", 3, {"period": "30m"})}, "cannot be made of 1h"),
        ({"close": ("sma", 3)}, "bars have a column of this name"),
        ({"x": ("close", 3)}, "a price takes nothing but"),
        ({"x": ("close", {"perod": "4h"})}, "did you mean: period"),
        ({"x": ("funding_rate", {"period": "4h"})}, "no period"),
        ({"x": ("correl", 3, {"input": ("close", "benchmark")})}, "second instrument"),
        ([("sma", 3)], "return a mapping"),
    ],
)
def test_wrong_questions_are_answered_with_a_sentence(asked: Any, words: str) -> None:
    class Asks(Strategy):
        def indicators(self) -> Any:
            return asked

        def on_kline(self, kline: Bar, view: View) -> None:
            return None

    for ask in (lambda: feeds_of(Asks(), [BARS]), lambda: StrategyRunner(Asks(), [BTC], "1h")):
        with pytest.raises((InvalidValue, UnknownName), match=words):
            ask()


def test_tables_of_several_periods_and_none_are_refused() -> None:
    with pytest.raises(InvalidValue, match="give one period"):
        feeds_of(Plain(), [BARS, random_bars(5, period="4h", instrument=ETH)])
    with pytest.raises(InvalidValue, match="at least one instrument"):
        feeds_of(Plain(), [])


def test_warm_up_covers_windows_longer_periods_and_slow_memories() -> None:
    class Slow(Plain):
        memory_bars = 10

        def indicators(self) -> Mapping[str, Any]:
            return {"a": ("sma", 50), "b": ("sma", 20, {"period": "4h"}), "c": ("close", {"period": "1d"})}

    class Faint(Slow):
        def indicators(self) -> Mapping[str, Any]:
            return {"a": ("ema", 50)}

    assert warm_up_bars(Plain(), "1h") == 1_000
    assert warm_up_bars(Slow(), "1h") == 21 * 4
    assert warm_up_bars(Faint(), "1h") > 1_000
    assert window_bars(wanted_by(Slow()), "1h") == 20 * 4
    assert window_bars(wanted_by(Faint()), "1h") == 500
    assert window_bars((), "1h") == 0
    assert [item.outputs for item in wanted_by(Plain())] == [("mean",), ("bands", "bands.min", "bands.max"), ("lowest",)]


# --- bars ---


def test_bars_are_rows_of_the_columns() -> None:
    rows = list(bars_table(BARS))
    assert [bar.close for bar in rows] == BARS["close"].tolist()
    assert rows[3]["high"] == BARS["high"][3]
    assert rows[3].close_time == BARS["open_time"][3] + 3_599_999
    assert isinstance(rows[0].count, int)
    assert len(list(bars_of(BTC, "1h", BARS.columns, 10, 13))) == 3
    kline = Kline(
        stream=StreamId.kline(BTC, "1h"),
        open_time=0,
        close_time=3_599_999,
        **dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), 1),  # type: ignore[arg-type]
        count=2,
        taker_buy_base_volume=0,  # type: ignore[arg-type]
        taker_buy_quote_volume=0,  # type: ignore[arg-type]
    )
    assert Bar.of(kline).close == 1.0
    february = np.array([1_706_745_600_000], dtype=np.int64)
    assert close_times("1mo", february)[0] == 1_709_251_199_999


def test_the_view_of_arrays_shows_one_or_several_instruments() -> None:
    one = bars_view(feeds_of(Plain(), [BARS]))
    assert one["close"].shape == one["mean"].shape == (40,)
    assert not one["close"].flags.writeable
    assert len(one) == 40
    assert one.instrument == BTC
    assert list(one.to_pandas().columns)[-1] == "lowest"
    assert "with mean" in repr(one)
    two = bars_view(feeds_of(Plain(), [BARS, random_bars(20, instrument=ETH, start_ms=START_MS + 5 * 3_600_000)]))
    assert two["close"].shape == (40, 2)
    assert np.isnan(two["close"][:5, 1]).all()
    assert two.of(str(ETH))["close"].shape == (40,)
    assert ("close", str(ETH)) in two.to_pandas().columns
    with pytest.raises(UnknownName, match="did you mean"):
        two.of("binance:um:ETH-USDT")
    with pytest.raises(UnknownName, match="column or indicator"):
        one["nothing"]


# --- running ---


def test_klines_out_of_place_are_refused() -> None:
    runner = StrategyRunner(Plain(), [BTC], "1h")
    rows = list(bars_table(BARS))
    runner.feed([rows[0]])
    assert runner.last_open(BTC) == rows[0].open_time
    for wrong, words in (
        ([rows[0]], "rebuild from the revised klines"),
        (list(bars_table(random_bars(1, instrument=ETH))), "unknown instrument"),
        (list(bars_table(random_bars(9, period="15m")))[8:], "does not close with the others"),
    ):
        with pytest.raises((InvalidValue, UnknownName), match=words):
            runner.feed(wrong)


class Sums(Strategy):
    def on_start(self, instruments: Any, period: str) -> None:
        self.total = 0.0

    def on_kline(self, kline: Bar, view: View) -> Signal:
        self.total += kline.close
        return Signal(kline.instrument, self.total)


class Watches(Sums):
    def on_market_data(self, ticker: MarketTicker, view: View) -> Signal:
        return Signal(ticker.instrument, ticker.bid)


class Buys(Strategy):
    """Buys at every second kline, and counts."""

    def on_start(self, instruments: Any, period: str) -> None:
        self.seen = 0

    def on_kline(self, kline: Bar, view: View) -> OrderRequest | None:
        self.seen += 1
        return None if self.seen % 2 else OrderRequest(instrument=kline.instrument, side="buy", quantity=1.0)


def test_a_revised_kline_is_taken_by_rebuilding_from_the_start_or_from_a_checkpoint() -> None:
    runner = StrategyRunner(Sums(), [BTC], "1h")
    rows = list(bars_table(BARS))
    for bar in rows[:20]:
        runner.feed([bar])
    checkpoint = json.loads(json.dumps(runner.save_state()))
    for bar in rows[20:]:
        runner.feed([bar])
    columns = {name: BARS[name].copy() for name in BARS}
    columns["close"][25] *= 2.0
    revised = type(BARS)(BARS.instrument, BARS.period, columns)
    tail = type(BARS)(BARS.instrument, BARS.period, {name: values[20:] for name, values in columns.items()})
    for tables, start in ((revised, None), (tail, checkpoint)):
        runner.rebuild([tables], checkpoint=start)
        assert runner.strategy.total == pytest.approx(columns["close"].sum())  # type: ignore[attr-defined]
        assert runner.last_open(BTC) == rows[-1].open_time
    with pytest.raises(InvalidValue, match="other instruments"):
        StrategyRunner(Sums(), [ETH], "1h").load_state(checkpoint)


def test_one_that_hears_the_market_answers_it_and_is_not_asked_about_the_past() -> None:
    runner = StrategyRunner(Watches(), [BTC], "1h")
    assert runner.acts
    assert runner.warm_up([BARS]) == len(BARS)
    assert runner.strategy.total == 0.0  # type: ignore[attr-defined]
    assert runner.ticker(MarketTicker(BTC, 0, 1.0, 0.9, 1.1, 5.0)) == (Signal(BTC, 0.9),)


def test_a_strategy_that_acts_remembers_only_what_was_done() -> None:
    rows = list(bars_table(BARS))
    head = type(BARS)(BARS.instrument, BARS.period, {name: values[:9] for name, values in BARS.items()})
    runner = StrategyRunner(Buys(), [BTC], "1h")
    assert not runner.acts
    assert runner.warm_up([head]) == 9
    assert (runner.acts, runner.strategy.seen) == (True, 0)  # type: ignore[attr-defined]
    assert runner.feed([rows[9]]) == ()
    assert [type(item) for item in runner.feed([rows[10]])] == [OrderRequest]
    assert runner.feed_muted([rows[11]]) == ()
    assert runner.strategy.seen == 2  # type: ignore[attr-defined]
    assert runner.last_open(BTC) == rows[11].open_time
    again = StrategyRunner(Buys(), [BTC], "1h")
    again.load_state(json.loads(json.dumps(runner.save_state())))
    assert again.acts
    again.rebuild([head])
    assert (again.strategy.seen, again.last_open(BTC)) == (2, rows[8].open_time)  # type: ignore[attr-defined]


def test_its_first_act_in_a_muted_close_is_taken_back() -> None:
    rows = list(bars_table(BARS))
    runner = StrategyRunner(Buys(), [BTC], "1h")
    runner.feed([rows[0]])
    assert runner.feed_muted([rows[1]]) == ()
    assert (runner.acts, runner.strategy.seen) == (True, 1)  # type: ignore[attr-defined]
    other = StrategyRunner(Buys(), [BTC], "1h")
    other.feed([rows[0]])
    rest = type(BARS)(BARS.instrument, BARS.period, {name: values[1:5] for name, values in BARS.items()})
    other.warm_up([rest])  # it was away
    assert (other.acts, other.strategy.seen) == (True, 1)  # type: ignore[attr-defined]


def test_state_comes_back_as_it_was() -> None:
    class Keeps(Sums):
        pass

    kept = Keeps()
    values = {
        "a": 1,
        "b": float("nan"),
        "c": [1.5, None, "x"],
        "d": (1, 2),
        "e": {"k": {3, 4}},
        "f": np.arange(3.0),
        "g": BTC,
        "h": {1: float("inf")},
        "i": np.float64(2.5),
    }
    for name, value in values.items():
        setattr(kept, name, value)
    back = Keeps()
    back.load_state(json.loads(json.dumps(kept.save_state())))
    assert np.isnan(back.b)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(back.f, np.arange(3.0))  # type: ignore[attr-defined]
    for name in "acdegh":
        assert getattr(back, name) == values[name]
    kept.j = object()  # type: ignore[attr-defined]
    with pytest.raises(InvalidValue, match="j is a object"):
        kept.save_state()


def test_vectorised_strategies_answer_live_with_their_last_row() -> None:
    class Whole(Strategy):
        memory_bars = 25

        def on_bars(self, bars: BarsView) -> Any:
            return np.where(bars["close"] > bars["close"][-1] * 0.0, float(len(bars)), np.nan)

    runner = StrategyRunner(Whole(), [BTC], "1h")
    answers = [decisions for _bars, decisions in runner.replay([BARS])]
    assert [answer[0].target for answer in answers] == [float(min(row + 1, 25)) for row in range(40)]  # type: ignore[union-attr]


def test_an_account_that_holds_nothing_says_so() -> None:
    account = EmptyAccount()
    assert account.position(BTC, "both") == 0.0
    assert list(account.open_orders(None)) == []


# --- registry ---


def test_the_registry_takes_strategies_by_one_door() -> None:
    registry = StrategyRegistry()
    module = types.ModuleType("my_strategies")
    own = type("MyOwn", (Plain,), {"__module__": "my_strategies", "__doc__": "Mine."})
    vars(module).update(MyOwn=own, Plain=Plain, value=3)
    (entry,) = registry.add_module(module, "my_strategies.py")
    assert (entry.name, entry.source, entry.doc, entry.style) == ("my_own", "my_strategies.py", "Mine.", "on_kline")
    assert registry["MyOwn"] is registry["my_own"]
    assert list(registry) == ["my_own"]
    with pytest.raises(UnknownName, match="did you mean: my_own"):
        registry["my_onw"]
    with pytest.raises(InvalidValue, match="already registered"):
        registry.add(own, "elsewhere.py")
    registry.add(own, "my_strategies.py", replace=True)
    for nonsense in (int, Strategy, Plain()):
        with pytest.raises(InvalidValue):
            registry.add(nonsense, "x")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="defines no strategy"):
        registry.add_module(types.ModuleType("empty"), "empty.py")


def test_names_are_words_of_the_class() -> None:
    class RSI2Fast(Plain):
        pass

    assert RSI2Fast.name() == "rsi2_fast"
    assert Plain.name() == "plain"
    assert InstrumentId.parse(str(BTC)) == BTC
