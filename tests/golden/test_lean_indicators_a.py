"""Reference files of LEAN's indicators, the first half by name: every row of every file.

A row before an indicator's warm-up must be empty or 0 in the file, unless the file says something there (``early``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.support.lean_files import FOLDER, Column, bars_of, column, read_rows

from quantservice.quant.indicators import call_of, compute

pytestmark = pytest.mark.data


class Case(NamedTuple):
    """One file: the call, which output is which column, and how exactly the file was written.

    ``factor`` turns our unit into the file's. ``early`` says why the file has values in our warm-up.
    """

    file: str
    call: Any
    columns: dict[str, str]
    tolerance: float
    factor: float = 1.0
    early: str = ""


UNSEEN = "computed from bars before the file's first"
ROUND = 1e-9  # the file holds the full number

CASES = [
    Case("alpha_indicator_datatest.csv", ("market_beta", 5), {"alpha": "Alpha"}, 5.1e-11),
    Case("bi_datatest.csv", ("market_beta", 5, 2), {"beta": "Beta"}, 5.1e-10),
    Case("dwac_supertrend.txt", ("supertrend_bands", 10, 3.0, 1), {"supertrend": "Super"}, 5.1e-8),
    Case("eurusd60_dem.txt.gz", ("demarker", 14), {"demarker": "DeM"}, ROUND),
    Case("frama.txt.gz", ("frama", 16, 198), {"frama": "Filt"}, 0.0051, early="the middle price while the window fills"),
    Case("spx_lwma.csv", ("wma", 6), {"wma": "LWMA"}, 0.001),
    Case(
        "spy_acceleration_bands_20_4.txt",
        ("accbands", 20),
        {"upper": "UpperBand", "middle": "MiddleBand", "lower": "LowerBand"},
        8e-5,
    ),
    Case("spy_ad.txt", "ad", {"ad": "AD"}, 1e-5),
    Case("spy_ad_osc.txt", ("chaikin_oscillator", 3, 10), {"oscillator": "AdOsc_3_10"}, 1e-4),
    Case("spy_adr.csv", ("adr", 20), {"adr": "adr"}, ROUND),
    Case("spy_alma.txt", ("alma", 9, 0.85, 6.0, 1), {"alma": "ALMA"}, 5.1e-8),
    Case("spy_ao.txt", ("ao", 5, 34), {"ao": "AO"}, ROUND),
    Case("spy_apo.txt", ("apo", 5, 10, 0), {"apo": "APO_5_10"}, ROUND),
    Case("spy_aps.txt", ("price_spike", 20), {"spike": "APS"}, 5.1e-10),
    Case("spy_aroon_oscillator.txt", ("aroonosc", 14), {"aroonosc": "Aroon Oscillator 14"}, 1e-5),
    Case("spy_asi.csv.gz", ("swing_index", 8.0), {"accumulated": "ASI"}, 1e-5),
    Case("spy_atr.txt", ("mean_true_range", 14), {"mean_true_range": "Average True Range 14"}, 5.1e-6),
    Case("spy_atr_wilder.txt", ("mean_true_range", 14, 1, 1), {"mean_true_range": "Average True Range 14"}, 5.1e-6),
    Case(
        "spy_bollinger_bands.txt",
        ("bbands", 20, 2.0, 2.0),
        {"middle": "Moving Average 20", "upper": "Bollinger Bands® 20 2 Top", "lower": "Bollinger Bands® 20 2 Bottom"},
        7e-5,
    ),
    Case("spy_bollinger_bands.txt", ("bollinger_place", 20, 2.0), {"percent_b": "%B"}, 7e-5),
    Case("spy_bollinger_bands.txt", ("bollinger_place", 20, 2.0), {"bandwidth": "BandWidth"}, 1.2e-4, factor=100.0),
    Case("spy_bop.txt", "bop", {"bop": "BOP"}, ROUND),
    Case("spy_cmf.txt", ("cmf", 20), {"cmf": "CMF_20"}, 2e-6, early=UNSEEN),
    Case("spy_cmo.txt", ("cmo", 5), {"cmo": "CMO_5"}, ROUND),
    Case("spy_coppock_curve.csv", ("coppock", 10, 11, 14), {"coppock": "CoppockCurve"}, ROUND),
    Case("spy_crsi.csv", ("connors_rsi", 3, 2, 100, 1), {"crsi": "crsi"}, ROUND),
    Case("spy_dema.txt", ("dema", 5), {"dema": "DEMA_5"}, ROUND),
    Case("spy_do.csv.gz", ("derivative_oscillator", 14, 5, 3, 9), {"oscillator": "DO"}, ROUND),
    Case("spy_dpo.csv", ("dpo", 21), {"dpo": "DPO"}, 5.1e-10),
    Case("spy_ema.csv", ("ema", 14), {"ema": "EMA14"}, ROUND),
    Case("spy_emv.txt", ("ease_of_movement", 1, 1e4), {"emv": "EMV"}, 5.1e-10),
    Case(
        "spy_heikin_ashi.txt",
        "ha",
        {"open": "HA_Open", "high": "HA_High", "low": "HA_Low", "close": "HA_Close"},
        5.1e-8,
    ),
    Case("spy_hma.txt", ("hma", 16), {"hma": "HMA_16"}, 5.1e-8),
    Case("spy_hurst_exponent.csv.gz", ("hurst", 252, 20), {"hurst": "hurst_exponent"}, ROUND),
    Case("spy_kama.txt", ("kama", 5), {"kama": "KAMA_5"}, ROUND),
    Case("spy_ker.txt", ("er", 10), {"er": "KER"}, 5.1e-10, early=UNSEEN),
    Case("spy_logr14.txt", ("log_return", 14), {"log_return": "LOGR14"}, 1e-7),
]

#: Files that are looked at in tests of their own below.
OTHERS = {"spy_10_min.txt", "spy_arima.csv", "spy_candle_patterns.txt"}


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    """The folder of the reference files."""
    return data_dir / FOLDER


def _bars(rows: list[dict[str, str]], call: Any) -> tuple[list[dict[str, str]], dict[str, Column]]:
    """Return the rows with expected values and the columns to compute on.

    The files of two instruments hold them in turn, and the value after both are known stands in the second one's row.
    """
    if "benchmark" not in call_of(call).spec.inputs:
        return rows, dict(bars_of(rows))
    second = rows[1::2]
    return second, {"close": column(rows[0::2], "Close"), "benchmark": column(second, "Close")}


def test_every_file_is_there(folder: Path) -> None:
    """No file of this half is left out."""
    files = {path.name for path in folder.iterdir()}
    ours = {name for name in files if name <= "spy_logr14.txt"}
    assert ours == {case.file for case in CASES} | OTHERS


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file}:{'+'.join(case.columns)}" for case in CASES])
def test_equal_to_the_file(folder: Path, case: Case) -> None:
    """Every row from the warm-up on, to the digits that the file has; nothing is expected before it."""
    rows, bars = _bars(read_rows(folder / case.file), case.call)
    found = compute(case.call, bars)
    begin = call_of(case.call).warm_up
    for output, name in case.columns.items():
        expected, ours = column(rows, name), case.factor * found[output]
        assert np.isnan(ours[:begin]).all()
        if not case.early:
            assert (np.nan_to_num(expected[:begin]) == 0.0).all()
        written = ~np.isnan(expected[begin:])
        assert written[:-1].all()  # only a last row may be unfinished
        assert written.sum() > 15
        np.testing.assert_allclose(ours[begin:][written], expected[begin:][written], rtol=1e-9, atol=case.tolerance)


def test_candle_patterns(folder: Path) -> None:
    """All 61 columns; the file was made before TA-Lib counted a harami with an equal end, hence ``strict``."""
    rows = read_rows(folder / "spy_candle_patterns.txt")
    bars = bars_of(rows)
    names = [name for name in rows[0] if name.startswith("CDL")]
    assert len(names) == 61
    for name in names:
        call = (name.lower(), 1) if name in {"CDLHARAMI", "CDLHARAMICROSS"} else name.lower()
        expected, ours = column(rows, name), compute(call, bars)["pattern"]
        np.testing.assert_array_equal(ours, expected, err_msg=name)


def test_hurst_of_ten_minute_bars(folder: Path) -> None:
    """The file has prices only; LEAN's own test says of its last 350 closes that they are a random walk."""
    rows = read_rows(folder / "spy_10_min.txt")
    assert len(rows) == 500
    last = compute(("hurst", 350, 20), bars_of(rows))["hurst"][-1]
    assert abs(last - 0.5) < 0.05


def test_arima_forecast(folder: Path) -> None:
    """The file's model was fitted by another method, so values differ; ours errs less, which is what LEAN's own test asks."""
    rows = read_rows(folder / "spy_arima.csv")
    close, theirs = column(rows, "Close"), column(rows, "ARIMA")
    ours = np.concatenate([[np.nan], compute(("arima_forecast", 50, 1, 0, 1), bars_of(rows))["forecast"][:-1]])
    both = ~np.isnan(theirs)
    assert both.sum() == 574
    np.testing.assert_array_equal(both, ~np.isnan(ours))
    assert np.abs(ours - theirs)[both].max() < 7.0
    assert np.sum((ours - close)[both] ** 2) < np.sum((theirs - close)[both] ** 2)
