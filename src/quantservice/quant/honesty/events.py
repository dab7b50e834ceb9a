"""The gate for strategies that answer kline by kline: in the engine over history and in the live runner, the same answers.

The live runner is given one kline after the other, so that its answer at a bar is the answer of a run that ends there: one walk
compares every bar with the run on every prefix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.core.signals import Decision, OrderUpdate, Signal
from quantservice.quant.honesty.market import Market
from quantservice.quant.honesty.outside import OutsideState
from quantservice.quant.honesty.verdict import Fault
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Answer, Strategy, decisions_of
from quantservice.quant.strategies.runner import StrategyRunner, together
from quantservice.quant.strategies.view import OpenOrder, View

#: Runs a strategy over a market in the event engine.
Drive = Callable[[Market, Strategy], object]
_BORDERS = 12
_TOLERANCE = 1e-9


class Around(Strategy):
    """Stands between an engine and a strategy."""

    def __init__(self, inner: Strategy) -> None:
        self.inner = inner
        self.memory_bars = inner.memory_bars  # type: ignore[misc]

    def indicators(self) -> Mapping[str, Any]:
        """Return what the strategy asks for."""
        return self.inner.indicators()

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Tell the strategy."""
        self.inner.on_start(instruments, period)


class _Recorder(Around):
    """Writes down what a strategy decides."""

    def __init__(self, inner: Strategy) -> None:
        super().__init__(inner)
        self.seen: list[tuple[int, InstrumentId, str, tuple[Decision, ...]]] = []

    def on_kline(self, kline: Bar, view: View) -> Answer:
        decisions = decisions_of(self.inner.on_kline(kline, view), "on_kline", self.inner)
        self.seen.append((kline.open_time, kline.instrument, "on_kline", decisions))
        return decisions


class _ListeningRecorder(_Recorder):
    """An engine tells orders only to those who listen: so does this one, where the strategy does."""

    def on_order_update(self, update: OrderUpdate, view: View) -> Answer:
        decisions = decisions_of(self.inner.on_order_update(update, view), "on_order_update", self.inner)
        if decisions:
            self.seen.append((update.time, update.instrument, "on_order_update", decisions))
        return decisions


def _listens(strategy: Strategy) -> bool:
    return type(strategy).on_order_update is not Strategy.on_order_update


class _Borrowed:
    """The engine's account, for the strategy that runs beside it."""

    def __init__(self) -> None:
        self.lender: View | None = None

    def _view(self) -> View:
        if self.lender is None:
            raise RuntimeError("no account before the first kline")
        return self.lender

    def position(self, instrument: InstrumentId, side: PositionSide) -> float:
        return self._view().position(instrument, side)

    def entry_price(self, instrument: InstrumentId, side: PositionSide) -> float:
        return self._view().entry_price(instrument, side)

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        return self._view().open_orders(instrument)

    @property
    def equity(self) -> float:
        return self._view().equity

    @property
    def cash(self) -> float:
        return self._view().cash


class _Twin(Around):
    """Asks two instances at every kline: one as the engine sees the history, one fed bar by bar. Stops at the first difference."""

    def __init__(self, inner: Strategy, streaming: Strategy, market: Market) -> None:
        super().__init__(inner)
        self.fault: tuple[Bar, str, str, str] | None = None
        self._account = _Borrowed()
        instruments = [InstrumentId.parse(table.instrument) for table in market.tables]
        self._runner = StrategyRunner(streaming, instruments, market.period, self._account)
        self._groups: Iterator[list[Bar]] = together(market.tables)
        self._funding = sorted(
            (int(when), InstrumentId.parse(name), float(rate))
            for name, item in market.funding.items()
            for when, rate in zip(item.time, item.rate, strict=True)
            if InstrumentId.parse(name) in instruments
        )
        self._paid = 0
        self._now = -1
        self._bar: Bar | None = None

    def on_kline(self, kline: Bar, view: View) -> Answer:
        if self.fault is not None:
            return None
        self._account.lender = view
        self._bar = kline
        self._catch_up(kline)
        whole = decisions_of(self.inner.on_kline(kline, view), "on_kline", self.inner)
        for name, value in self._runner.view(kline.instrument).items():
            if value != view[name] and not same(value, view[name]):
                self._differ(f"view[{name!r}] = {view[name]:.10g}", f"{value:.10g}")
                return None
        return self._compare(whole, lambda: self._runner.answer(kline))

    def _catch_up(self, kline: Bar) -> None:
        while self._now < kline.open_time:
            bars = next(self._groups)
            self._now = bars[0].open_time
            while self._paid < len(self._funding) and self._funding[self._paid][0] <= bars[0].close_time:
                self._runner.funding(*self._funding[self._paid][1:])
                self._paid += 1
            self._runner.take(bars)

    def _compare(self, whole: tuple[Decision, ...], ask: Callable[[], tuple[Decision, ...]]) -> Answer:
        try:
            alone = ask()
        except Exception as error:  # noqa: BLE001 - a strategy may raise anything
            self._differ(shown(whole), f"{type(error).__name__}: {error}")
            return None
        if len(whole) != len(alone) or not all(map(same, whole, alone)):
            self._differ(shown(whole), shown(alone))
            return None
        return whole

    def _differ(self, whole: str, alone: str) -> None:
        if self._bar is not None:
            self.fault = (self._bar, whole, alone, "")


class _ListeningTwin(_Twin):
    """The same for a strategy that hears of its orders."""

    def on_order_update(self, update: OrderUpdate, view: View) -> Answer:
        if self.fault is not None or self._bar is None:
            return None
        self._account.lender = view
        whole = decisions_of(self.inner.on_order_update(update, view), "on_order_update", self.inner)
        return self._compare(whole, lambda: self._runner.order_update(update))


@dataclass(eq=False)
class EventGate:
    """Runs ``on_kline`` of fresh instances in the engine."""

    make: Callable[[], Strategy]
    market: Market
    outside: OutsideState
    drive: Drive
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = self.market.clock
        self.exact = 0
        self.first: _Recorder | None = None

    def record(self, market: Market | None = None, *, fresh: bool = True) -> _Recorder:
        """Run and return what was decided."""
        if fresh:
            self.outside.restore()
        strategy = self.make()
        recorder = (_ListeningRecorder if _listens(strategy) else _Recorder)(strategy)
        self.drive(market or self.market, recorder)
        return recorder

    def check(self) -> Fault | None:
        """Return the first fault, or None."""
        first = self.first = self.record()
        second = self.record(fresh=False)
        if (found := self._compare(first, second)) is not None:
            third = self.record()
            repeated = self._compare(first, third) is None
            self.outside.restore()
            return self._fault("outside_state" if repeated else "not_deterministic", *found)
        return self._twins() or self._futures(first)

    def _twins(self) -> Fault | None:
        self.outside.restore()
        strategy = self.make()
        twin = (_ListeningTwin if _listens(strategy) else _Twin)(strategy, self.make(), self.market)
        self.drive(self.market, twin)
        if twin.fault is not None:
            bar, whole, alone, detail = twin.fault
            return self._fault("streaming", bar.open_time, bar.instrument, whole, alone, detail)
        self.exact = len(self.clock)
        return None

    def _futures(self, first: _Recorder) -> Fault | None:
        """Change everything behind some bars; what was decided before must stay."""
        rows = len(self.clock)
        for row in sorted({int(item) for item in np.linspace(rows // 10, rows - 2, _BORDERS if rows < 4_000 else 2)}):
            if not 0 <= row < rows - 1:
                continue
            after = int(self.clock[row])
            other = self.market.altered(after, int(self.clock[min(rows - 1, row + 400)]), "mirrored" if row % 2 else "higher")
            if len(other.tables) != len(self.market.tables):
                continue
            found = self._compare(first, self.record(other), until=after)
            if found is not None:
                return self._fault("look_ahead", *found)
        return None

    def _compare(self, one: _Recorder, two: _Recorder, until: int | None = None) -> tuple[int, InstrumentId, str, str] | None:
        limit = until if until is not None else int(self.clock[-1])
        rows_one = [row for row in one.seen if row[2] == "on_kline" and row[0] <= limit]
        rows_two = [row for row in two.seen if row[2] == "on_kline" and row[0] <= limit]
        for (when, instrument, _method, left), (when_two, _instrument, _method_two, right) in zip(rows_one, rows_two, strict=False):
            if when != when_two or len(left) != len(right) or not all(map(same, left, right)):
                return when, instrument, shown(left), shown(right)
        return None

    def _fault(self, kind: str, when: int, instrument: InstrumentId, whole: str, alone: str, detail: str = "") -> Fault:
        return Fault(
            kind=kind,  # type: ignore[arg-type]
            bar=int(np.searchsorted(self.clock, when)),
            time=when,
            instrument=str(instrument),
            whole=whole,
            alone=alone,
            detail=detail,
        )

    def levels(self, recorder: _Recorder, instruments: Sequence[InstrumentId]) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Return the target that stood after each bar (bars by instruments); None when it decides by orders."""
        level = np.full((len(self.clock), len(instruments)), np.nan)
        places = {instrument: place for place, instrument in enumerate(instruments)}
        for when, _instrument, _method, decisions in recorder.seen:
            row = int(np.searchsorted(self.clock, when))
            for decision in decisions:
                if not isinstance(decision, Signal) or decision.side != "both":
                    return None
                level[row, places[decision.instrument]] = decision.target
        return held(level)


def held(targets: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return targets with what was wanted before in the place of NaN; nothing is wanted before the first."""
    rows = np.where(np.isnan(targets), -1, np.arange(len(targets))[:, np.newaxis])
    last = np.maximum.accumulate(rows, axis=0)
    kept = np.take_along_axis(targets, np.maximum(last, 0), axis=0)
    return np.where(last < 0, 0.0, kept)


def same(one: Any, two: Any) -> bool:
    """Say whether two decisions or values are equal, numbers to 1e-9."""
    if one == two:
        return True
    if isinstance(one, float) and isinstance(two, float | int):
        return (math.isnan(one) and math.isnan(two)) or abs(one - two) <= _TOLERANCE * max(1.0, abs(one))
    if type(one) is not type(two):
        return False
    if hasattr(one, "__struct_fields__") and not isinstance(one, InstrumentId):
        return all(same(getattr(one, name), getattr(two, name)) for name in one.__struct_fields__)
    return False


def shown(decisions: Sequence[Decision]) -> str:
    """Return decisions as a reader wants them."""
    if not decisions:
        return "nothing"
    parts = []
    for decision in decisions[:3]:
        if isinstance(decision, Signal):
            parts.append(f"target {decision.target:.10g}")
        else:
            parts.append(repr(decision)[:120])
    return " and ".join(parts)
