"""OKX's tables: signatures, outcomes, the words of orders, and instruments as the venue lists them."""

from __future__ import annotations

import gzip
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.clock import ManualClock

from quantservice.adapters.venues.okx.decode_instruments import decode_instruments
from quantservice.adapters.venues.okx.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.okx.spec import OkxEndpoints, row_of
from quantservice.adapters.venues.okx.trading import wording
from quantservice.adapters.venues.okx.trading.signer import OkxCredentials, Signer
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import OrderState

D = Decimal
KEY = OkxCredentials("51e01a70-0000-4000-8000-000000000001", "22582BD0CFF14C41EDBF1AB98506286D", "Secret-phrase")


def test_a_request_is_signed_over_time_method_path_and_body() -> None:
    signer = Signer(KEY, VenueClock(ManualClock(1_607_410_767_000)))
    headers = signer.headers("GET", "/api/v5/account/balance?ccy=BTC", "")
    assert headers["OK-ACCESS-TIMESTAMP"] == "2020-12-08T06:59:27.000Z"
    assert headers["OK-ACCESS-SIGN"] == KEY.sign("2020-12-08T06:59:27.000ZGET/api/v5/account/balance?ccy=BTC")
    assert signer.login()["sign"] == KEY.sign("1607410767GET/users/self/verify")


def test_a_request_names_key_and_passphrase_and_may_look_older_than_it_is() -> None:
    key = OkxCredentials("a" * 16, "secret", "my phrase")
    signer = Signer(key, VenueClock(ManualClock(1_607_410_767_000)))
    headers = signer.headers("POST", "/api/v5/trade/order", '{"sz":"1"}', older_ms=1_500)
    assert headers == {
        "OK-ACCESS-KEY": "a" * 16,
        "OK-ACCESS-PASSPHRASE": "my phrase",
        "OK-ACCESS-TIMESTAMP": "2020-12-08T06:59:25.500Z",
        "OK-ACCESS-SIGN": key.sign('2020-12-08T06:59:25.500ZPOST/api/v5/trade/order{"sz":"1"}'),
    }
    login = signer.login()
    assert (login["apiKey"], login["passphrase"], login["timestamp"]) == ("a" * 16, "my phrase", "1607410767")
    # a well-known figure: HMAC-SHA256 of this text with the key "key"
    known = OkxCredentials("a" * 16, "key", "p").sign("The quick brown fox jumps over the lazy dog")
    assert known == "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="


def test_credentials_show_nothing_and_leave_the_process_by_no_copy() -> None:
    for text in (repr(KEY), str(KEY), f"{KEY}"):
        assert "22582BD0" not in text
        assert "phrase" not in text
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


@pytest.mark.parametrize(
    ("key", "secret", "phrase"),
    [
        ("short", "s", "p"),
        ("a" * 20, "", "p"),
        ("a" * 20, "s\u00e9", "p"),
        ("a" * 20, "s", ""),
        ("a" * 20, "s", "\n"),
        ("a" * 20, "s", "\u00e9"),
    ],
)
def test_credentials_that_cannot_be_are_refused(key: str, secret: str, phrase: str) -> None:
    with pytest.raises(InvalidValue):
        OkxCredentials(key, secret, phrase)


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, 51008, Outcome.NOT_SENT),
        (401, 50113, Outcome.NOT_SENT),
        (400, 50004, Outcome.UNKNOWN),
        (503, 50001, Outcome.UNKNOWN),
        (500, 0, Outcome.UNKNOWN),
        (408, 0, Outcome.UNKNOWN),
        (429, 50013, Outcome.UNKNOWN),
        (429, 50011, Outcome.LIMITED),
        (429, 50061, Outcome.LIMITED),
        (429, 0, Outcome.LIMITED),
        (200, 51016, Outcome.EXISTS),
        (200, 51400, Outcome.GONE),
        (200, 51603, Outcome.GONE),
        (200, 51149, Outcome.LATE),
        (401, 50102, Outcome.LATE),
    ],
)
def test_answers_are_classed(status: int, code: int, outcome: Outcome) -> None:
    assert outcome_of(status, code) is outcome


@pytest.mark.parametrize(
    ("source", "state"),
    [
        ("1", OrderState.CANCELLED),
        ("20", OrderState.CANCELLED),
        ("3", OrderState.CANCELLED),
        ("", OrderState.CANCELLED),
        ("13", OrderState.EXPIRED),
        ("14", OrderState.EXPIRED),
        ("31", OrderState.EXPIRED),
    ],
)
def test_an_order_that_lapsed_is_not_one_that_was_cancelled(source: str, state: OrderState) -> None:
    assert wording.state_of({"state": "canceled", "cancelSource": source}) is state
    assert wording.state_of({"state": "a word of tomorrow"}) is OrderState.OPEN


def test_an_order_is_sized_in_contracts_on_swaps() -> None:
    instrument = InstrumentId("okx", "um", "BTC-USDT-PERP")
    terms = OrderTerms(account="a", instrument=instrument, side="buy", quantity=D("0.0123"), type="limit", limit_price=D("1E+5"))
    name, sent = wording.submit_parameters(row_of("um"), terms, "BTC-USDT-SWAP", D("0.01"), "abc")
    assert (name, sent["sz"], sent["px"], sent["tdMode"], sent["clOrdId"]) == ("submit", "1.23", "100000", "cross", "abc")


@pytest.mark.parametrize("market", ["spot", "um"])
def test_gtd_is_sent_as_an_order_without_an_end(market: str) -> None:
    instrument = InstrumentId("okx", market, "BTC-USDT" if market == "spot" else "BTC-USDT-PERP")
    gtd: dict[str, Any] = {"limit_price": D(1), "time_in_force": "GTD", "expire_ms": 1}
    terms = OrderTerms(account="a", instrument=instrument, side="buy", quantity=D(1), type="limit", **gtd)
    assert wording.submit_parameters(row_of(market), terms, "X", D(1), "abc")[1]["ordType"] == "limit"
    stop = OrderTerms(account="a", instrument=instrument, side="buy", quantity=D(1), type="stop_limit", stop_price=D(1), **gtd)
    assert wording.submit_parameters(row_of(market), stop, "X", D(1), "abc")[1]["ordType"] == "conditional"


def test_a_market_buy_on_spot_is_sized_in_base_currency() -> None:
    terms = OrderTerms(account="a", instrument=InstrumentId("okx", "spot", "BTC-USDT"), side="buy", quantity=D("0.5"))
    _, sent = wording.submit_parameters(row_of("spot"), terms, "BTC-USDT", D(1), "abc")
    assert (sent["tgtCcy"], sent["sz"]) == ("base_ccy", "0.5")


def test_ids_without_a_client_are_numbers() -> None:
    assert wording.ids_of(wording.external_id("1234567890")) == {"ordId": "1234567890"}
    assert wording.ids_of("ozabcdefghijklmnopqrstu") == {"clOrdId": "ozabcdefghijklmnopqrstu"}


def test_urls_are_completed_and_bad_ones_refused() -> None:
    made = OkxEndpoints().with_urls(rest_url="https://aws.okx.com/api/v5", ws_url="wss://wsaws.okx.com:8443")
    assert (made.rest, made.socket("private")) == ("https://aws.okx.com", "wss://wsaws.okx.com:8443/ws/v5/private")
    with pytest.raises(InvalidValue):
        OkxEndpoints().with_urls(rest_url="aws.okx.com")
    with pytest.raises(UnknownName):
        row_of("cm")


def test_inverse_swaps_are_foreign_and_a_bad_row_leaves_the_others() -> None:
    row = {
        "instId": "ETH-USDT-SWAP",
        "instFamily": "ETH-USDT",
        "settleCcy": "USDT",
        "ctType": "linear",
        "ctVal": "0.1",
        "ctMult": "1",
        "ctValCcy": "ETH",
        "tickSz": "0.01",
        "lotSz": "0.01",
        "minSz": "0.01",
        "state": "live",
        "listTime": "1573557408000",
    }
    inverse = row | {"instId": "ETH-USD-SWAP", "instFamily": "ETH-USD", "settleCcy": "ETH", "ctType": "inverse"}
    bad = row | {"instId": "BAD-USDT-SWAP", "instFamily": "BAD-USDT", "tickSz": "0"}
    body = msgspec.json.encode({"code": "0", "msg": "", "data": [row, inverse, bad]})
    found = decode_instruments(body, row_of("um"), seen_ms=5)
    (eth,) = found.instruments
    assert (str(eth.id), eth.lot_size, eth.min_quantity, eth.contract_size) == (
        "okx:um:ETH-USDT-PERP",
        D("0.001"),
        D("0.001"),
        D(1),
    )
    assert found.contracts == {"ETH-USDT-SWAP": D("0.1")}
    assert found.foreign == {"ETH-USD-SWAP"}
    assert [name for name, _ in found.refused] == ["BAD-USDT-SWAP"]


@pytest.mark.data
def test_the_venues_recorded_list_is_read_whole(data_dir: Path) -> None:

    with gzip.open(data_dir / "rest_messages" / "cryptofeed" / "OKX.0.gz", "rt", encoding="utf-8") as file:
        bodies = [line.split(": ", 1)[1] for line in file if "instType=SP" in line or "instType=SWAP" in line]
    assert bodies
    for body in bodies:
        rows = msgspec.json.decode(body)["data"]
        kinds = {row["instType"] for row in rows}
        row = row_of("spot" if kinds == {"SPOT"} else "um")
        found = decode_instruments(body.encode(), row, seen_ms=1)
        assert len(found.instruments) + len(found.foreign) + len(found.refused) == len(rows)
        assert len(found.instruments) > 50
