"""Reading anyone's table of klines, and refusing one that cannot be believed: a sentence names the instrument, row and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import FIXED_MS, MONTH, check_period
from quantservice.quant.backtest.walks import apart, fixed, sound_prices, sound_volume
from quantservice.quant.bars import COLUMNS, Bars

F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]

#: Spellings of columns that tables of others use, lower case.
TIME_NAMES: Final = ("open_time", "time", "timestamp", "date", "datetime", "ts", "opentime")
_OTHER_NAMES: Final = {
    "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vol": "volume", "base_volume": "volume",
    "quote_asset_volume": "quote_volume", "trades": "count", "number_of_trades": "count",
}  # fmt: skip
PRICE_COLUMNS: Final = ("open", "high", "low", "close")
#: An instrument of a table that does not say what it is: paid in full, no venue's rules.
NAMELESS: Final = InstrumentId("user", "spot", "TABLE")


@dataclass(frozen=True, eq=False)
class Series:
    """The klines of one instrument: columns named as in :data:`quantservice.quant.bars.COLUMNS`, checked."""

    instrument: InstrumentId
    period: str
    columns: Mapping[str, npt.NDArray[Any]]
    has_volume: bool = True

    def __len__(self) -> int:
        return len(self.columns["open_time"])

    @property
    def times(self) -> I64:
        """Open times (int64 ms UTC)."""
        return self.columns["open_time"]


#: Fewer rows than these may all have gaps between them.
_ENOUGH_ROWS: Final = 10


def series_of(value: Any, *, instrument: InstrumentId | str | None = None, period: str = "") -> Series:
    """Read :class:`Bars`, a pandas, polars or Arrow table, or a mapping of columns; raise InvalidValue on what is not sound.

    ``instrument`` and ``period`` name what a table does not say itself; a missing period is taken from the spacing of its rows.
    """
    if isinstance(value, Series):
        return value
    if isinstance(value, Bars):
        name, period = id_of(instrument or value.instrument), value.period
        columns: dict[str, npt.NDArray[Any]] = {key: value[key] for key in COLUMNS}
    else:
        name = id_of(instrument) if instrument is not None else NAMELESS
        columns = _columns(value, name)
    times = columns["open_time"]
    _check_times(name, times)
    if period:
        _check_spacing(name, times, check_period(period))
    else:
        period = _spacing(name, times)
    columns, has_volume = _filled(columns, len(times), name)
    _check_prices(name, times, columns)
    return Series(name, period, columns, has_volume)


def id_of(instrument: InstrumentId | str) -> InstrumentId:
    """Return the full name; a short one is taken as a spot table of the user's own."""
    if isinstance(instrument, InstrumentId):
        return instrument
    return InstrumentId.parse(instrument) if instrument.count(":") == 2 else InstrumentId("user", "spot", instrument)


def _columns(value: Any, name: InstrumentId) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {}
    for key, values in _named_columns(value):
        lower = key.lower().strip().replace(" ", "_")
        lower = _OTHER_NAMES.get(lower, lower)
        if lower in TIME_NAMES and "open_time" not in found:
            found["open_time"] = milliseconds(values, name)
        elif lower in COLUMNS:
            found[lower] = _floats(values, lower, name)
    missing = [key for key in ("open_time", *PRICE_COLUMNS) if key not in found]
    if missing:
        raise InvalidValue(
            "bars", f"the table of {name} has no column {', '.join(missing)}; it needs a time and open, high, low, close"
        )
    lengths = {len(values) for values in found.values()}
    if len(lengths) > 1:
        raise InvalidValue("bars", f"the columns of {name} have different lengths: {sorted(lengths)}")
    return found


def _named_columns(value: Any) -> list[tuple[str, Any]]:
    """Return the columns of a table of whatever library as arrays; a pandas time index comes first."""
    if isinstance(value, Mapping):
        return [(str(key), values) for key, values in value.items()]
    if hasattr(value, "column_names") and hasattr(value, "combine_chunks"):  # Arrow
        return [(key, value[key].to_numpy()) for key in value.column_names]
    if hasattr(value, "columns") and hasattr(value, "index"):  # pandas
        kind = str(getattr(value.index, "dtype", ""))
        index = [("open_time", value.index.to_numpy())] if kind.startswith("datetime64") else []
        return index + [(str(key), value[key].to_numpy()) for key in value.columns]
    if hasattr(value, "columns") and hasattr(value, "get_column"):  # polars
        return [(str(key), value.get_column(key).to_numpy()) for key in value.columns]
    raise InvalidValue(
        "bars", f"a {type(value).__name__} is not a table; give Bars, a pandas, polars or Arrow table, or a mapping of columns"
    )


def milliseconds(values: Any, name: InstrumentId) -> I64:
    """Return times as int64 milliseconds UTC; whole numbers are seconds, ms, µs or ns by their size."""
    array = np.asarray(values)
    if array.dtype == object:
        array = np.array([np.datetime64(item.replace(tzinfo=None) if hasattr(item, "tzinfo") else item) for item in array.tolist()])
    if array.dtype.kind in "US":
        array = array.astype("datetime64[ms]")
    if array.dtype.kind == "M":
        return array.astype("datetime64[ms]").astype(np.int64)
    if array.dtype.kind not in "iuf" or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise InvalidValue("open_time", f"the times of {name} are neither dates nor numbers")
    whole = array.astype(np.int64, copy=False)
    largest = max(abs(int(whole.min())), abs(int(whole.max()))) if len(whole) else 0
    for border, scale in ((10**11, 1000), (10**14, 1)):
        if largest < border:
            return whole * scale if scale != 1 else whole
    return whole // (1000 if largest < 10**17 else 1_000_000)


def _floats(values: Any, column: str, name: InstrumentId) -> F64:
    try:
        return np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidValue(column, f"the column of {name} does not hold numbers") from None


def _filled(columns: dict[str, npt.NDArray[Any]], length: int, name: InstrumentId) -> tuple[dict[str, npt.NDArray[Any]], bool]:
    volume = columns.get("volume")
    has_volume = False
    if volume is not None:
        sound, has_volume = sound_volume(fixed(volume))
        if not sound:
            bad = np.flatnonzero(~(volume >= 0.0) | ~np.isfinite(volume))
            raise InvalidValue("volume", f"row {bad[0]} of {name} has the volume {volume[bad[0]]}")
    return {key: columns[key] if key in columns else np.zeros(length) for key in COLUMNS}, has_volume


def _check_times(name: InstrumentId, times: I64) -> None:
    if not len(times):
        raise InvalidValue("bars", f"{name} has no klines")
    if not apart(fixed(times, np.int64), 1):
        row = int(np.argmax(times[1:] <= times[:-1])) + 1
        word = "repeats" if times[row] == times[row - 1] else "comes after"
        raise InvalidValue(
            "open_time",
            f"row {row} of {name} ({when(times[row])}) {word} row {row - 1} ({when(times[row - 1])}); sort the rows, once each",
        )


def _check_prices(name: InstrumentId, times: I64, columns: Mapping[str, F64]) -> None:
    opened, high, low, close = (columns[key] for key in PRICE_COLUMNS)
    if sound_prices(*(fixed(values) for values in (opened, high, low, close))):
        return
    for key in PRICE_COLUMNS:
        bad = np.flatnonzero(~(columns[key] > 0.0) | ~np.isfinite(columns[key]))
        if len(bad):
            row = int(bad[0])
            raise InvalidValue(
                key, f"row {row} of {name} ({when(times[row])}) has the price {columns[key][row]}; prices are greater than zero"
            )
    for key, wrong, word in (
        ("high", (high < opened) | (high < close) | (high < low), "below"),
        ("low", (low > opened) | (low > close), "above"),
    ):
        bad = np.flatnonzero(wrong)
        if len(bad):
            row = int(bad[0])
            shown = ", ".join(f"{item} {columns[item][row]:g}" for item in PRICE_COLUMNS)
            raise InvalidValue(key, f"row {row} of {name} ({when(times[row])}) has its {key} {word} another price: {shown}")


def _check_spacing(name: InstrumentId, times: I64, period: str) -> None:
    """Refuse rows that lie nearer to each other than their period, and those of which no two follow on one another."""
    length = FIXED_MS.get(period)
    if length is None or len(times) < 2:
        return
    if int(times[-1] - times[0]) == length * (len(times) - 1) and apart(fixed(times, np.int64), length):
        return
    least = int(np.diff(times).min())
    if least < length or (least > length and len(times) >= _ENOUGH_ROWS):
        seen = next((name for name, step in FIXED_MS.items() if step == least), f"{least / 1_000:g} s")
        raise InvalidValue(
            "period", f"the rows of {name} are {seen} apart, but the period is said to be {period}; say the right one"
        )


def _spacing(name: InstrumentId, times: I64) -> str:
    if len(times) < 2:
        raise InvalidValue("period", f"{name} has one row; say which period it is of")
    step = int(np.median(np.diff(times[:1_000])))
    for period, length in FIXED_MS.items():
        if length == step:
            return period
    if 28 * FIXED_MS["1d"] <= step <= 31 * FIXED_MS["1d"]:
        return MONTH
    raise UnknownName("period", f"{step} ms between rows of {name}", (*FIXED_MS, MONTH))


def when(time: int | np.int64) -> str:
    """Return a time as ``2024-05-01 13:00`` (UTC)."""
    text = str(np.datetime64(int(time), "ms")).replace("T", " ")
    return text[:16] if text.endswith("00.000") else text[:19]


def gaps_of(series: Series) -> tuple[int, int]:
    """Return how many klines are missing between the first and the last, and the row after which the first is; (0, -1): none."""
    length = FIXED_MS.get(series.period)
    if length is None:
        return 0, -1
    missing = int((series.times[-1] - series.times[0]) // length + 1 - len(series))
    return (missing, int(np.argmax(np.diff(series.times) > length))) if missing > 0 else (0, -1)


def series_list(bars: Any, *, instrument: InstrumentId | str | None = None, period: str = "") -> list[Series]:
    """Read one table or several: a list, or a mapping of full names to tables."""
    if isinstance(bars, Mapping) and not isinstance(bars, Bars) and not _is_columns(bars):
        found = [series_of(table, instrument=str(key), period=period) for key, table in bars.items()]
    elif isinstance(bars, Sequence) and not isinstance(bars, Bars | str):
        found = [series_of(table, period=period) for table in bars]
    else:
        found = [series_of(bars, instrument=instrument, period=period)]
    if not found:
        raise InvalidValue("bars", "no instrument is given")
    names = [item.instrument for item in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidValue("bars", f"{twice} is given twice")
    periods = sorted({item.period for item in found})
    if len(periods) > 1:
        raise InvalidValue(
            "period", f"the tables are of different periods: {', '.join(periods)}; give one period, others are for detail"
        )
    return found


def _is_columns(value: Mapping[Any, Any]) -> bool:
    return any(str(key).lower() in {"close", "c"} for key in value)
