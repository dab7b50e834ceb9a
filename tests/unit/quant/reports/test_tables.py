"""The tables behind a report add up to the figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.support.backtests import HOUR, START, random_candles, sample_result

from quantservice.core.errors import UnknownName
from quantservice.quant.metrics import Confidence
from quantservice.quant.reports import Report, Table, thin
from quantservice.quant.reports.report import TABLES


@pytest.fixture(scope="module")
def report() -> Report:
    result, candles = sample_result(24 * 500, instruments=3)
    benchmark = np.asarray(candles[0].close / candles[0].open[0], dtype=np.float64)
    return Report(result, candles=candles, benchmark=benchmark, confidence=Confidence(), known={"benchmark_start": 1.0})


def test_months_compound_to_years_and_years_to_the_whole(report: Report) -> None:
    table = report.table("monthly")
    whole = 1.0
    for year in np.unique(table["year"]):
        mine = table["year"] == year
        months = table["return"][mine & (table["month"] > 0)]
        assert np.prod(1 + months) - 1 == pytest.approx(table["return"][mine & (table["month"] == 0)][0])
        whole *= float(np.prod(1 + months))
    assert whole - 1 == pytest.approx(report.metrics.number("total_return"))


@pytest.mark.parametrize("name", ["instruments", "exit_reasons", "tags"])
def test_groups_add_up_to_all_closed_trades(report: Report, name: str) -> None:
    table, rows = report.table(name), report.result.trades
    closed = rows[~rows["open"]]
    assert table["trades"].sum() == len(closed) == report.metrics.number("trades")
    assert table["net"].sum() == pytest.approx(closed["net"].sum())
    assert list(table["net"]) == sorted(table["net"], reverse=True)
    wins = table["win_rate"] * table["trades"]
    assert wins.sum() == pytest.approx((closed["net"] > 0).sum())


def test_hours_are_those_of_entries(report: Report) -> None:
    table, rows = report.table("hours"), report.result.trades
    closed = rows[~rows["open"]]
    assert list(table["hour"]) == list(range(24))
    seven = closed[closed["entry_time"] // HOUR % 24 == 7]
    assert table["trades"][7] == len(seven)
    assert table["net"][7] == pytest.approx(seven["net"].sum())


def test_costs_lead_from_the_profit_before_them_to_the_profit(report: Report) -> None:
    table = report.table("costs")
    amounts = dict(zip(table["item"], table["amount"], strict=True))
    assert table["amount"][:-1].sum() == pytest.approx(amounts["profit"])
    assert amounts["maker_fees"] + amounts["taker_fees"] == pytest.approx(-report.metrics.number("fees"))
    assert amounts["maker_fees"] < 0.0 > amounts["taker_fees"]
    assert (amounts["funding_paid"], amounts["funding_received"]) == (-2.0, 1.0)


def test_rolling_figures_are_those_of_their_window(report: Report) -> None:
    table, r = report.table("rolling"), report.metrics.daily.returns
    b = report.arrays.daily_benchmark
    assert b is not None
    assert len(table) == len(r) - 89
    part, other = r[100:190], b[100:190]
    assert table["sharpe"][100] == pytest.approx(part.mean() / part.std(ddof=1) * math.sqrt(365))
    assert table["volatility"][100] == pytest.approx(part.std(ddof=1) * math.sqrt(365))
    assert table["beta"][100] == pytest.approx(np.cov(part, other)[0, 1] / other.var(ddof=1))
    assert table["time"][100] == np.datetime64(START + 190 * 24 * HOUR, "ms")


def test_hard_times_are_shown_if_the_run_saw_them_whole(report: Report) -> None:
    table = report.table("hard_times")
    assert "USDC de-peg" in table["window"]
    assert "FTX collapse" not in table["window"]
    row = dict(
        zip(table.columns, (column[list(table["window"]).index("USDC de-peg")] for column in table.columns.values()), strict=True)
    )
    days = report.metrics.daily
    first = int((np.datetime64("2023-03-08") - np.datetime64("1970-01-01")).astype(int)) - int(days.day[0])
    assert row["return"] == pytest.approx(days.equity[first + 6] / days.equity[first - 1] - 1)


def test_drawdown_of_the_equity_table_is_that_of_the_metrics(report: Report) -> None:
    table = report.equity
    assert table["drawdown"].min() == pytest.approx(report.metrics.number("max_drawdown"))
    assert len(table) == len(report.result)
    falls = report.table("drawdowns")
    assert falls["depth"][0] == pytest.approx(report.metrics.number("max_drawdown"))


def test_what_was_not_filled_is_counted_by_reason(report: Report) -> None:
    rows = list(report.table("rejections").rows())
    assert rows == [{"state": "rejected", "reason": "less than the smallest quantity", "orders": 1}]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_becomes_that_of_other_libraries(report: Report, name: str) -> None:
    table = report.table(name)
    for made in (report.to_pandas(name), report.to_polars(name), report.to_arrow(name)):
        columns = made.column_names if hasattr(made, "column_names") else list(made.columns)
        assert list(columns) == list(table.columns)
        assert (made.num_rows if hasattr(made, "num_rows") else len(made)) == len(table)
    assert f"{len(table):,} rows" in repr(table)
    assert "<table>" in table._repr_html_()


def test_times_have_their_zone(report: Report) -> None:
    assert str(report.trades.to_pandas()["entry_time"].dtype) == "datetime64[ms, UTC]"
    assert str(report.trades.to_arrow().schema.field("entry_time").type) == "timestamp[ms, tz=UTC]"


def test_unknown_names_are_answered_with_the_nearest(report: Report) -> None:
    with pytest.raises(UnknownName, match="did you mean: trades"):
        report.table("trade")
    with pytest.raises(UnknownName, match="entry_time"):
        report.trades["entrytime"]


def test_a_table_without_rows_is_a_table() -> None:
    empty = Table("nothing", {})
    assert len(empty) == 0
    assert list(empty.rows()) == []


# --- fewer points with the same look ---


def test_a_thinned_curve_keeps_ends_extremes_and_falls() -> None:
    values = np.cumsum(np.random.Generator(np.random.PCG64(1)).normal(0, 1, 50_000))
    kept = thin.keep_extremes(values, 1_000, np.array([12_345, -1, 99_999_999]))
    assert len(kept) <= 1_003
    assert {0, 49_999, int(values.argmin()), int(values.argmax()), 12_345} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all()
    lowest = thin.lowest_between(values, kept)
    assert lowest.min() == values.min()
    assert lowest[5] == values[kept[4] + 1 : kept[5] + 1].min()
    np.testing.assert_array_equal(thin.keep_extremes(values[:10], 1_000), np.arange(10))


def test_joined_candles_are_those_of_the_longer_period() -> None:
    candles = random_candles(1_000)
    joined, step = thin.coarser(candles, 300)
    assert step == 4 * HOUR
    assert len(joined.time) == 250
    part = slice(40, 44)
    assert (joined.open[10], joined.close[10]) == (candles.open[40], candles.close[43])
    assert (joined.high[10], joined.low[10]) == (candles.high[part].max(), candles.low[part].min())
    assert joined.volume[10] == pytest.approx(candles.volume[part].sum())
    assert joined.state[0] == 2
    assert thin.coarser(candles, 1_000) == (candles, HOUR)


def test_windows_near_trades_stay_in_their_budget_and_take_the_weightiest() -> None:
    candles = random_candles(1_000)
    begin = candles.time[[100, 110, 500, 900]]
    found = thin.windows_of(candles, begin, begin + 10 * HOUR, np.array([5.0, 4.0, 1.0, 9.0]), budget=200)
    assert found == [(60, 160), (860, 950)]
    assert thin.cut(candles, *found[0]).time[0] == candles.time[60]
