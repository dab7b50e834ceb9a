"""The examples run: notebooks from the first cell to the last, strategies through the gate and a backtest."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from quantservice import Backtest, Strategy, example_bars
from quantservice.quant.strategies.registry import StrategyRegistry

ROOT = Path(__file__).resolve().parent.parent.parent / "examples"
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
STRATEGIES = sorted(ROOT.glob("strategies/*.py"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    assert all(not cell.get("outputs") for cell in notebook.cells), "commit notebooks without their outputs"
    NotebookClient(notebook, timeout=110, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("text/html" in output.get("data", {}) for output in shown)
    assert not [output for output in shown if output.get("output_type") == "error"]


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_a_strategy_registers_trades_and_does_not_look_ahead(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (entry,) = StrategyRegistry().add_module(module, str(path))
    cls: type[Strategy] = entry.cls
    bars = example_bars("BTC-USDT", period="1h", days=60)
    report = Backtest(cls, bars, fees="binance_um:vip0").run()
    assert float(report.metrics["trades"].value) >= 3
    gate = next(gate for gate in report.checked if "ahead" in gate.name)
    assert gate.state == "passed", gate


def test_every_example_is_listed() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for path in (*NOTEBOOKS, *STRATEGIES):
        assert path.relative_to(ROOT).as_posix() in text
