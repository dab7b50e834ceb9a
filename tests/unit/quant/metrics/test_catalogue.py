"""The catalogue is complete, its documentation is what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantservice.core.errors import UnknownName
from quantservice.quant.metrics import CATALOGUE, definition, summary
from quantservice.quant.metrics.catalogue import GROUPS, markdown


def test_the_documentation_has_the_catalogue(project_dir: Path) -> None:
    page = (project_dir / "docs" / "backtest-metrics.md").read_text("utf-8")
    assert page.endswith(markdown()), "put the output of quantservice.quant.metrics.catalogue.markdown() at the end of the page"


def test_every_row_is_whole() -> None:
    for row in CATALOGUE.values():
        assert row.group in GROUPS
        assert all((row.name, row.label, row.chinese, row.unit, row.sampling, row.formula)), row.name
        assert any(ord(letter) > 0x2000 for letter in row.chinese) or row.chinese.isascii(), row.name
    assert len({row.label for row in CATALOGUE.values()}) == len(CATALOGUE)
    assert set(summary.FIELDS) <= set(CATALOGUE)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    assert definition("sharpe").formula_id == "sharpe.v1"
    with pytest.raises(UnknownName, match="sharpe"):
        definition("sharp")
