"""What a strategy is fed: the view of whole arrays, and per instrument the bars with their indicator values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.quant.bars import COLUMNS


class BarsView(Mapping[str, npt.NDArray[Any]]):
    """All bars of all instruments on one clock: ``bars["close"]`` is ``(T,)`` for one instrument and ``(T, S)`` for several.

    Indicators have their names too (``bars["fast"]``). NaN where an instrument has no bar. Arrays are read-only.
    """

    def __init__(
        self,
        instruments: Sequence[InstrumentId],
        period: str,
        open_time: npt.NDArray[np.int64],
        columns: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        self.instruments: tuple[InstrumentId, ...] = tuple(instruments)
        self.period = period
        self._open_time = open_time
        self._columns = columns

    @property
    def instrument(self) -> InstrumentId:
        """The first, or only, instrument."""
        return self.instruments[0]

    @property
    def open_time(self) -> npt.NDArray[np.int64]:
        """Open times (T,), ms UTC."""
        return self["open_time"]

    @property
    def time(self) -> npt.NDArray[np.datetime64]:
        """Open times as ``datetime64[ms]`` (UTC)."""
        return self.open_time.astype("datetime64[ms]")

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name == "open_time":
            found = self._open_time.view()
        else:
            try:
                column = self._columns[name]
            except KeyError:
                raise UnknownName("column or indicator", str(name), self) from None
            found = column[:, 0].view() if column.ndim == 2 and len(self.instruments) == 1 else column.view()
        found.flags.writeable = False
        return found

    def __contains__(self, name: object) -> bool:
        return name == "open_time" or name in self._columns

    def __iter__(self) -> Iterator[str]:
        yield "open_time"
        yield from self._columns

    def __len__(self) -> int:
        """Bars, not columns."""
        return len(self._open_time)

    def of(self, instrument: InstrumentId | str) -> BarsView:
        """Return the bars of one instrument."""
        names = [str(item) for item in self.instruments]
        if str(instrument) not in names:
            raise UnknownName("instrument", str(instrument), names)
        place = names.index(str(instrument))
        columns = {name: column[:, place : place + 1] for name, column in self._columns.items()}
        return BarsView(self.instruments[place : place + 1], self.period, self._open_time, columns)

    def head(self, rows: int) -> BarsView:
        """Return the first ``rows`` bars as copies, behind which nothing of the rest can be found."""
        columns = {name: column[:rows].copy() for name, column in self._columns.items()}
        return BarsView(self.instruments, self.period, self._open_time[:rows].copy(), columns)

    def to_pandas(self) -> Any:
        """Return a pandas table indexed by UTC open time; of several instruments with columns (name, instrument)."""
        import pandas as pd  # noqa: PLC0415 - a table library is the caller's choice

        index = pd.DatetimeIndex(self.time, name="open_time").tz_localize("UTC")
        if len(self.instruments) == 1:
            return pd.DataFrame({name: self[name] for name in self._columns}, index=index)
        labels = [str(item) for item in self.instruments]
        parts = {name: pd.DataFrame(self._columns[name], index=index, columns=labels) for name in self._columns}
        return pd.concat(parts, axis=1)

    def __repr__(self) -> str:
        names = ", ".join(name for name in self._columns if name not in COLUMNS)
        shown = f", with {names}" if names else ""
        return f"BarsView({', '.join(map(str, self.instruments))} {self.period}, {len(self):,} bars{shown})"
