"""Symbols as instruments, client ids in an exchange's words, numbers to the last digit, and a library that is not there."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.ccxt.access import Access
from quantservice.adapters.venues.ccxt.client import Client, Keys, text_of
from quantservice.adapters.venues.ccxt.library import exchange_class
from quantservice.adapters.venues.ccxt.listing import instruments_of
from quantservice.adapters.venues.ccxt.trading.ids import ClientIds, rule_of
from quantservice.adapters.venues.ccxt.trading.wording import number_of
from quantservice.app.settings import Settings
from quantservice.app.venues import row_of, rows_of
from quantservice.core.errors import EnvironmentFault, SettingsError, UnknownName
from quantservice.core.ids import client_order_id

D = Decimal
SWAP: dict[str, Any] = {
    "symbol": "BTC/USDT:USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "swap": True,
    "linear": True,
    "contractSize": D("0.01"),
    "precision": {"amount": D("0.1"), "price": D("0.10")},
    "limits": {"amount": {"min": D("0.1")}, "cost": {"min": None}},
}
SPOT: dict[str, Any] = {
    "symbol": "ETH/BTC",
    "base": "ETH",
    "quote": "BTC",
    "spot": True,
    "precision": {"amount": 4, "price": 6},
    "limits": {"amount": {"min": D("0.01")}, "cost": {"min": D("0.0001")}},
}


def test_a_linear_contract_is_counted_in_its_base() -> None:
    (found,) = instruments_of({"x": SWAP, "y": SPOT}, "ccxtx", "um", mode=4, seen_ms=1)
    assert str(found.id) == "ccxtx:um:BTC-USDT-PERP"
    assert (found.lot_size, found.min_quantity, found.tick_size) == (D("0.001"), D("0.001"), D("0.1"))
    assert (found.contract_size, found.inverse) == (D(1), False)


def test_an_inverse_and_a_dated_contract_are_counted_in_contracts_and_named_by_their_day() -> None:
    row = SWAP | {"symbol": "BTC/USD:BTC-250328", "quote": "USD", "settle": "BTC", "swap": False, "future": True, "linear": False}
    row |= {"inverse": True, "contractSize": D(100), "expiry": 1_743_148_800_000, "precision": {"amount": D(1), "price": D("0.1")}}
    (found,) = instruments_of({"x": row}, "ccxtx", "cm", mode=4, seen_ms=1)
    assert str(found.id) == "ccxtx:cm:BTC-USD-250328"
    assert (found.lot_size, found.contract_size, found.inverse) == (D(1), D(100), True)


def test_digits_after_the_point_are_steps_too() -> None:
    (found,) = instruments_of({"x": SPOT}, "ccxtx", "spot", mode=2, seen_ms=1)
    assert (found.lot_size, found.tick_size, found.min_quantity) == (D("0.0001"), D("0.000001"), D("0.01"))
    assert found.min_notional == D("0.0001")


def test_a_symbol_that_the_library_cannot_put_in_numbers_is_left_out() -> None:
    assert instruments_of({"x": SPOT | {"precision": {"amount": None, "price": 6}}}, "ccxtx", "spot", mode=2, seen_ms=1) == []


@pytest.mark.parametrize(
    ("exchange", "market", "longest", "pattern"),
    [("bybit", "um", 32, "[A-Z2-7]{26}"), ("bybit", "um", 20, "[A-Z2-7]{20}"), ("kraken", "spot", 32, "[A-Z2-7]{18}")],
)
async def test_ids_fit_and_are_found_again_by_the_next_process(exchange: str, market: str, longest: int, pattern: str) -> None:
    ours = client_order_id("main", "i1")

    async def known() -> list[str]:
        return [client_order_id("main", "i0"), ours]

    rule = rule_of(exchange, market, most=longest)
    word = ClientIds(rule).note(ours)
    assert re.fullmatch(pattern, word)
    later = ClientIds(rule, known)
    await later.refresh()
    assert later.name(rule.prefix + word) == ours
    assert later.name("a-stranger") == "a-stranger"


def test_integers_and_prefixes() -> None:
    ours = client_order_id("main", "i1")
    digits = ClientIds(rule_of("htx", "um", most=32))
    word = digits.note(ours)
    assert word.isdigit()
    assert int(word) < 2**63
    assert digits.name(word) == ours
    gate = ClientIds(rule_of("gate", "spot", most=32))
    assert gate.name("t-" + gate.note(ours)) == ours
    assert ClientIds(rule_of("hyperliquid", "um", most=32)).note(ours).startswith("0x")


@pytest.mark.parametrize("text", ["0.1", "100", "0.00000001", "123456789.12345678", "1234567890.123456789", "0.3", "1E+2"])
def test_a_number_reaches_the_exchange_to_the_last_digit(text: str) -> None:
    client = Client(Access("ccxtbinance", "spot", clock=SystemClock(), environment={}), keys=Keys("k" * 8, "s" * 8))
    written = client.exchange.amount_to_precision("BTC/USDT", number_of(D(text)))
    assert D(written) == D(text)
    assert "E" not in written
    assert client.exchange.price_to_precision("BTC/USDT", number_of(D(text))) == written
    assert client.exchange.parse_number(client.exchange.on_json_response(f'{{"x": {D(text):f}}}')["x"]) == D(text)


def test_keys_are_never_shown_and_addresses_lose_their_query() -> None:
    client = Client(Access("ccxtbinance", "spot", clock=SystemClock(), environment={}), keys=Keys("KEYKEYKEY", "SECRETSECRET"))
    shown = client.hide("binance POST https://x/order?symbol=A&signature=ff 503 {KEYKEYKEY} SECRETSECRET why?")
    assert shown == "binance POST https://x/order 503 {…} … why?"
    assert "SECRET" not in repr(Keys("KEYKEYKEY", "SECRETSECRET")) + repr(client)


@pytest.mark.parametrize(
    ("exchange", "parts"),
    [
        ("okx", {"apiKey": "KEY", "secret": "SECRET", "password": "WORD"}),
        ("bitmart", {"apiKey": "KEY", "secret": "SECRET", "uid": "WORD"}),
        ("hyperliquid", {"walletAddress": "KEY", "privateKey": "SECRET"}),
    ],
)
def test_a_keys_parts_are_where_the_exchange_wants_them(exchange: str, parts: dict[str, str]) -> None:
    access = Access(f"ccxt{exchange}", "spot", clock=SystemClock(), environment={})
    client = Client(access, keys=Keys("KEY", "SECRET", "WORD"))
    assert {name: getattr(client.exchange, name) for name in parts} == parts
    client.exchange.check_required_credentials()


def test_text_of_a_float_has_no_tail() -> None:
    assert [text_of(value) for value in (0.1, 5.0, 1e-8, "0.10")] == ["0.1", "5", "0.00000001", "0.1"]


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.async_support", None)
    with pytest.raises(EnvironmentFault, match=r"pip install 'quantservice\[ccxt\]'"):
        exchange_class("kraken")


def test_an_exchange_that_the_library_has_not_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="kraken"):
        exchange_class("krakenn")


def settings(*markets: str, urls: tuple[str, ...] = ()) -> Settings:
    made = Settings()
    return msgspec.structs.replace(made, ccxt=msgspec.structs.replace(made.ccxt, markets=markets, urls=urls))


def test_the_settings_make_rows_of_the_table() -> None:
    wanted = settings("kraken:spot", "bybit:um", "bybit:spot", urls=("bybit=http://127.0.0.1:1",))
    rows = rows_of(wanted)
    assert rows["ccxtkraken"].enabled(wanted) == ("spot",)
    assert rows["ccxtbybit"].enabled(wanted) == ("um", "spot")
    assert (rows["ccxtbybit"].addresses(wanted), rows["ccxtkraken"].addresses(wanted)) == ("http://127.0.0.1:1", "")
    assert row_of("ccxtbybit").markets == ("spot", "um", "cm")
    with pytest.raises(UnknownName):
        row_of("binanse")


@pytest.mark.parametrize("wrong", ["kraken", "kraken:dex", ":spot", "kra ken:spot"])
def test_a_market_that_is_none_is_told(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"ccxt\.markets"):
        rows_of(settings(wrong))


def test_an_address_that_is_none_is_told() -> None:
    wanted = settings("kraken:spot", urls=("kraken=example",))
    with pytest.raises(SettingsError, match=r"ccxt\.urls"):
        rows_of(wanted)["ccxtkraken"].addresses(wanted)
