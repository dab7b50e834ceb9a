"""What a run leaves: the equity curve, and every fill, order, round trip, payment and liquidation behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.errors import UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.records import FILL_REASONS, ORDER_REASONS, ORDER_STATES, ORDER_TYPES

Array: TypeAlias = npt.NDArray[Any]

#: Small numbers in the records -> words, by column name.
_WORDS = {
    "reason": FILL_REASONS,
    "exit_reason": FILL_REASONS,
    "type": ORDER_TYPES,
    "state": ORDER_STATES,
}


class Flag(msgspec.Struct, frozen=True):
    """Something that a reader of the result must know. ``text`` is a sentence; times are milliseconds UTC (0: the whole run)."""

    name: str
    text: str
    count: int = 0
    first_time: int = 0
    last_time: int = 0


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run. Arrays of length T are on the bar clock: row ``i`` is the state at the close of bar ``i``.

    ``time`` (T,) are open times of the bars, ``close_time`` (T,) their last milliseconds. ``equity`` (T,) is marked to market in
    ``currency``; ``worst_equity`` (T,) is the lowest inside the bar (all instruments at their low, or all at their high);
    ``cash`` (T,) is not in spot holdings; ``gross_exposure``, ``net_exposure`` (T,) are notionals, ``margin_used`` (T,) what is
    set aside.
    The records are structured arrays of :mod:`quantservice.quant.backtest.records`.
    """

    instruments: tuple[InstrumentId, ...]
    period: str
    currency: str
    assumptions: Assumptions
    time: npt.NDArray[np.int64]
    close_time: npt.NDArray[np.int64]
    initial_equity: float
    equity: npt.NDArray[np.float64]
    worst_equity: npt.NDArray[np.float64]
    cash: npt.NDArray[np.float64]
    gross_exposure: npt.NDArray[np.float64]
    net_exposure: npt.NDArray[np.float64]
    margin_used: npt.NDArray[np.float64]
    fills: Array
    orders: Array
    trades: Array
    funding: Array
    liquidations: Array
    tags: tuple[str, ...] = ("",)
    flags: tuple[Flag, ...] = ()
    data_fingerprint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Bars."""
        return len(self.time)

    @property
    def final_equity(self) -> float:
        """Equity at the last close."""
        return float(self.equity[-1])

    @property
    def positions(self) -> npt.NDArray[np.float64]:
        """Signed quantity after each bar: (T, S), or (T, S, 2) in hedge mode. Folded from the fills."""
        legs = 2 if self.assumptions.position_mode == "hedge" else 1
        held = np.zeros((len(self.time), len(self.instruments), legs))
        np.add.at(
            held, (self.fills["bar"], self.fills["instrument"], self.fills["leg"]), self.fills["side"] * self.fills["quantity"]
        )
        # A sum of what came and went leaves dust of a rounding where the leg is flat: the engine's own zero is taken.
        total = np.cumsum(held, axis=0)
        scale = np.maximum.accumulate(np.abs(total), axis=0)
        total[np.abs(total) <= 1e-12 * scale] = 0.0
        return total[:, :, 0] if legs == 1 else total

    def fingerprint(self) -> str:
        """Return a sha256 of everything that happened: the same run gives the same on every machine of one architecture."""
        digest = hashlib.sha256()
        for array in (
            self.time,
            self.equity,
            self.worst_equity,
            self.fills,
            self.orders,
            self.trades,
            self.funding,
            self.liquidations,
        ):
            digest.update(np.ascontiguousarray(array).tobytes())
        for text in (*map(str, self.instruments), self.currency, *self.tags):
            digest.update(text.encode() + b"\0")
        return digest.hexdigest()

    def flag(self, name: str) -> Flag | None:
        """Return a flag by name, or None."""
        return next((item for item in self.flags if item.name == name), None)

    def to_pandas(self, record: str = "trades") -> Any:
        """Return ``trades``, ``fills``, ``orders``, ``funding``, ``liquidations`` or ``equity`` as a pandas table, in words."""
        import pandas as pd  # noqa: PLC0415 - the table library is the caller's choice

        if record == "equity":
            index = pd.DatetimeIndex(self.close_time.astype("datetime64[ms]"), name="close_time").tz_localize("UTC")
            names = ("equity", "worst_equity", "cash", "gross_exposure", "net_exposure", "margin_used")
            return pd.DataFrame({name: getattr(self, name) for name in names}, index=index)
        return pd.DataFrame(self.columns(record))

    def columns(self, record: str) -> dict[str, Any]:
        """Return a record as columns with words instead of small numbers and ``datetime64[ms]`` times."""
        records = ("trades", "fills", "orders", "funding", "liquidations")
        if record not in records:
            raise UnknownName("record", record, (*records, "equity"))
        rows: Array = getattr(self, record)
        return {name: self._column(record, name, rows[name]) for name in rows.dtype.names or ()}

    def _column(self, record: str, name: str, values: Array) -> Any:
        if name == "instrument":
            return _words([str(item) for item in self.instruments], values)
        if name.endswith("tag"):
            return _words(self.tags, values)
        if name == "side":
            return _words(("sell", "", "buy") if record in {"fills", "orders"} else ("short", "", "long"), values + 1)
        if name == "leg":
            return _words(("long", "short") if self.assumptions.position_mode == "hedge" else ("both", "both"), values)
        if name == "reason" and record == "orders":
            return _words(ORDER_REASONS, values)
        if name in _WORDS:
            return _words(_WORDS[name], values)
        return values.astype("datetime64[ms]") if name.endswith("time") else values

    def __repr__(self) -> str:
        first, last = (str(item)[:16] for item in self.time[[0, -1]].astype("datetime64[ms]"))
        change = self.final_equity / self.initial_equity - 1.0
        return (
            f"RunResult({len(self.instruments)} × {self.period}, {len(self):,} bars, {first} – {last} UTC, "
            f"{len(self.trades):,} trades, "
            f"final equity {self.final_equity:,.2f} {self.currency} ({change:+.2%}))"
        )


def _words(words: Sequence[str], values: Array) -> Any:
    return np.array(words, dtype=object)[values] if len(values) else np.array([], dtype=object)
