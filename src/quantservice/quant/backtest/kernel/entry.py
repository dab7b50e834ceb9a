"""Where Python enters the kernel."""

from __future__ import annotations

from typing import Any

from quantservice.quant.backtest.kernel.advance import advance, conclude
from quantservice.quant.backtest.kernel.memory import memory_of, pointer
from quantservice.quant.jit import jit


@jit
def run(book: Any, until: int, last: bool) -> bool:
    """Take bars up to and with ``until``, then, if it is the last, what is still open. False: a table needs room; call again."""
    m = memory_of(pointer(book))
    if not advance(m, until):
        return False
    if last:
        conclude(m)
    return True
