"""G24: twelve kinds of secrets go into a running platform, the wrong ways too; none comes out of logs, HTTP, stores or /proc."""

from __future__ import annotations

import json
import os
import secrets
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import RunningDemo, free_port, qs, running, wait_for

from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.okx.config import OkxConfig
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET, TradingConfig
from quantservice.simulator.server import Simulator, SimulatorThread

pytestmark = pytest.mark.timeout(240)
#: files whose purpose is to hold a secret; only their owner may read them
KEPT = ("owner.token", ".key", "venue-keys", ".lock")
#: given by the user's own environment to the process that needs them
FROM_OUTSIDE = ("alert address", "watchdog address", "proxy of the settings")
SURFACES = 40  # addresses of the API at least that are asked


@pytest.fixture
def venue() -> Iterator[Simulator]:
    thread = SimulatorThread(SimulatorConfig(trading=TradingConfig(), okx=OkxConfig()))
    yield thread.start()
    thread.stop()


def canaries() -> dict[str, str]:
    """A secret of every kind, each unlike any other text."""
    kinds = (
        "alert address",
        "watchdog address",
        "proxy of the settings",
        "registered proxy",
        "venue secret that is refused",
        "venue key that is refused",
        "OKX key",
        "OKX secret",
        "OKX passphrase",
    )
    return {kind: f"Canary{secrets.token_hex(24)}" for kind in kinds}


def settings(venue: Simulator, secret: Mapping[str, str]) -> dict[str, str]:
    """The environment of a platform at the simulator that was told secrets."""
    dead = free_port()
    made = {
        "QS_COLLECT__PAIRS": "binance:um:BTC-USDT-PERP",
        "QS_COLLECT__HISTORY_DAYS": "1",
        "QS_ALERTS__URLS": f"json://user:{secret['alert address']}@127.0.0.1:{dead}/hook",
        "QS_ALERTS__WATCHDOG_URL": f"http://127.0.0.1:{dead}/{secret['watchdog address']}",
        "QS_ALERTS__WATCHDOG_EVERY_S": "1",
        "QS_PROXIES__URLS": f"socks5://user:{secret['proxy of the settings']}@127.0.0.1:{dead}",
        "QS_LOG__LEVEL": "DEBUG",
        "QS_OKX__ENABLED": "true",
    }
    for market, url in venue.ws_urls.items():
        made |= {f"QS_BINANCE__{market.upper()}__REST_URL": venue.rest_url, f"QS_BINANCE__{market.upper()}__WS_URL": url}
    return made | {"QS_OKX__REST_URL": venue.rest_url, "QS_OKX__WS_URL": venue.rest_url.replace("http", "ws", 1)}


def test_g24_no_secret_comes_out(venue: Simulator, tmp_path: Path) -> None:
    secret, folder = canaries(), tmp_path / "data"
    heard: list[str] = []

    def say(*words: str, lines: tuple[str, ...] = (), code: int | None = 0) -> None:
        if lines:
            (tmp_path / "secret.txt").write_text("\n".join(lines) + "\n")
        done = qs(*words, f"--data-dir={folder}", cwd=tmp_path)
        heard.append(done.stdout + done.stderr)
        assert code is None or done.returncode == code, heard[-1]

    file = ("--file", str(tmp_path / "secret.txt"))
    with running("up", data_dir=folder, env=settings(venue, secret)) as demo:
        say("accounts", "add", "main", "--live")
        wrong = (secret["venue key that is refused"], secret["venue secret that is refused"])
        say("accounts", "key", "main", *file, lines=wrong, code=2)
        say("accounts", "key", "main", *file, lines=(DEFAULT_KEY, wrong[1]), code=2)
        say("accounts", "key", "main", *file, lines=(DEFAULT_KEY, DEFAULT_SECRET))
        say("accounts", "add", "other", "--live", "--venue", "okx")
        say("accounts", "key", "other", *file, lines=(secret["OKX key"], secret["OKX secret"], secret["OKX passphrase"]), code=2)
        say("proxies", "add", f"socks5://user:{secret['registered proxy']}@127.0.0.1:{free_port()}", code=None)
        wait_for(lambda: _ready(demo), "the account to be ready")
        say("preflight", "main", code=None)
        say("orders", "place", "buy", "0.01", "BTCUSDT", "--market=um", "--account=main", "--json", code=None)
        say("alerts", "test", code=None)
        token = (folder / "owner.token").read_text().strip()
        access = _post(demo, "/api/v1/access-keys", token, {"name": "reader"})
        found = secret | {
            "venue key": DEFAULT_KEY,
            "venue secret": DEFAULT_SECRET,
            "owner token": token,
            "access key": str(access["key"]),
        }
        assert len(found) >= 12
        answers = _ask_everything(demo, token, str(access["key"]))
        processes = _processes(demo.process.pid)
        say("backup", str(tmp_path / "backup"), code=None)
        say("kill", "--reason", "the end of the test", code=None)
        _, said = demo.end(signal.SIGINT)
    answers |= {"what commands say": "".join(heard), "what qs up says": said}
    assert len(answers) >= SURFACES
    stores = {str(path): path.read_bytes() for path in _files(folder, tmp_path / "backup")}
    assert any(name.endswith("state.sqlite") for name in stores)
    assert any(name.endswith(".log") for name in stores)
    leaks = [f"{kind} in {where}" for kind, text in found.items() for where, content in answers.items() if text in content]
    leaks += [f"{kind} in {where}" for kind, text in found.items() for where, raw in stores.items() if text.encode() in raw]
    leaks += [
        f"{kind} in {where}"
        for kind, text in found.items()
        for where, raw in processes.items()
        if text.encode() in raw and not (kind in FROM_OUTSIDE and where.startswith(f"/proc/{demo.process.pid}/"))
    ]
    told = ["owner token in what qs up says"]  # to its owner, who needs it to log in
    assert [leak for leak in leaks if leak not in told] == []


def _ready(demo: RunningDemo) -> bool:
    rows = demo.get("/api/v1/accounts")
    return bool(rows) and any(row["name"] == "main" and row.get("ready") for row in rows["data"])


def _post(demo: RunningDemo, path: str, token: str, body: Mapping[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(demo.url + path, data=json.dumps(body).encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def _ask_everything(demo: RunningDemo, token: str, key: str) -> dict[str, str]:
    """GET every address that needs no part of its own, as the owner, with a key, and with a key that is wrong."""
    paths = [path for path, ways in demo.get("/openapi.json")["paths"].items() if "get" in ways and "{" not in path]
    answers: dict[str, str] = {}
    for path in [*paths, "/metrics", "/openapi.json"]:
        for who, headers in {
            "owner": {"Authorization": f"Bearer {token}"},
            "reader": {"X-Access-Key": key},
            "wrong": {"X-Access-Key": key[:-1] + "x"},
        }.items():
            request = urllib.request.Request(demo.url + path, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    answers[f"GET {path} as {who}"] = str(answer.headers) + answer.read().decode(errors="replace")
            except urllib.error.HTTPError as error:
                answers[f"GET {path} as {who}"] = str(error.headers) + error.read().decode(errors="replace")
    return answers


def _processes(first: int) -> dict[str, bytes]:
    """What /proc shows of a process and all that it started."""
    shown: dict[str, bytes] = {}
    waiting = [first]
    while waiting:
        number = waiting.pop()
        for name in ("environ", "cmdline"):
            shown[f"/proc/{number}/{name}"] = Path(f"/proc/{number}/{name}").read_bytes()
        for task in os.listdir(f"/proc/{number}/task"):
            waiting += map(int, Path(f"/proc/{number}/task/{task}/children").read_text().split())
    return shown


def _files(*folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if not any(part in path.name for part in KEPT)]
