"""The simulator as a command: whatever it says it serves answers at the address that it prints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import environment, free_port, wait_for

COMMANDS = (["quantservice.simulator"], ["quantservice.app.cli", "simulator", "serve"])
#: what is printed -> paths of public endpoints below it, and what their answer must hold
FACES: dict[str, tuple[tuple[str, str], ...]] = {
    "Binance REST": (
        ("/api/v3/time", "serverTime"),
        ("/api/v3/exchangeInfo?symbol=BTCUSDT", "BTCUSDT"),
        ("/fapi/v1/time", "serverTime"),
        ("/dapi/v1/exchangeInfo", "BTCUSD_PERP"),
    ),
    "OKX REST": (("/public/time", "ts"), ("/public/instruments?instType=SWAP", "BTC-USDT-SWAP")),
    "HTX spot REST": (("/common/timestamp", "data"), ("/settings/common/market-symbols", "btcusdt")),
    "HTX um REST": (("/v1/swap_contract_info", "BTC-USDT"),),
}
LEDGERS = ("Binance ledger", "OKX ledger", "HTX ledger")


@contextmanager
def served(command: list[str], output: Path, *flags: str) -> Iterator[dict[str, str]]:
    """Run the command and return what it says, by name."""
    line = [sys.executable, "-m", *command, "--port", str(free_port()), *flags]
    with output.open("wb") as said:
        process = subprocess.Popen(line, stdout=said, stderr=subprocess.STDOUT, env=environment())
    try:

        def told() -> bool:
            assert process.poll() is None, output.read_text()
            return "referee  " in output.read_text()

        wait_for(told, "the addresses")
        yield dict(re.findall(r"^(\S.*?) {2,}(\S.*)$", output.read_text(), re.MULTILINE))
    finally:
        process.terminate()
        process.wait(20)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.parametrize("command", COMMANDS, ids=["module", "qs"])
def test_every_venue_answers_where_the_command_says(command: list[str], tmp_path: Path) -> None:
    with served(command, tmp_path / "said", "--trading") as told:
        for name, questions in FACES.items():
            for path, holds in questions:
                assert holds in json.dumps(get(told[name] + path)), (name, path)
        assert all(get(told[name])["audit"] == [] for name in LEDGERS)
        assert {"OKX key", "Binance, HTX key", "HTX um account WS", "Binance um WS-API", "OKX private WS"} <= set(told)


def test_without_trading_okx_is_a_flag_and_no_key_is_shown(tmp_path: Path) -> None:
    with served(["quantservice.simulator"], tmp_path / "said", "--okx") as told:
        assert get(told["OKX REST"] + "/public/time")["code"] == "0"
        assert not {"Binance, HTX key", "Binance ledger", "HTX spot account WS"} & set(told)
