"""The vectorised engine: targets or orders that are known beforehand, all bars in one compiled loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.machine import Machine
from quantservice.quant.backtest.orders import OrderTable
from quantservice.quant.backtest.plan import Plan
from quantservice.quant.backtest.reading import result_of
from quantservice.quant.backtest.results import RunResult
from quantservice.quant.backtest.tables import F64, when


def run_targets(
    data: MarketData, targets: Any = None, assumptions: Assumptions | None = None, *, orders: OrderTable | None = None
) -> RunResult:
    """Run a backtest of targets, of orders, or of both.

    ``targets`` is (T,) for one instrument, (T, S) for several, (T, S, 2) for long and short legs in hedge mode: what is wanted
    after the close of each bar, as a fraction of the equity. NaN says nothing. ``orders`` are placed at the closes they name.
    """
    assumptions = Assumptions() if assumptions is None else assumptions
    matrix = None if targets is None else target_matrix(data, targets, assumptions)
    requests, tags = (None, ("",)) if orders is None else orders.requests(data, assumptions)
    machine = Machine(Plan(data, assumptions), targets=matrix, requests=requests)
    machine.advance(len(data.time) - 1)
    machine.conclude()
    return result_of(machine, tags)


def target_matrix(data: MarketData, targets: Any, assumptions: Assumptions) -> F64:
    """Return targets as (T, legs) float64; raise InvalidValue naming a wrong shape or value."""
    matrix = np.asarray(targets)
    if matrix.dtype.kind not in "fiub":
        raise InvalidValue("targets", f"they are {matrix.dtype}, not numbers")
    bars, count = len(data.time), len(data.series)
    sides = 2 if assumptions.position_mode == "hedge" else 1
    shapes: list[tuple[int, ...]] = [(bars, count, 2)] if sides == 2 else [(bars, count)]
    if count == 1:
        shapes.append((bars, 2) if sides == 2 else (bars,))
    if matrix.shape not in shapes:
        raise InvalidValue(
            "targets", f"their shape is {matrix.shape}; it must be {' or '.join(map(str, shapes))} (bars, instruments)"
        )
    matrix = np.ascontiguousarray(matrix, dtype=np.float64).reshape(bars, count * sides)
    wild = np.isinf(matrix)
    if wild.any():
        row = int(np.argmax(wild.any(axis=1)))
        raise InvalidValue("targets", f"row {row} ({when(data.time[row])}) holds an infinite target")
    return matrix
