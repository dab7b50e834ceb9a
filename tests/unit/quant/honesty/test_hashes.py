"""The code hash follows the text, the family follows the idea."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy as other_name

from quantservice.quant.honesty import code_hash, family_hash
from quantservice.quant.strategies import Bar, Signal, Strategy, View
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.strategies.registry import STRATEGIES
from quantservice.quant.strategies.templates.ma_cross import MaCross


def above(one: float, two: float) -> bool:
    return one > two


def greater(first: float, second: float) -> bool:
    """The same, with words."""
    # and a comment
    return first > second


def below(one: float, two: float) -> bool:
    return one + two > 0.0


class Original(Strategy):
    fast: int = 10
    slow: int = 50

    def indicators(self) -> Mapping[str, Any]:
        return {"fast": ("sma", self.fast), "slow": ("sma", self.slow)}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, target=1.0 if above(view["fast"], view["slow"]) else 0.0)


class Copied(Strategy):
    """Another idea, one might think."""

    quick: int = 11  # other defaults
    long: int = 51

    def on_kline(self, k: Bar, v: View) -> Signal:
        """Renamed, moved, documented."""
        return Signal(k.instrument, target=0.5 if greater(v["q"], v["s"]) else -0.5, tag="new")

    def indicators(self) -> Mapping[str, Any]:
        return {
            "q": ("sma", self.quick),
            "s": ("sma", self.long),
        }


class Narrower(Original):
    fast: int = 20


class OtherHelper(Original):
    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, target=1.0 if below(view["fast"], view["slow"]) else 0.0)


class OtherIndicator(Original):
    def indicators(self) -> Mapping[str, Any]:
        return {"fast": ("ema", self.fast), "slow": ("ema", self.slow)}


class WithArrays(Strategy):
    length: int = 5

    def on_bars(self, bars: BarsView) -> Any:
        close = bars["close"]
        return self._sign(close) * np.where(close > close.mean(), 1.0, 0.0)

    def _sign(self, values: Any) -> Any:
        return np.sign(values)


class WithArraysAgain(Strategy):
    def _helper(self, x: Any) -> Any:
        return other_name.sign(x)

    def on_bars(self, table: BarsView) -> Any:
        prices: Any = table["close"]
        return self._helper(prices) * other_name.where(prices.mean() < prices, 2.0, 0.0)


def test_copies_join_the_family() -> None:
    assert family_hash(Copied) == family_hash(Original) == family_hash(Narrower)
    assert family_hash(WithArrays) == family_hash(WithArraysAgain)
    assert len({code_hash(cls) for cls in (Original, Copied, Narrower)}) == 3


def test_other_arithmetic_is_another_family() -> None:
    families = {family_hash(cls) for cls in (Original, OtherHelper, OtherIndicator, WithArrays, MaCross)}
    assert len(families) == 5
    assert len({family_hash(entry.cls) for entry in STRATEGIES.values()}) == len(STRATEGIES)


def test_a_subclass_of_a_template_with_other_defaults_is_the_template() -> None:
    class Mine(MaCross):
        """Mine."""

        slow = 77

    assert family_hash(Mine) == family_hash(MaCross)
    assert code_hash(Mine) != code_hash(MaCross)


def test_a_changed_helper_changes_the_code_hash() -> None:
    before = code_hash(Original)
    kept = above.__code__
    above.__code__ = below.__code__
    try:
        assert code_hash(Original) != before
        assert family_hash(Original) == family_hash(OtherHelper)
    finally:
        above.__code__ = kept
    assert code_hash(Original) == before


def test_code_without_a_source_has_hashes_too() -> None:
    text = "class Made(Strategy):\n    n: int = {n}\n    def on_kline(self, k, v):\n        return Signal(k.instrument, {x})\n"
    made = []
    for n, x in ((1, "1.0"), (2, "2.0"), (1, "v['a']")):
        space: dict[str, Any] = {"Strategy": Strategy, "Signal": Signal, "__name__": "made_up"}
        exec(compile(text.format(n=n, x=x), "<made>", "exec"), space)
        made.append(space["Made"])
    assert family_hash(made[0]) == family_hash(made[1]) != family_hash(made[2])
    assert code_hash(made[0]) != code_hash(made[1])


class Loops(Strategy):
    def on_bars(self, bars: BarsView) -> Any:
        return self.again(3)

    def again(self, n: int) -> Any:
        return self.again(n - 1) if n else np.zeros(3)


def test_recursion_ends() -> None:
    assert family_hash(Loops) == family_hash(Loops)
