"""The compiled walks over a curve equal the sentence that each stands for, on clocks with holes and at day ends."""

from __future__ import annotations

import numpy as np
import pytest

from quantservice.quant.metrics import scan

RANDOM = np.random.default_rng(8)
DAY, MINUTE = scan.DAY_MS, 60_000
START = 19_700 * DAY


def clock(kind: str) -> np.ndarray:
    """Closes of bars: every minute, hours with holes of days, or one a week."""
    if kind == "minutes":
        return START + np.arange(1, 4_000, dtype=np.int64) * MINUTE - 1
    if kind == "holes":
        hours = np.sort(RANDOM.choice(24 * 40, 300, replace=False)).astype(np.int64)
        return START + (hours + 1) * 60 * MINUTE  # at the full hour: midnight belongs to the day that ends there
    return START + np.arange(1, 30, dtype=np.int64) * 7 * DAY - 1


@pytest.mark.parametrize("kind", ["minutes", "holes", "weeks"])
@pytest.mark.parametrize("base", [-2, -1, 0, 1])
def test_a_day_ends_with_its_last_mark_or_the_value_before(kind: str, base: int) -> None:
    time = clock(kind)
    equity = RANDOM.normal(100.0, 5.0, len(time))
    base_day = int((time[0] - 1) // DAY) + base
    found = scan.sample_days(time, equity, base_day, 77.0)
    last = int((time[-1] - 1) // DAY)
    wanted = [77.0]
    for day in range(base_day + 1, last + 1):
        before = equity[time <= (day + 1) * DAY]
        wanted.append(float(before[-1]) if len(before) else 77.0)
    assert found.tolist() == wanted


@pytest.mark.parametrize("kind", ["minutes", "holes", "weeks"])
@pytest.mark.parametrize("span", [60 * MINUTE, DAY])
def test_the_worst_window(kind: str, span: int) -> None:
    time = clock(kind)
    equity = 100.0 * np.exp(np.cumsum(RANDOM.normal(0.0, 0.01, len(time))))
    if kind == "holes":
        equity[40:43] = [5.0, 0.0, -3.0]  # what is used up begins no window
        equity[100:110] = equity[100]
    low = np.nan
    for i, now in enumerate(time):
        rows = np.flatnonzero(time <= now - span)
        rows = rows[rows < i]
        began, value = (time[rows[-1]], equity[rows[-1]]) if len(rows) else (START, 90.0)
        if began <= now - span and value > 0.0 and not equity[i] / value - 1.0 >= low:
            low = equity[i] / value - 1.0
    assert scan.worst_window(time, equity, START, 90.0, span) == pytest.approx(low, rel=0, abs=0, nan_ok=True)


def test_exposures_of_long_short_and_mixed_bars() -> None:
    equity = RANDOM.normal(100.0, 30.0, 500)
    equity[::50] = [0.0, -5.0] * 5
    gross, sign = np.abs(RANDOM.normal(0.0, 80.0, 500)), RANDOM.choice([-1.0, 0.0, 1.0, 0.3], 500)
    gross[sign == 0.0] = 0.0
    net, margin = gross * sign, gross * RANDOM.choice([0.0, 0.2], 500)
    leverage = np.full(500, np.nan)
    found, held = scan.walk_exposure(equity, gross, net, margin, leverage)
    alive = equity > 0.0
    ratios = [part[alive] / equity[alive] for part in (gross, net, margin)]
    wanted = [ratios[0].max(), ratios[0].mean(), ratios[1].max(), ratios[1].min(), ratios[1].mean(), ratios[2].max()]
    wanted += [ratios[2].mean(), (gross > 0.0).mean()]
    assert found.tolist() == pytest.approx(wanted, rel=1e-12)
    assert leverage[:held].tolist() == np.where(alive, gross / np.where(alive, equity, 1.0), 0.0)[gross > 0.0].tolist()


@pytest.mark.parametrize("row", [0, 1, 250, 499])
def test_the_first_fault_is_named(row: int) -> None:
    time, equity, worst = np.arange(500, dtype=np.int64), np.ones(500), np.ones(500)
    assert scan.first_fault(time, equity, worst) == (0, scan.SOUND)
    for values, kind in ((equity, scan.BAD_EQUITY), (worst, scan.BAD_WORST)):
        values[row] = np.inf
        assert scan.first_fault(time, equity, worst) == (row, kind)
        values[row] = 1.0
    if row:
        time[row] = time[row - 1]
        assert scan.first_fault(time, equity, worst) == (row, scan.UNORDERED)
