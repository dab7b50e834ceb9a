"""CR3, CR4 with the real process: what is stored is bad, or the end comes in a burst of orders."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import RunningDemo, running, wait_for

pytestmark = [pytest.mark.timeout(240)]
DEMO = ("demo", "--symbols=BTCUSDT")
QUICK = {"QS_COLLECT__HISTORY_DAYS": "0.05"}
BURST = 24  # with two more within what the rule order_rate allows in a minute


def post(demo: RunningDemo, path: str, body: dict[str, Any], key: str = "") -> tuple[int, dict[str, Any]]:
    """Ask for a change as the owner; return the status and the answer."""
    token = re.search(r"token=(\S+)", demo.said())
    assert token is not None
    headers = {"Authorization": f"Bearer {token[1]}", "Content-Type": "application/json"} | (
        {"Idempotency-Key": key} if key else {}
    )
    request = urllib.request.Request(f"{demo.url}/api/v1{path}", json.dumps(body).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)  # also while it ends: never a bare 500


def account(demo: RunningDemo, name: str) -> dict[str, Any]:
    """Return an account's row."""
    rows = (demo.get("/api/v1/accounts") or {"data": []})["data"]
    return next((row for row in rows if row["name"] == name), {"ready": False})


def traded(demo: RunningDemo, name: str) -> None:
    """Add an account and let it trade once, as soon as there is a price."""
    status, said = post(demo, "/accounts", {"name": name, "market": "um", "balances": {"USDT": "500000"}})
    assert status == 201, said
    wait_for(lambda: account(demo, name)["ready"], f"account {name} to be ready")
    wait_for(lambda: found(post(demo, "/orders", order(name))), "the first order")  # a new key each time: a denial is kept too


def order(name: str) -> dict[str, Any]:
    return {"account": name, "symbol": "BTCUSDT", "market": "um", "side": "buy", "quantity": "0.01"}


def test_cr3_an_account_whose_record_is_bad_is_parked_and_the_others_trade(tmp_path: Path) -> None:
    store = tmp_path / "demo"
    with running(*DEMO, data_dir=store, env=QUICK) as demo:
        for name in ("good", "bad"):
            traded(demo, name)
        assert demo.end()[0] == 0
    with sqlite3.connect(store / "state.sqlite") as state:
        state.execute("UPDATE positions SET data = '{' WHERE account = 'bad'")
    with running(*DEMO, data_dir=store, env=QUICK) as demo:
        wait_for(lambda: account(demo, "good")["ready"], "the good account")
        log = store / "logs" / "quantservice.log"
        wait_for(lambda: "trading.account_parked" in log.read_text(), "the bad one to be parked", 90)
        bad = account(demo, "bad")
        assert not bad["ready"]
        assert bad["problem"], "the page says why"
        status, said = post(demo, "/orders", order("bad"))
        assert status == 503, said
        assert bad["problem"] in json.dumps(said, ensure_ascii=False)
        status, said = post(demo, "/orders", order("good"), key="another")
        assert status in (200, 201), said
        services = {row["name"]: row["state"] for row in demo.get("/api/v1/status")["services"]}
        assert services["trading"] == "running", "no other account fell with it"
        assert demo.end()[0] == 0


def test_cr4_an_end_in_a_burst_drains_and_leaves_what_a_crash_leaves(tmp_path: Path) -> None:
    store = tmp_path / "demo"
    with running(*DEMO, data_dir=store, env=QUICK) as demo:
        traded(demo, "mine")
        with ThreadPoolExecutor(8) as hands:
            asked = [hands.submit(sent, demo, f"burst-{number}") for number in range(BURST)]
            wait_for(lambda: sum(item.done() for item in asked) > BURST // 4, "some of them")
            code, said = demo.end(signal.SIGTERM, timeout_s=60.0)
        assert code == 0, said
        before = [item.result() for item in asked]
    assert not all(before), "the end came in the middle"
    with running(*DEMO, data_dir=store, env=QUICK) as demo:
        wait_for(lambda: account(demo, "mine")["ready"], "the account after the restart")
        wait_for(lambda: found(post(demo, "/orders", order("mine"))), "a price, and one more order")
        for number, name in enumerate(before):
            answer = post(demo, "/orders", order("mine"), key=f"burst-{number}")
            assert found(answer), answer
            assert name in ("", answer[1]["order_id"]), "the same key is the same order, also after the end"
        rows = wait_for(lambda: ended(demo.get("/api/v1/orders?account=mine&limit=500")["data"]), "all to have ended")
        held = next(row for row in demo.get("/api/v1/positions?account=mine")["data"] if not row["deployment"])
        filled = [row for row in rows if row["state"] == "filled"]
        assert len({row["order_id"] for row in rows}) == len(rows) == BURST + 2
        assert Decimal(held["quantity"]) == Decimal("0.01") * len(filled)
        assert len(filled) == len(demo.get("/api/v1/fills?account=mine&limit=500")["data"])
        assert demo.end()[0] == 0


def sent(demo: RunningDemo, key: str) -> str:
    """Place one; return its id where it was answered."""
    try:
        status, said = post(demo, "/orders", order("mine"), key=key)
    except OSError:
        return ""
    return str(said["order_id"]) if status in (200, 201) else ""


def found(answer: tuple[int, dict[str, Any]]) -> tuple[int, dict[str, Any]] | None:
    return answer if answer[0] in (200, 201) else None


def ended(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows if all(row["state"] in ("filled", "cancelled", "expired", "rejected", "not_sent") for row in rows) else []
