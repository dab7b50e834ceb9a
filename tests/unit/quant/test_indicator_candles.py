"""Every candle pattern equals TA-Lib's at every bar: random, gridded, flat and planted bars."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import talib
from talib import abstract

from quantservice.quant.indicators import REGISTRY, Stepper, compute

Bars = dict[str, npt.NDArray[np.float64]]

PATTERNS = sorted(name.lower() for name in talib.get_functions() if name.startswith("CDL"))
DEEP = [name for name in PATTERNS if "penetration" in REGISTRY[name].parameters]

#: Open, high, low, close of patterns that random bars hardly ever make; each is planted after ordinary bars.
PLANTED: dict[str, list[tuple[float, float, float, float]]] = {
    "cdl3starsinsouth": [(100, 100.1, 93, 97), (98, 98.3, 94, 96.5), (96, 96, 95.5, 95.5)],
    "cdlkicking": [(100, 100, 97, 97), (101, 104.5, 101, 104.5)],
    "cdlkickingbylength": [(100, 100, 96, 96), (101, 104, 101, 104)],
    "cdlconcealbabyswall": [(110, 110, 107, 107), (107, 107, 104, 104), (103, 105, 102, 102), (106, 106, 101, 101)],
    "cdlbreakaway": [
        (100, 100.2, 95.8, 96),
        (95, 95.2, 93.8, 94),
        (94, 94.2, 92.8, 93),
        (93, 93.2, 91.8, 92),
        (92, 95.7, 91.9, 95.5),
    ],
    "cdlmathold": [
        (96, 100.1, 95.9, 100),
        (101, 101.1, 100.5, 100.6),
        (100.5, 100.6, 99.8, 99.9),
        (100, 100.1, 99.4, 99.5),
        (99.8, 102.6, 99.7, 102.5),
    ],
    "cdlrisefall3methods": [
        (96, 100.2, 95.8, 100),
        (99.5, 99.6, 98.9, 99),
        (98.9, 99, 98.3, 98.4),
        (98.3, 98.4, 97.7, 97.8),
        (98, 101.1, 97.9, 101),
    ],
}


def _walk(seed: int, tick: float, move: float, shadow: float, gap: float, rows: int = 2_500) -> Bars:
    random = np.random.default_rng(seed)
    close = 100.0 + np.cumsum(random.normal(0, move, rows))
    open_ = np.concatenate([[100.0], close[:-1]]) + random.normal(0, gap, rows)
    close = np.where(random.random(rows) < 0.15, open_, close)  # dojis
    up, down = (np.where(random.random(rows) < 0.5, 0.0, np.abs(random.normal(0, shadow, rows))) for _ in range(2))
    if tick:
        open_, close, up, down = (np.round(values / tick) * tick for values in (open_, close, up, down))
    return {"open": open_, "high": np.maximum(open_, close) + up, "low": np.minimum(open_, close) - down, "close": close}


def _planted() -> Bars:
    random = np.random.default_rng(7)
    rows: list[tuple[float, ...]] = []
    for turn in range(60):
        for shape in PLANTED.values():
            level = 100.0
            for _ in range(int(random.integers(11, 16))):
                last = level + random.choice([-1.0, -0.9, 0.9, 1.0])
                rows.append((level, max(level, last) + 0.4, min(level, last) - 0.4, last))
                level = last
            noise = np.round(random.normal(0, 0.05 * (turn % 3), (len(shape), 4)), 2)
            bars = np.array(shape) + noise
            if turn % 2:  # the same pattern upside down
                bars = 200.0 - bars[:, [0, 2, 1, 3]]
            bars[:, 1], bars[:, 2] = bars.max(axis=1), bars.min(axis=1)
            rows.extend(tuple(bar) for bar in bars.tolist())
    values = np.array(rows)
    return {name: np.ascontiguousarray(values[:, place]) for place, name in enumerate(("open", "high", "low", "close"))}


@cache
def markets() -> list[Bars]:
    """Series on which the patterns are compared."""
    flat = {name: np.full(200, 100.0) for name in ("open", "high", "low", "close")}
    walks = [
        _walk(1, 0.0, 0.05, 0.04, 0.05),
        _walk(2, 0.01, 0.05, 0.04, 0.05),
        _walk(3, 0.1, 0.3, 0.2, 0.2),
        _walk(4, 0.1, 0.1, 0.1, 0.1),
        _walk(5, 1.0, 2.0, 1.0, 1.0),
        _walk(6, 0.0, 1.0, 0.1, 0.5),
        _walk(7, 0.05, 0.2, 0.02, 0.1),
        _walk(8, 0.1, 0.5, 0.5, 0.05),
    ]
    return [*walks, flat, _planted()]


def _theirs(name: str, bars: Bars, **parameters: float) -> npt.NDArray[np.float64]:
    found = getattr(talib, name.upper())(bars["open"], bars["high"], bars["low"], bars["close"], **parameters)
    return np.asarray(found, dtype=np.float64)


def _lookback(name: str) -> int:
    return int(abstract.Function(name.upper()).lookback)  # type: ignore[attr-defined]  # missing in talib's stubs


def test_all_of_talib_are_there() -> None:
    """The 61 patterns are registered under TA-Lib's names."""
    assert len(PATTERNS) == 61
    assert sorted(name for name in REGISTRY if name.startswith("cdl")) == PATTERNS


@pytest.mark.parametrize("name", PATTERNS)
def test_equal_to_talib(name: str) -> None:
    """Warm-up and values are TA-Lib's, bit for bit, and the pattern does occur in the data."""
    lookback = _lookback(name)
    fired = 0
    for bars in markets():
        ours, theirs = compute(name, bars)["pattern"], _theirs(name, bars)
        assert np.isnan(ours[:lookback]).all()
        np.testing.assert_array_equal(ours[lookback:], theirs[lookback:])
        fired += int(np.count_nonzero(theirs))
    assert fired > 0


@pytest.mark.parametrize("name", DEEP)
def test_penetration(name: str) -> None:
    """The depth that the last close must reach is TA-Lib's."""
    seen = set()
    for depth in (0.0, 0.2, 1.0):
        counts = 0
        for bars in markets():
            ours, theirs = compute((name, depth), bars)["pattern"], _theirs(name, bars, penetration=depth)
            np.testing.assert_array_equal(np.nan_to_num(ours), theirs)
            counts += int(np.count_nonzero(theirs))
        seen.add(counts)
    assert len(seen) > 1


@pytest.mark.parametrize("name", ["cdldoji", "cdladvanceblock", "cdlhikkakemod", "cdlmathold"])
def test_bar_by_bar(name: str) -> None:
    """The stepper gives what the bulk form gives."""
    bars = {column: values[-400:] for column, values in markets()[-1].items()}
    stepper = Stepper(name)
    stepped = [stepper.update({column: float(values[i]) for column, values in bars.items()})["pattern"] for i in range(400)]
    np.testing.assert_array_equal(stepped, compute(name, bars)["pattern"])
