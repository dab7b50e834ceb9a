"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Speed is no property: a busy machine must not fail a test. CI repeats the same cases; elsewhere they are new each time.
hypothesis.settings.register_profile("quantservice", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("quantservice")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real market data (QS_TEST_DATA, else ../shared/data beside the project)."""
    folder = Path(os.environ.get("QS_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / "MANIFEST.csv").is_file():
        pytest.skip(f"real market data is not at {folder}; set QS_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """The project's root."""
    return PROJECT


#: Tests that are there for the coverage gate. Tracing doubles the time of what it traces; others drive whole processes, servers,
#: exchanges and pages, whose code these test by itself.
COVERED = (
    "unit",
    "flow/test_execution",
    "flow/test_group_commit",
    "flow/test_indicator_service",
    "flow/test_job_queue",
    "flow/test_keeper",
    "flow/test_market_line",
    "flow/test_order_",
    "flow/test_portfolio",
    "flow/test_quotas",
    "flow/test_resolving",
    "flow/test_risk",
    "flow/test_strategy_hosting",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long versions out unless they are asked for (``-m slow``), and trace what the coverage gate is about only."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and not item.path.relative_to(here).as_posix().startswith(COVERED):
            item.add_marker("no_cover")
    if config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("slow")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
