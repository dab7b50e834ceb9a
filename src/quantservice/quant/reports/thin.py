"""Fewer points with the same look: what is drawn of a long curve, and candles of a longer period."""

from __future__ import annotations

from typing import Final

import numpy as np

from quantservice.quant.reports.story import F64, I64, Candles

#: Lengths of candles that a person knows, in milliseconds.
STEPS: Final = tuple(
    minutes * 60_000 for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1_440, 4_320, 10_080, 20_160, 40_320)
)


def keep_extremes(values: F64, most: int, always: I64 | None = None) -> I64:
    """Return at most about ``most`` rising indexes: of each bucket its lowest and its highest, and both ends.

    ``always`` are kept besides.
    """
    n = len(values)
    if n <= most:
        return np.arange(n, dtype=np.int64)
    edges = np.linspace(0, n, max(most // 2, 1) + 1).astype(np.int64)
    length = int(np.diff(edges).max())
    # Buckets as rows of one matrix, the last value repeated where a bucket is shorter.
    index = np.minimum(edges[:-1, None] + np.arange(length), (edges[1:] - 1)[:, None])
    block = values[index]
    rows = np.arange(len(index))
    found = [np.array([0, n - 1]), index[rows, block.argmin(axis=1)], index[rows, block.argmax(axis=1)]]
    if always is not None:
        found.append(always[(always >= 0) & (always < n)])
    return np.unique(np.concatenate(found)).astype(np.int64)


def lowest_between(values: F64, kept: I64) -> F64:
    """Return the lowest value from just after each kept index's predecessor up to it, so that no fall is lost."""
    starts = np.concatenate([[0], kept[:-1] + 1])
    return np.minimum.reduceat(values, starts)


def coarser(candles: Candles, most: int) -> tuple[Candles, int]:
    """Return the candles joined to a longer period so that there are at most ``most``, and its length in milliseconds."""
    n = len(candles.time)
    native = int(np.median(np.diff(candles.time))) if n > 1 else 60_000
    if n <= most:
        return candles, native
    span = int(candles.time[-1] - candles.time[0])
    step = next((step for step in STEPS if step > native and span // step < most), STEPS[-1])
    group = candles.time // step
    first = np.concatenate([[0], np.flatnonzero(np.diff(group)) + 1])
    last = np.append(first[1:] - 1, n - 1)
    return (
        Candles(
            candles.instrument,
            group[first] * step,
            candles.open[first],
            np.maximum.reduceat(candles.high, first),
            np.minimum.reduceat(candles.low, first),
            candles.close[last],
            np.add.reduceat(candles.volume, first),
            np.bitwise_or.reduceat(candles.state, first),
        ),
        step,
    )


def cut(candles: Candles, begin: int, end: int) -> Candles:
    """Return the candles from row ``begin`` up to but not including ``end``."""
    part = slice(begin, end)
    return Candles(
        candles.instrument,
        candles.time[part],
        candles.open[part],
        candles.high[part],
        candles.low[part],
        candles.close[part],
        candles.volume[part],
        candles.state[part],
    )


def windows_of(candles: Candles, begin: I64, end: I64, weight: F64, *, budget: int, margin: int = 40) -> list[tuple[int, int]]:
    """Return row ranges round the weightiest trades (``begin`` to ``end``, milliseconds), joined, of at most ``budget`` rows."""
    n = len(candles.time)
    wanted = np.zeros(n, dtype=np.bool_)
    left = budget
    for k in np.argsort(-np.abs(weight), kind="stable")[:400]:
        a, b = (int(np.searchsorted(candles.time, moment)) for moment in (begin[k], end[k]))
        room = max(margin, (b - a) // 2)
        a, b = max(a - room, 0), min(b + room, n)
        cost = int((~wanted[a:b]).sum())
        if cost <= left:
            wanted[a:b] = True
            left -= cost
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
