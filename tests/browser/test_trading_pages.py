"""Trading, portfolio, risk and accounts on the page: what stands there is what the API says, and what is pressed happens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, Route
from tests.browser.test_research_pages import post
from tests.support.browser import Platform, Screen, browser, cut_tables, new_screen, until, untranslated, words_on

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
    "/portfolio/statements",
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


def test_an_order_goes_where_it_costs_least_with_its_deadline_and_the_costs_are_shown_before(
    owner: Page, platform: Platform, account: str
) -> None:
    price = int(float(platform.get("/api/v1/fills?account=desk")["data"][0]["price"]) * 0.95)
    owner.goto(f"{platform.url}/trading")
    owner.locator('[data-act="order"]').click()
    form = owner.locator(".el-dialog:visible")
    form.locator('[data-field="route"]').click()
    form.locator('input[name="symbol"]').fill("BTCUSDT")
    form.locator('input[name="quantity"]').fill("0.01")
    form.locator(".el-select").last.click()
    owner.get_by_role("option", name="Limit", exact=True).click()
    form.locator('input[name="limit"]').fill(str(price))
    form.locator('input[name="deadline"]').fill("none")
    assert form.locator("button.primary").is_disabled()
    form.locator('input[name="deadline"]').fill("30")
    before = len(platform.get("/api/v1/orders?limit=1000")["data"])
    form.locator("button.primary").click()
    form.locator("[data-offer]").first.wait_for()
    shown = [item.get_attribute("data-offer") for item in form.locator("[data-offer]").all()]
    assert set(shown) == set(accounts(platform)) >= {account}
    chosen = form.locator("[data-offer].chosen").get_attribute("data-offer")
    assert chosen == shown[0]
    assert form.locator(f'[data-cost="{chosen}"]').inner_text().startswith("0.0200%"), "it rests: the maker's fee"
    assert len(platform.get("/api/v1/orders?limit=1000")["data"]) == before, "nothing is sent before it is read"
    form.locator('[data-act="send"]').click()
    form.wait_for(state="hidden")
    made = platform.get(f"/api/v1/orders?account={chosen}&open=true")["data"][0]
    assert (made["limit_price"], made["expire_ms"] - made["created_ms"] > 1_790_000) == (str(price), True)
    post(platform, f"/orders/{made['order_id']}/cancel", {})


def test_an_open_order_is_changed_by_its_pencil(owner: Page, platform: Platform, account: str) -> None:
    price = platform.get("/api/v1/fills?account=desk")["data"][0]["price"]
    rest = {"account": account, "symbol": "BTCUSDT", "market": "um", "side": "buy", "quantity": "0.01", "type": "limit"}
    order = post(platform, "/orders", {**rest, "limit_price": str(int(float(price) * 0.95))})
    owner.goto(f"{platform.url}/trading")
    row = owner.locator('[role="row"]').filter(has=owner.locator(f'[data-order="{order["order_id"]}"]'))
    row.locator('[data-act="change"]').click()
    form = owner.locator(".el-dialog:visible")
    assert form.locator('input[name="quantity"]').input_value() == "0.01"
    form.locator('input[name="quantity"]').fill("0.013")
    form.locator('[data-act="send-change"]').click()
    form.wait_for(state="hidden")
    changed = platform.get(f"/api/v1/orders/{order['order_id']}")
    assert (changed["quantity"], changed["state"], changed["amendment"]["state"]) == ("0.013", "open", "made")
    row.get_by_text("0.013").wait_for()
    post(platform, f"/orders/{order['order_id']}/cancel", {})


def chain_on(page: Page) -> list[str]:
    """Return the steps that are shown."""
    page.locator(".el-dialog:visible [data-step]").first.wait_for()
    return [str(item.get_attribute("data-step")) for item in page.locator(".el-dialog:visible [data-step]").all()]


def test_an_order_and_a_fill_show_the_chain_that_led_to_them(owner: Page, platform: Platform, account: str) -> None:
    (fill, *_) = platform.get(f"/api/v1/fills?account={account}")["data"]
    said = platform.get(f"/api/v1/orders/{fill['order_id']}/chain")
    assert {"asked", "checked", "sent", "filled", "booked", "ended"} == {step["step"] for step in said["steps"]}
    owner.goto(f"{platform.url}/trading")
    owner.locator(f'[data-chain="{fill["order_id"]}"]').click()
    assert chain_on(owner) == [step["step"] for step in said["steps"]]
    assert f"order={fill['order_id']}" in owner.url, "it can be linked to"
    owner.keyboard.press("Escape")
    owner.locator(".el-dialog:visible").wait_for(state="detached")
    owner.goto(f"{platform.url}/trading/fills")
    row = owner.locator('[role="row"]').filter(has=owner.locator(f'[data-chain="{fill["order_id"]}"]')).first
    row.locator('[role="cell"]').nth(3).click()  # anywhere in the row
    assert chain_on(owner) == [step["step"] for step in said["steps"]]


def test_a_strategys_order_is_followed_back_to_the_frame_on_every_screen(screen: Screen) -> None:
    """The demo's own deployments trade: the whole way is there, in both languages and sizes."""

    def traced() -> dict[str, Any] | None:
        for order in screen.platform.get("/api/v1/orders?limit=50")["data"]:
            chain: dict[str, Any] = screen.platform.get(f"/api/v1/orders/{order['order_id']}/chain")
            if chain["origin"] == "strategy" and order["state"] == "filled" and chain["steps"][-1]["step"] == "booked":
                return chain
        return None

    chain = until(traced, what="an order of a strategy", timeout_s=150.0, every_s=1.0)
    assert chain is not None
    steps = [step["step"] for step in chain["steps"]]
    assert steps[:6] == ["closed", "received", "decided", "sized", "checked", "sent"]
    times = [step["time_us"] for step in chain["steps"][1:6]]
    assert times == sorted(times)
    screen.page.goto(f"{screen.platform.url}/trading?order={chain['order_id']}")
    assert chain_on(screen.page) == steps
    assert screen.page.locator(".el-dialog:visible [data-gap]").count() == sum(
        step["gap_us"] is not None for step in chain["steps"]
    )
    assert untranslated(words_on(screen.page), screen.language) == []
    wide = screen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0


def test_an_algorithm_is_started_by_the_form_and_ended_on_the_page(owner: Page, platform: Platform, account: str) -> None:
    price = platform.get("/api/v1/fills?account=desk")["data"][0]["price"]
    owner.goto(f"{platform.url}/trading")
    owner.locator('[data-act="order"]').click()
    form = owner.locator(".el-dialog:visible")
    form.locator(".el-select").first.click()
    owner.get_by_role("option", name="desk").click()
    form.locator('[data-field="algorithm"]').click()
    owner.get_by_role("option", name="Iceberg").click()
    form.locator('input[name="symbol"]').fill("BTCUSDT")
    form.locator('input[name="quantity"]').fill("0.04")
    form.locator('input[name="limit"]').fill(str(int(float(price) * 0.95)))
    form.locator('input[name="minutes"]').fill("0")
    send = form.locator("button.primary")
    assert send.is_disabled(), "what it shows is not typed yet"
    form.locator('input[name="shown"]').fill("0.01")
    send.click()
    assert "Iceberg" in form.locator(".sentence").inner_text()
    form.locator('[data-act="send"]').click()
    form.wait_for(state="hidden")
    (made,) = platform.get(f"/api/v1/algorithms?account={account}")["data"]
    line = owner.locator(f'[data-algorithm="{made["algorithm_id"]}"]')
    line.get_by_text("0 / 0.04").wait_for()
    until(lambda: bool(platform.get(f"/api/v1/orders?account={account}&open=true")["data"]), what="its first part to rest")
    line.locator("button").click()
    line.wait_for(state="detached")
    until(lambda: platform.get("/api/v1/algorithms")["data"][0]["state"] == "cancelled", what="it to have ended")
    assert platform.get(f"/api/v1/orders?account={account}&open=true")["data"] == []


def test_a_stop_loss_of_one_account_is_set_by_the_form(owner: Page, platform: Platform, account: str) -> None:
    owner.goto(f"{platform.url}/risk")
    row = owner.locator('[role="row"]').filter(has=owner.locator('[data-rule="stop_loss"]'))
    row.locator("button").click()
    form = owner.locator(".el-dialog:visible")
    form.locator(".el-select").first.click()
    owner.get_by_role("option", name=account, exact=True).click()
    form.locator(".el-select").nth(1).click()
    owner.get_by_role("option", name="Enforced").click()
    form.locator('input[name="limit"]').fill("0.04")
    form.locator("button.primary").click()
    form.wait_for(state="hidden")
    (own,) = platform.get("/api/v1/risk")["protection"]
    assert (own["scope"], own["key"], own["name"], own["mode"], own["parameters"]) == (
        "account", account, "stop_loss", "enforced", {"limit": "0.04"},
    )  # fmt: skip
    resting = f"/api/v1/orders?account={account}&open=true"
    until(lambda: [o["purpose"] for o in platform.get(resting)["data"]] == ["protective"], what="the stop to rest")
    post(platform, "/risk/rules/stop_loss", {"mode": "inherit", "scope": "account", "key": account})
    until(lambda: platform.get(resting)["data"] == [], what="the stop to go")
    deployment = until(lambda: platform.get("/api/v1/deployments")["data"], what="a deployment", timeout_s=90.0)[0]
    owner.reload()
    owner.locator('[role="row"]').filter(has=owner.locator('[data-rule="cooldown"]')).locator("button").click()
    form.locator('[data-field="scope"]').click()
    owner.get_by_role("option", name=deployment["name"]).click()
    form.locator(".el-select").nth(1).click()
    owner.get_by_role("option", name="Enforced").click()
    form.locator('input[name="seconds"]').fill("120")
    form.locator("button.primary").click()
    form.wait_for(state="hidden")
    (own,) = platform.get("/api/v1/risk")["protection"]
    assert (own["scope"], own["key"], own["name"], own["parameters"]) == (
        "deployment", deployment["id"], "cooldown", {"seconds": "120"},
    )  # fmt: skip
    post(platform, "/risk/rules/cooldown", {"mode": "inherit", "scope": "deployment", "key": deployment["id"]})


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
    shown = owner.locator(f"[title={json.dumps(denial['sentence'])}]").first
    value = f"{float(denial['value']):,.8g}"
    shown.get_by_text(f"The order is worth {value}, more than the 100 allowed").wait_for()
    owner.locator("button.language").click()
    shown.get_by_text(f"订单金额 {value}，超过上限 100").wait_for()
    row.get_by_text("单笔订单金额不得超过此值。").wait_for()
    row.get_by_text("上限 100", exact=True).wait_for()
    owner.locator("button.language").click()
    post(platform, "/risk/rules/max_order_value", {"mode": "enforced", "parameters": {"limit": "100000"}})


def test_equity_over_time_is_drawn_and_its_figures_are_the_apis(owner: Page, platform: Platform, account: str) -> None:
    until(lambda: platform.get(f"/api/v1/portfolio/equity?account={account}")["data"] != [], what="equity to be written down")
    owner.goto(f"{platform.url}/portfolio")
    owner.locator(".equity canvas").first.wait_for()
    owner.locator('[data-range="all"]').click()
    owner.locator('[data-range="all"][aria-pressed="true"]').wait_for()
    shown = owner.locator('[data-figure="equity-profit"]')
    shown.wait_for()
    said = platform.get(f"/api/v1/portfolio/equity?account={account}&start_ms=0")
    assert said["data"][-1]["paid_in"] == "50000"
    assert float(shown.inner_text().replace(",", "").replace("\u2212", "-")) == pytest.approx(
        float(said["data"][-1]["profit"]), abs=500
    )


def test_a_quota_is_set_on_the_page(owner: Page, platform: Platform, account: str) -> None:
    made = {"name": "quoted", "strategy": "ma_cross", "instruments": ["binance:um:BTC-USDT-PERP"], "period": "1m"}
    post(platform, "/deployments", {**made, "account": account, "allocation": "1000"})
    owner.goto(f"{platform.url}/risk")
    row = owner.locator('.quotas [role="row"]').filter(has=owner.locator('[data-quota="quoted"]'))
    row.locator("button").click()
    form = owner.locator(".el-dialog:visible")
    form.locator('input[name="allocation"]').fill("2500")
    form.locator('input[name="max_position"]').fill("700")
    form.locator('input[name="orders_per_day"]').fill("40")
    form.locator("button.primary").click()
    form.wait_for(state="hidden")
    row.get_by_text("0 / 700", exact=True).wait_for()
    (kept,) = [item for item in platform.get("/api/v1/quotas")["data"] if item["name"] == "quoted"]
    assert (kept["max_position"], kept["orders_per_day"], kept["allocation"]) == ("700", 40, "2500")


def test_the_accounts_fit_a_small_desk_and_say_what_they_pay(owner: Page, platform: Platform, account: str) -> None:
    until(lambda: accounts(platform)[account]["fees"], what="the fees to be read")
    owner.set_viewport_size({"width": 1280, "height": 800})
    owner.goto(f"{platform.url}/accounts")
    assert owner.locator(f'[data-fees="{account}"]').inner_text() == "0.02 / 0.05 %"
    button = owner.locator(f'[data-preflight="{account}"]').bounding_box()
    panel = owner.locator(".panel.body").bounding_box()
    assert button is not None
    assert panel is not None
    assert button["x"] + button["width"] <= panel["x"] + panel["width"], "the last column is not cut"


def test_what_is_traded_names_its_account_and_fits_a_small_desk(owner: Page, platform: Platform, account: str) -> None:
    owner.set_viewport_size({"width": 1280, "height": 800})
    for tab, wanted in (("orders", "Why"), ("fills", "By")):
        owner.goto(f"{platform.url}/trading/{tab}")
        table = owner.locator('.panel.body [role="table"]')
        table.locator(f'[data-of="{account}"]').first.wait_for()
        heads = table.locator('[role="columnheader"]').all_inner_texts()
        assert {"Account", wanted} <= set(heads)
        assert cut_tables(owner) == []
    for path in ("/trading/positions", "/portfolio", "/portfolio/journal", "/risk", "/system", "/strategies/deployments"):
        owner.goto(platform.url + path)
        owner.locator('[role="table"] [role="row"]').nth(1).wait_for()
        assert cut_tables(owner) == [], path


def test_a_wallet_of_several_coins_is_read_apart(owner: Page, platform: Platform) -> None:
    holdings = {"USDT": "1234.5678901234567", "BTC": "1.5", "ETH": "2"}
    post(platform, "/accounts", {"name": "coins", "market": "spot", "balances": holdings})
    until(lambda: len(accounts(platform)["coins"]["balances"]) == len(holdings), what="the wallet to be booked")
    owner.goto(f"{platform.url}/accounts")
    row = owner.locator('[role="row"]').filter(has=owner.locator('[data-account="coins"]'))
    row.locator('[data-balance="USDT"]').wait_for()
    boxes = [item.bounding_box() for item in row.locator("[data-balance]").all()]
    places = sorted((round(box["y"]), box["x"], box["x"] + box["width"]) for box in boxes if box is not None)
    assert len(places) == len(holdings)
    for one, other in pairwise(places):
        assert other[0] > one[0] or other[1] - one[2] >= 8, "two amounts run together"
    shown = row.locator('[data-balance="USDT"] span')
    assert shown.inner_text() == "1,234.5679"
    assert shown.get_attribute("title") == holdings["USDT"], "the exact figure is one hover away"


def test_a_rule_is_rehearsed_before_it_is_enforced(owner: Page, platform: Platform, account: str) -> None:
    owner.goto(f"{platform.url}/risk")
    panel = owner.locator(".rehearsal")
    for above in ('[data-scope^="deployment:"]', "[data-rule]", "[data-quota]"):  # what stands above has its height
        owner.locator(above).first.wait_for()
    panel.locator('[data-rehearse="account"]').click()
    owner.get_by_role("option", name=account, exact=True).click()
    panel.locator('[data-rehearse="rule"]').click()
    owner.locator(".el-select-dropdown:visible").get_by_text("max_order_value", exact=True).click()
    panel.locator('input[name="rehearse-limit"]').fill("-1")
    panel.locator('[data-act="rehearse"]').click()
    owner.locator(".el-message").get_by_text("max_order_value").first.wait_for()
    panel.locator('input[name="rehearse-limit"]').fill("100")
    panel.locator('[data-act="rehearse"]').click()
    shown = panel.locator('[data-figure="rehearsed-blocked"]')
    shown.wait_for()
    said = platform.get(f"/api/v1/risk/rehearsal?account={account}&rule=max_order_value&param=limit%3D100")
    assert said["together"]["blocked"] > 0
    assert shown.inner_text() == f"{said['together']['blocked']} of {said['judged']} orders"
    panel.locator('[role="row"]').get_by_text("max_order_value").first.wait_for()
    assert platform.get("/api/v1/risk")["state"] == "ACTIVE", "nothing was changed"


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
    owner.locator('[data-scope="system:"] [data-set="ACTIVE"]').click()
    until(lambda: platform.get("/api/v1/risk")["state"] == "ACTIVE", what="trading to go on")


def test_an_account_and_a_strategy_are_held_back_and_let_go_by_a_click(owner: Page, platform: Platform, account: str) -> None:
    def state_of(scope: str, key: str) -> str:
        rows = platform.get("/api/v1/risk")["states"]
        return next((row["state"] for row in rows if (row["scope"], row["key"]) == (scope, key)), "ACTIVE")

    strategy = until(
        lambda: next((row for row in platform.get("/api/v1/deployments")["data"] if row["state"] == "running"), None),
        what="a strategy that runs",
    )
    assert strategy is not None
    owner.goto(f"{platform.url}/risk")
    for scope, key, name in (("account", account, account), ("deployment", strategy["id"], strategy["name"])):
        line = owner.locator(f'[data-scope="{scope}:{key}"]')
        line.get_by_text(name, exact=True).wait_for()
        for state in ("REDUCING", "HALTED"):
            line.locator(f'[data-set="{state}"]').click()
            line.locator(f'[data-state="{state}"]').wait_for()
            assert state_of(scope, key) == state
            assert line.locator("[data-since]").inner_text().startswith("owner · "), "who did it, and when"
        line.locator('[data-set="ACTIVE"]').click()
        line.locator('[data-state="ACTIVE"]').wait_for()
        assert state_of(scope, key) == "ACTIVE"
        assert line.locator("[data-since]").count() == 0


def test_a_venues_key_is_refused_in_a_sentence_and_forgotten_by_a_typed_word(owner: Page, platform: Platform) -> None:
    post(platform, "/accounts", {"name": "keyed", "market": "um", "mode": "live"})
    gone: list[str] = []

    def forget(route: Route) -> None:
        if route.request.method != "DELETE":
            route.fallback()
            return
        gone.append(route.request.url.rpartition("/api/v1")[2])
        route.fulfill(json={"removed": 1})

    kept = {"account": "keyed", "prefix": "abcdef", "enabled": True, "created_ms": 1, "checked_ms": 1}
    page = owner.context.new_page()  # the demo's exchange takes no key: one that was taken is played
    page.route("**/api/v1/venue-keys", lambda route: route.fulfill(json={"data": [{**kept, "permissions": {"trade": True}}]}))
    page.route("**/api/v1/accounts/keyed/key", forget)
    page.goto(f"{platform.url}/accounts")
    row = page.locator('[role="row"]').filter(has=page.locator('[data-account="keyed"]'))
    row.get_by_role("button", name="Key", exact=True).click()
    form = page.locator(".el-dialog:visible")
    assert "abcdef… trades" in form.locator('[data-key-of="keyed"]').inner_text()
    form.locator('input[name="key"]').fill("short")
    form.locator('input[name="secret"]').fill("secret-of-the-key")
    form.locator("button.primary").click()
    page.locator(".el-message").get_by_text("venue key: its key is at least 8 characters").wait_for()
    assert form.locator('input[name="secret"]').input_value() == ""
    form.locator('[data-act="forget"]').click()
    confirm = page.locator(".el-dialog:visible button.danger").last
    assert confirm.is_disabled()
    page.locator("#typed-word").last.fill("keyed")
    confirm.click()
    page.locator(".el-message").get_by_text("The key of keyed is forgotten").wait_for()
    assert gone == ["/accounts/keyed/key"]
    page.close()


def test_all_of_an_account_is_cancelled_and_closed_by_its_typed_name(owner: Page, platform: Platform, account: str) -> None:
    price = platform.get("/api/v1/fills?account=desk")["data"][0]["price"]
    order = {"account": account, "symbol": "BTCUSDT", "market": "um", "side": "buy", "quantity": "0.01"}
    post(platform, "/orders", order)
    post(platform, "/orders", {**order, "type": "limit", "limit_price": str(int(float(price) * 0.95))})
    owner.goto(f"{platform.url}/trading")
    owner.locator(".el-select.account").click()
    owner.get_by_role("option", name=account, exact=True).click()
    for verb, said in (("Cancel all", "open orders cancelled"), ("Close all", "orders sent to close")):
        owner.locator(".panel.body header").get_by_role("button", name=verb).click()
        confirm = owner.locator(".el-dialog:visible button.danger")
        assert confirm.is_disabled()
        owner.locator(".el-dialog:visible #typed-word").fill(account)
        confirm.click()
        owner.locator(".el-message").get_by_text(re.compile(rf"^{account}: 1 {said}")).wait_for()
    until(lambda: held(platform) == "0", what="what is held to be closed")
    assert platform.get(f"/api/v1/orders?account={account}&open=true")["data"] == []


def test_an_account_is_added_by_its_form(owner: Page, platform: Platform) -> None:
    owner.goto(f"{platform.url}/accounts")
    owner.locator('input[name="name"]').fill("by-hand")
    owner.locator("form.add button").click()
    owner.locator('[data-account="by-hand"]').wait_for()
    until(lambda: accounts(platform)["by-hand"]["ready"], what="the account to be ready")
    row = owner.locator('[role="row"]').filter(has=owner.locator('[data-account="by-hand"]'))
    row.get_by_text("Agree to the last digit").wait_for(timeout=30_000)
