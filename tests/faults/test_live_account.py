"""A stranger's way: qs up at a venue, an account with a key, orders, kill -9, and after the restart books equal the venue's."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.commands import RunningDemo, qs, running, wait_for

from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET, WITHDRAWAL_KEY, TradingConfig
from quantservice.simulator.server import Simulator, SimulatorThread

pytestmark = pytest.mark.timeout(300)
PAIR = "binance:um:BTC-USDT-PERP"


@pytest.fixture
def venue() -> Iterator[Simulator]:
    thread = SimulatorThread(SimulatorConfig(trading=TradingConfig()))
    yield thread.start()
    thread.stop()


@contextmanager
def up(venue: Simulator, folder: Path) -> Iterator[RunningDemo]:
    """Run ``qs up`` with the simulator as its venue."""
    settings = {"QS_COLLECT__PAIRS": PAIR, "QS_COLLECT__HISTORY_DAYS": "1"}
    for market, url in venue.ws_urls.items():
        settings |= {f"QS_BINANCE__{market.upper()}__REST_URL": venue.rest_url, f"QS_BINANCE__{market.upper()}__WS_URL": url}
    with running("up", data_dir=folder, env=settings) as made:
        yield made


def ask(folder: Path, *words: str, code: int = 0) -> str:
    """Run a command on the data folder."""
    done = qs(*words, f"--data-dir={folder}", cwd=folder.parent)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def give(folder: Path, key: str, secret: str = DEFAULT_SECRET, code: int = 0) -> str:
    """Give the account a key, by a file."""
    file = folder.parent / "key.txt"
    file.write_text(f"{key}\n{secret}\n")
    return ask(folder, "accounts", "key", "main", "--file", str(file), code=code)


def account(demo: RunningDemo) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in demo.get("/api/v1/accounts")["data"]}
    return rows.get("main", {"ready": False})


def place(folder: Path, side: str, *more: str) -> dict[str, Any]:
    said = ask(folder, "orders", "place", side, "0.01", "BTCUSDT", "--market", "um", "--account", "main", "--json", *more)
    order: dict[str, Any] = json.loads(said)
    return order


def test_orders_survive_kill_9_and_books_equal_the_venues_ledger(venue: Simulator, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with up(venue, folder) as demo:
        ask(folder, "accounts", "add", "main", "--live")
        assert "there is no venue key" in ask(folder, "preflight", "main", code=1)
        missing = ask(folder, "accounts", "key", "main", "--file", str(tmp_path / "none.txt"), code=2)
        assert "cannot be read" in missing
        assert "Traceback" not in missing
        assert "withdraw" in give(folder, WITHDRAWAL_KEY, code=2)
        assert "does not take it" in give(folder, DEFAULT_KEY, "another" * 8, code=2)
        give(folder, DEFAULT_KEY)
        wait_for(lambda: account(demo)["ready"], "the account to be ready")
        found = {item["check"]: item["outcome"] for item in json.loads(ask(folder, "preflight", "main", "--json"))["findings"]}
        assert [found[check] for check in ("key", "clock", "mode", "money")] == ["warning", "ok", "ok", "ok"], (
            "the key is not bound"
        )
        wait_for(lambda: demo.get("/api/v1/klines?symbol=BTCUSDT&market=um&period=1m&limit=1")["data"], "a price")
        bought = place(folder, "buy", "--key", "first")
        assert bought["state"] == "filled", bought
        resting = place(folder, "buy", "--limit", str(int(float(bought["average_price"]) * 0.95)))
        assert resting["state"] == "open", resting
        demo.end(signal.SIGKILL)
    assert venue.trading is not None
    with up(venue, folder) as demo:
        wait_for(lambda: account(demo)["ready"], "the account to be ready again")
        assert place(folder, "buy", "--key", "first")["order_id"] == bought["order_id"], "the same key sends nothing new"
        assert demo.get(f"/api/v1/orders/{resting['order_id']}")["state"] == "open"
        ask(folder, "kill", "--close", "--reason", "the end of the test")
        wait_for(lambda: not demo.get("/api/v1/positions?account=main")["data"], "everything to be closed")
        assert demo.get(f"/api/v1/orders/{resting['order_id']}")["state"] == "cancelled"
        assert "HALTED" in ask(folder, "orders", "place", "buy", "0.01", "BTCUSDT", "--market=um", "--account=main", code=2)
        ledger = msgspec.json.decode(msgspec.json.encode(venue.trading.judge.ledger(market="um", account="main")))
        assert ledger["audit"] == []
        assert account(demo)["balances"] == {"USDT": f"{float(ledger['markets']['um']['wallets']['main']['USDT']):.8f}".rstrip("0")}
        fills = demo.get("/api/v1/fills?account=main")["data"]
        theirs = [str(fill["trade_id"]) for fill in ledger["markets"]["um"]["fills"] if fill["account"] == "main"]
        assert sorted(fill["trade_id"] for fill in fills) == sorted(theirs)
        ours = {order["order_id"] for order in demo.get("/api/v1/orders?account=main")["data"]}
        assert {order["client_id"] for order in ledger["markets"]["um"]["orders"] if order["account"] == "main"} <= ours
    everything = "".join(path.read_text(errors="ignore") for path in folder.rglob("*.log"))
    assert DEFAULT_SECRET not in everything + demo.said()
    assert DEFAULT_KEY not in everything + demo.said()
