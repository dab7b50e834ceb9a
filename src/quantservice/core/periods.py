"""Kline periods: their names, lengths and borders (UTC).

A period's bar opens at a border and closes one millisecond before the next. Fixed periods are aligned
to the epoch, except the week, which opens on Monday 00:00 UTC, and the month, which follows the calendar
(Binance: "Kline/candlestick streams", intervals 1s … 1M; times UTC).
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from quantservice.core.errors import UnknownName

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
_MONDAY_MS: Final = 4 * DAY_MS  # 1970-01-05 was the first Monday

#: Length of each fixed period in milliseconds; the calendar month is absent on purpose.
FIXED_MS: Final[dict[str, int]] = {
    "1s": SECOND_MS,
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": WEEK_MS,
}
MONTH: Final = "1mo"
PERIODS: Final[tuple[str, ...]] = (*FIXED_MS, MONTH)


def check_period(period: str) -> str:
    """Return ``period`` if it is one of ours, else raise :class:`UnknownName` naming the valid ones."""
    if period in FIXED_MS or period == MONTH:
        return period
    raise UnknownName("period", period, PERIODS, hint=f"valid periods: {' '.join(PERIODS)}")


def period_ms(period: str) -> int:
    """Return the length of ``period`` in milliseconds; for the month its shortest, 28 days."""
    return FIXED_MS[check_period(period)] if period != MONTH else 28 * DAY_MS


def floor_open(period: str, time_ms: int) -> int:
    """Return the open time of the bar of ``period`` that contains ``time_ms``."""
    length = FIXED_MS.get(period)
    if length is None:
        check_period(period)
        moment = _utc(time_ms)
        return _month_ms(moment.year, moment.month)
    if length == WEEK_MS:
        return (time_ms - _MONDAY_MS) // WEEK_MS * WEEK_MS + _MONDAY_MS
    return time_ms // length * length


def next_open(period: str, open_ms: int) -> int:
    """Return the open time of the bar after the one that opens at (or contains) ``open_ms``."""
    length = FIXED_MS.get(period)
    start = floor_open(period, open_ms)
    if length is not None:
        return start + length
    moment = _utc(start)
    return _month_ms(moment.year + moment.month // 12, moment.month % 12 + 1)


def ceil_open(period: str, time_ms: int) -> int:
    """Return the first open time at or after ``time_ms``."""
    start = floor_open(period, time_ms)
    return start if start == time_ms else next_open(period, start)


def close_of(period: str, open_ms: int) -> int:
    """Return the last millisecond of the bar that opens at ``open_ms`` (the venues' ``close_time``)."""
    return next_open(period, open_ms) - 1


def opens_between(period: str, start_ms: int, end_ms: int) -> range | list[int]:
    """Return the open times ``t`` of ``period`` with ``start_ms <= t < end_ms``."""
    first = ceil_open(period, start_ms)
    length = FIXED_MS.get(period)
    if length is not None:
        return range(first, end_ms, length)
    opens: list[int] = []
    while first < end_ms:
        opens.append(first)
        first = next_open(period, first)
    return opens


def count_opens(period: str, start_ms: int, end_ms: int) -> int:
    """Return how many bars of ``period`` open in ``[start_ms, end_ms)``."""
    return len(opens_between(period, start_ms, end_ms))


def _utc(time_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(time_ms // 1000, tz=dt.UTC)


def _month_ms(year: int, month: int) -> int:
    return int(dt.datetime(year, month, 1, tzinfo=dt.UTC).timestamp()) * 1000
