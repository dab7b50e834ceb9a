"""The signer: the venue document's own example, the venue's clock, and nothing of a secret in a text."""

from __future__ import annotations

import copy
import pickle
from urllib.parse import parse_qsl

import pytest
from tests.support.clock import ManualClock

from quantservice.adapters.venues.binance.trading.signer import Signer, VenueCredentials
from quantservice.adapters.venues.transport.private.clock import VenueClock, scrub
from quantservice.core.errors import InvalidValue

#: Binance Open Platform, "SIGNED (TRADE and USER_DATA) endpoint examples": key, secret, text and signature.
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
TEXT = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
SIGNATURE = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"


def signer_at(now_ms: int, **more: int) -> tuple[Signer, VenueClock, ManualClock]:
    clock = ManualClock()
    time = VenueClock(clock)
    time.set(now_ms, asked=clock.monotonic())
    return Signer(VenueCredentials(KEY, SECRET), time, **more), time, clock


def test_the_documents_example_is_signed_as_the_document_says() -> None:
    signer, _, _ = signer_at(1_499_827_319_559)
    order = {"symbol": "LTCBTC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.1"}
    assert signer.query(order) == f"{TEXT}&signature={SIGNATURE}"
    assert signer.headers == {"X-MBX-APIKEY": KEY}


def test_what_is_signed_is_what_is_sent_percent_encoding_included() -> None:
    signer, _, _ = signer_at(1)
    query = signer.query({"newClientOrderId": "a b&c=d/é"})
    text, _, signature = query.rpartition("&signature=")
    assert signature == VenueCredentials(KEY, SECRET).sign(text)
    assert dict(parse_qsl(text))["newClientOrderId"] == "a b&c=d/é"
    assert " " not in query
    assert "+" not in query


def test_ws_parameters_are_signed_sorted_and_plain() -> None:
    signer, _, _ = signer_at(7, recv_window_ms=1_000)
    made = signer.params({"symbol": "BTCUSDT", "a": "x y"})
    signature = made.pop("signature")
    assert made == {"symbol": "BTCUSDT", "a": "x y", "apiKey": KEY, "recvWindow": 1_000, "timestamp": 7}
    text = f"a=x y&apiKey={KEY}&recvWindow=1000&symbol=BTCUSDT&timestamp=7"
    assert signature == VenueCredentials(KEY, SECRET).sign(text)


async def test_the_venues_clock_is_carried_on_from_the_middle_of_the_wait() -> None:
    clock = ManualClock()
    time = VenueClock(clock)
    assert (time.known, time.age_s, time.now_ms()) == (False, float("inf"), clock.now_ms())
    asked = clock.monotonic()
    await clock.advance(0.5)
    time.set(1_000_000, asked=asked)
    assert (time.known, time.now_ms()) == (True, 1_000_250)
    await clock.advance(2.0)
    assert time.now_ms() == 1_002_250
    assert time.age_s == pytest.approx(2.25)


@pytest.mark.parametrize("window", [0, -1, 60_001])
def test_a_window_outside_the_venues_limits_is_refused(window: int) -> None:
    with pytest.raises(InvalidValue, match="recv_window_ms"):
        signer_at(1, recv_window_ms=window)


@pytest.mark.parametrize("window", [1, 60_000])
def test_the_venues_limits_themselves_are_taken(window: int) -> None:
    assert signer_at(1, recv_window_ms=window)[0].recv_window_ms == window


@pytest.mark.parametrize(
    ("key", "secret"), [("short", SECRET), (KEY + "!", SECRET), ("x" * 129, SECRET), (KEY, ""), (KEY, "ünicode")]
)
def test_what_cannot_be_a_key_is_refused_and_not_repeated(key: str, secret: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        VenueCredentials(key, secret)
    assert not secret or secret not in str(caught.value)
    assert key not in str(caught.value)


def test_nothing_of_a_secret_is_in_a_text_or_leaves_the_process() -> None:
    credentials = VenueCredentials(KEY, SECRET)
    assert repr(credentials) == f"VenueCredentials({KEY[:4]}…)"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not to be copied"):
            leave(credentials)
    told = scrub(f"GET https://x/fapi/v1/order?apiKey={KEY}&a=1&signature={SIGNATURE} listenKey=abc' streams=q&b=2")
    assert told == "GET https://x/fapi/v1/order?apiKey=…&a=1&signature=… listenKey=…' streams=…&b=2"
