"""The bounded memory of a live strategy: the last bars and values of one instrument."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.bars import COLUMNS
from quantservice.quant.strategies.bar import Bar, close_times

_FIRST_ROWS: Final = 64


class RingPast:
    """The last ``memory`` rows of one instrument; a :class:`~quantservice.quant.strategies.view.Past`.

    Rows lie one after the other in an array of at most twice ``memory``: when it is full, the last ones are moved to its
    beginning, so that a row costs O(1) and reading is a slice.
    """

    def __init__(self, period: str, names: Sequence[str], memory: int) -> None:
        self._period = period
        self._names = (*COLUMNS, *names)
        self._places = {name: place for place, name in enumerate(self._names)}
        self._memory = memory
        self._rows = np.full((min(2 * memory, _FIRST_ROWS), len(self._names)), np.nan)  # open times are exact in a float
        self._filled = 0
        self.count = 0
        self.asked = 0  # the most bars back that the strategy has looked

    def append(self, bar: Bar, values: Sequence[float]) -> None:
        """Take a closed bar and the strategy's values at it."""
        if self._filled == len(self._rows):
            self._make_room()
        row = self._rows[self._filled]
        row[:] = (
            bar.open_time,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            bar.quote_volume,
            bar.count,
            bar.taker_buy_base_volume,
            bar.taker_buy_quote_volume,
            *values,
        )
        self._filled += 1
        self.count += 1

    def _make_room(self) -> None:
        if len(self._rows) < 2 * self._memory:
            larger = np.full((min(2 * self._memory, 2 * len(self._rows)), len(self._names)), np.nan)
            larger[: self._filled] = self._rows
            self._rows = larger
            return
        self._rows[: self._memory] = self._rows[self._filled - self._memory :]
        self._filled = self._memory

    def values(self, name: str, row: int, n: int) -> npt.NDArray[Any]:
        """Return the ``n`` values that end at ``row``."""
        stop = self._filled - (self.count - 1 - row)
        if stop - n < 0:
            raise InvalidValue("history", f"{n} bars of {name} are asked, {stop} are kept")
        self.asked = max(self.asked, n)
        taken = self._rows[stop - n : stop, self._places[name]].copy()
        return taken.astype(np.int64) if name == "open_time" else taken

    def close_time(self, row: int) -> int:
        """Return when the bar of ``row`` closed (ms UTC)."""
        return int(close_times(self._period, self.values("open_time", row, 1))[0])

    def names(self) -> Sequence[str]:
        """Return the columns and indicators."""
        return self._names

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return the last ``memory`` rows, by name."""
        kept = self._rows[max(0, self._filled - self._memory) : self._filled]
        columns: dict[str, npt.NDArray[Any]] = {name: kept[:, place].copy() for name, place in self._places.items()}
        columns["open_time"] = columns["open_time"].astype(np.int64)
        return columns

    def save_state(self) -> dict[str, Any]:
        """Return the kept rows, exactly, as a text that JSON can carry."""
        kept = np.ascontiguousarray(self._rows[max(0, self._filled - self._memory) : self._filled])
        return {"count": self.count, "rows": base64.b64encode(zlib.compress(kept.tobytes(), 1)).decode("ascii")}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`save_state` gave."""
        kept = np.frombuffer(zlib.decompress(base64.b64decode(state["rows"])), dtype=np.float64).reshape(-1, len(self._names))
        self._rows = np.full((max(_FIRST_ROWS, min(2 * self._memory, 2 * len(kept))), len(self._names)), np.nan)
        self._rows[: len(kept)] = kept
        self._filled = len(kept)
        self.count = int(state["count"])
