"""HTX's signatures, words, outcomes and frames, without a venue."""

from __future__ import annotations

import gzip
import pickle
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.clock import ManualClock

from quantservice.adapters.venues.htx.outcomes import Outcome, Said, outcome_of
from quantservice.adapters.venues.htx.packed import unpack
from quantservice.adapters.venues.htx.trading import wording
from quantservice.adapters.venues.htx.trading.numbers import Numbers, number_of
from quantservice.adapters.venues.htx.trading.signer import HtxCredentials, Signer
from quantservice.adapters.venues.htx.trading.table import row_of
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.core.errors import InvalidValue, MalformedFrame, UnknownName
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import OrderState
from quantservice.ports.trading import NotSent

D = Decimal
SWAP = Instrument(
    id=InstrumentId("htx", "um", "BTC-USDT-PERP"),
    venue_symbol="BTC-USDT",
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick_size=D("0.1"),
    lot_size=D("0.001"),
)


def terms(**changes: Any) -> OrderTerms:
    """An order of the swap."""
    full: dict[str, Any] = {"account": "a", "instrument": SWAP.id, "side": "buy", "quantity": D("0.01")} | changes
    return OrderTerms(**full)


def test_the_documents_own_example_is_signed_as_they_say() -> None:
    signer = Signer(
        HtxCredentials("e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx", "b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx"), stopped(1_494_515_970_000)
    )
    query = signer.query("GET", "https://api.huobi.pro/v1/order/orders", {"order-id": "1234567890"})
    assert query == (
        "AccessKeyId=e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx&SignatureMethod=HmacSHA256&SignatureVersion=2"
        "&Timestamp=2017-05-11T15%3A19%3A30&order-id=1234567890&Signature=Nmd8AU8uAe0mkFpxNbiava0aeZzBEtYjCdie1ZYZjoM%3D"
    )


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("2.1", ["accessKey", "signatureMethod", "signatureVersion", "timestamp"]),
        ("2", ["AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp"]),
    ],
)
def test_a_log_in_on_a_socket_is_signed_with_the_names_of_its_version(version: str, names: list[str]) -> None:
    key = HtxCredentials("e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx", "b0xxxxxx-c6xxxxxx-94xxxxxx-dxxxx")
    signer = Signer(key, stopped(1_494_515_970_000))
    assert signer.key == key.key
    made = signer.socket_fields("wss://API.huobi.pro/ws/v2", version=version)
    signature = made.pop("signature" if version == "2.1" else "Signature")
    assert made == dict(zip(names, (key.key, "HmacSHA256", version, "2017-05-11T15:19:30"), strict=True))
    text = "&".join(
        f"{name}={value}" for name, value in zip(names, (key.key, "HmacSHA256", version, "2017-05-11T15%3A19%3A30"), strict=True)
    )
    assert signature == key.sign(f"GET\napi.huobi.pro\n/ws/v2\n{text}")


@pytest.mark.parametrize("secret", ["", "s\u00e9cret"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(InvalidValue, match="secret"):
        HtxCredentials("e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx", secret)


def stopped(now_ms: int) -> VenueClock:
    """A venue's clock that stands."""
    clock = VenueClock(ManualClock())
    clock.set(now_ms, asked=0.0)
    return clock


def test_credentials_show_and_leave_nothing() -> None:
    made = HtxCredentials("e2xxxxxx-99xxxxxx-84xxxxxx-7xxxx", "very-secret")
    assert "very-secret" not in repr(made)
    assert "99xxxxxx" not in repr(made)
    with pytest.raises(TypeError):
        pickle.dumps(made)
    with pytest.raises(InvalidValue):
        HtxCredentials("short", "x")


@pytest.mark.parametrize(
    ("status", "code", "reason", "wanted"),
    [
        (504, "", "", Outcome.UNKNOWN),
        (500, 1_047, "", Outcome.UNKNOWN),
        (408, "", "", Outcome.UNKNOWN),
        (200, "gateway-internal-error", "", Outcome.UNKNOWN),
        (200, 1_004, "", Outcome.UNKNOWN),
        (429, "", "", Outcome.LIMITED),
        (200, "rate-too-many-requests", "", Outcome.LIMITED),
        (200, 1_032, "", Outcome.LIMITED),
        (200, "api-signature-not-valid", "Signature not valid: Invalid Timestamp", Outcome.CLOCK),
        (200, 403, "Timestamp expired", Outcome.CLOCK),
        (200, "api-signature-not-valid", "Incorrect Access key", Outcome.REFUSED),
        (200, 1_050, "", Outcome.EXISTS),
        (200, 1_061, "", Outcome.GONE),
        (200, "base-record-invalid", "", Outcome.GONE),
        (200, "account-frozen-balance-insufficient-error", "", Outcome.REFUSED),
        (200, 1_047, "", Outcome.REFUSED),
        (200, 1_003, "Verification failure", Outcome.REFUSED),
        (200, 1_003, "redis error", Outcome.UNKNOWN),
    ],
)
def test_what_answers_mean(status: int, code: int | str, reason: str, wanted: Outcome) -> None:
    assert outcome_of(status, code, reason) is wanted


@pytest.mark.parametrize(
    ("body", "good", "code"),
    [
        (b'{"status":"ok","data":1}', True, ""),
        (b'{"code":200,"data":[],"ok":true}', True, 200),
        (b'{"status":"error","err-code":"base-symbol-error","err-msg":"no","data":null}', False, "base-symbol-error"),
        (b'{"status":"error","err_code":1047,"err_msg":"no","ts":1}', False, 1_047),
        (b'{"code":"4007","msg":"no","data":null}', False, 4_007),
    ],
)
def test_envelopes_in_all_forms(body: bytes, good: bool, code: int | str) -> None:
    said = msgspec.json.decode(body, type=Said)
    assert (said.good, said.reason_code) == (good, code)
    assert good or said.reason == "no"


def test_a_swaps_order_is_in_contracts_and_names_its_leg() -> None:
    sent = msgspec.json.decode(msgspec.json.encode(wording.swap_order(terms(), SWAP, 7, 20)))
    assert (sent["volume"], sent["order_price_type"], sent["offset"], sent["client_order_id"]) == (10, "optimal_20_ioc", "both", 7)
    legs = {
        (side, leg): wording.swap_order(terms(side=side, position_side=leg), SWAP, 7, 20)["offset"]
        for side in ("buy", "sell")
        for leg in ("long", "short")
    }
    assert legs == {("buy", "long"): "open", ("sell", "long"): "close", ("sell", "short"): "open", ("buy", "short"): "close"}


def test_a_market_order_to_buy_at_spot_keeps_its_quantity() -> None:
    bought = wording.spot_order(terms(), SWAP, "C", "1", at_most=D("1E+2"))
    assert (bought["type"], bought["amount"], bought["price"]) == ("buy-ioc", "0.01", "100")
    assert wording.spot_order(terms(side="sell"), SWAP, "C", "1", at_most=None)["type"] == "sell-market"


@pytest.mark.parametrize(
    ("market", "changes"),
    [
        ("um", {"type": "stop", "stop_price": D(1)}),
        ("spot", {"type": "trailing_stop", "trail": D("0.01")}),
        ("spot", {"position_side": "long"}),
    ],
)
def test_what_the_market_has_not_is_not_sent(market: str, changes: dict[str, Any]) -> None:
    with pytest.raises(NotSent) as caught:
        wording.check(row_of(market), terms(**changes))
    assert caught.value.code == "unsupported"


def test_gtd_is_sent_as_an_order_without_an_end() -> None:
    asked = terms(type="limit", limit_price=D(1), time_in_force="GTD", expire_ms=1)
    wording.check(row_of("um"), asked)
    wording.check(row_of("spot"), asked)
    assert wording.swap_order(asked, SWAP, 1, 1)["order_price_type"] == "limit"
    assert wording.spot_order(asked, SWAP, "C", "1", at_most=None)["type"] == "buy-limit"


def test_what_lapses_was_not_cancelled() -> None:
    assert wording.spot_state("canceled", "buy-ioc") is OrderState.EXPIRED
    assert wording.spot_state("partial-canceled", "buy-limit") is OrderState.CANCELLED
    assert wording.swap_state(7, "fok") is OrderState.EXPIRED
    assert wording.swap_state(5, "optimal_20_ioc") is OrderState.EXPIRED
    assert wording.swap_state(7, "limit") is OrderState.CANCELLED
    assert wording.swap_state(11, "limit") is OrderState.OPEN, "a number that is not known ends nothing"


def test_a_market_that_htx_has_not_is_named() -> None:
    with pytest.raises(UnknownName):
        row_of("cm")


async def test_the_map_of_integers_is_made_again_from_what_is_known() -> None:
    async def known() -> list[str]:
        return ["ONE", "TWO"]

    numbers = Numbers(known)
    assert numbers.name(number_of("ONE")) == str(number_of("ONE"))
    await numbers.refresh()
    assert [numbers.name(number_of(name)) for name in ("ONE", "TWO")] == ["ONE", "TWO"]
    assert 0 < number_of("ONE") < 2**63


def test_frames_are_unpacked_within_a_bound() -> None:
    assert unpack(gzip.compress(b'{"ping":1}')) == b'{"ping":1}'
    for bad, reason in (
        (b"no gzip", "not_gzip"),
        (gzip.compress(b"x" * 1_000)[:-9], "truncated_gzip"),
        (gzip.compress(b"0" * (9 << 20)), "too_large_unpacked"),
        (b"", "truncated_gzip"),
    ):
        with pytest.raises(MalformedFrame) as caught:
            unpack(bad)
        assert caught.value.reason == reason
