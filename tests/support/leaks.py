"""Strategies that look ahead, each in its own way, and honest ones that look suspicious."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from quantservice.core.signals import Signal
from quantservice.quant.strategies import Bar, Strategy, View
from quantservice.quant.strategies.feed import BarsView

Array = npt.NDArray[np.float64]


class OneBar(Strategy):
    """The next close."""

    def on_bars(self, bars: BarsView) -> Array:
        close = bars["close"]
        return np.where(np.concatenate((close[1:], close[-1:])) > close, 1.0, 0.0)


class MergeNearest(Strategy):
    """A table joined with the nearest row instead of the last one."""

    direction: str = "nearest"

    def on_bars(self, bars: BarsView) -> Any:
        table = bars.to_pandas()[["close"]].reset_index()
        slow = table.iloc[::6].rename(columns={"close": "seen"})
        joined = pd.merge_asof(table, slow, on="open_time", direction=self.direction)
        return (joined["close"] < joined["seen"]).astype(float).to_numpy()


class UnfinishedPeriod(Strategy):
    """The close of the four hours that are still running."""

    def on_bars(self, bars: BarsView) -> Any:
        table = bars.to_pandas()
        longer = table["close"].resample("4h").last()
        return (longer.reindex(table.index, method="ffill") > table["close"]).astype(float).to_numpy()


class WholeSample(Strategy):
    """Normalised with mean and deviation of everything."""

    def on_bars(self, bars: BarsView) -> Array:
        close = bars["close"]
        return np.where(close - close.mean() < -0.1 * close.std(), 1.0, 0.0)


class Centred(Strategy):
    """A centred mean."""

    def on_bars(self, bars: BarsView) -> Any:
        close = pd.Series(bars["close"])
        return (close > close.rolling(5, center=True).mean()).astype(float).to_numpy()


class Backfilled(Strategy):
    """Holes filled from behind."""

    def on_bars(self, bars: BarsView) -> Any:
        close = pd.Series(bars["close"])
        marks = close.where(np.arange(len(close)) % 5 == 0).bfill()
        return (marks > close).astype(float).to_numpy()


class Interpolated(Strategy):
    """Holes filled between."""

    def on_bars(self, bars: BarsView) -> Any:
        close = pd.Series(bars["close"])
        marks = close.where(np.arange(len(close)) % 7 == 0).interpolate()
        return (marks > close).fillna(False).astype(float).to_numpy()


class TopOfAll(Strategy):
    """Short from the highest close of all."""

    def on_bars(self, bars: BarsView) -> Array:
        return np.where(np.arange(len(bars)) > int(np.argmax(bars["close"])), -1.0, 0.0)


class FittedOnAll(Strategy):
    """A line fitted to the whole sample."""

    def on_bars(self, bars: BarsView) -> Array:
        rows = np.arange(len(bars), dtype=np.float64)
        slope, level = np.polyfit(rows, bars["close"], 1) if len(bars) > 1 else (0.0, 0.0)
        return np.where(bars["close"] < slope * rows + level, 1.0, 0.0)


class OnceOnly(Strategy):
    """Honest but for one bar."""

    bar: int = 333

    def on_bars(self, bars: BarsView) -> Array:
        close = bars["close"]
        targets = np.zeros(len(close))
        if len(close) > self.bar + 1:
            targets[self.bar] = 1.0 if close[self.bar + 1] > close[self.bar] else -1.0
        return targets


class KnowsItsLength(Strategy):
    """Sells at the end of the data."""

    def on_bars(self, bars: BarsView) -> Array:
        targets = np.ones(len(bars))
        targets[-1] = 0.0
        return targets


class ReversedOrder(Strategy):
    """A cumulative maximum from behind."""

    def on_bars(self, bars: BarsView) -> Array:
        close = bars["close"]
        return np.where(np.maximum.accumulate(close[::-1])[::-1] > close * 1.02, 1.0, 0.0)


class Volume(Strategy):
    """The next bar's volume."""

    def on_bars(self, bars: BarsView) -> Array:
        volume = bars["volume"]
        return np.where(np.roll(volume, -1) > 50.0, 1.0, 0.0)


class BehindTheSlice(Strategy):
    """Looks for what lies behind the arrays that it was given."""

    def on_bars(self, bars: BarsView) -> Array:
        close = bars["close"]
        whole = close
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        return np.full(len(close), float(len(whole) != len(close)))


_MEAN: dict[str, float] = {}


class CachedInModule(Strategy):
    """The first run's mean, kept for all others."""

    def on_bars(self, bars: BarsView) -> Array:
        _MEAN.setdefault("mean", float(bars["close"].mean()))
        return np.where(bars["close"] < _MEAN["mean"], 1.0, 0.0)


@cache
def _fit(values: tuple[float, ...]) -> float:
    return float(np.median(values))


_first: tuple[float, ...] | None = None


class CachedFunction(Strategy):
    """A fit that is made once, by a global and a cached function."""

    def on_bars(self, bars: BarsView) -> Array:
        global _first  # noqa: PLW0603 - that is the fault
        if _first is None:
            _first = tuple(bars["close"].tolist())
        return np.where(bars["close"] < _fit(_first), 1.0, 0.0)


class CachedInClass(Strategy):
    """Closes seen in a former run, read at the next."""

    seen: ClassVar[list[float]] = []
    times: ClassVar[dict[int, int]] = {}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        place = self.times.setdefault(kline.open_time, len(self.times))
        if place >= len(self.seen):
            self.seen.append(kline.close)
        ahead = self.seen[place + 1] if place + 1 < len(self.seen) else kline.close
        return Signal(kline.instrument, 1.0 if ahead > kline.close else 0.0)


class Unseeded(Strategy):
    """A new throw at every run."""

    def on_bars(self, bars: BarsView) -> Array:
        return np.random.default_rng().integers(0, 2, len(bars)).astype(np.float64)


TOLD: dict[int, float] = {}


class Told(Strategy):
    """Reads the next closes from a table that somebody filled before."""

    def on_kline(self, kline: Bar, view: View) -> Signal:
        now = TOLD.get(kline.open_time, 0.0)
        return Signal(kline.instrument, 1.0 if TOLD.get(kline.open_time + 3_600_000, 0.0) > now else 0.0)


#: Filled by a test with the closes that are judged: a stand-in for a table that a notebook loaded.
LOADED: dict[str, Any] = {}


class Loaded(Strategy):
    """Compares with the mean of a table beside it: no target follows the next bar, and yet the future is in all of them."""

    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, 1.0 if kline.close < float(np.mean(LOADED["close"])) else 0.0)


class EnginesInside(Strategy):
    """Goes through the account to the engine's own data."""

    def on_kline(self, kline: Bar, view: View) -> Signal:
        data = getattr(getattr(view.account, "machine", None), "data", None)
        ahead = kline.close
        if data is not None and view.row + 1 < len(data.time):
            ahead = float(data.series[0].columns["close"][view.row + 1])
        return Signal(kline.instrument, 1.0 if ahead > kline.close else 0.0)


class PrivateFuture(Strategy):
    """Digs in the engine's own columns for the next close."""

    def on_kline(self, kline: Bar, view: View) -> Signal:
        columns = getattr(view.past, "_columns", None)
        ahead = kline.close
        if columns is not None and view.row + 1 < len(columns["close"]):
            ahead = columns["close"][view.row + 1]
        return Signal(kline.instrument, 1.0 if ahead > kline.close else 0.0)


class TwoMinds(Strategy):
    """Both forms, not the same."""

    length: int = 5

    def indicators(self) -> Mapping[str, Any]:
        return {"mean": ("sma", self.length)}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, 1.0 if kline.close > view["mean"] else 0.0)

    def on_bars(self, bars: BarsView) -> Array:
        return np.where(bars["close"] > bars["mean"] * 1.01, 1.0, 0.0)


#: What the gate must refuse: strategy and the kinds of fault that say it.
LEAKS: tuple[tuple[type[Strategy], str], ...] = (
    (OneBar, "look_ahead"),
    (MergeNearest, "look_ahead"),
    (UnfinishedPeriod, "look_ahead"),
    (WholeSample, "look_ahead"),
    (Centred, "look_ahead"),
    (Backfilled, "look_ahead"),
    (Interpolated, "look_ahead"),
    (TopOfAll, "look_ahead"),
    (FittedOnAll, "look_ahead"),
    (OnceOnly, "look_ahead"),
    (KnowsItsLength, "look_ahead"),
    (ReversedOrder, "look_ahead"),
    (Volume, "look_ahead"),
    (CachedInModule, "look_ahead"),
    (CachedFunction, "look_ahead"),
    (Unseeded, "not_deterministic"),
    (CachedInClass, "outside_state"),
    (PrivateFuture, "streaming"),
    (Told, "foresight"),
    (Loaded, "foresight"),
    (TwoMinds, "two_forms"),
)


class Expanding(Strategy):
    """Everything up to now, and nothing else."""

    def on_bars(self, bars: BarsView) -> Any:
        close = pd.Series(bars["close"])
        score = (close - close.expanding().mean()) / close.expanding().std()
        return np.where(score > 1.0, 1.0, np.where(score < -1.0, -1.0, np.nan))


class RightJoin(Strategy):
    """The last four hours that are over."""

    def on_bars(self, bars: BarsView) -> Any:
        table = bars.to_pandas()
        longer = table["close"].resample("4h").last().shift(1)
        return (longer.reindex(table.index, method="ffill") > table["close"]).astype(float).to_numpy()


class Seeded(Strategy):
    """Random, the same in each run."""

    seed: int = 3

    def on_bars(self, bars: BarsView) -> Array:
        return np.random.default_rng(self.seed).normal(size=len(bars)).round(1)


class Walks(Strategy):
    """A loop with a state, and a running fit."""

    def on_bars(self, bars: BarsView) -> Array:
        level, targets = 0.0, np.zeros(len(bars))
        for row, close in enumerate(bars["close"]):
            level = close if row == 0 else 0.9 * level + 0.1 * close
            targets[row] = 1.0 if close > level else 0.0
        return targets


class Remembers(Strategy):
    """Kline by kline, with a memory of its own, positions and history."""

    def indicators(self) -> Mapping[str, Any]:
        return {"mean": ("ema", 8), "day": ("close", {"period": "1d"})}

    def on_kline(self, kline: Bar, view: View) -> Signal | None:
        self.count = getattr(self, "count", 0) + 1
        if self.count % 3 or view.bars < 20:
            return None
        past = view.history("close", 20)
        if view.position() > 0.0 and kline.close > view.entry_price() * 1.02:
            return Signal(kline.instrument, 0.0, tag="gain")
        return Signal(kline.instrument, 0.5 if kline.close < past.mean() and view["mean"] < view["day"] else 0.0)


class Needs50(Strategy):
    """Raises with fewer bars than its window, as a window over an array does."""

    def on_bars(self, bars: BarsView) -> Array:
        windows = np.lib.stride_tricks.sliding_window_view(bars["close"], 50)
        return np.concatenate((np.zeros(49), np.where(bars["close"][49:] > windows.mean(axis=1), 1.0, 0.0)))


HONEST: tuple[type[Strategy], ...] = (Expanding, RightJoin, Seeded, Walks, Remembers, Needs50, BehindTheSlice)
