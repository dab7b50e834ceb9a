"""The kernel's units: parts that are compiled by themselves, when first needed, and call each other by address.

Compiled code takes all it calls into itself and is optimised anew at every level; a unit is where that stops, so that each part is
compiled once, and one that no run needs not at all. A unit takes the book and plain numbers and answers through the memory; its
address stands in the book. Without compilation it is a plain call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

import numba
from llvmlite import ir  # type: ignore[import-untyped,unused-ignore]
from numba import types
from numba.extending import intrinsic

from quantservice.quant.backtest.kernel.memory import HEIGHTS, TABLES
from quantservice.quant.jit import COMPILED

_BOOK: Final = types.CPointer(types.int64)
_I: Final = types.int64
_F: Final = types.float64
_ROOM: Final = "quantservice.quant.backtest.kernel"

#: Name -> where it stands and what it takes besides the book. Their order is that of the addresses in the book.
UNITS: Final[dict[str, tuple[str, tuple[Any, ...]]]] = {
    "execute": ("execution", (_I, _I, *([_F] * 10))),
    "force_out": ("liquidation", (_I, _I, _F, _F, _F)),
    "liquidate_isolated": ("liquidation", (_I, _F)),
    "liquidate_cross": ("cross", (_I, _F)),
    "apply_due": ("calendar", ()),
    "meet_orders": ("matching", (_I, _F)),
    "fill_targets": ("targets", (_I,)),
    "decide": ("decisions", (_I, _I, _F, _F, _I)),
    "submit": ("placing", (_I, _I)),
    "slip": ("slippage", (_I, _F, _F, _F)),
    "add_up": ("totals", (_F, _F, _F, _F, _F)),
    "add_bars": ("totals", ()),
    "add_flat": ("totals", (_I, _I, _F)),
    "run_row": ("rows", (_I,)),
}


def _unit(name: str) -> Any:
    """Return what calls a unit with a tuple of its numbers, from compiled code by its address in the book."""
    if not COMPILED:

        def plain(book: Any, arguments: tuple[float, ...]) -> None:
            _implementation(name)(book, *arguments)

        return plain
    place, kinds = TABLES + HEIGHTS + list(UNITS).index(name), UNITS[name][1]
    declared = types.void(_BOOK, types.Tuple(kinds))

    def typed(_context: Any, _book: Any, _arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            word, book = ir.IntType(64), arguments[0]
            address = builder.load(builder.gep(book, [ir.Constant(word, place)]))
            numbers = [builder.extract_value(arguments[1], number) for number in range(len(kinds))]
            given = [context.get_value_type(kind) for kind in (_BOOK, *kinds)]
            pointer = builder.inttoptr(address, ir.FunctionType(ir.VoidType(), given).as_pointer())
            builder.call(pointer, [book, *numbers])
            return context.get_dummy_value()

        return declared, generate

    return intrinsic(typed)


@cache
def _implementation(name: str) -> Callable[..., None]:
    function: Callable[..., None] = getattr(import_module(f"{_ROOM}.{UNITS[name][0]}"), f"{name}_unit")
    return function


@cache
def _compiled(name: str) -> Any:
    signature = types.void(_BOOK, *UNITS[name][1])
    return numba.cfunc(signature, cache=True, error_model="numpy")(_implementation(name))


def address_of(name: str) -> int:
    """Return the address of a unit, compiled at its first use and kept on disk; 0 without compilation."""
    return int(_compiled(name).address) if COMPILED else 0


EXECUTE = _unit("execute")
FORCE_OUT = _unit("force_out")
LIQUIDATE_ISOLATED = _unit("liquidate_isolated")
LIQUIDATE_CROSS = _unit("liquidate_cross")
APPLY_DUE = _unit("apply_due")
MEET_ORDERS = _unit("meet_orders")
FILL_TARGETS = _unit("fill_targets")
DECIDE = _unit("decide")
SUBMIT = _unit("submit")
SLIP = _unit("slip")
ADD_UP = _unit("add_up")
ADD_BARS = _unit("add_bars")
ADD_FLAT = _unit("add_flat")
RUN_ROW = _unit("run_row")
