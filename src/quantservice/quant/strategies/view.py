"""What a strategy can see besides the kline: indicator values, its account, and the past. Nothing of it lies in the future."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.positions import PositionSide
from quantservice.core.signals import OrderType


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """An order of the strategy that still works. ``quantity`` is what is left of it."""

    instrument: InstrumentId
    order_id: int | str
    side: Side
    type: OrderType
    quantity: float
    limit_price: float | None = None
    stop_price: float | None = None
    tag: str = ""
    position_side: PositionSide = "both"


class Account(Protocol):
    """The account of one strategy as an engine or the hosting service keeps it."""

    def position(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the signed quantity held (base units or contracts)."""
        ...

    def entry_price(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the average entry price; NaN when flat."""
        ...

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        """Return the working orders of one instrument, or all."""
        ...

    @property
    def equity(self) -> float:
        """Equity in the reporting currency, marked at this bar's close."""
        ...

    @property
    def cash(self) -> float:
        """Cash in the reporting currency."""
        ...


class Past(Protocol):
    """The values of one instrument up to a row."""

    def values(self, name: str, row: int, n: int) -> npt.NDArray[Any]:
        """Return the ``n`` values of a column or indicator that end at ``row``; KeyError for a name it does not have."""
        ...

    def close_time(self, row: int) -> int:
        """Return when the bar of ``row`` closed (ms UTC)."""
        ...

    def names(self) -> Sequence[str]:
        """Return the names that :meth:`values` knows."""
        ...


class EmptyAccount:
    """An account that never holds anything: for strategies whose answers do not depend on one."""

    equity = 1.0
    cash = 1.0

    def position(self, _instrument: InstrumentId, _side: PositionSide) -> float:
        """Hold nothing."""
        return 0.0

    def entry_price(self, _instrument: InstrumentId, _side: PositionSide) -> float:
        """Have entered nothing."""
        return float("nan")

    def open_orders(self, _instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        """Have ordered nothing."""
        return ()


class View(dict[str, float]):
    """``view["fast"]`` is an indicator's value of this kline's instrument at this bar (NaN in its warm-up).

    A dict that its engine refreshes in place before each call: keep values, not the view. The engine sets ``instrument``,
    ``row`` (bars of this instrument seen, minus one), ``past`` and ``account``; a strategy reads.
    """

    __slots__ = ("account", "instrument", "instruments", "memory", "past", "period", "row")

    def __init__(
        self,
        instruments: Sequence[InstrumentId],
        period: str,
        account: Account,
        past: Past,
        *,
        memory: int = 1_000,
    ) -> None:
        super().__init__()
        self.instruments: tuple[InstrumentId, ...] = tuple(instruments)
        self.instrument = self.instruments[0]
        self.period = period
        self.account = account
        self.past = past
        self.memory = memory
        self.row = -1

    def __missing__(self, name: str) -> NoReturn:
        raise UnknownName("name in the view", str(name), self)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:g}" for name, value in self.items())
        return f"View({self.instrument} {self.period}, bar {self.row}, {values})"

    @property
    def bars(self) -> int:
        """Bars of this instrument seen so far, this one included."""
        return self.row + 1

    @property
    def time(self) -> int:
        """When this kline closed (its last millisecond, UTC)."""
        return self.past.close_time(self.row)

    @property
    def equity(self) -> float:
        """The strategy's equity, marked at this close, in the reporting currency."""
        return self.account.equity

    @property
    def cash(self) -> float:
        """The strategy's cash in the reporting currency."""
        return self.account.cash

    def position(self, instrument: InstrumentId | None = None, side: PositionSide = "both") -> float:
        """Return the signed quantity held of an instrument (default: this kline's)."""
        return self.account.position(self.instrument if instrument is None else instrument, side)

    def entry_price(self, instrument: InstrumentId | None = None, side: PositionSide = "both") -> float:
        """Return the average entry price of a position; NaN when flat."""
        return self.account.entry_price(self.instrument if instrument is None else instrument, side)

    def open_orders(self, instrument: InstrumentId | None = None) -> Sequence[OpenOrder]:
        """Return the strategy's working orders, of one instrument or all."""
        return self.account.open_orders(instrument)

    def history(self, name: str, n: int) -> npt.NDArray[Any]:
        """Return the last ``n`` values of a column (``"close"``) or indicator, oldest first, this bar's last.

        Raises InvalidValue when fewer bars exist (``view.bars`` says how many) or when the strategy does not keep so many
        (``memory_bars``), UnknownName for a name that is neither.
        """
        if n < 1:
            raise InvalidValue("history", f"{n} bars of {name} are asked; ask for at least one")
        if n > self.row + 1:
            raise InvalidValue(
                "history",
                f"{n} bars of {name} are asked of {self.instrument}, {self.bars} exist at this bar; look at view.bars first",
            )
        if n > self.memory:
            raise InvalidValue("history", f"{n} bars of {name} are asked, the strategy keeps {self.memory}; set memory_bars = {n}")
        try:
            return self.past.values(name, self.row, n)
        except KeyError:
            raise UnknownName("column or indicator", name, self.past.names()) from None

    def previous(self, name: str, back: int = 1) -> float:
        """Return the value of a column or indicator ``back`` bars ago; NaN before the first bar."""
        if back < 0:
            raise InvalidValue("back", f"{back} bars back lies in the future; give 0 or more")
        if back > self.row:
            return float("nan")
        return float(self.history(name, back + 1)[0])


class ColumnPast:
    """The past of one instrument from whole columns: what an engine over history gives."""

    __slots__ = ("_close_times", "_columns")

    def __init__(self, columns: dict[str, npt.NDArray[Any]], close_times: npt.NDArray[np.int64]) -> None:
        self._columns = columns
        self._close_times = close_times

    def values(self, name: str, row: int, n: int) -> npt.NDArray[Any]:
        """Return a copy: a slice of the columns would have the future behind it."""
        return self._columns[name][row + 1 - n : row + 1].copy()

    def close_time(self, row: int) -> int:
        """Return when the bar of ``row`` closed (ms UTC)."""
        return int(self._close_times[row])

    def names(self) -> Sequence[str]:
        """Return the columns and indicators."""
        return tuple(self._columns)
