"""Bars: the klines of one stream as arrays, as strategies and indicators get them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from quantservice.core.instruments import Instrument
from quantservice.core.margin_tiers import DatedTiers

#: Column -> what it holds. Times are int64 milliseconds UTC, everything else float64.
COLUMNS: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)


class Settlements(Protocol):
    """Settled funding of one instrument: times (ms UTC, rising) and rates (fractions of the position's value)."""

    @property
    def time(self) -> npt.NDArray[np.int64]:
        """When each was settled."""
        ...

    @property
    def rate(self) -> npt.NDArray[np.float64]:
        """What was settled."""
        ...


@dataclass(frozen=True, eq=False)
class Funding:
    """Plain :class:`Settlements`."""

    time: npt.NDArray[np.int64]
    rate: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bars(Mapping[str, npt.NDArray[Any]]):
    """The klines of one instrument and period, oldest first; ``bars["close"]`` is an array.

    ``instrument`` is the full name. All arrays have one length and are read-only. Where they are known, ``funding`` holds the
    settlements of these times, ``rules`` what the venue says of the instrument and ``brackets`` its margin tiers by date: a
    backtest takes them from here.
    """

    instrument: str
    period: str
    columns: Mapping[str, npt.NDArray[Any]]
    funding: Settlements | None = None
    rules: tuple[Instrument, ...] = ()
    brackets: DatedTiers = ()

    def __post_init__(self) -> None:
        lengths = {len(values) for values in self.columns.values()}
        if set(self.columns) != set(COLUMNS) or len(lengths) > 1:
            raise ValueError(f"bars need the columns {', '.join(COLUMNS)} in one length")
        for values in self.columns.values():
            values.flags.writeable = False

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        try:
            return self.columns[name]
        except KeyError:
            raise KeyError(f"bars have no column {name!r}; they have {', '.join(COLUMNS)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMNS)

    def __len__(self) -> int:
        """Rows, not columns: what a person means by the length of bars."""
        return len(self.columns["open_time"])

    @property
    def time(self) -> npt.NDArray[np.datetime64]:
        """Open times as ``datetime64[ms]`` (UTC)."""
        return self.columns["open_time"].astype("datetime64[ms]")

    def to_pandas(self) -> Any:
        """Return a pandas table indexed by UTC open time."""
        import pandas as pd

        table = pd.DataFrame({name: self.columns[name] for name in COLUMNS[1:]})
        table.index = pd.DatetimeIndex(self.time, name="open_time").tz_localize("UTC")
        return table

    def to_arrow(self) -> Any:
        """Return a ``pyarrow.Table``."""
        import pyarrow as pa

        return pa.table({name: self.columns[name] for name in COLUMNS})

    def to_polars(self) -> Any:
        """Return a polars table."""
        import polars as pl

        return pl.DataFrame({name: self.columns[name] for name in COLUMNS})

    def __repr__(self) -> str:
        if not len(self):
            return f"Bars({self.instrument} {self.period}, empty)"
        first, last = str(self.time[0])[:16], str(self.time[-1])[:16]
        return f"Bars({self.instrument} {self.period}, {len(self):,} bars, {first} – {last} UTC, last close {self['close'][-1]:g})"
