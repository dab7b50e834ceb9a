"""Trading, portfolio, risk and accounts on the page: what stands there is what the API says, and what is pressed happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright
from tests.browser.test_research_pages import post
from tests.support.browser import Platform, Screen, browser, new_screen, until, untranslated, words_on

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PAGES = (
    "/trading",
    "/trading/fills",
    "/trading/positions",
    "/risk",
    "/accounts",
    "/portfolio",
    "/portfolio/symbol",
    "/portfolio/day",
    "/portfolio/journal",
)


@pytest.fixture(scope="module")
def account(platform: Platform) -> str:
    """Give an account that traded."""
    post(platform, "/accounts", {"name": "desk", "market": "um", "balances": {"USDT": "50000"}})
    until(lambda: accounts(platform)["desk"]["ready"], what="the account to be ready")
    post(platform, "/orders", {"account": "desk", "symbol": "BTCUSDT", "market": "um", "side": "buy", "quantity": "0.01"})
    until(lambda: held(platform) == "0.01", what="the order to be filled")
    return "desk"


@pytest.fixture(scope="module")
def owner(playwright: Playwright, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Give the owner at a desk, logged in."""
    folder: Path = tmp_path_factory.mktemp("chromium-trader")
    with browser(playwright, folder, "desktop") as context:
        screen = new_screen(context, platform, language="en", size="desktop")
        screen.page.goto(f"{platform.url}/login?token={platform.token}")
        yield screen.page


def accounts(platform: Platform) -> dict[str, Any]:
    return {row["name"]: row for row in platform.get("/api/v1/accounts")["data"]}


def held(platform: Platform) -> str:
    rows = platform.get("/api/v1/positions?account=desk")["data"]
    return next((row["quantity"] for row in rows if not row["deployment"]), "0")


@pytest.mark.usefixtures("account")
def test_every_page_is_whole_in_both_languages_and_widths(screen: Screen) -> None:
    for path in PAGES:
        screen.page.goto(f"{screen.platform.url}{path}")
        screen.page.wait_for_selector(".panel")
        screen.page.wait_for_selector(".skeleton", state="detached")
        assert untranslated(words_on(screen.page), screen.language) == [], path
        wide = screen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{path} is {wide} px too wide"


def test_an_order_is_typed_read_and_sent(owner: Page, platform: Platform, account: str) -> None:
    owner.goto(f"{platform.url}/trading")
    owner.locator('[data-act="order"]').click()
    form = owner.locator(".el-dialog:visible")
    form.locator(".el-select").first.click()
    owner.get_by_role("option", name="desk").click()
    send = form.locator("button.primary")
    assert send.is_disabled(), "nothing is typed yet"
    form.locator('input[name="symbol"]').fill("BTCUSDT")
    form.locator('input[name="quantity"]').fill("NaN")
    assert send.is_disabled()
    form.locator('input[name="quantity"]').fill("0.02")
    before = len(platform.get(f"/api/v1/orders?account={account}")["data"])
    send.click()
    assert "0.02" in form.locator(".sentence").inner_text()
    assert len(platform.get(f"/api/v1/orders?account={account}")["data"]) == before, "it is read before it is sent"
    form.locator('[data-act="send"]').click()
    until(lambda: held(platform) == "0.03", what="the order to be filled")
    form.wait_for(state="hidden")


def test_a_rule_is_changed_and_the_denial_is_shown(owner: Page, platform: Platform, account: str) -> None:
    owner.goto(f"{platform.url}/risk")
    row = owner.locator('[role="row"]').filter(has=owner.locator('[data-rule="max_order_value"]'))
    row.locator("button").click()
    form = owner.locator(".el-dialog:visible")
    form.locator('input[name="limit"]').fill("-1")
    form.locator("button.primary").click()
    owner.locator(".el-message").get_by_text("max_order_value").first.wait_for()
    form.locator('input[name="limit"]').fill("100")
    form.locator("button.primary").click()
    form.wait_for(state="hidden")
    row.get_by_text("limit 100", exact=True).wait_for()
    body = {"account": account, "symbol": "BTCUSDT", "market": "um", "side": "buy", "quantity": "0.01"}
    with pytest.raises(Exception, match="422"):
        post(platform, "/orders", body)
    owner.get_by_text("max_order_value").first.wait_for()
    denial = platform.get("/api/v1/denials")["data"][0]
    owner.get_by_text(denial["sentence"]).first.wait_for()
    post(platform, "/risk/rules/max_order_value", {"mode": "enforced", "parameters": {"limit": "100000"}})


def test_the_switch_is_pulled_by_a_typed_word_and_trading_goes_on_by_a_button(
    owner: Page, platform: Platform, account: str
) -> None:
    price = platform.get("/api/v1/fills?account=desk")["data"][0]["price"]
    low = str(int(float(price) * 0.95))
    rest = {"account": account, "symbol": "BTCUSDT", "market": "um", "side": "buy", "quantity": "0.01", "type": "limit"}
    order = post(platform, "/orders", {**rest, "limit_price": low})
    owner.goto(f"{platform.url}/risk")
    owner.locator('[data-act="kill"]').click()
    confirm = owner.locator(".el-dialog:visible button.danger")
    assert confirm.is_disabled()
    owner.locator("#typed-word").last.fill("KILL")
    owner.locator(".el-dialog:visible .el-checkbox").click()
    confirm.click()
    until(lambda: platform.get("/api/v1/risk")["state"] == "HALTED", what="the system to be halted")
    until(lambda: held(platform) == "0", what="what is held to be closed")
    assert platform.get(f"/api/v1/orders/{order['order_id']}")["state"] == "cancelled"
    owner.locator('.scope [data-state="HALTED"]').first.wait_for()
    owner.locator('[data-set="ACTIVE"]').click()
    until(lambda: platform.get("/api/v1/risk")["state"] == "ACTIVE", what="trading to go on")


def test_an_account_is_added_by_its_form(owner: Page, platform: Platform) -> None:
    owner.goto(f"{platform.url}/accounts")
    owner.locator('input[name="name"]').fill("by-hand")
    owner.locator("form.add button").click()
    owner.locator('[data-account="by-hand"]').wait_for()
    until(lambda: accounts(platform)["by-hand"]["ready"], what="the account to be ready")
    row = owner.locator('[role="row"]').filter(has=owner.locator('[data-account="by-hand"]'))
    row.get_by_text("Agree to the last digit").wait_for(timeout=30_000)
