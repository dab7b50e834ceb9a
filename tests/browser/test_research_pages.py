"""Strategies, backtests, sweeps and jobs on the page: what stands there is what the API says, in both languages and widths."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, Route
from tests.support.browser import Platform, Screen, browser, cut_tables, new_screen, until, untranslated, words_on

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

NAME = "binance:um:BTC-USDT-PERP"
DATA = {"symbols": [NAME], "period": "1m"}
KEY = (
    "total_return",
    "cagr",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "trades",
    "win_rate",
    "profit_factor",
    "expectancy",
    "exposure_time",
    "turnover",
    "fees",
    "buy_hold_return",
)
WAIT_S = 180.0


@dataclass
class Research:
    """What the demo was asked to run: two backtests, a sweep, a deployment."""

    platform: Platform
    backtests: tuple[str, str]
    sweep: str

    def get(self, path: str) -> Any:
        return self.platform.get(f"/api/v1{path}")


def post(platform: Platform, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask the API for a change, as the owner."""
    headers = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/json"}
    content = json.dumps(body or {}).encode()
    request = urllib.request.Request(f"{platform.url}/api/v1{path}", data=content, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def done(platform: Platform, kind: str, request: dict[str, Any]) -> dict[str, Any]:
    """Submit a job and wait for its end."""
    job = post(platform, "/jobs", {"kind": kind, "request": request})

    def over() -> Any:
        found = platform.get(f"/api/v1/jobs/{job['id']}")
        assert found["state"] not in ("failed", "cancelled"), found["error"]
        return found if found["state"] == "done" else None

    ended: dict[str, Any] = until(over, what=f"the {kind} to be done", timeout_s=WAIT_S, every_s=0.2)
    return ended


def says(shown: str, value: Any, unit: str) -> bool:
    """Say whether a figure on the page is this value of this unit, to the digits that are shown."""
    if value is None:
        return shown in ("n/a", "无")
    if isinstance(value, str):
        return shown == {"inf": "∞", "-inf": "−∞"}[value]
    found = re.search(r"[−+-]?[\d,]+(\.\d+)?", shown)
    assert found is not None, shown
    digits = len(found[1] or ".") - 1
    number = float(found[0].replace("−", "-").replace(",", "").replace("+", ""))
    exact = float(value) * 100 if unit == "fraction" else float(value)
    return abs(number - exact) <= 0.5001 * 10.0**-digits


def agree(page: Page, selector: str, value: Any, unit: str) -> None:
    """Wait until the figure at ``selector`` is this value."""
    place = page.locator(selector).first
    try:
        until(lambda: says(place.inner_text().strip(), value, unit), what=selector, timeout_s=15)
    except AssertionError:
        raise AssertionError(f"{selector}: the page says {place.inner_text()!r}, the API {value!r} ({unit})") from None


@pytest.fixture(scope="module")
def visitor(playwright: Playwright, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Give the owner at a desk, logged in."""
    folder: Path = tmp_path_factory.mktemp("chromium-owner")
    with browser(playwright, folder, "desktop") as context:
        screen = new_screen(context, platform, language="en", size="desktop")
        screen.page.goto(f"{platform.url}/login?token={platform.token}")
        yield screen.page
        assert screen.complaints == []


@pytest.fixture(scope="module")
def research(platform: Platform) -> Research:
    """Give a demo in which something was run."""
    one = done(platform, "backtest", {"strategy": "ma_cross", "parameters": {"fast": 8, "slow": 30}, "data": DATA})
    other = done(platform, "backtest", {"strategy": "rsi_reversion", "data": DATA})
    space = {"fast": "5:15:5", "slow": [20, 40, 60], "short": [False, True]}
    sweep = done(platform, "sweep", {"strategy": "ma_cross", "space": space, "data": DATA, "objective": "total_return"})
    wanted = {"name": "shown", "strategy": "ma_cross", "instruments": [NAME], "period": "1m"}
    post(platform, "/deployments", wanted)
    post(platform, "/deployments/shown/start")
    return Research(platform, (one["result"]["backtests"][0], other["result"]["backtests"][0]), sweep["id"])


# --- what the owner does ---


def test_the_first_backtest_is_one_button(visitor: Page, platform: Platform) -> None:
    visitor.goto(f"{platform.url}/backtests")
    visitor.locator('[data-action="first-run"]').click()
    visitor.wait_for_selector(".job")
    visitor.wait_for_url(re.compile(r"/backtests/b\w+$"), timeout=WAIT_S * 1000)
    visitor.wait_for_selector('[data-metric="total_return"]')
    visitor.set_viewport_size({"width": 1280, "height": 800})
    visitor.wait_for_selector("[data-trade]")
    assert cut_tables(visitor) == []
    visitor.set_viewport_size({"width": 1440, "height": 900})
    (row,) = platform.get("/api/v1/backtests")["data"]
    assert row["id"] == visitor.url.rpartition("/")[2]
    assert (row["strategy"], row["data"]["symbols"], row["data"]["period"]) == ("ma_cross", [NAME], "1m")


def test_a_sweep_is_set_up_watched_and_a_cell_of_it_is_run(visitor: Page, platform: Platform) -> None:
    query = f"strategy=ma_cross&symbols={NAME}&period=1m&r.fast=5:10:5&r.slow=20:60:20"
    visitor.goto(f"{platform.url}/sweeps/new?{query}")
    until(lambda: visitor.locator('[data-figure="combinations"]').inner_text() == "6", what="the combinations to be counted")
    visitor.locator('[data-axis="fast"] input[role="spinbutton"]').nth(1).fill("15")
    until(lambda: visitor.locator('[data-figure="combinations"]').inner_text() == "9", what="a wider range to be counted")
    visitor.locator('[data-action="run"]').click()
    visitor.wait_for_url(re.compile(r"/sweeps/(?!new)\w+"), timeout=WAIT_S * 1000)
    board = visitor.locator(".board")
    board.wait_for()
    board.focus()
    board.press("ArrowUp")
    board.press("Enter")
    visitor.locator('[data-action="cell-run"]').click()
    visitor.wait_for_url(re.compile(r"/backtests/b\w+$"), timeout=WAIT_S * 1000)
    row = platform.get(f"/api/v1/backtests/{visitor.url.rpartition('/')[2]}")
    assert row["parameters"]["fast"] in (5, 10, 15)
    assert row["parameters"]["slow"] in (20, 40, 60)


def test_a_wrong_request_is_told_in_a_sentence(visitor: Page, platform: Platform) -> None:
    visitor.goto(f"{platform.url}/backtests/new?strategy=ma_cross&symbols={NAME}&period=1m&p.fast=60&p.slow=20")
    visitor.locator('[data-action="run"]').click()
    job = visitor.locator(".job .error, .refused")
    job.wait_for(timeout=WAIT_S * 1000)
    assert "fast" in job.inner_text()
    assert "slow" in job.inner_text()


def test_a_deployment_is_made_started_changed_and_rolled_back(visitor: Page, platform: Platform) -> None:
    visitor.goto(f"{platform.url}/strategies/deployments/new?strategy=ma_cross&symbols={NAME}&period=1m&p.fast=5&p.slow=20")
    visitor.locator("#deployment-name").fill("by hand")
    visitor.locator('[data-figure="stored-klines"]').wait_for(timeout=WAIT_S * 1000)  # the page moves no more
    visitor.locator('[data-action="create"]').click()
    refused = visitor.locator(".refused, .el-message--error")

    def made() -> bool:
        assert not refused.count(), refused.first.inner_text()
        return bool(re.search(r"/strategies/deployments\?id=", visitor.url))

    until(made, what=f"the deployment's own page; the page says: {visitor.locator('main').inner_text()[:500]}", timeout_s=WAIT_S)
    row = visitor.locator('[role="row"]').filter(has=visitor.locator('[data-deployment="by hand"]'))

    def state() -> str:
        found: str = platform.get("/api/v1/deployments/by%20hand")["state"]
        return found

    for verb, wanted in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        row.locator(f'[data-verb="{verb}"]').click()
        until(lambda wanted=wanted: state() == wanted, what=f"the deployment to be {wanted}")  # type: ignore[misc] # bound now
        row.locator(f'[data-state="{wanted}"]').wait_for()
    post(platform, "/deployments/by%20hand/configure", {"parameters": {"fast": 9, "slow": 20}})
    history = visitor.locator(".history")
    history.get_by_text("fast 9").wait_for()
    history.get_by_role("button", name="Roll back").last.click()
    confirm = visitor.locator(".el-dialog:visible button.danger")
    assert confirm.is_disabled()
    visitor.locator("#typed-word").last.fill("by hand")
    confirm.click()
    until(lambda: platform.get("/api/v1/deployments/by%20hand")["parameters"]["fast"] == 5, what="the first version to be back")


def test_a_page_that_is_being_opened_is_not_ended_by_the_form_that_writes_its_address(visitor: Page, platform: Platform) -> None:
    """The form keeps what it shows in its address, a moment later; by then its person may be on the way to another page."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    chunk = re.compile(r"/assets/StrategiesPage-.*\.js$")
    visitor.goto(f"{platform.url}/strategies/deployments/new?strategy=ma_cross&symbols={NAME}&period=1m")
    visitor.locator('[data-figure="stored-klines"]').wait_for(timeout=WAIT_S * 1000)
    visitor.route(chunk, hold)
    try:
        visitor.locator('[data-parameter="fast"] input').fill("7")
        visitor.locator('[data-parameter="fast"] input').press("Tab")
        visitor.locator("form header a").click()
        until(lambda: visitor.evaluate("1") and held, what="the other page to be asked for", timeout_s=WAIT_S)
        visitor.evaluate("() => new Promise((done) => setTimeout(done, 600))")  # in the page's own order: after the form's 400
        held[0].continue_()
        visitor.wait_for_url("**/strategies/deployments", timeout=WAIT_S * 1000)
    finally:
        visitor.unroute(chunk)


def test_a_job_is_deleted_by_its_typed_name_and_stays_counted(visitor: Page, platform: Platform) -> None:
    jobs = platform.get("/api/v1/jobs?kind=sweep")["data"]
    visitor.goto(f"{platform.url}/jobs")
    row = visitor.locator('[role="row"]').filter(has=visitor.locator(f'[data-job="{jobs[0]["id"]}"]'))
    row.locator("button.icon").click()
    visitor.locator("#typed-word").last.fill("ma_cross")
    visitor.locator(".el-dialog:visible button.danger").click()
    until(lambda: len(platform.get("/api/v1/jobs?kind=sweep")["data"]) == len(jobs) - 1, what="the job to be gone")
    row.wait_for(state="detached")


# --- what stands there ---


def test_strategies_show_what_the_api_says(screen: Screen, research: Research) -> None:
    page = screen.page
    page.goto(f"{screen.platform.url}/strategies?name=ma_cross")
    page.wait_for_selector('[data-chosen="ma_cross"]')
    strategies = research.get("/strategies")["data"]
    assert page.locator(".tabs [aria-current=page] .number").inner_text() == str(len(strategies))
    schema = next(row for row in strategies if row["name"] == "ma_cross")["parameters"]["properties"]
    for name in ("fast", "slow"):
        field = page.locator(f'[data-parameter="{name}"]')
        assert field.locator("input").input_value() == str(schema[name]["default"])
        assert f"{schema[name]['minimum']} … {schema[name]['maximum']}" in field.inner_text()
    if screen.size == "phone":
        page.locator(".back").click()
    for row in strategies:
        shown = page.locator(f'[data-strategy="{row["name"]}"] [data-field="parameters"]').inner_text()
        assert re.sub(r"\D", "", shown) == str(len(row["parameters"]["properties"])), row["name"]


def test_deployments_show_what_the_api_says(screen: Screen, research: Research) -> None:
    page = screen.page
    page.goto(f"{screen.platform.url}/strategies/deployments")
    for name in ("klines", "signals"):
        figure = page.locator(f'[data-live="shown-{name}"]')
        figure.wait_for()
        until(
            lambda figure=figure, name=name: figure.inner_text() == str(research.get("/deployments/shown")["running"][name]),  # type: ignore[misc] # bound now
            what=f"the {name} of a deployment",
            timeout_s=30,
        )
    row = page.locator('[role="row"]').filter(has=page.locator('[data-deployment="shown"]'))
    assert row.locator("[data-state]").get_attribute("data-state") == "running"


def test_a_report_shows_what_the_api_says(screen: Screen, research: Research) -> None:
    page = screen.page
    page.goto(f"{screen.platform.url}/backtests/{research.backtests[0]}")
    page.wait_for_selector('[data-metric="total_return"]')
    record = research.get(f"/backtests/{research.backtests[0]}")
    metrics = record["metrics"]
    for name in KEY:
        agree(page, f'[data-metric="{name}"]', metrics[name]["value"], metrics[name]["unit"])
    undefined = [name for name in KEY if metrics[name]["value"] is None]
    assert undefined, "three days are too few for annualised figures, and the page says so"
    reason = page.locator("dl.grid > div").filter(has=page.locator(f'[data-metric="{undefined[0]}"]')).locator("small").inner_text()
    told = metrics[undefined[0]]["reason"]
    if screen.language == "en":
        assert reason == told.split(";")[0]
    else:
        assert re.search(r"[\u4e00-\u9fff]", reason)
        assert re.findall(r"[\d.]+", reason) == re.findall(r"[\d.]+", told)
    for name, gate in record["gates"].items():
        assert page.locator(f'[data-gate="{name}"]').get_attribute("data-gate-state") == gate["state"]
    trades = research.get(f"/backtests/{research.backtests[0]}/tables/trades")
    agree(page, '[data-figure="trades-total"]', trades["rows"], "count")
    for place, trade in enumerate(trades["data"][:3]):
        agree(page, f'[data-net="{place + 1}"]', trade["net"], "quote")
    family = research.get(f"/trials/{record['family']}")
    agree(page, '[data-figure="trials"]', family["runs"], "count")
    why = research.get(f"/backtests/{research.backtests[0]}/why")
    agree(page, '[data-figure="why-traded"]', why["traded" if screen.language == "en" else "rows"], "count")
    for gate in why["gates"]:
        agree(page, f'[data-gate-rows="{gate["gate"]}"]', gate["rows"], "count")
        said = page.locator(f'[data-gate-said="{gate["gate"]}"]').inner_text()
        assert bool(re.search(r"[\u4e00-\u9fff]", said)) == (screen.language == "zh"), said
    page.locator('[data-trade="2"]').click()
    until(lambda: "trade=2" in page.url, what="the chosen trade to be in the address")
    page.locator("button.fold").click()
    page.wait_for_selector('[data-all="total_return"]')


def test_backtests_are_listed_and_compared_as_the_api_says(screen: Screen, research: Research) -> None:
    page = screen.page
    page.goto(f"{screen.platform.url}/backtests")
    rows = {row["id"]: row for row in research.get("/backtests")["data"]}
    page.wait_for_selector(f'[data-backtest="{research.backtests[0]}"]')
    agree(page, '[data-figure="backtests"]', len(rows), "count")
    units = {"total_return": "fraction", "max_drawdown": "fraction", "trades": "count", "win_rate": "fraction", "sharpe": "ratio"}
    for name in research.backtests:
        for figure, unit in units.items():
            agree(page, f'[data-cell="{name}-{figure}"]', rows[name]["figures"][figure], unit)
    page.goto(f"{screen.platform.url}/backtests/compare?ids={','.join(research.backtests)}")
    page.wait_for_selector('[data-compare="total_return-0"]')
    compared = research.get(f"/backtests/compare?ids={','.join(research.backtests)}")
    figures = {row["name"]: row for row in compared["metrics"]}
    for figure in ("total_return", "max_drawdown", "trades", "win_rate", "profit_factor", "fees"):
        for place in range(2):
            agree(page, f'[data-compare="{figure}-{place}"]', figures[figure]["values"][place], figures[figure]["unit"])


def test_a_sweep_shows_what_the_api_says(screen: Screen, research: Research) -> None:
    page = screen.page
    page.goto(f"{screen.platform.url}/sweeps/{research.sweep}")
    page.wait_for_selector(".board canvas")
    result = research.get(f"/jobs/{research.sweep}")["result"]
    stability = result["stability"]
    agree(page, '[data-figure="combinations"]', result["combinations"], "count")
    agree(page, '[data-figure="best-score"]', stability["best"]["score"], "fraction")
    agree(page, '[data-figure="stable-score"]', stability["stable"]["score"], "fraction")
    agree(page, '[data-figure="robustness"]', stability["robustness"], "ratio")
    agree(page, '[data-figure="positive-share"]', stability["profitable_share"], "fraction")
    table = research.get(f"/jobs/{research.sweep}/tables/combinations?sort=total_return&limit=4")["data"]
    for row in table[:3]:
        for figure, unit in (("total_return", "fraction"), ("max_drawdown", "fraction"), ("trades", "count")):
            agree(page, f'[data-combo-figure="{row["number"]}-{figure}"]', row[figure], unit)
    page.locator(f'[data-combo="{table[1]["number"]}"]').click()
    agree(page, '[data-figure="cell-value"]', table[1]["total_return"], "fraction")
    page.goto(f"{screen.platform.url}/sweeps")
    agree(page, f'[data-best="{research.sweep}"]', result["best"]["total_return"], "fraction")


def test_jobs_show_what_the_api_says(screen: Screen, research: Research) -> None:
    page = screen.page
    page.goto(f"{screen.platform.url}/jobs")
    page.wait_for_selector(f'[data-job="{research.sweep}"]')
    listed = research.get("/jobs")
    agree(page, '[data-figure="jobs"]', len(listed["data"]), "count")
    for state in ("queued", "running", "done", "failed", "cancelled"):
        agree(page, f'[data-figure="count-{state}"]', listed["counts"].get(state, 0), "count")
    for job in listed["data"][:5]:
        row = page.locator('[role="row"]').filter(has=page.locator(f'[data-job="{job["id"]}"]'))
        assert row.locator("[data-state]").get_attribute("data-state") == job["state"]
        assert row.locator(f'[data-job="{job["id"]}"]').inner_text() == job["title"]


def test_indicators_and_trades_stand_on_the_chart(screen: Screen, research: Research) -> None:
    page = screen.page
    page.goto(f"{screen.platform.url}/markets/{NAME}/1m?ind=sma(20);macd(12,26,9)&bt={research.backtests[0]}")
    page.wait_for_selector('[data-value="macd(12,26,9).hist"]', timeout=60_000)

    def newest(key: str, output: str) -> Any:
        answer = research.get(f"/indicators/values?symbol={NAME}&period=1m&indicator={key}&limit=2")
        return answer["outputs"][output]

    for key, output in (("sma(20)", "sma"), ("macd(12,26,9)", "macd"), ("macd(12,26,9)", "signal")):
        place = page.locator(f'[data-value="{key}.{output}"]')
        until(
            lambda place=place, key=key, output=output: any(  # type: ignore[misc] # bound now
                says(place.inner_text(), value, "ratio") for value in newest(key, output)
            ),
            what=f"{key}.{output}",
            timeout_s=30,
        )
    page.locator('[data-action="indicators"]').click()
    page.locator('[data-field="indicator-search"] input, input[data-field="indicator-search"]').first.fill("rsi")
    page.locator('[data-indicator="rsi"]').click()
    page.locator('[data-action="add-indicator"]').click()
    page.wait_for_selector('[data-value="rsi(14).rsi"]', timeout=60_000)
    assert "rsi(14)" in page.url


def test_every_screen_speaks_the_language_and_fits_the_width(screen: Screen, research: Research) -> None:
    paths = (
        "/strategies",
        "/strategies?name=grid",
        "/strategies/deployments",
        "/strategies/deployments/new",
        "/backtests",
        "/backtests/new",
        f"/backtests/{research.backtests[0]}",
        f"/backtests/compare?ids={','.join(research.backtests)}",
        "/sweeps",
        "/sweeps/new",
        f"/sweeps/{research.sweep}",
        "/jobs",
        f"/jobs/{research.sweep}",
    )
    for path in paths:
        screen.page.goto(screen.platform.url + path)
        screen.page.wait_for_selector("main .panel")
        until(lambda: screen.page.locator(".skeleton").count() == 0, what=f"{path} to have loaded")
        assert untranslated(words_on(screen.page), screen.language) == [], path
        too_wide = screen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert too_wide <= 0, f"{path} is {too_wide} px wider than the screen"
