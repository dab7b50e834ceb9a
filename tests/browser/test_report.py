"""A backtest's page in a browser: it shows its figures, moves, and complains of nothing, at both sizes and in both languages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext
from tests.support.backtests import sample_result

from quantservice.quant.metrics import Confidence
from quantservice.quant.reports import About, Report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report() -> Report:
    """Give a report with everything on it."""
    result, candles = sample_result(24 * 500, instruments=2)
    benchmark = np.asarray(candles[0].close / candles[0].open[0], dtype=np.float64)
    about = About(strategy="Cross", parameters={"fast": 12, "slow": 48}, sample="in")
    return Report(result, about, candles, benchmark, confidence=Confidence(draws=100), known={"benchmark_start": 1.0})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_moves_and_is_silent(
    report: Report, sized: tuple[str, BrowserContext], language: str, tmp_path: Path
) -> None:
    _, context = sized
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(report.html(tmp_path / "report.html", language=language).as_uri())
    assert page.locator("h1").inner_text() == "Cross"
    tiles = page.locator(".tile .number").all_inner_texts()
    assert tiles[2] == report.metrics["sharpe"].text
    assert page.locator(".gate").count() >= 7
    # Nothing stands out of the page to the side.
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("document.documentElement.clientWidth")
    # Each picture has something on it.
    page.wait_for_function(
        """() => [...document.querySelectorAll('canvas')].every((canvas) => {
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          return data.some((value) => value !== 0);
        })"""
    )
    next_trade = page.locator("#candles button", has_text="›")
    next_trade.click()
    first = page.locator("#candles b").first.inner_text()
    next_trade.click()
    assert page.locator("#candles b").first.inner_text() != first
    page.locator("#equity canvas").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    before = page.locator("h2").first.inner_text()
    page.locator("header button").first.click()  # the other language
    assert page.locator("h2").first.inner_text() != before
    page.locator("header button").nth(1).click()  # dark
    assert page.evaluate("document.documentElement.dataset.theme") in {"dark", "light"}
    page.locator("input[type=search]").fill("sharpe")
    assert page.locator("table tbody tr", has_text="smart_sharpe.v1").count() == 1
    page.close()
    assert said == []
