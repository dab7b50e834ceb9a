"""What happened in a run, as arrays: the only input of the measurements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.quant.metrics.scan import BAD_EQUITY, DAY_MS, SOUND, UNORDERED, first_fault, sample_days, without_flows
from quantservice.quant.metrics.value import F64, I64, Daily, time_text

Rows: TypeAlias = npt.NDArray[Any]

EMPTY = np.empty(0)


@dataclass(frozen=True, eq=False, kw_only=True)
class RunArrays:
    """A run on its finest clock; everything but ``time`` and ``equity`` may be missing.

    - ``time`` (T,) int64 milliseconds UTC, rising: the instants at which ``equity`` (T,) was marked (closes of bars).
    - ``start_time``, ``start_equity``: before the first bar; without them the first mark is the start.
    - ``worst`` (T,): lowest equity inside each bar. ``gross``, ``net``, ``margin`` (T,): notionals and margin in the same money.
    - ``flows`` (T,): paid in during each bar (out: negative) and contained in equity from then on.
    - ``benchmark`` (T,): a price or equity on the same clock, ``benchmark_start`` its value at the start, ``benchmark_fee`` the
      fraction of the notional that buying it and selling it each cost.
    - ``trades``: structured rows with entry_time, exit_time, side, net, return, mae, mfe, open; ``risk`` (n,) what each trade
      risked at its entry (its distance to the initial stop in money), NaN where it had no stop.
    - ``fills``: rows with time, bar, price, quantity, fee, maker, slippage, rate; ``notional`` (m,) of each in the reporting
      currency where it is not price × quantity × rate (inverse contracts); ``volume`` (m,) the quote volume of each fill's bar.
    - ``funding``: rows with amount, rate, missing. ``orders``: rows with time, end_time, quantity, filled, state, and
      ``order_states`` the words behind their state. ``rejected_signals``, ``replaced_orders``, ``liquidations``: counts.
    - ``synthetic``, ``stale``: how many bars were made up or repeat the one before.
    """

    time: I64
    equity: F64
    start_time: int | None = None
    start_equity: float | None = None
    worst: F64 | None = None
    gross: F64 | None = None
    net: F64 | None = None
    margin: F64 | None = None
    flows: F64 | None = None
    benchmark: F64 | None = None
    benchmark_start: float | None = None
    benchmark_fee: float = 0.0
    market_change: float | None = None
    trades: Rows | None = None
    risk: F64 | None = None
    fills: Rows | None = None
    notional: F64 | None = None
    volume: F64 | None = None
    funding: Rows | None = None
    orders: Rows | None = None
    order_states: tuple[str, ...] = ()
    rejected_signals: int | None = None
    replaced_orders: int | None = None
    liquidations: int | None = None
    synthetic: int | None = None
    stale: int | None = None
    fingerprint: str = ""

    def __post_init__(self) -> None:
        length = len(self.time)
        if not length:
            raise InvalidValue("equity", "the curve is empty; there is nothing to measure")
        for name in ("equity", "worst", "gross", "net", "margin", "flows", "benchmark"):
            values = getattr(self, name)
            if values is not None and len(values) != length:
                raise InvalidValue(name, f"has {len(values)} values, the clock has {length}")
            if values is not None and values.dtype != np.float64:
                raise InvalidValue(name, f"must be float64, not {values.dtype}")
        if self.time.dtype != np.int64:
            raise InvalidValue("time", f"must be int64 milliseconds, not {self.time.dtype}")
        # One kind of arrays, so that compiled code is compiled once, and whole lines of memory are read.
        for name in ("time", "equity", "worst", "gross", "net", "margin", "flows", "benchmark"):
            self._take(name, "C", "W")
        row, kind = first_fault(self.time, self.equity, EMPTY if self.worst is None else self.worst)
        if kind == UNORDERED:
            raise InvalidValue("time", f"row {row} ({time_text(self.time[row])}) is not after the row before it")
        if kind != SOUND:
            name = "equity" if kind == BAD_EQUITY else "worst"
            raise InvalidValue(name, f"row {row} ({time_text(self.time[row])}) is {getattr(self, name)[row]}, not a number")
        if self.first <= 0.0:
            raise InvalidValue("start_equity", f"a run must begin with money, not with {self.first}")
        if self.start_time is not None and self.start_time > self.time[0]:
            raise InvalidValue("start_time", f"{time_text(self.start_time)} is after the first mark, {time_text(self.time[0])}")

    def _take(self, name: str, *requirements: Literal["C", "W"]) -> None:
        values = getattr(self, name)
        if values is not None:
            object.__setattr__(self, name, np.require(values, requirements=requirements))

    @property
    def first(self) -> float:
        """Equity at the start."""
        return float(self.equity[0]) if self.start_equity is None else float(self.start_equity)

    @property
    def begin(self) -> int:
        """Time of the start in milliseconds UTC."""
        return int(self.time[0]) if self.start_time is None else int(self.start_time)

    @property
    def days(self) -> float:
        """Calendar days from the start to the last mark."""
        return (int(self.time[-1]) - self.begin) / DAY_MS

    @property
    def years(self) -> float:
        """Calendar years of 365.25 days."""
        return self.days / 365.25

    @cached_property
    def bar_ms(self) -> int:
        """Usual distance between marks in milliseconds (their median)."""
        if len(self.time) > 1:
            return int(np.median(np.diff(self.time[:10_000])))
        return int(self.time[0]) - self.begin

    @cached_property
    def clean(self) -> tuple[F64, F64]:
        """Equity and worst equity without deposits and withdrawals (time-weighted); the same arrays when there were none."""
        worst = EMPTY if self.worst is None else self.worst
        if self.flows is None or not self.flows.any():
            return self.equity, worst
        return without_flows(self.equity, worst, self.flows, self.first)

    @cached_property
    def base_day(self) -> int:
        """Day number of the sample before the first return."""
        if self.start_time is None:
            first = (int(self.time[0]) - 1) // DAY_MS
            alone = len(self.time) == 1 or (int(self.time[1]) - 1) // DAY_MS > first
            return first if alone else first - 1
        return self.begin // DAY_MS - 1

    @cached_property
    def daily(self) -> Daily:
        """Equity at the end of each UTC day and its simple returns (NaN from a day without positive equity on)."""
        values = sample_days(self.time, self.clean[0], self.base_day, self.first)
        return Daily(self.base_day + np.arange(len(values), dtype=np.int64), values, simple_returns(values))

    @cached_property
    def daily_benchmark(self) -> F64 | None:
        """Benchmark's simple returns on the same days, its entry and exit fees paid on the first and last; None without one."""
        if self.benchmark is None or not np.isfinite(self.benchmark).all():
            return None
        first = float(self.benchmark[0]) if self.benchmark_start is None else self.benchmark_start
        values = sample_days(self.time, self.benchmark, self.base_day, first)
        values[0] *= 1.0 + self.benchmark_fee
        values[-1] *= 1.0 - self.benchmark_fee
        return simple_returns(values) if (values > 0.0).all() else None

    @cached_property
    def fill_notional(self) -> F64:
        """Traded notional of each fill in the reporting currency."""
        if self.notional is not None:
            return np.abs(self.notional)
        if self.fills is None:
            return EMPTY
        return np.abs(np.asarray(self.fills["price"] * self.fills["quantity"] * self.fills["rate"], dtype=np.float64))


def simple_returns(values: F64) -> F64:
    """Return ``v[i] / v[i-1] - 1``; NaN from the first value that is zero or less on."""
    out = np.full(max(len(values) - 1, 0), np.nan)
    broke = np.flatnonzero(values <= 0.0)
    n = int(broke[0]) if len(broke) else len(values)
    if n > 1:
        out[: n - 1] = values[1:n] / values[: n - 1] - 1.0
    return out
