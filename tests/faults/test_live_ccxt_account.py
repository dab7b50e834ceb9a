"""A stranger's way at an exchange by ccxt: qs up, an account with a key, orders, kill -9, and books that equal the venue's."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import RunningDemo, qs, running, wait_for

from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET, TradingConfig
from quantservice.simulator.server import Simulator, SimulatorThread

pytestmark = pytest.mark.timeout(300)
NAME = "ccxtbinanceusdm:um:BTC-USDT-PERP"


@pytest.fixture
def venue() -> Iterator[Simulator]:
    thread = SimulatorThread(SimulatorConfig(trading=TradingConfig()))
    yield thread.start()
    thread.stop()


@contextmanager
def up(venue: Simulator, folder: Path) -> Iterator[RunningDemo]:
    """Run ``qs up`` with the simulated exchange, by ccxt, as its only venue."""
    settings = {
        "QS_CCXT__MARKETS": "binanceusdm:um",
        "QS_CCXT__URLS": f"binanceusdm={venue.rest_url}",
        "QS_CCXT__ORDERS_EVERY_S": "0.5",
        "QS_CCXT__KLINES_EVERY_S": "1",
        "QS_COLLECT__PAIRS": NAME,
        "QS_COLLECT__HISTORY_DAYS": "1",
    } | {f"QS_BINANCE__{market}__ENABLED": "false" for market in ("SPOT", "UM", "CM")}
    with running("up", data_dir=folder, env=settings) as made:
        yield made


def ask(folder: Path, *words: str, code: int = 0) -> str:
    """Run a command on the data folder."""
    done = qs(*words, f"--data-dir={folder}", cwd=folder.parent)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def give(folder: Path, key: str, code: int = 0) -> str:
    """Give the account a key, by a file."""
    file = folder.parent / "key.txt"
    file.write_text(f"{key}\n{DEFAULT_SECRET}\n")
    return ask(folder, "accounts", "key", "main", "--file", str(file), code=code)


def account(demo: RunningDemo) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in demo.get("/api/v1/accounts")["data"]}
    return rows.get("main", {"ready": False})


def place(folder: Path, side: str, *more: str) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(ask(folder, "orders", "place", side, "0.01", NAME, "--account", "main", "--json", *more))
    return order


def test_an_account_by_ccxt_trades_and_survives_kill_9(venue: Simulator, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    plane = venue.trading
    assert plane is not None
    with up(venue, folder) as demo:
        ask(folder, "accounts", "add", "main", "--live", "--venue", "ccxtbinanceusdm", "--market", "um")
        assert "does not take it" in give(folder, "k" * 64, code=2)
        give(folder, DEFAULT_KEY)
        wait_for(lambda: account(demo)["ready"], "the account to be ready")
        asked = "/api/v1/klines?venue=ccxtbinanceusdm&market=um&symbol=BTC-USDT-PERP&period=1m&limit=1"
        wait_for(lambda: demo.get(asked)["data"], "a price")
        found = json.loads(ask(folder, "preflight", "main", "--json"))
        assert {item["check"]: item["outcome"] for item in found["findings"]}["account"] == "ok"
        bought = place(folder, "buy", "--key", "first")
        wait_for(lambda: demo.get(f"/api/v1/orders/{bought['order_id']}")["state"] == "filled", "the order to be filled")
        price = demo.get(f"/api/v1/orders/{bought['order_id']}")["average_price"]
        resting = place(folder, "buy", "--limit", str(int(float(price) * 0.95)))
        assert resting["state"] == "open", resting
        demo.end(signal.SIGKILL)
    with up(venue, folder) as demo:
        wait_for(lambda: account(demo)["ready"], "the account to be ready again")
        assert place(folder, "buy", "--key", "first")["order_id"] == bought["order_id"], "the same key sends nothing new"
        assert demo.get(f"/api/v1/orders/{resting['order_id']}")["state"] == "open"
        ask(folder, "kill", "--close", "--reason", "the end of the test")
        wait_for(lambda: not demo.get("/api/v1/positions?account=main")["data"], "everything to be closed")
        wait_for(lambda: demo.get(f"/api/v1/orders/{resting['order_id']}")["state"] == "cancelled", "the order's end")
        ledger = plane.judge.ledger(market="um", account="main")
        assert ledger["audit"] == []
        theirs = [str(fill["trade_id"]) for fill in ledger["markets"]["um"]["fills"]]
        fills = demo.get("/api/v1/fills?account=main")["data"]
        assert sorted(fill["trade_id"] for fill in fills) == sorted(theirs)
        wallets = ledger["markets"]["um"]["wallets"]["main"]
        assert {name: Decimal(text) for name, text in account(demo)["balances"].items()} == {
            name: Decimal(text) for name, text in wallets.items()
        }
    everything = "".join(path.read_text(errors="ignore") for path in folder.rglob("*.log")) + demo.said()
    for secret in (DEFAULT_SECRET, DEFAULT_KEY):
        assert secret not in everything
