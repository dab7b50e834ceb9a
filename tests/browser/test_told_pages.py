"""What users are told: who may not trade, what each account earned, why an order was denied; in both languages, live."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, Route
from tests.browser.test_research_pages import post
from tests.support.browser import Platform, Screen, browser, new_screen, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def desks(platform: Platform) -> tuple[str, str]:
    """Give two accounts that bought and sold."""
    names = ("desk", "a-second-desk-with-a-long-name")
    for name in names:
        post(platform, "/accounts", {"name": name, "market": "um", "balances": {"USDT": "50000"}})
    until(lambda: all(ready(platform, name) for name in names), what="the accounts to be ready")
    for name in names:
        for side in ("buy", "sell"):
            post(platform, "/orders", {"account": name, "symbol": "BTCUSDT", "market": "um", "side": side, "quantity": "0.01"})
    until(lambda: {row["account"] for row in earned(platform) if row["trades"] == 2} >= set(names), what="the books")
    return names


@pytest.fixture(scope="module")
def owner(playwright: Playwright, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Give the owner at a desk, logged in."""
    folder: Path = tmp_path_factory.mktemp("chromium-told")
    with browser(playwright, folder, "desktop") as context:
        screen = new_screen(context, platform, language="en", size="desktop")
        screen.page.goto(f"{platform.url}/login?token={platform.token}")
        yield screen.page
        assert [text for text in screen.complaints if "status of 422" not in text and "status of 404" not in text] == []


def ready(platform: Platform, name: str) -> bool:
    return any(row["name"] == name and row["ready"] for row in platform.get("/api/v1/accounts")["data"])


def earned(platform: Platform) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = platform.get("/api/v1/portfolio")["earned"]
    return rows


@pytest.mark.usefixtures("desks")
def test_a_badge_says_on_every_page_who_may_not_trade_and_goes_with_it(screen: Screen) -> None:
    words = {"en": ("Reducing", "Halted", "The whole system"), "zh": ("只减仓", "已停止", "整个系统")}[screen.language]
    page = screen.page
    screen.open("/settings/display")
    badge = page.locator("[data-held]")
    assert badge.count() == 0
    try:
        post(screen.platform, "/risk/state", {"scope": "account", "key": "desk", "state": "REDUCING"})
        badge.wait_for()
        assert words[0] in badge.inner_text()
        assert ("desk" in badge.inner_text()) == (screen.size == "desktop")
        post(screen.platform, "/risk/state", {"scope": "system", "key": "", "state": "HALTED"})
        page.locator('[data-held-state="HALTED"]').wait_for()
        assert words[1] in badge.inner_text()
        assert "+1" in badge.inner_text(), "the other one is not forgotten"
        assert all(part in str(badge.get_attribute("title")) for part in ("desk", words[0], words[1], words[2]))
        for path in ("/markets", "/trading", "/portfolio", "/strategies", "/jobs", "/quality", "/system"):
            page.goto(screen.platform.url + path)
            badge.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, path
        badge.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/risk")
    finally:
        post(screen.platform, "/risk/state", {"scope": "system", "key": "", "state": "ACTIVE"})
        post(screen.platform, "/risk/state", {"scope": "account", "key": "desk", "state": "ACTIVE"})
    badge.wait_for(state="detached")


def test_the_portfolio_tells_accounts_apart_and_sums_each_in_its_own_currency(
    owner: Page, platform: Platform, desks: tuple[str, str]
) -> None:
    for tab in ("strategy", "symbol", "day"):
        owner.goto(f"{platform.url}/portfolio/{tab}")
        for name in desks:
            row = owner.locator('[role="row"]').filter(has=owner.locator(f'[data-sum="{name} USDT"]'))
            row.wait_for()
            total = sum(Decimal(item["total"]) for item in earned(platform) if item["account"] == name)
            shown = row.locator('[role="cell"]').last.inner_text()
            assert shown == f"{total:,.2f}", f"{tab}: {name}"
            parts = owner.locator('[role="row"]').filter(has=owner.get_by_role("cell", name=name, exact=True))
            assert parts.count() == 2, "one row and its sum: nothing of another account is in it"
    owner.locator('[data-field="account"]').click()
    owner.get_by_role("option", name=desks[0], exact=True).click()
    owner.locator(f'[data-sum="{desks[1]} USDT"]').wait_for(state="detached")
    assert owner.locator("[data-sum]").count() == 1
    owner.get_by_role("link", name="Journal").click()
    owner.locator('[role="row"]').get_by_text(desks[0], exact=True).first.wait_for()
    assert owner.locator('[role="row"]').get_by_text(desks[1], exact=True).count() == 0


#: rule, limit, value and sentence of the server; what stands in the columns and is said in English and Chinese
DENIALS: list[tuple[str, str, str, str, tuple[str, str], str, str]] = [
    (
        "max_order_value", "100000", "100000.00000001", "",
        ("100,000", "100,000.00000001"),
        "The order is worth 100,000.00000001, more than the 100,000 allowed",
        "订单金额 100,000.00000001，超过上限 100,000",
    ),
    ("price_band", "10 %", "10.0004 %", "", ("10 %", "10.0004 %"), "10.0004 % from the market, more than the 10 %", "10.0004 %"),
    ("fresh_data", "60000 ms", "60001 ms", "", ("60s", "60.001s"), "The last price is 60.001s old; 60s are allowed", "60.001"),
    ("fresh_data", "120000 ms", "120001 ms", "", ("120s", "120.001s"), "The last price is 120.001s old", "120.001"),
    (
        "fresh_data", "60000 ms", "none", "no price of SOL is known yet; add it: qs pairs add binance:um:SOL-USDT-PERP",
        ("60s", "none"),
        "where it is not collected, add it: qs pairs add binance:um:SOL-USDT-PERP",
        "若尚未采集，请添加：qs pairs add binance:um:SOL-USDT-PERP",
    ),
]  # fmt: skip


def test_a_denials_limit_and_value_differ_where_they_are_read(owner: Page, platform: Platform) -> None:
    rows = [
        {"account": "desk", "deployment": "", "instrument": "binance:um:BTC-USDT-PERP", "rule": rule, "limit": limit,
         "value": value, "sentence": sentence or rule, "shadow": False, "time_ms": 1_748_736_000_000 + number}
        for number, (rule, limit, value, sentence, *_) in enumerate(DENIALS)
    ]  # fmt: skip
    owner.route("**/api/v1/denials*", lambda route: route.fulfill(json={"data": rows}))
    try:
        owner.goto(f"{platform.url}/risk")
        said = owner.locator("[data-denial]")
        lines = owner.locator('[role="row"]').filter(has=said)
        until(lambda: said.count() == len(DENIALS), what="the denials")
        for place, (_, _, _, _, columns, english, _) in enumerate(DENIALS):
            assert english in said.nth(place).inner_text()
            cells = lines.nth(place).get_by_role("cell").all_inner_texts()
            assert (cells[4], cells[5]) == columns
        owner.locator("button.language").click()
        for place, (*_, chinese) in enumerate(DENIALS):
            said.nth(place).get_by_text(chinese).wait_for()
    finally:
        owner.locator("button.language").click()
        owner.unroute("**/api/v1/denials*")


def test_every_step_of_an_orders_chain_is_said_in_the_pages_language(
    owner: Page, platform: Platform, desks: tuple[str, str]
) -> None:
    (fill, *_) = platform.get(f"/api/v1/fills?account={desks[0]}")["data"]
    chain = platform.get(f"/api/v1/orders/{fill['order_id']}/chain")
    owner.goto(f"{platform.url}/trading?order={fill['order_id']}")
    said = owner.locator(".el-dialog:visible [data-said]")
    until(lambda: said.count() == len(chain["steps"]), what="the steps")
    assert said.all_inner_texts()[0] == "A person or a program asked to sell 0.01 of BTC-USDT-PERP"
    owner.keyboard.press("Escape")
    owner.locator(".el-dialog:visible").wait_for(state="detached")
    owner.locator("button.language").click()
    try:
        owner.locator(f"[data-chain='{fill['order_id']}']").click()
        until(lambda: said.count() == len(chain["steps"]), what="the steps in Chinese")
        texts = said.all_inner_texts()
        assert texts[0] == "人工或程序请求卖出 0.01 BTC-USDT-PERP"
        assert all(re.search(r"[\u4e00-\u9fff]", text) for text in texts), texts
        assert not [text for text in texts if re.search(r"[{}]|chain\.", text)]
    finally:
        owner.keyboard.press("Escape")
        owner.locator(".el-dialog:visible").wait_for(state="detached")
        owner.locator("button.language").click()


#: an order beyond the steps of its instrument; what is said of it in English and Chinese
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (
        {"quantity": "0.0015"},
        "quantity: 0.0015 is no multiple of the lot of BTC-USDT-PERP, 0.001",
        "数量：0.0015 不是 BTC-USDT-PERP 数量步长",
    ),
    ({"symbol": "BTCUSTD"}, "Unknown symbol “BTCUSTD”; did you mean: BTCUSDT", "未知的品种“BTCUSTD”，是否为：BTCUSDT"),
    (
        {"type": "limit", "limit_price": "50000", "post_only": True, "time_in_force": "IOC"},
        "post_only: an order that is IOC never rests, and a post-only one may do nothing else",
        "只做挂单方：IOC 单从不挂在盘口，而只做挂单方的订单只能挂在盘口",
    ),
    ({"type": "limit", "limit_price": "-1"}, "limit price must be a positive number, not -1", "限价须为正数，而不是 -1"),
]


def test_a_refused_order_is_said_in_the_pages_language(owner: Page, platform: Platform, desks: tuple[str, str]) -> None:
    """Rebuilt from what the server says is wrong: each answer is the server's own, the form would not let all of them through."""
    order = {"account": desks[0], "symbol": "BTCUSDT", "market": "um", "side": "buy", "quantity": "0.01"}
    changes: dict[str, Any] = {}

    def send(route: Route) -> None:
        route.continue_(post_data=json.dumps(order | changes))

    owner.goto(f"{platform.url}/trading")
    owner.route("**/api/v1/orders", lambda route: send(route) if route.request.method == "POST" else route.fallback())
    try:
        for place in (1, 2):
            owner.locator('[data-act="order"]').click()
            form = owner.locator(".el-dialog:visible")
            form.locator(".el-select").first.click()
            owner.locator(".el-select-dropdown:visible").get_by_role("option", name=re.compile(f"^{desks[0]}")).click()
            form.locator('input[name="symbol"]').fill("BTCUSDT")
            form.locator('input[name="quantity"]').fill("0.01")
            for refused in REFUSED:
                changes = dict(refused[0])
                form.locator("button.primary").first.click()
                form.locator('[data-act="send"]').click()
                owner.locator(".el-message").get_by_text(str(refused[place])).first.wait_for()
            owner.keyboard.press("Escape")
            form.wait_for(state="hidden")
            owner.locator("button.language").click()
    finally:
        owner.unroute("**/api/v1/orders")
