"""Weeks, months and years of a daily curve, in UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from quantservice.quant.metrics.value import F64, I64, NAN, Daily, time_text

Key: TypeAlias = Callable[[I64], I64]
Span: TypeAlias = int | Literal["mtd", "ytd"]


def weeks(day: I64) -> I64:
    """Return ISO weeks (Monday first) as running numbers; day 0 was a Thursday."""
    return (day + 3) // 7


def months(day: I64) -> I64:
    """Return calendar months since January 1970."""
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def years_of(day: I64) -> I64:
    """Return calendar years since 1970."""
    return day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)


def group_ends(daily: Daily, key: Key) -> tuple[I64, I64]:
    """Return each group's number and the index (into ``daily.equity``) of its last day; the first sample belongs to none."""
    groups = key(daily.day[1:])
    last = np.append(np.flatnonzero(np.diff(groups)), len(groups) - 1).astype(np.int64)
    return groups[last], last + 1


def group_returns(daily: Daily, key: Key) -> F64:
    """Return the compounded return of each week, month or year; the first and the last may be cut."""
    _, ends = group_ends(daily, key)
    values = daily.equity[np.concatenate([[0], ends])]
    return np.asarray(values[1:] / values[:-1] - 1.0, dtype=np.float64)


def trailing_return(daily: Daily, span: Span) -> tuple[float, str]:
    """Return the return since so many calendar months ago, or since the month or year began, and why there is none."""
    end = np.datetime64(int(daily.day[-1]), "D")
    if span == "mtd":
        since = end.astype("datetime64[M]").astype("datetime64[D]") - 1
    elif span == "ytd":
        since = end.astype("datetime64[Y]").astype("datetime64[D]") - 1
    else:
        month = end.astype("datetime64[M]") - span
        in_month = (end - end.astype("datetime64[M]").astype("datetime64[D]")).astype(int)
        length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(int)
        since = month.astype("datetime64[D]") + min(int(in_month), int(length) - 1)
    k = int(since.astype(np.int64)) - int(daily.day[0])
    if k < 0:
        return NAN, f"the run begins on {time_text(int(daily.time[0]))[:10]}, after that"
    return float(daily.equity[-1] / daily.equity[k] - 1.0), ""
