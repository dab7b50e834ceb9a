"""The look-ahead gate: at every bar a strategy's answer must be the one that it gives without anything later.

Each run is one of a fresh instance with the world outside of it put back, so that nothing can be carried from run to run.

On whole arrays, each bar is computed again on the bars up to it, and on these with a few bars of another future behind. Kline by
kline, the engine over history is walked together with the live runner, which is never given more than one kline. With both forms,
their targets must be equal. At last the strategy is run on a mirrored market: what still knows the real one's returns was told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import QuantServiceError
from quantservice.core.instruments import InstrumentId
from quantservice.quant.bars import Bars, Settlements
from quantservice.quant.honesty.arrays import ArrayGate
from quantservice.quant.honesty.code import code_hash
from quantservice.quant.honesty.events import Drive, EventGate, held
from quantservice.quant.honesty.market import Market, tables_of
from quantservice.quant.honesty.outside import OutsideState
from quantservice.quant.honesty.reach import prices_in_reach, prices_kept, readers_in
from quantservice.quant.honesty.verdict import Fault, Verdict
from quantservice.quant.strategies.base import Strategy, is_event_driven, is_vectorised
from quantservice.quant.strategies.parameters import Value

#: What targets that do not move with the market may agree with its next returns by luck: standard errors, and correlation.
_LUCK = 6.0
_SHARE = 0.15
#: Share of bars at which the target is the same on the mirrored market, from which on it is not moved by the market.
_UNMOVED = 0.75
#: Bars of the run from which the cost is told; engine runs of the gate; seconds that the live runner takes for a bar.
_SAMPLE = 500
_RUNS = 4
_STREAMED_S = 3e-5


def check_strategy(
    cls: type[Strategy],
    bars: Bars | Sequence[Bars],
    *,
    parameters: Mapping[str, Value] | None = None,
    funding: Mapping[str, Settlements] | None = None,
    budget_s: float = 60.0,
    drive: Drive | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Judge a strategy with its parameters on bars of one or several instruments.

    ``budget_s`` bounds the time, roughly: where it does not suffice for every bar, the last ones are checked exactly, each with all
    bars before it, and the verdict says how many. ``progress(done, total)`` is called between bars.
    """
    given = dict(parameters or {})

    def make() -> Strategy:
        return cls(**given)

    first = make()
    market = Market(tables_of(bars), dict(funding or {}))
    outside = OutsideState(cls)
    exact = len(market.clock)
    notes: list[str] = []
    try:
        fault, exact, notes = _judge(make, market, outside, budget_s, drive or _engine, progress)
        outside.restore()
        fault = fault or _reach(cls, market)
    except QuantServiceError as error:
        fault = _raised(market, str(error))
    except Exception as error:  # noqa: BLE001 - a strategy may raise anything; it is the verdict
        fault = _raised(market, f"{type(error).__name__}: {error}")
    finally:
        outside.restore()
    return Verdict(
        strategy=cls.name(),
        parameters=first.parameters,
        code_hash=code_hash(cls),
        bars=len(market.clock),
        exact_bars=exact,
        first_time=int(market.clock[0]),
        last_time=int(market.clock[-1]),
        fault=fault,
        notes=tuple(notes),
        reads=readers_in(cls),
    )


def _reach(cls: type[Strategy], market: Market) -> Fault | None:
    name = prices_in_reach(cls, market)
    return _told(market, f"{name}, which its code uses, holds the prices on which it is judged") if name else None


def _told(market: Market, text: str) -> Fault:
    first = market.tables[0].instrument
    return Fault(kind="foresight", bar=-1, time=int(market.clock[0]), instrument=first, whole="", alone="", detail=text)


def _raised(market: Market, text: str) -> Fault:
    return Fault(
        kind="raised", bar=-1, time=int(market.clock[0]), instrument=market.tables[0].instrument, whole="", alone="", detail=text
    )


def _judge(
    make: Callable[[], Strategy],
    market: Market,
    outside: OutsideState,
    budget_s: float,
    drive: Drive,
    progress: Callable[[int, int], None] | None,
) -> tuple[Fault | None, int, list[str]]:
    strategy = make()
    exact = len(market.clock)
    notes: list[str] = []
    arrays = events = None
    if is_event_driven(strategy):
        affordable = _affordable(EventGate(make, market.last(_SAMPLE), outside, drive), budget_s)
        events = EventGate(make, market.last(affordable) if len(market.clock) > affordable else market, outside, drive)
        fault = events.check()
        exact = len(events.clock)
        if fault is not None:
            return fault, exact, notes
    if is_vectorised(strategy):
        arrays = ArrayGate(make, market, outside, budget_s, progress)
        if events is not None:
            # What equals, bar by bar, the answers of the form that was never shown a later bar, has seen none either.
            apart = _two_forms(arrays, events)
            if apart is None:
                arrays.budget_s = min(budget_s, 0.2)
            return arrays.check() or apart or _foresight(arrays, events, market), exact, notes
        fault = arrays.check()
        exact, notes = arrays.exact or exact, arrays.notes
        if fault is not None:
            return fault, exact, notes
    return _foresight(arrays, events, market), exact, notes


def _affordable(sample: EventGate, budget_s: float) -> int:
    """Return how many bars the time is enough for, from a run over a few."""
    sample.record()  # what is compiled at the first run is not of the strategy
    began = time.perf_counter()
    sample.record()
    cost = (time.perf_counter() - began) / len(sample.clock)
    return max(_SAMPLE, int(budget_s / (_RUNS * cost + _STREAMED_S * len(sample.market.tables))))


def _two_forms(arrays: ArrayGate, events: EventGate) -> Fault | None:
    instruments = events.market.instruments
    kline_by_kline = events.levels(events.first or events.record(), instruments)
    whole = held(arrays.run(arrays.view_of(events.market)))
    if kline_by_kline is None or whole.shape != kline_by_kline.shape:
        return _fault("two_forms", events.clock[0], 0, instruments[0], f"{whole[0, 0]:.10g} of on_bars", "orders of on_kline")
    off = np.argwhere(np.abs(whole - kline_by_kline) > 1e-9)
    if not len(off):
        return None
    row, place = (int(item) for item in off[0])
    on_bars, on_kline = f"{whole[row, place]:.10g} of on_bars", f"{kline_by_kline[row, place]:.10g} of on_kline"
    return _fault("two_forms", events.clock[row], row, instruments[place], on_bars, on_kline)


def _fault(kind: str, when: Any, row: int, instrument: InstrumentId, whole: str, alone: str) -> Fault:
    return Fault(kind=kind, bar=row, time=int(when), instrument=str(instrument), whole=whole, alone=alone)  # type: ignore[arg-type]


def _foresight(arrays: ArrayGate | None, events: EventGate | None, market: Market) -> Fault | None:
    """Give it a mirrored market: targets that stay and still agree with the real one's next returns come from somewhere else."""
    clock = market.clock if arrays is not None or events is None else events.clock
    market = market.between(int(clock[0]), int(clock[-1]))
    mirrored = market.altered(int(clock[0]) - 1, int(clock[-1]), "mirrored")
    instruments = market.instruments
    real: npt.NDArray[np.float64] | None = None
    other: npt.NDArray[np.float64] | None = None
    blind: list[Strategy] = []  # instances that were given nothing but the mirrored market
    if arrays is not None:
        real, other = (held(arrays.run(arrays.view_of(item))) for item in (market, mirrored))
        blind += [arrays.last] if arrays.last is not None else []
    if events is not None:
        recorded = events.record(mirrored)
        blind.append(recorded.inner)
        if arrays is None:
            real, other = events.levels(events.first or events.record(), instruments), events.levels(recorded, instruments)
    for strategy in blind:
        if name := prices_kept(strategy, mirrored, market):
            return _told(market, f"hidden from it, they stand in {name} all the same")
    if real is None or other is None or real.shape[1] != len(instruments):
        return None
    for place, table in enumerate(market.tables):
        rows = np.searchsorted(clock, table["open_time"])
        if np.mean(np.abs(real[rows, place] - other[rows, place]) < 1e-9) < _UNMOVED:
            continue
        share, errors = _agreement(other[rows, place], table["close"])
        if share > _SHARE and errors > _LUCK:
            text = f"hidden from them, the next returns still agree ({share:.2f}, {errors:.0f} standard errors)"
            return Fault(kind="foresight", bar=-1, time=int(clock[0]), instrument=table.instrument, whole="", alone="", detail=text)
    return None


def _agreement(targets: npt.NDArray[np.float64], close: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the correlation of targets with the signs of the next returns, and how many standard errors that is."""
    if len(close) < 3 or np.count_nonzero(np.diff(targets)) < 10:
        return 0.0, 0.0  # hardly ever another: nothing can be said
    signs = np.sign(np.diff(close))
    wanted = targets[:-1] - targets[:-1].mean()
    signs = signs - signs.mean()
    scale = float(np.sqrt(np.sum(wanted**2) * np.sum(signs**2)))
    share = float(np.sum(wanted * signs)) / scale if scale > 0.0 else 0.0
    return share, share * float(np.sqrt(len(signs)))


def _engine(market: Market, strategy: Strategy) -> None:
    """Run in the event engine with nothing assumed that could stand in the way of an order."""
    from quantservice.quant.backtest.assumptions import Assumptions  # noqa: PLC0415 - arrays are judged without an engine
    from quantservice.quant.backtest.data import MarketData  # noqa: PLC0415
    from quantservice.quant.backtest.events import run_events  # noqa: PLC0415

    funding = {name: (item.time, item.rate) for name, item in market.funding.items()}
    data = MarketData.of(list(market.tables), funding=funding or None)
    run_events(data, strategy, Assumptions(fees="none", funding=False))
