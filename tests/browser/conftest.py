"""One demo and one browser per size for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import BrowserContext, Playwright, sync_playwright
from tests.support.browser import CHROMIUM, SIZES, Platform, Screen, browser, new_screen, running_demo


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Give the running demo."""
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Give the driver, if there is a Chromium to drive. It ends with the module: its loop would stand in the way of other tests."""
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no Chromium at {CHROMIUM}; install it or set QS_CHROMIUM")
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module", params=list(SIZES))
def sized(
    request: pytest.FixtureRequest, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, BrowserContext]]:
    """Give a browser of each size."""
    size: str = request.param
    folder: Path = tmp_path_factory.mktemp(f"chromium-{size}")
    with browser(playwright, folder, size) as context:
        yield size, context


@pytest.fixture(params=["en", "zh"])
def screen(request: pytest.FixtureRequest, platform: Platform, sized: tuple[str, BrowserContext]) -> Iterator[Screen]:
    """Give a page in each language and size; afterwards its console must be silent."""
    size, context = sized
    opened = new_screen(context, platform, language=request.param, size=size)
    yield opened
    opened.page.close()
    assert opened.complaints == []
