"""The gate refuses what looks ahead kline by kline, and lets the templates and honest strategies with a memory pass."""

from __future__ import annotations

import pytest
from tests.support.leaks import HONEST, LEAKS, LOADED, TOLD, EnginesInside, Told
from tests.support.strategies import random_bars
from tests.support.toy_engine import run_toy

from quantservice.quant.honesty.example import example_market
from quantservice.quant.honesty.lookahead import check_strategy
from quantservice.quant.honesty.verdict import Verdict
from quantservice.quant.strategies import Bar, OrderRequest, Signal, Strategy, View
from quantservice.quant.strategies.base import is_event_driven
from quantservice.quant.strategies.registry import STRATEGIES

BARS = random_bars(420)
EVENTS = [case for case in LEAKS if is_event_driven(case[0])]


def judge(cls: type[Strategy], **parameters: float) -> Verdict:
    return check_strategy(cls, BARS, parameters=parameters, budget_s=20, drive=run_toy)


@pytest.mark.parametrize(("cls", "kind"), EVENTS, ids=lambda case: getattr(case, "__name__", case))
def test_leaks_kline_by_kline_are_refused(cls: type[Strategy], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for time, close in zip(BARS["open_time"].tolist(), BARS["close"].tolist(), strict=True):
        monkeypatch.setitem(TOLD, time, close)
    monkeypatch.setitem(LOADED, "close", BARS["close"])
    verdict = judge(cls)
    assert verdict.fault is not None
    assert verdict.fault.kind == kind, verdict


@pytest.mark.parametrize("cls", [cls for cls in HONEST if is_event_driven(cls)])
def test_honest_memories_pass(cls: type[Strategy]) -> None:
    verdict = judge(cls)
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_template_passes_at_every_bar(name: str) -> None:
    cls = STRATEGIES[name].cls
    market = example_market(cls, rows=400)
    verdict = check_strategy(cls, market.tables, funding=market.funding, budget_s=60, drive=run_toy)
    assert verdict.passed, verdict
    assert verdict.exact_bars == verdict.bars == 400


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("name", ["ma_cross", "rsi_reversion"])
def test_both_forms_of_a_template_want_the_same(name: str, short: bool) -> None:
    cls = STRATEGIES[name].cls
    market = example_market(cls, rows=900, seed=3)
    verdict = check_strategy(cls, market.tables, parameters={"short": short}, budget_s=5, drive=run_toy)
    assert verdict.passed, verdict


def test_a_global_counter_is_told_from_chance() -> None:
    count = [0]

    class Counts(Strategy):
        def on_kline(self, kline: Bar, view: View) -> Signal:
            count[0] += 1
            return Signal(kline.instrument, float(count[0] % 2))

    class Odd(Counts):
        def on_kline(self, kline: Bar, view: View) -> Signal:
            count[0] += 1
            return Signal(kline.instrument, 1.0 if count[0] > 600 else 0.0)

    for cls in (Counts, Odd):
        count[0] = 0
        fault = check_strategy(cls, random_bars(421), drive=run_toy).fault
        assert fault is not None
        assert fault.kind == "outside_state"


def test_orders_against_arrays_are_two_forms() -> None:
    class Both(Strategy):
        def on_kline(self, kline: Bar, view: View) -> OrderRequest:
            return OrderRequest(instrument=kline.instrument, side="buy", quantity=1.0)

        def on_bars(self, bars):  # type: ignore[no-untyped-def]
            return bars["close"] * 0.0

    fault = judge(Both).fault
    assert fault is not None
    assert fault.kind == "two_forms"


def test_what_a_strategy_raises_is_in_the_verdict() -> None:
    class Raises(Strategy):
        def on_kline(self, kline: Bar, view: View) -> None:
            if view.bars > 100:
                raise ZeroDivisionError("too much")

    fault = judge(Raises).fault
    assert fault is not None
    assert fault.kind == "raised"
    assert "too much" in str(fault)


def test_the_platforms_own_engine_is_no_door_to_the_future() -> None:
    fault = check_strategy(EnginesInside, BARS, budget_s=20).fault
    assert fault is not None
    assert fault.kind == "streaming"
    assert check_strategy(STRATEGIES["grid"].cls, random_bars(300), budget_s=20).passed


def test_hidden_prices_are_found_by_what_follows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for time, close in zip(BARS["open_time"].tolist(), BARS["close"].tolist(), strict=True):
        monkeypatch.setitem(TOLD, time, close * 3.0)  # not the very prices, so that they are not found in the variable
    fault = judge(Told).fault
    assert fault is not None
    assert "standard errors" in fault.detail
