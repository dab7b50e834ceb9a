"""The tables of :mod:`.layout` as one value that every function of the kernel takes.

Python keeps the tables as numpy arrays and gives compiled code a *book* of their addresses and heights. Compiled code holds a bare
pointer to each, so that a call passes a dozen words and nothing is counted or checked on the way; a thing's columns stand at its
offset: ``m.legs[j + L_QUANTITY]`` with ``j`` the leg's number times ``L_COLUMNS``. Without compilation the same code runs on flat
arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

from quantservice.quant.jit import COMPILED, inner


class Numbers(Protocol):
    """A flat table of floats."""

    def __getitem__(self, place: int, /) -> float: ...
    def __setitem__(self, place: int, value: float, /) -> None: ...


class Counts(Protocol):
    """A flat table of whole numbers."""

    def __getitem__(self, place: int, /) -> int: ...
    def __setitem__(self, place: int, value: int, /) -> None: ...


class Memory(NamedTuple):
    """Flat tables and their heights, and the book that they were read from."""

    book: Any
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
    tab: Numbers  # calendar, margin tiers, fee tiers, books of orders
    times: Counts  # open time of each row
    starts: Counts  # first row of each bar
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers
    rows: Counts  # what each price row is: bits
    aux: Numbers  # what the slippage model needs of a row
    curve: Numbers
    closes: Counts  # last millisecond of each bar
    sums: Numbers  # of a sweep, as quant.metrics.summary has them
    daily: Numbers
    currencies: int
    traded: int  # instruments
    wide: int  # price columns: the instruments, then those that only convert currencies
    sides: int
    days: int  # height of daily
    bars: int


#: Tables in a book; their heights follow, and then the addresses of the units.
TABLES = 24
HEIGHTS = 6
#: Place of a table in the book by its name in :class:`Memory`.
TABLE_OF = {name: place for place, name in enumerate(Memory._fields[1 : TABLES + 1])}


class Terms(NamedTuple):
    """How an execution may happen. ``part``: 0 all of it, 1 only what reduces, 2 only what opens; the others 0 or 1."""

    maker: float
    limit: float
    reduce_only: float
    clip: float
    part: float


class Origin(NamedTuple):
    """Where a fill comes from."""

    reason: float
    order: float
    tag: float


if COMPILED:

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def pointer(_context: Any, array: Any) -> Any:
        """Return the address of a flat array's first element, as compiled code indexes it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.make_array(signature.args[0])(context, builder, arguments[0]).data

        return types.CPointer(array.dtype)(array), generate

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def numbers(_context: Any, _address: Any) -> Any:
        """Return the table of floats at an address."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(types.float64)(types.int64), generate

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def counts(_context: Any, _address: Any) -> Any:
        """Return the table of whole numbers at an address."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(types.int64)(types.int64), generate

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def marks(_context: Any, _address: Any) -> Any:
        """Return the table of bytes at an address."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(types.uint8)(types.int64), generate

    def place_table(book: Any, place: int, table: npt.NDArray[Any]) -> None:
        """Put another table into a book."""
        book[place] = table.ctypes.data

    def book_of(tables: Sequence[npt.NDArray[Any]], heights: Sequence[int]) -> Any:
        """Return the addresses of contiguous arrays and the heights; whoever holds it keeps the arrays alive."""
        return np.array([*(table.ctypes.data for table in tables), *heights], dtype=np.int64)

else:

    def pointer(array: Any) -> Any:
        """Return the book itself."""
        return array

    numbers = counts = marks = pointer

    def place_table(book: Any, place: int, table: npt.NDArray[Any]) -> None:
        """Put another table into a book."""
        book[place] = table.reshape(-1)

    def book_of(tables: Sequence[npt.NDArray[Any]], heights: Sequence[int]) -> Any:
        """Return flat views of contiguous arrays and the heights."""
        return [*(table.reshape(-1) for table in tables), *heights]


@inner
def memory_of(book: Any) -> Memory:
    """Return the tables of a book as one value."""
    return Memory(
        book,
        numbers(book[0]),
        counts(book[1]),
        numbers(book[2]),
        numbers(book[3]),
        numbers(book[4]),
        numbers(book[5]),
        numbers(book[6]),
        numbers(book[7]),
        numbers(book[8]),
        numbers(book[9]),
        numbers(book[10]),
        counts(book[11]),
        counts(book[12]),
        numbers(book[13]),
        numbers(book[14]),
        numbers(book[15]),
        numbers(book[16]),
        numbers(book[17]),
        marks(book[18]),
        numbers(book[19]),
        numbers(book[20]),
        counts(book[21]),
        numbers(book[22]),
        numbers(book[23]),
        book[24],
        book[25],
        book[26],
        book[27],
        book[28],
        book[29],
    )
