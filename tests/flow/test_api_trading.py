"""Trading over the running API, on paper: deadlines, what an order would cost where, rules of one deployment."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.flow.test_trading_role import eventually
from tests.support.execution_rig import BTC
from tests.support.trading_api import TradingApi, trading_api

from quantservice.core.intents import Denied, Intent, OrderTerms
from quantservice.core.ledger import Posting
from quantservice.core.orders import Order
from quantservice.ports import AccountFees, Deployment

D = Decimal
LIMIT: dict[str, Any] = {"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1", "type": "limit"}
LIMIT |= {"limit_price": "46000"}


async def test_an_orders_deadline_ends_it_and_stands_in_its_chain(tmp_path: Path) -> None:
    async with trading_api(tmp_path, "paper") as api:
        _, free = await api.ask("POST", "orders", LIMIT)
        status, made = await api.ask("POST", "orders", LIMIT | {"deadline_s": 2.0})
        assert (status, made["state"], free["expire_ms"]) == (201, "open", None)
        assert 0 < made["expire_ms"] - made["created_ms"] <= 2_000

        async def ended() -> bool:
            return bool((await api.ask("GET", f"orders/{made['order_id']}"))[1]["state"] == "cancelled")

        await eventually(ended)
        _, chain = await api.ask("GET", f"orders/{made['order_id']}/chain")
        assert [step["step"] for step in chain["steps"]][-2:] == ["lapsed", "ended"]
        assert chain["steps"][0]["facts"]["deadline"] == chain["steps"][-2]["facts"]["deadline"]
        assert (await api.ask("GET", f"orders/{made['order_id']}"))[1]["reason"] == "its deadline passed"
        assert (await api.ask("GET", f"orders/{free['order_id']}"))[1]["state"] == "open"
        status, answer = await api.ask("POST", "algorithms", LIMIT | {"algorithm": "limit", "deadline_s": 5})
        assert (status, answer["error"]["message"]) == (422, "deadline_s: is not an argument of this call")
        batch = {"orders": [LIMIT, LIMIT | {"deadline_s": 600}]}
        _, rows = await api.ask("POST", "orders/batch", batch)
        assert [row["order"]["expire_ms"] is None for row in rows["data"]] == [True, False]


async def test_an_empty_idempotency_key_and_a_bad_order_of_several_are_refused_by_name(tmp_path: Path) -> None:
    async with trading_api(tmp_path, "paper") as api:
        ways: list[tuple[str, dict[str, Any]]] = [("orders", LIMIT), ("orders/batch", {"orders": [LIMIT]})]
        for path, body in ways:
            refused = await api.http.post(f"/api/v1/{path}", json=body, headers={"Idempotency-Key": ""})
            assert (refused.status_code, refused.json()["error"]["field"]) == (422, "Idempotency-Key")
            assert refused.json()["error"]["message"].startswith("Idempotency-Key is empty; send a key of your own")
        for change, code, field in (
            ({"symbol": "NOPEUSDT"}, "unknown_symbol", "orders.1.symbol"),
            ({"quantity": "0.1234567"}, "invalid_argument", "orders.1.quantity"),
            ({"quantity": "0.00001"}, "invalid_argument", "orders.1.quantity"),
        ):
            _, answer = await api.ask("POST", "orders/batch", {"orders": [LIMIT, LIMIT | change]})
            fault = answer["error"]
            assert (fault["code"], fault["field"], fault["message"][:8]) == (code, field, "orders.1")
        _, alone = await api.ask("POST", "orders/batch", {"orders": [LIMIT | {"symbol": "NOPEUSDT"}]})
        assert (alone["error"]["field"], await api.orders()) == ("symbol", [])


async def test_an_open_order_that_nobody_watches_says_so(tmp_path: Path) -> None:
    async with trading_api(tmp_path, "paper") as api:
        _, made = await api.ask("POST", "orders", LIMIT)
        await api.platform.accounts.enable("paper", enabled=False)
        rows = [(await api.ask("GET", f"orders/{made['order_id']}"))[1], (await api.ask("GET", "orders?open=true"))[1]["data"][0]]
        assert {(row["state"], row["reason"]) for row in rows} == {("open", "not watched any more: account paper is switched off")}
        await api.platform.accounts.enable("paper", enabled=True)
        assert (await api.ask("GET", f"orders/{made['order_id']}"))[1]["reason"] == ""


async def fees(api: TradingApi, name: str, taker: str) -> None:
    async def read() -> bool:
        return name in await api.platform.accounts.fees()

    await eventually(read)  # the role's own reading is not to come after ours
    paid = AccountFees(account=name, venue="binance", market="um", instrument=str(BTC), maker=D(0), taker=D(taker), read_ms=2**50)
    await api.platform.accounts.note_fees(paid)


async def test_a_days_statement_is_what_the_journal_says_and_what_the_venue_said(tmp_path: Path) -> None:
    async with trading_api(tmp_path, "paper") as api:
        market = {name: value for name, value in LIMIT.items() if name != "limit_price"} | {"type": "market"}
        assert (await api.ask("POST", "orders", market))[0] == 201

        async def booked() -> bool:
            entries = (await api.ask("GET", "journal"))[1]["data"]
            return [entry["reason"] for entry in entries] == ["trade", "opening"]

        await eventually(booked)
        status, made = await api.ask("GET", "portfolio/statements?account=paper&days=1")
        (today,) = made["data"]
        assert (status, made["entries"], made["balanced"], made["differences"]) == (200, 2, True, [])
        assert (today["opening"], today["unbalanced"], today["unexplained"], today["differed_ms"]) == ("0", "0", "0", None)
        assert D(today["fees"]) < 0
        assert D(today["closing"]) == D(today["paid_in"]) + D(today["fees"])
        assert today["compared_ms"] >= today["day_ms"]
        async with api.platform.state_store.transaction() as work:
            extra = Posting(account="wallet", currency="USDT", amount=D("0.00000001"))
            await work.books._move("paper", "", extra)  # a hand in the database
        _, made = await api.ask("GET", "portfolio/statements?account=paper")
        (gap,) = made["differences"]
        assert (made["balanced"], gap["ledger_account"], D(gap["kept"]) - D(gap["summed"])) == (False, "wallet", D("0.00000001"))
        for query, code in (("account=nobody", 404), ("account=paper&days=0", 422), ("", 422)):
            assert (await api.ask("GET", f"portfolio/statements?{query}"))[0] == code


async def test_an_account_begins_with_currencies_only(tmp_path: Path) -> None:
    async with trading_api(tmp_path, "paper") as api:
        for name in ("a/b", "usdt", "", "X" * 21, "US DT"):
            status, answer = await api.ask("POST", "accounts", {"name": "second", "balances": {name: "5"}})
            assert (status, answer["error"]["field"]) == (422, "balances"), name
            assert f"{name!r} is no currency" in answer["error"]["message"]
        made = {"name": "second", "venue": "binance", "market": "um", "balances": {"1INCH": "5"}}
        await api.ask("POST", "accounts", made)
        async with api.store.transaction() as work:
            assert [item.name for item in await work.accounts.list()] == ["paper", "second"]


async def test_what_an_order_would_cost_is_asked_and_nothing_is_sent(tmp_path: Path) -> None:
    asked = {"symbol": "BTCUSDT", "side": "buy", "quantity": "0.1"}
    async with trading_api(tmp_path, "dear", "cheap") as api:
        await fees(api, "dear", "0.0009")
        await fees(api, "cheap", "0.0004")
        status, answer = await api.ask("POST", "orders/route", asked)
        assert status == 200
        assert [(row["account"], row["chosen"], row["takes"]) for row in answer["data"]] == [
            ("cheap", True, True),
            ("dear", False, True),
        ]
        assert [(row["fee"], row["amount"], row["currency"]) for row in answer["data"]] == [
            ("0.0004", "7", "USDT"),
            ("0.0009", "9.5", "USDT"),
        ]
        assert await api.intents() == []
        _, only = await api.ask("POST", "orders/route", asked | {"accounts": ["dear"]})
        assert [(row["account"], row["chosen"]) for row in only["data"]] == [("dear", True)]
        _, none = await api.ask("POST", "orders/route", asked | {"quantity": "900"})
        assert [(row["takes"], row["chosen"]) for row in none["data"]] == [(False, False)] * 2
        for change, field in (({"type": "stop", "stop_price": "1"}, "type"), ({"reduce_only": True}, "reduce_only")):
            status, answer = await api.ask("POST", "orders/route", asked | change)
            assert (status, answer["error"]["field"]) == (422, field)
        status, answer = await api.ask("POST", "orders/route", asked | {"accounts": ["nobody"]})
        assert (status, answer["error"]["field"]) == (404, "account")
        assert await api.intents() == []
        status, made = await api.ask("POST", "orders", asked | {"route": True, "accounts": ["cheap"], "quantity": "0.1"})
        assert (status, made["account"]) == (201, "cheap")


def intent(deployment: str, cause: str) -> Intent:
    terms = OrderTerms(account="paper", instrument=BTC, side="buy", quantity=D("0.01"))
    return Intent(intent_id=f"{deployment}-{cause}", terms=terms, purpose="order", deployment=deployment)


async def test_a_deployment_rests_after_a_loss_by_its_own_cooldown(tmp_path: Path) -> None:
    async with trading_api(tmp_path, "paper") as api:
        async with api.store.transaction() as work:
            for name in ("hasty", "calm"):
                await work.deployments.put(
                    Deployment(id=name, name=name, strategy="ma_cross", account="paper", created_ms=1, updated_ms=1),
                    who="t",
                    what="m",
                )
        _, risk = await api.ask("GET", "risk")
        own = {row["name"] for row in risk["rules"] if row["own"]}
        assert own == {"stop_loss", "take_profit", "trailing_stop", "forced_reduction", "cooldown"}
        desk, gateway = api.role.risk, api.role.desk("paper").gateway
        for name in ("hasty", "calm"):
            desk.books["paper"]._losses[name] = (1, api.platform.clock.now_ns())  # a loss just now

        async def send(name: str, cause: str) -> Order | Denied:
            (made,) = await gateway.submit([intent(name, cause)])
            return made

        async def in_force(*wanted: tuple[str, str]) -> None:
            async def there() -> bool:
                return set(desk.own) == set(wanted)

            await eventually(there)

        assert isinstance(await send("hasty", "1"), Order), "the system asks for no cooldown"
        body = {"scope": "deployment", "key": "hasty", "parameters": {"seconds": "600"}}
        status, answer = await api.ask("POST", "risk/rules/cooldown", body)
        assert status == 200
        assert answer["protection"] == [
            {"scope": "deployment", "key": "hasty", "name": "cooldown", "mode": "enforced", "parameters": {"seconds": "600"}}
        ]
        await api.role.reload_risk()
        denied = await send("hasty", "2")
        assert isinstance(denied, Denied)
        assert (denied.rule, denied.limit) == ("cooldown", "600 s")
        assert isinstance(await send("calm", "1"), Order), "it is of the other one alone"
        await api.ask("POST", "risk/rules/cooldown", {"scope": "account", "key": "paper", "parameters": {"seconds": "300"}})
        await api.ask("POST", "risk/rules/cooldown", body | {"mode": "off"})
        await api.role.reload_risk()
        await in_force(("account", "paper"), ("deployment", "hasty"))
        assert isinstance(await send("hasty", "3"), Order), "off for it, whatever its account has"
        denied = await send("calm", "2")
        assert isinstance(denied, Denied)
        assert (denied.rule, denied.limit) == ("cooldown", "300 s")
        for scope, key in (("account", "paper"), ("deployment", "hasty")):
            await api.ask("POST", "risk/rules/cooldown", {"scope": scope, "key": key, "mode": "inherit"})
        await api.role.reload_risk()
        assert isinstance(await send("calm", "3"), Order)
        status, answer = await api.ask("POST", "risk/rules/max_position", body | {"parameters": {}})
        assert (status, answer["error"]["field"]) == (404, "rule of one account or deployment")
        status, answer = await api.ask("POST", "risk/rules/stop_loss", body | {"parameters": {"limit": "0.02"}})
        assert [row["name"] for row in answer["protection"]] == ["stop_loss"]
