"""The tables of :mod:`.layout` as one value that every function of the kernel takes.

Compiled code holds a bare pointer to each table, so that a call passes a dozen words and nothing is counted or checked on the
way; a thing's columns stand at its offset: ``m.legs[j + L_QUANTITY]`` with ``j`` the leg's number times ``L_COLUMNS``. Without
compilation the same code runs on flat arrays.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from numba import types
from numba.extending import intrinsic

from quantservice.quant.jit import COMPILED


class Numbers(Protocol):
    """A flat table of floats."""

    def __getitem__(self, place: int, /) -> float: ...
    def __setitem__(self, place: int, value: float, /) -> None: ...


class Counts(Protocol):
    """A flat table of whole numbers."""

    def __getitem__(self, place: int, /) -> int: ...
    def __setitem__(self, place: int, value: int, /) -> None: ...


class Memory(NamedTuple):
    """Flat tables and their heights."""

    c: Numbers  # settings
    n: Counts  # counters
    stats: Numbers
    cur: Numbers  # currencies
    inst: Numbers  # instruments
    legs: Numbers
    orders: Numbers
    requests: Numbers
    targets: Numbers  # (bars, legs)
    journal: Numbers
    tab: Numbers  # calendar, margin tiers, fee tiers, books
    times: Counts  # open time of each row
    starts: Counts  # first row of each bar
    slots: Counts  # row of the curve that a bar is written to
    px: Numbers
    rows: Counts
    aux: Numbers  # what the slippage model needs of a row
    curve: Numbers
    currencies: int
    traded: int  # instruments
    wide: int  # price columns: the instruments, then those that only convert currencies
    sides: int


class Terms(NamedTuple):
    """How an execution may happen. ``part``: 0 all of it, 1 only what reduces, 2 only what opens."""

    maker: bool
    limit: float
    reduce_only: bool
    clip: bool
    part: int


class Origin(NamedTuple):
    """Where a fill comes from."""

    reason: int
    order: float
    tag: float


if COMPILED:

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def pointer(_context: Any, array: Any) -> Any:
        """Return the address of a flat array's first element, as compiled code indexes it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.make_array(signature.args[0])(context, builder, arguments[0]).data

        return types.CPointer(array.dtype)(array), generate

else:

    def pointer(array: Any) -> Any:
        """Return the flat array itself."""
        return array
