"""The kernel's units: parts that are compiled by themselves and call each other by address.

Compiled code takes all it calls into itself and is optimised anew at every level; a unit is where that stops, so that each part is
compiled once. A unit takes the book and plain numbers and answers through the memory. Without compilation it is a plain call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

import llvmlite.binding as llvm  # type: ignore[import-untyped,unused-ignore]
import numba
from numba import types

from quantservice.quant.jit import COMPILED

_BOOK: Final = types.CPointer(types.int64)
_I: Final = types.int64
_F: Final = types.float64
_ROOM: Final = "quantservice.quant.backtest.kernel"

#: Name -> where it stands and what it takes besides the book; in the order in which they may call each other.
_UNITS: Final[dict[str, tuple[str, tuple[Any, ...]]]] = {
    "execute": ("execution", (_I, _I, *([_F] * 10))),
    "force_out": ("liquidation", (_I, _I, _F, _F, _F)),
    "liquidate": ("liquidation", (_I, _F)),
    "apply_due": ("calendar", ()),
    "meet_orders": ("matching", (_I, _F)),
    "fill_targets": ("targets", (_I,)),
    "decide": ("decisions", (_I, _I, _F, _F, _I)),
    "submit": ("decisions", (_I, _I)),
}
_kept: dict[str, Any] = {}


def _unit(name: str) -> Any:
    if COMPILED:
        return types.ExternalFunction(f"quantservice_backtest_{name}", types.void(_BOOK, *_UNITS[name][1]))

    def call(*arguments: Any) -> None:
        _implementation(name)(*arguments)

    return call


@cache
def _implementation(name: str) -> Callable[..., None]:
    function: Callable[..., None] = getattr(import_module(f"{_ROOM}.{_UNITS[name][0]}"), f"{name}_unit")
    return function


@cache
def ready() -> None:
    """Compile the units, or load their machine code; to be called before the kernel is entered."""
    if not COMPILED:
        return
    for name, (_module, arguments) in _UNITS.items():
        signature = types.void(_BOOK, *arguments)
        unit = numba.cfunc(signature, cache=True, error_model="numpy")(_implementation(name))
        llvm.add_symbol(f"quantservice_backtest_{name}", unit.address)
        _kept[name] = unit  # the machine code lives as long as it does


EXECUTE = _unit("execute")
FORCE_OUT = _unit("force_out")
LIQUIDATE = _unit("liquidate")
APPLY_DUE = _unit("apply_due")
MEET_ORDERS = _unit("meet_orders")
FILL_TARGETS = _unit("fill_targets")
DECIDE = _unit("decide")
SUBMIT = _unit("submit")
