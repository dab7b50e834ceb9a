"""The two forms of every indicator, made from its one step: a loop over arrays, and one bar at a time.

A step is a function ``step(state, p, x, out)`` on float64 arrays: it reads the bar's inputs ``x`` and the parameters ``p``,
changes ``state`` and writes the bar's outputs. State begins as zeros, or as the indicator's ``initial_state`` says. A bar of which
an input is missing (NaN) is not stepped: its outputs are NaN and the state stays, so that one hole does not empty an average.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped,unused-ignore]
from numba import types
from numba.extending import intrinsic

from quantservice.quant.jit import COMPILED, cacheable, jit

Array: TypeAlias = npt.NDArray[np.float64]
Step: TypeAlias = Callable[[Array, Array, Array, Array], None]
#: All bars at once from the first: state, parameters, bars by inputs, bars by outputs. False: it cannot, and changed nothing.
Whole: TypeAlias = Callable[[Array, Array, Array, Array], bool]

_ROW = types.float64[::1]
STEP_SIGNATURE = types.void(_ROW, _ROW, _ROW, _ROW)
_compiled: dict[Step, Any] = {}


def compiled(step: Step) -> Any:
    """Return the machine code of a step, compiled at its first use and kept on disk where the step stands in a file."""
    if not COMPILED:
        return step
    found = _compiled.get(step)
    if found is None:
        found = _compiled[step] = numba.cfunc(STEP_SIGNATURE, cache=cacheable(step), error_model="numpy")(step)
    return found


@jit
def _missing(x: Array) -> bool:
    for value in x:  # noqa: SIM110 - compiled: any() over a generator is not
        if math.isnan(value):
            return True
    return False


@jit
def run(step: Any, state: Array, p: Array, x: Array, out: Array) -> None:
    """Walk the rows of ``x`` (bars by inputs) and write the rows of ``out`` (bars by outputs)."""
    for i in range(x.shape[0]):
        if _missing(x[i]):
            out[i] = math.nan
        else:
            step(state, p, x[i], out[i])


def _call_at() -> Any:
    """Return what calls a step by its address from compiled code."""

    def typed(_context: Any, _address: Any, _state: Any, _p: Any, _x: Any, _out: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            kinds = [context.get_value_type(_ROW)] * 4
            pointer = builder.inttoptr(arguments[0], ir.FunctionType(ir.VoidType(), kinds).as_pointer())
            builder.call(pointer, arguments[1:])
            return context.get_dummy_value()

        return types.void(types.int64, _ROW, _ROW, _ROW, _ROW), generate

    return intrinsic(typed)


_CALL_AT: Final = _call_at()


@jit
def _step_at(address: int, state: Array, p: Array, x: Array, out: Array) -> None:
    if _missing(x):
        out[:] = math.nan
    else:
        _CALL_AT(address, state, p, x, out)


def stepping(step: Step) -> Callable[[Array, Array, Array, Array], None]:
    """Return what takes one bar (``state, p, x, out``): :func:`run` of one row, called by address.

    numba works out the type of a function that is an argument at every call, which costs ten times what a step does.
    """
    code = compiled(step)
    if not COMPILED:
        return lambda state, p, x, out: run(code, state, p, x.reshape(1, -1), out.reshape(1, -1))
    return partial(_step_at, int(code.address))


@jit
def run_many(step: Any, states: Array, p: Array, x: Array, out: Array, ready: npt.NDArray[np.bool_]) -> None:
    """Take one bar of many instruments at once: row ``s`` of every array belongs to instrument ``s``; only where ``ready``."""
    for s in range(x.shape[0]):
        if ready[s] and not _missing(x[s]):
            step(states[s], p, x[s], out[s])


if not COMPILED:  # plain Python says what machine code keeps to itself: 0 / 0 is NaN here too
    run = np.errstate(all="ignore")(run)
    run_many = np.errstate(all="ignore")(run_many)
