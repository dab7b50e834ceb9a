"""What stands on the page is what the API says: per page at least ten figures, in both languages, at both widths."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Route
from tests.support.browser import Platform, Screen, until, untranslated, words_on

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PATHS = (
    "/markets/binance:um:BTC-USDT-PERP/1m",
    "/quality",
    "/quality/gaps",
    "/quality/streams",
    "/quality/revisions",
    "/quality/audit",
    "/system",
    "/settings/pairs",
    "/settings/proxies",
    "/settings/keys",
    "/settings/display",
    "/settings/platform",
)


def by_name(rows: list[dict[str, Any]], key: str, name: str) -> dict[str, Any]:
    """Return the row of that name."""
    return next(row for row in rows if row[key] == name)


def test_markets_show_what_the_api_says(screen: Screen) -> None:
    name = "binance:um:BTC-USDT-PERP"
    screen.open(f"/markets/{name}/1m")

    def instrument() -> dict[str, Any]:
        return by_name(screen.platform.get("/api/v1/instruments?registered=true&limit=500")["data"], "instrument", name)

    fixed = instrument()
    for field in ("tick_size", "lot_size"):
        screen.agrees(field, f'[data-figure="{field}"]', lambda field=field: fixed[field])  # type: ignore[misc] # bound now
    for field in ("last_price", "change_24h_percent", "volume_24h", "quote_volume_24h"):
        screen.agrees(field, f'[data-figure="{field}"]', lambda field=field: instrument()[field])  # type: ignore[misc] # bound now
    if screen.size == "desktop":
        row = f'[data-instrument="{name}"] [data-field="last_price"]'
        screen.agrees("the list's price", row, lambda: instrument()["last_price"])

    box = screen.page.locator(".host").bounding_box()
    assert box is not None
    screen.page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.4)
    moment = screen.page.locator('time[data-figure="open_time"]')
    until(lambda: int(moment.get_attribute("data-ms") or 0) < (time.time() - 120) * 1000, what="the crosshair's kline")
    at = int(moment.get_attribute("data-ms") or 0)
    page = screen.platform.get(f"/api/v1/klines?symbol=BTC-USDT-PERP&market=um&period=1m&start_ms={at}&limit=1&ledger=true")
    (kline,) = page["data"]
    assert kline["open_time"] == at
    shown = ["open", "high", "low", "close", "volume"] + (["quote_volume", "count"] if screen.size == "desktop" else [])
    for field in shown:
        screen.agrees(f"the kline's {field}", f'[data-figure="{field}"]', lambda field=field: kline[field])  # type: ignore[misc] # bound now
    assert "UTC" in (moment.get_attribute("title") or "")


def test_quality_shows_what_the_api_says(screen: Screen) -> None:
    screen.open("/quality")
    get = screen.platform.get
    screen.agrees("open gaps", '[data-figure="gaps-open"]', lambda: get("/api/v1/gaps")["open"])
    screen.agrees("healed gaps", '[data-figure="gaps-healed"]', lambda: get("/api/v1/gaps?limit=500")["healed"])
    screen.agrees("live streams", '[data-figure="streams-live"]', lambda: get("/api/v1/streams")["live"])
    screen.agrees("history", '[data-figure="history-percent"]', lambda: get("/api/v1/status")["history"]["percent"])
    coverage = "/api/v1/coverage?kind=kline&limit=500"
    screen.agrees("stored rows", '[data-figure="rows-stored"]', lambda: sum(row["rows"] for row in get(coverage)["data"]))
    streams = [row["stream"] for row in get(coverage)["data"]][:6]
    assert len(streams) == 6
    for stream in streams:
        selector = f'[data-figure="coverage_percent"][data-stream="{stream}"]'
        screen.agrees(stream, selector, lambda stream=stream: by_name(get(coverage)["data"], "stream", stream)["coverage_percent"])  # type: ignore[misc] # bound now


def test_system_shows_what_the_api_says(screen: Screen) -> None:
    screen.open("/system")

    def status() -> Any:
        return screen.platform.get("/api/v1/status")

    now = status()
    screen.agrees("instruments", '[data-figure="instruments"]', lambda: status()["instruments"])
    screen.agrees("services", '[data-figure="services"]', lambda: len(status()["services"]))
    screen.agrees("queues", '[data-figure="queues"]', lambda: len(status()["queues"]))
    screen.agrees("connections", '[data-figure="connections"]', lambda: len(status()["connections"]))
    screen.agrees("open gaps", '[data-figure="gaps-open"]', lambda: status()["gaps_open"])
    for weight in now["weights"]:
        name = f"{weight['venue']}:{weight['market']}"
        screen.agrees(
            f"weight of {name}",
            f'[data-weight="{name}"]',
            lambda market=weight["market"]: by_name(status()["weights"], "market", market)["used"],  # type: ignore[misc] # bound now
        )
    services = [row["name"] for row in now["services"]][:5]
    for name in services:
        row = screen.page.locator('[role="row"]').filter(has=screen.page.locator(f'[data-service="{name}"]'))
        restarts = by_name(status()["services"], "name", name)["restarts"]
        assert row.locator('[data-field="restarts"]').inner_text() == str(restarts)
    assert 5 + len(now["weights"]) + len(services) >= 10


def test_settings_show_what_the_api_says(screen: Screen) -> None:
    screen.open("/settings/pairs")
    pairs = screen.platform.get("/api/v1/pairs")["data"]
    assert len(pairs) >= 10
    for pair in pairs:
        cell = screen.page.locator('[role="row"]').filter(has=screen.page.locator(f'[data-pair="{pair["instrument"]}"]'))
        assert set(cell.locator('[data-field="periods"]').inner_text().split(", ")) == set(pair["periods"])
    screen.open("/settings/platform")
    settings = screen.platform.get("/api/v1/settings")["data"]
    for setting in settings[:6]:
        cell = screen.page.locator('[role="row"]').filter(has=screen.page.locator(f'[data-setting="{setting["key"]}"]'))
        assert cell.locator('[data-field="value"]').first.inner_text() == setting["value"]


def test_every_screen_speaks_the_language_and_fits_the_width(screen: Screen) -> None:
    for path in PATHS:
        screen.page.goto(screen.platform.url + path)
        screen.page.wait_for_selector("main section")
        until(lambda: screen.page.locator(".skeleton").count() == 0, what=f"{path} to have loaded")
        words = words_on(screen.page)
        assert untranslated(words, screen.language) == [], path
        assert untranslated(words, "en" if screen.language == "zh" else "zh"), "the check itself sees foreign words"
        too_wide = screen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert too_wide <= 0, f"{path} is {too_wide} px wider than the screen"
    assert screen.page.evaluate("document.documentElement.lang") == {"en": "en", "zh": "zh-CN"}[screen.language]


def test_up_and_down_wear_the_languages_colours(screen: Screen) -> None:
    screen.open("/settings/display")
    colours: list[str] = screen.page.evaluate(
        "['.up', '.down'].map((name) => getComputedStyle(document.querySelector(name)).color)"
    )
    red, green = "rgb(246, 86, 107)", "rgb(46, 189, 133)"
    assert colours == ([red, green] if screen.language == "zh" else [green, red])


def test_the_lights_tell_venues_and_markets_apart(screen: Screen, platform: Platform) -> None:
    def with_another_venue(route: Route) -> None:
        said = platform.get("/api/v1/status")
        one = said["connections"][0]
        more = [{**one, "venue": "okx", "market": market, "connection": f"okx:{market}:0"} for market in ("um", "spot")]
        route.fulfill(json={**said, "connections": said["connections"] + more})

    page = screen.page
    page.route_web_socket(re.compile("/ws"), lambda _: None)  # it stays silent: what the status says is shown
    page.route("**/api/v1/status", with_another_venue)
    page.goto(f"{platform.url}/accounts")
    page.locator('[data-venue="okx"]').wait_for()
    texts = [text.split() for text in page.locator("[data-venue]").all_inner_texts()]
    assert [words[0] for words in texts] == ["binance", "okx"]
    if screen.size == "desktop":
        assert texts[1] == {"en": ["okx", "Spot", "USDT-M"], "zh": ["okx", "现货", "U本位"]}[screen.language]
    names = [light.get_attribute("aria-label") for light in page.locator("[data-light]").all()]
    assert len(names) == len(set(names)) >= 4


def test_prices_move_without_a_reload(screen: Screen) -> None:
    screen.open("/markets/binance:um:BTC-USDT-PERP/1m")
    first = screen.figure("close")
    until(lambda: screen.figure("close") != first, what="the forming kline to move")


def test_the_view_stays_where_it_was_while_prices_move(screen: Screen) -> None:
    screen.open("/markets/binance:um:BTC-USDT-PERP/1m")
    page = screen.page
    chart = page.locator(".host")
    chart.focus()
    newest = page.locator("button.newest")

    def scrolled_back() -> bool:
        chart.press("ArrowLeft")
        return newest.is_visible()

    until(scrolled_back, what="the chart to be scrolled back")
    price = screen.figure("last_price")
    until(lambda: screen.figure("last_price") != price, what="the price to move")
    assert newest.is_visible()
    newest.click()
    newest.wait_for(state="detached")


def test_an_address_survives_a_reload_and_back(screen: Screen) -> None:
    screen.open("/markets/binance:um:ETH-USDT-PERP/1h")
    screen.page.reload()
    screen.page.wait_for_selector('[data-figure="close"]')
    assert screen.page.locator(".toolbar [aria-current=page]").inner_text() == "1h"
    screen.open("/system")
    screen.page.go_back()
    screen.page.wait_for_selector('[data-figure="close"]')
    assert screen.page.locator("h1").inner_text() == "ETHUSDT"


def test_a_key_is_shown_once_and_deleted_by_its_typed_name(screen: Screen, platform: Platform) -> None:
    name = f"notebook-{screen.language}-{screen.size}"
    page = screen.page
    page.context.clear_cookies()
    page.goto(platform.url + "/settings/keys")
    page.locator("form input").first.fill(name)
    page.locator("form button[type=submit]").click()
    # Not logged in: the page asks for the owner token and then goes on with what was wanted.
    page.locator(".el-dialog input[type=password]").fill(platform.token)
    page.locator(".el-dialog form button[type=submit]").click()
    clear = page.locator(".secret").inner_text()
    made = by_name(platform.get("/api/v1/access-keys")["data"], "name", name)
    assert clear.startswith(made["prefix"])
    page.locator(".el-dialog:has(.secret) .button.primary").click()
    page.locator(".secret").wait_for(state="hidden")
    row = page.locator('[role="row"]').filter(has=page.locator(f'[data-key="{made["id"]}"]'))
    row.locator("button.danger").click()
    confirm = page.locator(".el-dialog:visible button.danger")
    assert confirm.is_disabled()
    page.locator("#typed-word").fill(name)
    confirm.click()
    until(lambda: all(key["name"] != name for key in platform.get("/api/v1/access-keys")["data"]), what="the key to be gone")
    # The refused first try is the browser's own console line, not the page's.
    screen.complaints[:] = [line for line in screen.complaints if "401" not in line]
