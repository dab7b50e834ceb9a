"""The compiled walks over klines equal what they stand for, worked out with plain arrays."""

from __future__ import annotations

import numpy as np
import pytest

from quantservice.quant.backtest import walks
from quantservice.quant.backtest.kernel.layout import (
    J_ACCEPTED,
    J_FILL,
    J_FUNDING,
    J_ORDER,
    J_TRADE,
    PRESENT,
    STALE,
    SYNTHETIC,
)
from quantservice.quant.backtest.reading import records
from quantservice.quant.backtest.records import FILL, ORDER, TRADE

RANDOM = np.random.default_rng(5)


def klines(rows: int = 400) -> list[np.ndarray]:
    """Sound klines among which some repeat and some do not move."""
    close = np.round(100.0 + np.cumsum(RANDOM.normal(0.0, 1.0, rows)), 1)
    opened = close + np.round(RANDOM.normal(0.0, 1.0, rows), 1)
    high, low = np.maximum(opened, close) + 0.5, np.minimum(opened, close) - 0.5
    columns = [opened, high, low, close, RANDOM.integers(0, 3, rows).astype(float)]
    for values in columns:
        values[50:60] = values[49]  # repeats
    for values in columns[:4]:
        values[80:90] = close[80]  # does not move
    columns[4][85:90] = 0.0
    return columns


@pytest.mark.parametrize(("made", "again"), [(True, True), (True, False), (False, True), (False, False)])
def test_what_a_kline_is(made: bool, again: bool) -> None:
    columns = klines()
    opened, high, low, close, volume = (walks.fixed(values) for values in columns)
    state = np.empty(len(close), dtype=np.uint8)
    walks.states_of(opened, high, low, close, volume, made, again, state)
    wanted = np.full(len(close), PRESENT, dtype=np.uint8)
    if made:
        wanted[(high == low) & (volume == 0.0)] |= SYNTHETIC
    if again:
        same = np.array([values[1:] == values[:-1] for values in columns]).all(axis=0) & (volume[1:] > 0.0)
        wanted[1:][same] |= STALE
    assert state.tolist() == wanted.tolist()
    assert (state & SYNTHETIC).any() == made
    assert (state & STALE).any() == again


@pytest.mark.parametrize("row", [0, 1, 200, 398, 399])
@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-300, 1e300])
def test_one_wrong_price_is_seen_wherever_it_stands(row: int, column: int, value: float) -> None:
    columns = klines()[:4]
    assert walks.sound_prices(*map(walks.fixed, columns))
    columns[column][row] = value
    opened, high, low, close = columns
    with np.errstate(invalid="ignore"):
        inside = (low <= opened) & (low <= close) & (high >= opened) & (high >= close)
    wanted = bool(np.isfinite(columns).all() and (np.array(columns) > 0.0).all() and inside.all())
    assert walks.sound_prices(*map(walks.fixed, columns)) is wanted


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_volumes(value: float) -> None:
    volume = np.zeros(100)
    assert walks.sound_volume(walks.fixed(volume)) == (True, False)
    volume[99] = 2.0
    assert walks.sound_volume(walks.fixed(volume)) == (True, True)
    volume[40] = value
    assert walks.sound_volume(walks.fixed(volume))[0] is False


def test_times_must_rise() -> None:
    times = np.arange(100, dtype=np.int64)
    assert walks.apart(walks.fixed(times, np.int64), 1)
    for row in (1, 50, 99):
        wrong = times.copy()
        wrong[row] = wrong[row - 1]
        assert not walks.apart(walks.fixed(wrong, np.int64), 1)
    assert walks.apart(5 * times, 5)
    assert not walks.apart(5 * times, 6)


def test_the_journal_is_read_by_kind() -> None:
    journal = RANDOM.normal(size=(60, 25)).round(1)
    journal[:, 0] = np.tile([J_FILL, J_TRADE, J_FILL, J_ORDER, J_ACCEPTED], 12)
    rows = records(journal)
    for kind, dtype in ((J_FILL, FILL), (J_TRADE, TRADE), (J_ORDER, ORDER)):
        wanted = journal[journal[:, 0] == kind]
        assert rows[kind].dtype == dtype
        for place, name in enumerate(dtype.names or ()):
            assert rows[kind][name].tolist() == wanted[:, place + 1].astype(dtype[name]).tolist()
    assert len(rows[J_FUNDING]) == 0


def test_a_kind_is_laid_out_column_by_column() -> None:
    journal = np.array([[2.0, 1, 2, 3], [1.0, 4, 5, 6], [2.0, 7, 8, 9]])
    laid, counts = walks.by_kind(journal, np.array([0, 1, 3]))
    assert (laid.tolist(), counts.tolist()) == ([4, 1, 7, 2, 8, 3, 9], [0, 1, 2])
