"""Where Python enters the kernel: the tables become one value, and bars go by."""

from __future__ import annotations

from typing import Any

from quantservice.quant.backtest.kernel.advance import advance, conclude
from quantservice.quant.backtest.kernel.memory import Memory, pointer
from quantservice.quant.jit import jit


@jit
def memory_of(a: Any, sizes: Any) -> Memory:
    """Return the tables, in the order of :class:`Memory`, as one value."""
    return Memory(
        pointer(a[0]),
        pointer(a[1]),
        pointer(a[2]),
        pointer(a[3]),
        pointer(a[4]),
        pointer(a[5]),
        pointer(a[6]),
        pointer(a[7]),
        pointer(a[8]),
        pointer(a[9]),
        pointer(a[10]),
        pointer(a[11]),
        pointer(a[12]),
        pointer(a[13]),
        pointer(a[14]),
        pointer(a[15]),
        pointer(a[16]),
        pointer(a[17]),
        sizes[0],
        sizes[1],
        sizes[2],
        sizes[3],
    )


@jit
def advance_to(arrays: Any, sizes: Any, until: int) -> bool:
    """Take bars up to and with ``until``; False: a table needs room."""
    return advance(memory_of(arrays, sizes), until)


@jit
def conclude_run(arrays: Any, sizes: Any) -> None:
    """Take the last decisions and write down what is still open."""
    conclude(memory_of(arrays, sizes))
