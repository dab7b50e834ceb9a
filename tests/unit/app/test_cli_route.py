"""`qs orders route`: what it asks of the platform, what it prints, and that it refuses what is no amount before it asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from quantservice.app.cli import app, options
from quantservice.core.errors import InvalidNumber

DEAR: dict[str, Any] = {"account": "dear", "instrument": "binance:um:BTC-USDT-PERP", "takes": True, "chosen": False}
DEAR |= {"amount": "9.5", "currency": "USDT", "sentence": "0.19 % in all (fee 0.09 %)"}
CHEAP = DEAR | {"account": "cheap", "chosen": True, "amount": "7", "sentence": "0.14 % in all (fee 0.04 %)"}
POOR = DEAR | {"account": "poor", "takes": False, "amount": "0", "sentence": "it has 3 USDT free"}


class Platform:
    """Answers as the API does, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((path, body))
        return {"data": [CHEAP, DEAR, POOR]}


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    made = Platform()

    @contextmanager
    def client(*_: Any, **__: Any) -> Iterator[Platform]:
        yield made

    monkeypatch.setattr(options.Where, "client", client)
    return made


def test_accounts_are_compared_and_nothing_is_placed(platform: Platform) -> None:
    result = CliRunner().invoke(app, ["orders", "route", "buy", "0.01", "BTCUSDT", "--market", "um"])
    assert result.exit_code == 0, result.output
    ((path, body),) = platform.asked
    assert path == "/api/v1/orders/route"
    assert (body["side"], body["quantity"], body["symbol"], body["market"]) == ("buy", "0.01", "BTCUSDT", "um")
    assert (body["type"], body["limit_price"], body["accounts"]) == ("market", None, [])
    lines = [line for line in result.output.splitlines() if "BTC-USDT-PERP" in line]
    assert [name for line in lines for name in ("cheap", "dear", "poor") if name in line] == ["cheap", "dear", "poor"]
    assert ["chosen" in line for line in lines] == [True, False, False]
    assert "7 USDT" in lines[0]
    assert "it has 3 USDT free" in lines[2]


def test_a_limit_and_the_accounts_are_passed_on_and_json_is_the_answer(platform: Platform) -> None:
    arguments = ["orders", "route", "sell", "1", "BTCUSDT", "--limit", "90000", "--post-only", "--account", "a", "--account", "b"]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    body = platform.asked[0][1]
    assert (body["type"], body["limit_price"], body["post_only"], body["accounts"]) == ("limit", "90000", True, ["a", "b"])
    assert [row["account"] for row in json.loads(result.output)] == ["cheap", "dear", "poor"]


@pytest.mark.parametrize("arguments", [["-1"], ["nan"], ["0"], ["1", "--limit", "0"]])
def test_what_is_no_amount_is_not_asked(platform: Platform, arguments: list[str]) -> None:
    quantity, *more = arguments
    result = CliRunner().invoke(app, ["orders", "route", "buy", quantity, "BTCUSDT", *more])
    assert isinstance(result.exception, InvalidNumber)
    assert platform.asked == []
