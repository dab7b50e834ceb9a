"""The first compile: told once, done beside, never left running."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.strategies import random_bars

from quantservice.app import compiling
from quantservice.app.backtesting import Backtest
from quantservice.quant import warm
from quantservice.quant.metrics import measure


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path / "machine-code")
    monkeypatch.setattr(compiling, "COMPILED", True)
    return tmp_path / "machine-code"


def test_it_is_cold_until_it_was_made_once(folder: Path) -> None:
    assert compiling.is_cold()
    compiling.note_warm()
    assert not compiling.is_cold()
    assert folder.is_dir()


def test_a_first_run_in_a_notebook_is_told_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Backtest("ma_cross", random_bars(60))
    run.simulate()
    assert capsys.readouterr().err == f"{compiling.FIRST_TIME}\n"
    run.simulate()
    assert capsys.readouterr().err == ""


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path / "file" / "below")
    monkeypatch.setattr(compiling, "COMPILED", True)
    compiling.note_warm()
    assert compiling.is_cold()


def test_the_process_beside_ends_with_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, command: list[str], **more: Any) -> None:
            super().__init__(command, **more)
            started.append(self)
            assert command[1:] == ["-m", "quantservice.quant.warm", "events"]

    monkeypatch.setattr(subprocess, "Popen", Noted)

    def fail() -> None:
        with compiling.beside(kline_by_kline=True):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert started[0].returncode is not None


def test_what_is_made_beside_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    original = measure
    monkeypatch.setattr("quantservice.quant.warm.measure", lambda *given, **more: measured.append(original(*given, **more)))
    warm.make_figures()
    warm.make_account(kline_by_kline=False)
    warm.make_account(kline_by_kline=True)
    assert measured[0].number("trades") == 12
