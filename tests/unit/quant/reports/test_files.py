"""A report as page, card, workbook, paper, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import threading
import zipfile
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.backtests import sample_result

from quantservice.core.errors import EnvironmentFault, InvalidValue, UnknownName
from quantservice.quant.metrics import CATALOGUE, Confidence, metric_of
from quantservice.quant.reports import About, Gate, Report
from quantservice.quant.reports.gates import gates_of
from quantservice.quant.reports.page_html import page
from quantservice.quant.reports.words import WORDS

ABOUT = About(
    strategy="Cross </script><b>",
    description="Long while the fast average is above the slow one.",
    parameters={"fast": 12, "slow": 48},
    code_hash="sha256:abc",
    sample="in",
    created_ms=1_700_000_000_000,
)


@pytest.fixture(scope="module")
def report() -> Report:
    result, candles = sample_result(24 * 400, instruments=2)
    benchmark = np.asarray(candles[0].close / candles[0].open[0], dtype=np.float64)
    known = {"benchmark_start": 1.0, "synthetic": 3}
    return Report(
        result,
        ABOUT,
        candles,
        benchmark,
        gates=(Gate(name="look_ahead", state="passed", text="9,600 bars"),),
        confidence=Confidence(draws=50, trials=7),
        known=known,
    )


def embedded(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


def test_the_page_asks_nobody_for_anything(report: Report, tmp_path: Path) -> None:
    text = report.html(tmp_path / "report.html").read_text("utf-8")
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(|https?://(?!www\.w3\.org)""", re.sub(r'"text":"[^"]*"', "", text))
    assert "default-src 'none'" in text
    assert len(text) < 3_000_000


def test_the_page_carries_what_it_shows(report: Report) -> None:
    data = embedded(page(report))
    shown = data["report"]
    assert shown["about"]["strategy"] == ABOUT.strategy  # and it did not end the script
    assert {figure["name"] for figure in shown["metrics"]} == set(CATALOGUE)
    assert shown["trades"]["count"] == len(report.result.trades)
    assert [row["instrument"] for row in shown["candles"]] == ["binance:um:BTC-USDT", "binance:um:ETH-USDT"]
    assert [gate["name"] for gate in shown["gates"]][:2] == ["look_ahead", "sample"]
    assert data["language"] == "en"
    assert 'lang="zh-CN"' in page(report, "zh")
    with pytest.raises(UnknownName, match="language"):
        page(report, "fr")


def test_every_word_of_the_page_is_there_in_both_languages_and_used() -> None:
    folder = files("quantservice.quant.reports") / "page"
    script = "".join(item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".js"))
    used = set(re.findall(r'\bword\("([a-z_0-9]+)"\)', script))
    assert used - set(WORDS) == set()
    named = used | set(re.findall(r'"([a-z_0-9]+)"', script)) | {"maker_fees", "taker_fees", "funding_paid", "funding_received"}
    more = {"profit_before_costs", "profit", "passed", "failed", "warning", "unknown"}
    assert {key for key in WORDS if key not in named | more and not key.startswith("gate_")} == set()
    assert all(english and chinese for english, chinese in WORDS.values())


def test_a_year_of_minutes_fits_on_a_page() -> None:
    result, candles = sample_result(525_600, step=60_000)
    text = page(Report(result, ABOUT, candles, confidence=Confidence()))
    assert len(result.trades) > 5_000
    assert len(text) < 3_000_000
    drawn = embedded(text)["report"]["candles"][0]
    assert drawn["step"] == 3_600
    assert len(drawn["near"]) > 10


def test_json_is_whole_and_plain(report: Report, tmp_path: Path) -> None:
    data = json.loads(report.json(tmp_path / "report.json").read_text("utf-8"))
    assert data["format"] == "quantservice.report.v1"
    assert len(data["tables"]["trades"]) == len(report.result.trades)
    assert metric_of(data["metrics"]["sharpe"]) == report.metrics["sharpe"]
    assert data["metrics"]["pbo"]["value"] is None
    assert data["assumptions"]["fees"] == "binance_um:vip0"
    assert data["run"]["result_fingerprint"] == report.result.fingerprint()


def test_csv_of_one_table_of_all_and_of_a_folder(report: Report, tmp_path: Path) -> None:
    one = list(csv.DictReader(io.StringIO(report.csv(tmp_path / "t.csv").read_text("utf-8"))))
    assert len(one) == len(report.result.trades)
    assert float(one[0]["net"]) == report.result.trades["net"][0]
    assert one[0]["entry_time"].endswith("Z")
    daily = list(csv.DictReader(io.StringIO(report.csv(tmp_path / "d.csv", "daily").read_text("utf-8"))))
    assert len(daily) == 400
    with zipfile.ZipFile(report.csv(tmp_path / "all.zip")) as archive:
        assert {"trades.csv", "metrics.csv", "equity.csv"} <= set(archive.namelist())
        figures = {row["name"]: row for row in csv.DictReader(io.StringIO(archive.read("metrics.csv").decode()))}
    assert float(figures["sharpe"]["value"]) == report.metrics.number("sharpe")
    assert figures["pbo"]["value"] == ""
    assert (report.csv(tmp_path / "folder") / "fills.csv").is_file()


def test_the_workbook_has_its_sheets_heads_and_formats(report: Report, tmp_path: Path) -> None:
    openpyxl = import_module("openpyxl")
    book = openpyxl.load_workbook(report.excel(tmp_path / "report.xlsx"))
    assert book.sheetnames == ["summary", "metrics", "trades", "equity", "monthly", "costs"]
    trades = book["trades"]
    assert trades.freeze_panes == "B2"
    heads = [cell.value for cell in trades[1]]
    net, entry = heads.index("net"), heads.index("entry time")
    assert trades.cell(2, net + 1).value == pytest.approx(report.result.trades["net"][0])
    assert trades.cell(2, net + 1).number_format == "#,##0.00"
    assert trades.cell(2, entry + 1).number_format == "yyyy-mm-dd hh:mm"
    assert trades.cell(2, entry + 1).value == report.trades["entry_time"][0].astype("datetime64[us]").item()
    assert trades.max_row == len(report.result.trades) + 1
    rows = {row[0].value: row for row in book["metrics"].iter_rows()}
    assert rows["CAGR [%]"][1].number_format == "0.00%"
    assert rows["CAGR [%]"][1].value == pytest.approx(report.metrics.number("cagr"))
    assert rows["PBO (CSCV)"][1].value == "n/a"
    assert book["summary"]["A1"].value == ABOUT.strategy
    assert book["monthly"].cell(1, 2).value == "Jan"


def test_paper_has_its_pages_and_is_the_same_each_time(report: Report, tmp_path: Path) -> None:
    first = report.pdf(tmp_path / "report.pdf").read_bytes()
    assert first.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", first)) == 5
    assert first == report.pdf(tmp_path / "again.pdf").read_bytes()


def test_a_notebook_shows_a_card(report: Report) -> None:
    text = report._repr_html_()
    assert "&lt;/script&gt;" in text
    assert "<script" not in text
    assert report.metrics["sharpe"].text in text
    assert "polyline" in text
    assert repr(report).startswith("Report(Cross")


def test_a_short_run_without_trades_has_all_its_forms(tmp_path: Path) -> None:
    result, _ = sample_result(40)
    quiet = Report(result, confidence=Confidence())
    assert len(result.trades) == 0
    quiet.excel(tmp_path / "r.xlsx")
    quiet.pdf(tmp_path / "r.pdf")
    quiet.json(tmp_path / "r.json")
    shown = embedded(quiet.html(tmp_path / "r.html").read_text("utf-8"))["report"]
    assert shown["candles"] == []
    sharpe = next(figure for figure in shown["metrics"] if figure["name"] == "sharpe")
    assert "annualised figures need 90" in sharpe["reason"]
    assert "n/a" in quiet._repr_html_()


def test_a_run_that_lost_everything_and_one_of_a_single_bar_are_told(tmp_path: Path) -> None:
    result, candles = sample_result(24 * 100)
    equity = result.equity.copy()
    equity[1_000:] = -5.0
    ruined = Report(replace(result, equity=equity, worst_equity=equity), candles=candles)  # a bootstrap was asked for
    curves = ("time", "close_time", "equity", "worst_equity", "cash", "gross_exposure", "net_exposure", "margin_used")
    rows = ("trades", "fills", "orders", "funding")
    only = replace(
        result, **{name: getattr(result, name)[:1] for name in curves}, **{name: getattr(result, name)[:0] for name in rows}
    )
    for report in (ruined, Report(only)):
        for form in ("html", "json", "excel", "csv"):
            getattr(report, form)(tmp_path / f"r.{'zip' if form == 'csv' else form}")
        assert "n/a" in report._repr_html_()
    assert "zero or less" in ruined.metrics["sharpe"].reason
    Report(only).pdf(tmp_path / "r.pdf")


def test_gates_say_what_is_not_known(report: Report) -> None:
    states = {gate.name: gate.state for gate in gates_of(report)}
    assert states["look_ahead"] == "passed"
    assert states["sample"] == "warning"
    assert states["funding"] == "failed"
    assert states["synthetic"] == "warning"
    assert states["pbo"] == "unknown"
    result, _ = sample_result(24 * 30)
    bare = {gate.name: gate for gate in gates_of(Report(result, confidence=Confidence()))}
    assert (bare["look_ahead"].state, bare["sample"].state, bare["dsr"].state) == ("unknown", "unknown", "unknown")
    assert "too short" in bare["length"].text


def test_a_full_disk_leaves_nothing_half_written(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    target = tmp_path / "report.json"
    target.write_text("before")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(EnvironmentFault, match=r"report.json cannot be written: No space left on device"):
        report.json(target)
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]
    assert target.read_text() == "before"
    with pytest.raises(InvalidValue, match="is a folder"):
        report.html(tmp_path)


def test_a_link_stays_a_link_and_a_device_a_device(report: Report, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "latest.json"
    link.symlink_to(tmp_path / "far" / "report.json")
    report.json(link)
    assert link.is_symlink()
    assert json.loads((tmp_path / "far" / "report.json").read_text())
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    report.json(pipe)
    reader.join(timeout=60)
    assert pipe.is_fifo()
    assert read == [link.read_text()]


def test_infinity_and_nothing_are_written_as_such(tmp_path: Path) -> None:
    result, candles = sample_result(24 * 120)
    result.trades["net"] = np.abs(result.trades["net"])
    winning = Report(result, candles=candles, confidence=Confidence())
    data = json.loads(winning.json(tmp_path / "r.json").read_text("utf-8"))
    assert data["metrics"]["profit_factor"]["value"] == "inf"
    assert math.isinf(winning.metrics.number("profit_factor"))
    assert data["tables"]["instruments"][0]["profit_factor"] == "inf"
