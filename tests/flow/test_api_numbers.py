"""Numbers that are none, over the running API: one sentence that names the field and the value, and nothing is sent or kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.support.trading_api import TradingApi, trading_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIGITS = "in plain digits, at most 15 before the point and 18 behind it"
TEXT = 'as text such as "0.05", for a JSON number may be rounded'
#: what stands in the JSON -> (whether only a number that may be zero too takes it, what must be, what is shown)
BAD: dict[str, tuple[str, str]] = {
    '"NaN"': ("", "NaN"),
    '"Infinity"': ("", "Infinity"),
    '"-Infinity"': ("", "-Infinity"),
    '"1e400"': (DIGITS, "1e400"),
    '"1e2"': (DIGITS, "1e2"),
    '"1234567890123456"': (DIGITS, "1234567890123456"),
    '"0.1234567890123456789"': (DIGITS, "0.1234567890123456789"),
    '"-1"': ("", "-1"),
    '""': ("", "empty"),
    '"  "': ("", "empty"),
    '"much"': ("", "much"),
    f'"{"9" * 50}x"': ("", "9" * 40 + "…"),
    "1.5": (TEXT, "1.5"),
    "2": (TEXT, "2"),
    "-1": ("", "-1"),
    "NaN": ("", "NaN"),
    "Infinity": ("", "Infinity"),
    "1e400": ("", "Infinity"),
    "true": ("", "true"),
    "[1]": ("", "a list"),
    '{"a": 1}': ("", "an object"),
}
ORDER = '{"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": %s}'
LIMIT = '{"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1", "type": "limit", "limit_price": %s}'
STOP = '{"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1", "type": "stop", "stop_price": %s}'
BATCH = '{"orders": [{"account": "paper", "symbol": "BTCUSDT", "side": "buy", "quantity": "0.1"}, ' + ORDER + "]}"
ROUTE = '{"symbol": "BTCUSDT", "side": "buy", "quantity": %s}'
TWAP = '{"account": "paper", "symbol": "BTCUSDT", "side": "buy", "algorithm": "twap", "minutes": 5, "quantity": %s}'
SHOWN = (
    '{"account": "paper", "symbol": "BTCUSDT", "side": "buy", "algorithm": "iceberg", "type": "limit", "limit_price": "1", '
    '"quantity": "1", "shown": %s}'
)
ACCOUNT = '{"name": "second", "balances": {"USDT": %s}}'
#: (method and path, body, field, whether zero is taken)
FIELDS: dict[str, tuple[str, str, str, bool]] = {
    "quantity": ("POST orders", ORDER, "quantity", False),
    "limit": ("POST orders", LIMIT, "limit_price", False),
    "stop": ("POST orders", STOP, "stop_price", False),
    "batch": ("POST orders/batch", BATCH, "orders.1.quantity", False),
    "route": ("POST orders/route", ROUTE, "quantity", False),
    "amend": ("PUT orders/NOSUCH", '{"quantity": %s}', "quantity", False),
    "amend-limit": ("PUT orders/NOSUCH", '{"limit_price": %s}', "limit_price", False),
    "twap": ("POST algorithms", TWAP, "quantity", False),
    "shown": ("POST algorithms", SHOWN, "shown", False),
    "balance": ("POST accounts", ACCOUNT, "balances.USDT", True),
}
ZERO = [(name, '"0"') for name, field in FIELDS.items() if not field[3]]
CASES = [(name, bad) for name in FIELDS for bad in BAD] + ZERO


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TradingApi]:
    async with trading_api(tmp_path_factory.mktemp("api"), "paper") as made:
        yield made


@pytest.mark.parametrize(("name", "bad"), CASES, ids=[f"{name}-{bad[:24]}" for name, bad in CASES])
async def test_a_number_that_is_none_is_answered_by_a_sentence(api: TradingApi, name: str, bad: str) -> None:
    where, body, field, zero = FIELDS[name]
    more, shown = BAD.get(bad, ("", "0"))
    wanted = " ".join(filter(None, ["a number of zero or more" if zero else "a positive number", more]))
    status, answer = await api.ask(*where.split(" "), content=body % bad)
    assert (status, answer["error"]["code"], answer["error"]["field"]) == (422, "invalid_argument", field)
    assert answer["error"]["message"] == f"{field} must be {wanted}, not {shown}"
    assert await api.intents() == []
    assert await api.orders() == []
    assert [account.name for account in await api.platform.accounts.list()] == ["paper"]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ('{"limit": "NaN"}', "max_order_value.limit must be a number of zero or more, not NaN"),
        ('{"limit": "1e400"}', f"max_order_value.limit must be a number of zero or more {DIGITS}, not 1e400"),
        ('{"limit": "-1"}', "max_order_value.limit must be a number of zero or more, not -1"),
        ('{"limit": ""}', "max_order_value.limit must be a number of zero or more, not empty"),
        ('{"limit": Infinity}', "max_order_value.limit must be a number of zero or more, not Infinity"),
        ('{"limit": [1]}', "max_order_value.limit must be a number of zero or more, not a list"),
    ],
)
async def test_a_rules_parameter_that_is_none_changes_nothing(api: TradingApi, parameters: str, sentence: str) -> None:
    before = (await api.ask("GET", "risk"))[1]["rules"]
    status, answer = await api.ask("POST", "risk/rules/max_order_value", content=f'{{"parameters": {parameters}}}')
    assert (status, answer["error"]["message"]) == (422, sentence)
    assert (await api.ask("GET", "risk"))[1]["rules"] == before
    body = (ORDER % '"0.1"')[:-1] + f', "risk": {{"max_order_value": {parameters}}}}}'
    status, answer = await api.ask("POST", "orders", content=body)
    assert (status, answer["error"]["message"]) == (422, sentence)
    assert await api.intents() == []


@pytest.mark.parametrize(
    ("path", "change", "sentence"),
    [
        (
            "risk/rules/cooldown",
            {"parameters": {"seconds": "1.5"}},
            "cooldown.seconds must be a whole number of at least 0, not 1.5",
        ),
        (
            "risk/rules/trading_hours",
            {"parameters": {"until_hour": "25"}},
            "trading_hours.until_hour must be a whole number from 1 to 24, not 25",
        ),
        ("orders", {"deadline_s": "NaN"}, "deadline_s must be a number, not NaN"),
        ("orders", {"deadline_s": 0}, "deadline_s must be a number above 0, not 0"),
        ("orders", {"deadline_s": -3}, "deadline_s must be a number above 0, not -3"),
        ("orders", {"deadline_s": "soon"}, "deadline_s must be a number, not soon"),
        ("orders", {"side": "hold"}, "side must be 'buy' or 'sell', not hold"),
        ("orders", {"deadline_s": 5}, "deadline_s: a market order ends at once; a deadline is for what rests"),
    ],
)
async def test_other_arguments_name_field_and_value_too(api: TradingApi, path: str, change: dict[str, Any], sentence: str) -> None:
    body = json.loads(ORDER % '"0.1"') | change if path == "orders" else change
    status, answer = await api.ask("POST", path, body)
    assert (status, answer["error"]["message"]) == (422, sentence)
    assert await api.intents() == []


async def test_what_may_be_secret_is_not_said_again(api: TradingApi) -> None:
    status, answer = await api.ask("POST", "accounts/paper/key", {"key": "k", "secret": 12345678, "passphrase": ["hidden"]})
    assert status == 422
    assert "12345678" not in str(answer)
    assert "hidden" not in str(answer)
