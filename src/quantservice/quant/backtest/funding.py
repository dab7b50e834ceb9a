"""Funding settlements: read from anyone's table, and the ones that should be there but are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import HOUR_MS, MINUTE_MS
from quantservice.quant.backtest.tables import F64, I64, _named_columns, milliseconds, when

_TIMES: Final = ("time", "funding_time", "fundingtime", "calc_time", "timestamp", "date", "open_time", "ts")
_RATES: Final = ("funding_rate", "fundingrate", "last_funding_rate", "rate", "realized_rate", "open", "value")
_MARKS: Final = ("mark_price", "markprice", "mark")
#: What perpetuals settle at when nothing says otherwise (Binance: every 8 hours at 00:00, 08:00, 16:00 UTC).
USUAL_INTERVAL_MS: Final = 8 * HOUR_MS


@dataclass(frozen=True, eq=False)
class Funding:
    """Settlements of one instrument, oldest first.

    ``time`` in ms UTC, ``rate`` a fraction of the notional (NaN: missing), ``mark`` a price (NaN: the open of the row is used).
    """

    time: I64
    rate: F64
    mark: F64

    def __len__(self) -> int:
        return len(self.time)


def funding_of(value: Any, instrument: InstrumentId) -> Funding:
    """Read settlements: a table or mapping with a time and a rate (and a mark price), or a tuple of such arrays.

    Times are taken down to the minute: venues stamp a settlement some milliseconds late, and the position that counts is the one
    held on the hour.
    """
    if isinstance(value, Funding):
        return value
    columns: dict[str, Any]
    if isinstance(value, tuple):
        columns = dict(zip(("time", "rate", "mark"), value, strict=False))
    else:
        columns = {key.lower().strip().replace(" ", "_"): values for key, values in _named_columns(value)}
    time, rate, mark = (_first(columns, names) for names in (_TIMES, _RATES, _MARKS))
    if time is None or rate is None:
        raise InvalidValue("funding", f"the table of {instrument} has no time or no funding_rate; it has {', '.join(columns)}")
    times = milliseconds(time, instrument) // MINUTE_MS * MINUTE_MS
    rates = np.asarray(rate, dtype=np.float64)
    marks = np.full(len(times), np.nan) if mark is None else np.asarray(mark, dtype=np.float64)
    wrong = np.flatnonzero(np.diff(times) <= 0)
    if len(wrong):
        raise InvalidValue(
            "funding", f"row {wrong[0] + 1} of {instrument} ({when(times[wrong[0] + 1])}) is not after the row before it"
        )
    wild = np.flatnonzero(np.abs(rates) > 0.1)
    if len(wild):
        raise InvalidValue(
            "funding", f"row {wild[0]} of {instrument} has the rate {rates[wild[0]]}; rates are fractions, 0.0001 is 1 bp"
        )
    return Funding(times, rates, np.where(marks > 0.0, marks, np.nan))


def _first(columns: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((columns[name] for name in names if name in columns), None)


def with_missing(funding: Funding | None, start_ms: int, end_ms: int) -> Funding:
    """Return the settlements in ``[start, end)`` with the missing ones added, their rate NaN.

    A hole is a distance of more than one and a half times the larger of the distances beside it; before the first and after the
    last settlement the nearest distance goes on. Without any settlement one is expected every eight hours.
    """
    if funding is None or not len(funding):
        first = -(-start_ms // USUAL_INTERVAL_MS) * USUAL_INTERVAL_MS
        return _missing(np.arange(first, end_ms, USUAL_INTERVAL_MS, dtype=np.int64))
    inside = (funding.time >= start_ms) & (funding.time < end_ms)
    steps = np.diff(funding.time) if len(funding) > 1 else np.array([USUAL_INTERVAL_MS], dtype=np.int64)
    added = [np.arange(funding.time[0] - steps[0], start_ms - 1, -steps[0], dtype=np.int64)]
    beside = np.maximum(np.append(steps[1:], steps[:1]), np.append(steps[-1:], steps[:-1]))
    added.extend(
        np.arange(funding.time[place] + beside[place], funding.time[place + 1], beside[place], dtype=np.int64)
        for place in (np.flatnonzero(steps > 1.5 * beside) if len(steps) > 1 else ())
    )
    step = max(HOUR_MS, int(steps[-1] if len(steps) < 2 else min(steps[-1], steps[-2])))
    added.append(np.arange(funding.time[-1] + step, end_ms, step, dtype=np.int64))
    holes = np.concatenate(added)
    holes = holes[(holes >= start_ms) & (holes < end_ms)]
    time = np.concatenate((funding.time[inside], holes))
    order = np.argsort(time, kind="stable")
    absent = np.full(len(holes), np.nan)
    rate, mark = np.concatenate((funding.rate[inside], absent)), np.concatenate((funding.mark[inside], absent))
    return Funding(time[order], rate[order], mark[order])


def _missing(times: I64) -> Funding:
    nothing = np.full(len(times), np.nan)
    return Funding(times, nothing, nothing)
