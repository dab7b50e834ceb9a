"""The trades and the final equity on the reference bars are those of backtesting.py and vectorbt, where the fill model is the same.

What the peers answered was kept by ``python -m benchmarks.agreement_trades --golden``; docs/backtesting.md lists what they do
otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.agreement_trades import GOLDEN, columns_of, ours_of

pytestmark = pytest.mark.data
ANSWERS: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(GOLDEN.glob("*.json"))}
CASES = [(module, name) for module, answers in ANSWERS.items() for name in answers]


def test_both_peers_answered_for_every_reference_file(data_dir: Path) -> None:
    files = {file.name for file in (data_dir / "metrics" / "ohlcv_reference").glob("*.csv.gz")}
    assert files
    assert set(ANSWERS) == {"backtesting", "vectorbt"}
    assert all(set(answers) == files for answers in ANSWERS.values())
    assert sum(len(answer["entry"]) for answers in ANSWERS.values() for answer in answers.values()) > 20, "trades are compared"


@pytest.mark.parametrize(("module", "name"), CASES)
def test_trades_and_equity_are_the_peers(module: str, name: str, data_dir: Path) -> None:
    answer = ANSWERS[module][name]
    ours = ours_of(module, columns_of(data_dir / "metrics" / "ohlcv_reference" / name))
    np.testing.assert_array_equal(ours["entry"], answer["entry"])
    np.testing.assert_array_equal(ours["exit"], answer["exit"])
    np.testing.assert_allclose(ours["profit"], answer["profit"], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours["equity"][-1], answer["equity"], rtol=1e-9)
