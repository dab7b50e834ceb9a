"""Indicators against the reference files of QuantConnect LEAN, from ``spy_mama.csv`` on: every row that a file has a value for.

The files hold what third parties (TA-Lib, TradingView, StockCharts, spreadsheets) computed, rounded as they printed it; a tolerance
wider than ``EXACT`` is that rounding. A row is left out only where ``since`` and ``until`` say so, with the reason.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pytest
from tests.support.indicators import use_plain
from tests.support.lean_files import FOLDER, Column, bars_of, column, read_rows

from quantservice.quant.indicators import REGISTRY, call_of, compute

pytestmark = pytest.mark.data

EXACT: Final = 1e-9
#: Why rows at the file's begin are left out.
FILLING: Final = "the reference has zeros or part of a window here"
EARLIER: Final = "the reference was computed with bars from before the file's first"


class Row(NamedTuple):
    """One column of one file: which indicator gives it, and within how much (relative; absolute below 1)."""

    file: str
    call: tuple[object, ...]
    output: str
    column: str
    tolerance: float = EXACT
    since: int = 0
    until: int = 0  # below 0: rows at the end that are left out
    why: str = ""


def _rows(
    file: str, call: tuple[object, ...], columns: dict[str, str], tolerance: float = EXACT, since: int = 0, why: str = ""
) -> list[Row]:
    return [Row(file, call, output, column, tolerance, since, 0, why) for output, column in columns.items()]


_SWISS: Final = "spy_swiss.txt.gz"
_SAREXT: Final = "spy_sarext.txt.gz"
_ADX: Final = "spy_with_adx.txt"
_MACD: Final = "spy_with_macd.txt"
_PRICES: Final = "spy_with_indicators.txt"

TABLE: Final[list[Row]] = [
    *_rows("spy_mama.csv", ("mama", 0.5, 0.05, {"input": "hl2"}), {"mama": "mama", "fama": "fama"}),
    # The averages of averages of the reference began elsewhere; what is left of that is gone 100 rows on.
    Row("spy_mass_index_25.txt", ("massi", 9, 25), "massi", "MassIndex", 4e-6),
    Row("spy_max.txt", ("max", 5), "value", "MAX_5"),
    Row("spy_mfi.txt", ("mfi", 20), "mfi", "Money Flow Index 20", 5e-7),
    Row("spy_midpoint.txt", ("midpoint", 5), "midpoint", "MIDPOINT_5"),
    Row("spy_midprice.txt", ("midprice", 5), "midprice", "MIDPRICE_5"),
    Row("spy_min.txt", ("min", 5), "value", "MIN_5"),
    Row("spy_natr.txt", ("natr", 5), "natr", "NATR_5"),
    Row("spy_pivot_pnt_hl.txt", ("pivot_points", 10, 10), "pivot", "PPHL", since=20, why=FILLING),
    Row("spy_ppo.txt", ("ppo", 5, 10, 0), "ppo", "PPO_5_10"),
    Row("spy_pso.csv", ("pso", 8, 5), "pso", "pso"),
    Row("spy_qqq_corr.csv.gz", ("correlation", 252, 0), "correlation", "Correlation_Pearson", since=251, why=FILLING),
    Row("spy_qqq_corr.csv.gz", ("rank_correlation", 252, 0), "correlation", "Correlation_Spearman", since=251, why=FILLING),
    Row("spy_qqq_cov.csv.gz", ("covariance", 252, 1), "covariance", "Covariance", since=252, why=EARLIER),
    Row("spy_rdv.txt", ("relative_daily_volume", 2, 24), "relative_volume", "RDV", since=14, why=FILLING),
    Row("spy_rocr.txt", ("rocr", 5), "rocr", "ROCR_5"),
    *_rows("spy_rvi.txt", ("relative_vigor", 10), {"vigor": "RVI"}, since=15, why=EARLIER),
    *_rows("spy_rvi.txt", ("relative_vigor", 10), {"signal": "RVI_S"}),
    Row(_SAREXT, ("sar",), "sar", "SAR"),
    Row(_SAREXT, ("sarext",), "sarext", "SAREXT"),
    Row(_SAREXT, ("sarext", 0, 0, 0.02, 0.01, 0.3, 0.03, 0.02, 0.4), "sarext", "SAREXT_PARAM1"),
    Row(_SAREXT, ("sarext", 100, 0, 0.02, 0.01, 0.3, 0.03, 0.02, 0.4), "sarext", "SAREXT_PARAM2"),
    Row(_SAREXT, ("sarext", -95, 0, 0.02, 0.01, 0.3, 0.03, 0.02, 0.4), "sarext", "SAREXT_PARAM3"),
    Row(_SAREXT, ("sarext", 100, 0.02, 0.02, 0.01, 0.3, 0.03, 0.02, 0.4), "sarext", "SAREXT_PARAM4"),
    Row("spy_si.csv.gz", ("swing_index", 8), "swing", "SI", since=1, why=FILLING),
    *_rows("spy_sm.csv.gz", ("bbands", 20, 2, 2), {"upper": "bb high", "middle": "mid_bb", "lower": "bb low"}),
    *_rows(
        "spy_sm.csv.gz",
        ("squeeze", 20, 2, 1.5),
        {"squeeze": "squeeze on", "keltner_upper": "kc high", "keltner_lower": "kc low"},
        since=38,
        why="our squeeze also gives the momentum, which needs these bars",
    ),
    Row("spy_sortino.csv", ("sortino_ratio", 15, 0), "sortino", "sortino_rf_0_period_15"),
    Row("spy_sortino.csv", ("sortino_ratio", 15, 0.01), "sortino", "sortino_rf_0.01_period_15"),
    Row("spy_sortino.csv", ("downside_deviation", 15, 0), "downside_deviation", "denominator_rf_0_period_15"),
    Row("spy_sortino.csv", ("downside_deviation", 15, 0.01), "downside_deviation", "denominator_rf_0.01_period_15"),
    Row(
        "spy_sr.txt",
        ("sharpe_ratio", 10, 0, 0),
        "sharpe",
        "SR_10",
        since=10,
        until=-1,
        why=EARLIER + "; its last was taken before the bar had closed",
    ),
    Row("spy_stc.txt", ("stc", 10, 23, 50, 3, 1), "stc", "STC", since=49, why=FILLING),
    # Two decimals are printed; the band pass keeps 0.94 of what it had, so that its rounding adds up (LEAN allows 0.043).
    *_rows(_SWISS, ("swiss_army_knife", 20, 0.1, 0, 1), {"swiss": "Gauss"}, 1e-4, since=20, why=EARLIER),
    *_rows(_SWISS, ("swiss_army_knife", 20, 0.1, 1, 1), {"swiss": "Butter"}, 1e-4, since=20, why=EARLIER),
    *_rows(_SWISS, ("swiss_army_knife", 20, 0.1, 2, 1), {"swiss": "HP"}, 6e-3, since=20, why=EARLIER),
    *_rows(_SWISS, ("swiss_army_knife", 20, 0.1, 3, 1), {"swiss": "2PHP"}, 6e-3, since=20, why=EARLIER),
    *_rows(_SWISS, ("swiss_army_knife", 20, 0.1, 4, 1), {"swiss": "BP"}, 4.3e-2, since=20, why=EARLIER),
    *_rows(_SWISS, ("swiss_army_knife", 20, 0.1, 5, 1), {"swiss": "BS"}, 5e-4, since=200, why=EARLIER),
    Row("spy_t3.txt", ("t3", 5), "t3", "T3_5"),
    Row("spy_tdd.csv.gz", ("downside_deviation", 3), "downside_deviation", "tdd"),
    Row("spy_tema.txt", ("tema", 5), "tema", "TEMA_5"),
    Row("spy_tr.txt", ("trange",), "trange", "TR"),
    Row("spy_trima.txt", ("trima", 5), "trima", "TRIMA_5"),
    Row("spy_trima.txt", ("trima", 6), "trima", "TRIMA_6"),
    Row("spy_trix.txt", ("trix", 5), "trix", "TRIX_5"),
    Row("spy_tsf.csv.gz", ("tsf", 5), "tsf", "tsf", since=4, why=FILLING),
    Row("spy_tsi.csv", ("tsi", 25, 13), "tsi", "TSI_25_13"),
    Row("spy_tsi.csv", ("true_strength", 25, 13, 7), "signal", "Signal_7"),
    Row("spy_ultosc.txt", ("ultosc", 7, 14, 28), "ultosc", "ULTOSC_7_14_28"),
    Row("spy_valueatrisk.csv.gz", ("value_at_risk", 252, 0.99, 1), "value_at_risk", "VaR_99"),
    Row("spy_valueatrisk.csv.gz", ("value_at_risk", 252, 0.95, 1), "value_at_risk", "VaR_95"),
    Row("spy_valueatrisk.csv.gz", ("value_at_risk", 252, 0.90, 1), "value_at_risk", "VaR_90"),
    Row("spy_var.txt", ("var", 10), "var", "Var"),
    Row("spy_vidya.txt", ("vidya", 9, 1), "vidya", "VIDYA_9", since=9, why=FILLING),
    *_rows("spy_with_ChandeKrollStop.csv", ("chande_kroll_stop", 5, 2, 3), {"short_stop": "short_stop", "long_stop": "long_stop"}),
    Row("spy_with_ForceIndex.csv", ("efi", 20), "efi", "ForceIndex20"),
    Row("spy_with_McGinleyDynamic.csv", ("mcginley", 14), "mcginley", "McGinleyDynamic14"),
    Row("spy_with_StochRSI.csv", ("stoch_rsi_smoothed", 14, 14, 3, 1), "k", "k"),
    Row("spy_with_StochRSI.csv", ("stoch_rsi_smoothed", 14, 14, 3, 3), "d", "d"),
    *_rows(_ADX, ("wilder_dmi", 14), {"plus_di": "+DI14", "minus_di": "-DI14"}, 1e-5),
    Row(_ADX, ("wilder_dmi", 14), "dx", "DX", 5e-3),
    Row(_ADX, ("wilder_adx", 14), "adx", "ADX 14", 1e-5),
    Row(_ADX, ("wilder_adxr", 14), "adxr", "ADXR 14", 1e-5),
    # The prices in the file are rounded to cents, the reference's were not: a hundredth of a deviation of a few cents.
    Row("spy_with_cci.txt", ("cci", 14), "cci", "Commodity Channel Index (CCI) 14", 1e-3),
    Row("spy_with_chop.csv", ("chop", 14), "chop", "CHOP14"),
    *_rows(
        "spy_with_don50.txt",
        ("donchian", 50),
        {
            "upper": "Donchian Channels 50 Top",
            "middle": "Donchian Channels 50 Mean",
            "lower": "Donchian Channels 50 Bottom",
        },
        since=49,
        why=FILLING,
    ),
    Row("spy_with_fisher.txt", ("fisher", 10), "fisher", "Fisher Transform 10"),
    *_rows(
        "spy_with_hilbert.csv",
        ("hilbert_transform", 7, 0.635, 0.338, 1),
        {"in_phase": "InPhase", "quadrature": "Quadrature"},
        since=9,
        why=FILLING,
    ),
    Row("spy_with_ibs.csv", ("ibs",), "ibs", "IBS"),
    Row("spy_with_ichimoku.csv", ("midprice", 9), "midprice", "Tenkan"),
    Row("spy_with_ichimoku.csv", ("midprice", 26), "midprice", "Kijun"),
    Row("spy_with_ichimoku.csv", ("ichimoku", 9, 26, 9, 26), "senkou_a", "Senkou A"),
    Row("spy_with_ichimoku.csv", ("ichimoku", 9, 26, 52, 26), "senkou_b", "Senkou B"),
    Row(_PRICES, ("sma", 14), "sma", "SMA14", 5e-7),
    Row(_PRICES, ("ema", 14), "ema", "EMA14", 5e-7),
    Row(_PRICES, ("apo", 12, 26, 1), "apo", "MACD 12 26", 5e-5),
    Row(_PRICES, ("cutler_rsi", 14), "rsi", "RSI 14", 2e-5),
    Row(_PRICES, ("rsi", 14), "rsi", "RSI 14 Wilder", 5e-7),
    *_rows(
        "spy_with_keltner.csv",
        ("keltner_typical", 20, 1.5),
        {"upper": "Keltner Channels 20 Top", "middle": "Middle Band", "lower": "Keltner Channels 20 Bottom"},
        5e-7,
    ),
    Row("spy_with_kst.csv", ("kst", 5, 5, 10, 5, 15, 5, 25, 10, 1), "kst", "kst"),
    Row("spy_with_kst.csv", ("kst", 5, 5, 10, 5, 15, 5, 25, 10, 9), "signal", "signal"),
    Row("spy_with_kvo.csv", ("klinger", 5, 10, 1), "kvo", "KVO5_10"),
    *_rows(_MACD, ("macd", 12, 26, 9), {"macd": "MACD", "signal": "Signal", "hist": "Histogram"}, 1e-6),
    # Volumes have seven digits; where their sum is near zero that is a larger part of it.
    Row("spy_with_obv.txt", ("obv",), "obv", "OBV", 5e-5),
    Row("spy_with_rma.csv", ("relative_ma", 5), "relative_ma", "RMA5", since=14, why=EARLIER),
    # The file's headings of the simple averages are exchanged.
    Row("spy_with_rma.csv", ("sma", 5), "sma", "SMA15", since=4, why=EARLIER),
    Row("spy_with_rma.csv", ("sma", 10), "sma", "SMA10", since=9, why=EARLIER),
    Row("spy_with_rma.csv", ("sma", 15), "sma", "SMA5", since=14, why=EARLIER),
    Row("spy_with_roc50.txt", ("mom", 50), "mom", "Rate of Change 50", 2e-5),
    Row("spy_with_rocp50.txt", ("roc", 50), "roc", "Rate of Change % 50", 2e-5),
    Row("spy_with_rsv.csv", ("rogers_satchell", 9), "volatility", "RSV9"),
    Row("spy_with_sobv.csv", ("smoothed_obv", 20), "obv", "SOBV20"),
    Row("spy_with_stoch12k3.txt", ("stoch", 12, 3, 0, 1, 0), "slowk", "Stochastics 12 %K 3", 5e-5),
    Row("spy_with_stoch12k3.txt", ("stoch", 12, 3, 0, 5, 0), "slowd", "%D 5", 5e-5),
    *_rows("spy_with_vtx.csv", ("vortex", 14), {"plus_vi": "plus_vtx", "minus_vi": "minus_vtx"}),
    Row("spy_with_vwap.txt", ("rolling_vwap", 50, 1), "vwap", "Moving VWAP 50", 5e-7),
    Row("spy_with_vwma.csv", ("vwma", 20), "vwma", "VWMA20"),
    Row("spy_with_williamsR14.txt", ("willr", 14), "willr", "Williams %R 14", 2e-4),
    Row("spy_with_zlema.csv", ("zlema", 5), "zlema", "ZLEMA5"),
    Row("spy_wto.csv.gz", ("wave_trend", 10, 21, 1), "wave", "WT1", 5e-7),
    Row("spy_wto.csv.gz", ("wave_trend", 10, 21, 4), "signal", "WT2", 5e-7),
    Row("spy_zigzag.csv", ("zigzag", 0.05, 10), "zigzag", "zigzag"),
    Row("td_sequential_test_data.csv", ("td_sequential",), "phase", "TDS", since=5, why=FILLING),
    *_rows(
        "tp_datatest.csv",
        ("market_profile", 3, 0.05, 0.7, 1),
        {
            "poc": "POCPrice",
            "poc_volume": "POCVolume",
            "high": "PH",
            "low": "PL",
            "value": "VA",
            "value_high": "VAH",
            "value_low": "VAL",
        },
    ),
]


@pytest.fixture(autouse=True)
def plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    use_plain(monkeypatch)


@pytest.fixture
def folder(data_dir: Path) -> Path:
    return data_dir / FOLDER


def _columns(path: Path) -> dict[str, Column]:
    """Read a file: its own columns by name, and those of bars also by the names that indicators ask for."""
    rows = read_rows(path)
    if "Symbol" in rows[0]:  # two instruments in turn; the result stands on the second
        second = {row["Date"]: row for row in rows if row["Symbol"] == "QQQ"}
        own = [row for row in rows if row["Symbol"] == "SPY"]
        results = [name for name in rows[0] if name.startswith("Co")]
        rows = [
            {**row, "benchmark": second[row["Date"]]["Close"], **{name: second[row["Date"]][name] for name in results}}
            for row in own
        ]
    found = {name: column(rows, name) for name in rows[0]}
    if path.name == "spy_rdv.txt":
        times = [datetime.strptime(row["Date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for row in rows]
        found["open_time"] = np.array([time.timestamp() * 1_000.0 for time in times])
    return {**found, **bars_of(rows)}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.file}-{row.column}")
def test_every_row_of_the_reference_is_met(folder: Path, row: Row) -> None:
    columns = _columns(folder / row.file)
    expected = columns[row.column]
    call = call_of(row.call)
    got = compute(call, columns)[row.output]
    assert len(got) == len(expected)
    wanted = ~np.isnan(expected)
    wanted[: row.since] = False
    if row.until:
        wanted[row.until :] = False
    assert bool(row.why) == bool(row.since or row.until), "rows are left out with a reason only"
    assert wanted.sum() >= 10
    assert not np.isnan(got[wanted]).any(), "a value of the reference is in our warm-up"
    off = np.abs(got - expected) / np.maximum(1.0, np.abs(expected))
    worst = int(np.flatnonzero(wanted)[np.argmax(off[wanted])])
    assert off[worst] <= row.tolerance, f"row {worst}: {got[worst]!r}, reference {expected[worst]!r}"


def test_candles_of_the_file_without_results(folder: Path) -> None:
    """``spy_ohlcv.txt`` holds bars only; they are those of the Heikin-Ashi reference, whose candles they must give."""
    reference = _columns(folder / "spy_heikin_ashi.txt")
    candles = compute("ha", _columns(folder / "spy_ohlcv.txt"))
    for name, values in candles.items():
        np.testing.assert_allclose(values, reference[f"HA_{name.title()}"], rtol=EXACT)


def test_no_file_of_this_part_is_forgotten(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    part = [name for name in names if name >= "spy_mama.csv"]
    assert sorted({row.file for row in TABLE} | {"spy_ohlcv.txt"}) == part
    assert all(str(row.call[0]) in REGISTRY for row in TABLE)
