"""The page of indicators is what the registry says."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantservice.app.indicator_page import indicator_page, main
from quantservice.quant.indicators.catalog import catalog


def test_the_page_is_up_to_date(project_dir: Path) -> None:
    page = (project_dir / "docs" / "indicators.md").read_text("utf-8")
    assert page == indicator_page(), "run: python -m quantservice.app.indicator_page > docs/indicators.md"


def test_every_built_in_indicator_has_its_row() -> None:
    page = indicator_page()
    for info in catalog():
        if info.origin == "built-in":
            assert page.count(f"\n| `{info.name}`") == 1, info.name
            assert f"\n### {info.group.capitalize()}\n" in page


def test_a_wrong_argument_is_answered_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x"]) == 2
    assert "usage" in capsys.readouterr().err
