"""The templates on real data: what their pages say is what they do, to the last bit."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from tests.support.template_cases import CASES

from quantservice.quant.strategies.registry import STRATEGIES

pytestmark = pytest.mark.data


def test_every_template_has_a_case_and_a_page(project_dir: Path) -> None:
    pages = {page.stem for page in (project_dir / "docs" / "strategies").glob("*.md")}
    built_in = {name for name, entry in STRATEGIES.items() if entry.source == "built-in"}
    assert pages == set(CASES) == built_in


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_page_is_what_the_run_gives(name: str, data_dir: Path, project_dir: Path) -> None:
    page_of = runpy.run_path(str(project_dir / "scripts" / "strategy_pages.py"))["page_of"]
    page = (project_dir / "docs" / "strategies" / f"{name}.md").read_text("utf-8")
    assert page_of(name, data_dir) == page, "write the pages anew: python scripts/strategy_pages.py"
    trades = re.search(r"\| trades \| ([\d,]+) \|", page)
    assert trades is not None
    assert int(trades[1].replace(",", "")) >= 30
    assert re.search(r"Run `[0-9a-f]{64}`", page)
