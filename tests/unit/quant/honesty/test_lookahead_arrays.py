"""The gate refuses what looks ahead on whole arrays, at the first bar that does, and lets honest strategies pass."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.leaks import HONEST, LEAKS, MergeNearest, OnceOnly, OneBar
from tests.support.strategies import BTC, ETH, random_bars

from quantservice.quant.honesty.lookahead import check_strategy
from quantservice.quant.strategies import Strategy
from quantservice.quant.strategies.base import is_event_driven

BARS = random_bars(420)


@pytest.mark.parametrize(
    ("cls", "kind"), [case for case in LEAKS if not is_event_driven(case[0])], ids=lambda case: getattr(case, "__name__", case)
)
def test_leaks_on_arrays_are_refused(cls: type[Strategy], kind: str) -> None:
    verdict = check_strategy(cls, BARS, budget_s=30)
    assert verdict.fault is not None
    assert verdict.fault.kind == kind, verdict
    assert "FAILED" in verdict.mark


@pytest.mark.parametrize("cls", [cls for cls in HONEST if not is_event_driven(cls)])
def test_honest_arrays_pass_at_every_bar(cls: type[Strategy]) -> None:
    verdict = check_strategy(cls, BARS, budget_s=60)
    assert verdict.passed, verdict
    assert verdict.exact_bars == verdict.bars == len(BARS)


def test_the_first_leaking_bar_and_both_values_are_named() -> None:
    fault = check_strategy(OnceOnly, BARS, parameters={"bar": 217}).fault
    assert fault is not None
    assert fault.bar == 217
    assert fault.time == int(BARS["open_time"][217])
    assert fault.whole in {"1", "-1"}
    assert fault.alone == "0"
    assert str(np.datetime64(fault.time, "ms"))[:10] in str(fault)


def test_a_join_with_the_future_is_refused() -> None:
    verdict = check_strategy(MergeNearest, BARS, parameters={"direction": "forward"})
    assert not verdict.passed
    assert check_strategy(MergeNearest, BARS, parameters={"direction": "backward"}).passed


def test_short_of_time_the_last_bars_are_checked_and_the_mark_says_so() -> None:
    class Slow(OneBar):
        def on_bars(self, bars):  # type: ignore[no-untyped-def]
            for _ in range(20_000):
                pass
            return np.zeros(len(bars))

    verdict = check_strategy(Slow, BARS, budget_s=0.0)
    assert verdict.passed
    assert verdict.exact_bars == 50
    assert "last 50 of 420 bars" in verdict.mark


def test_a_strategy_that_raises_or_answers_nonsense_is_refused_with_its_words() -> None:
    class Raises(Strategy):
        def on_bars(self, bars):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError("no such luck")

    class Nonsense(Strategy):
        def on_bars(self, bars):  # type: ignore[no-untyped-def]
            return np.zeros(3)

    fault = check_strategy(Raises, BARS).fault
    assert fault is not None
    assert "no such luck" in str(fault)
    fault = check_strategy(Nonsense, BARS).fault
    assert fault is not None
    assert "shape (3,)" in str(fault)


def test_several_instruments_name_the_one_that_leaks() -> None:
    class SecondLeaks(Strategy):
        def on_bars(self, bars):  # type: ignore[no-untyped-def]
            close = bars["close"]
            targets = np.zeros(close.shape)
            targets[:-1, 1] = close[1:, 0] > close[:-1, 0]
            return targets

    fault = check_strategy(SecondLeaks, [random_bars(200), random_bars(180, seed=2, instrument=ETH)]).fault
    assert fault is not None
    assert fault.instrument == str(ETH) != str(BTC)
