"""What a hostile or careless peer may send over the WebSocket; every refusal has its short reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
import pytest
from tests.support.binance import make_instrument

from quantservice.adapters.venues.binance.decode_ws import MAX_FRAME_BYTES, MAX_NAMES, MAX_ROUTES, Decoder, StreamRegistry
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import BookDelta, Kline, MarkPrice, Trade

KLINE: Final = (
    b'{"stream":"nknusdt@kline_1m","data":{"e":"kline","E":1633998523963,"s":"NKNUSDT","k":{"t":1633998480000,"T":1633998539999,'
    b'"s":"NKNUSDT","i":"1m","f":19862761,"L":19862790,"o":"0.3527","c":"0.3528","h":"0.3528","l":"0.3522","v":"25877.0","n":30,'
    b'"x":false,"q":"9116.046","V":"58.0","Q":"20.4624","B":"0"}}}'
)
TRADE: Final = (
    b'{"stream":"nknusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256322,"s":"NKNUSDT","t":5266583935,'
    b'"p":"61800.30","q":"0.006","X":"MARKET","m":false}}'
)
QUOTE: Final = b'{"stream":"nknusdt@bookTicker","data":{"u":5,"s":"NKNUSDT","b":"1.1","B":"2","a":"1.2","A":"3"}}'
DEPTH: Final = (
    b'{"stream":"nknusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"NKNUSDT","U":5,"u":7,"b":[["1","2"]],"a":[["3","0"]]}}'
)
TICKER: Final = (
    b'{"stream":"nknusdt@ticker","data":{"e":"24hrTicker","E":1,"s":"NKNUSDT","c":"2","o":"1","h":"3","l":"1","v":"9",'
    b'"q":"8","n":4}}'
)
MARK: Final = (
    b'{"stream":"nknusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1,"s":"NKNUSDT","p":"2","i":"2.1","r":"0.01","T":9}}'
)


@pytest.fixture
def decoder() -> Decoder:
    return Decoder("um", StreamRegistry("um", [make_instrument("um", "NKNUSDT")]))


def reason_of(decoder: Decoder, frame: bytes) -> str:
    with pytest.raises(MalformedFrame) as caught:
        decoder.decode(frame, 1)
    assert (caught.value.venue, caught.value.market) == ("binance", "um")
    return caught.value.reason


@pytest.mark.parametrize("frame", [KLINE, TRADE, QUOTE, DEPTH, TICKER, MARK])
def test_the_frames_below_are_sound_before_they_are_spoiled(decoder: Decoder, frame: bytes) -> None:
    event = decoder.decode(frame, 77)
    assert event is not None
    assert not isinstance(event, ControlMessage)
    assert event.recv_ns == 77


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"h":"0.3528"', b'"h":"0.3521"', "open_or_close_outside_low_high"),
        (b'"h":"0.3528"', b'"h":"NaN"', "not_finite"),
        (b'"h":"0.3528"', b'"h":"sNaN"', "not_finite"),
        (b'"h":"0.3528"', b'"h":NaN', "not_json"),
        (b'"h":"0.3528"', b'"h":"Infinity"', "not_finite"),
        (b'"h":"0.3528"', b'"h":Infinity', "not_json"),
        (b'"h":"0.3528"', b'"h":1e999', "wrong_shape"),
        (b'"h":"0.3528"', b'"h":"' + b"9" * 5000 + b'"', "value_too_large"),
        (b'"h":"0.3528"', b'"h":"high"', "bad_value"),
        (b'"l":"0.3522"', b'"l":"-1"', "price_not_positive"),
        (b'"q":"9116.046"', b'"q":"NaN"', "not_finite"),
        (b'"v":"25877.0"', b'"v":"-25877.0"', "negative_volume"),
        (b'"v":"25877.0"', b'"v":"57"', "taker_volume_outside_volume"),
        (b'"Q":"20.4624"', b'"Q":"NaN"', "not_finite"),
        (b'"Q":"20.4624"', b'"Q":"99999"', "taker_volume_outside_volume"),
        (b'"t":1633998480000', b'"t":' + b"5" * 5000, "wrong_shape"),
        (b'"t":1633998480000', b'"t":-1', "wrong_shape"),
        (b'"t":1633998480000', b'"t":1633998480001', "open_time_off_border"),
        (b'"T":1633998539999', b'"T":1633998540000', "close_time_off_border"),
        (b'"t":1633998480000', b'"t":"1633998480000"', "wrong_shape"),
        (b'"n":30', b'"n":1e3', "wrong_shape"),
        (b'"x":false', b'"x":0', "wrong_shape"),
        (b'"x":false,', b"", "wrong_shape"),
        (b'"c":"0.3528"', b'"c":"0.3528","c":"0.3527"', "duplicate_key"),
        (b'"B":"0"', b'"B":"0","o":"0.3523"', "duplicate_key"),
        (b'"E":1633998523963', b'"E":1633998523963,"E":1', "duplicate_key"),
        (b'"f":19862761', b'"f":' + b"[" * 100_000, "wrong_shape"),
        (b'"f":19862761', b'"new":' + b"[" * 100_000, "nested_too_deep"),
        (b'"f":19862761', b'"f":{}', "wrong_shape"),
        (b'"i":"1m"', b'"i":"5m"', "stream_mismatch"),
        (b'"s":"NKNUSDT","k"', b'"s":"BTCUSDT","k"', "stream_mismatch"),
        (b'"e":"kline"', b'"e":"trade"', "stream_mismatch"),
        (b"}}}", b"}}", "not_json"),
        (b"}}}", b"}}}}", "not_json"),
        (b'"e":"kline"', b'"e":"\xff\xfe"', "not_json"),
    ],
)
def test_a_spoiled_kline(decoder: Decoder, old: bytes, new: bytes, reason: str) -> None:
    assert old in KLINE
    spoiled = KLINE.replace(old, new, 1)
    assert reason_of(decoder, spoiled) == reason
    assert isinstance(decoder.decode(KLINE, 1), Kline)
    assert reason_of(decoder, spoiled) == reason  # also once its route is known


@pytest.mark.parametrize(
    ("frame", "old", "new", "reason"),
    [
        (TRADE, b'"p":"61800.30"', b'"p":"0"', "price_not_positive"),
        (TRADE, b'"p":"61800.30"', b'"p":"NaN"', "not_finite"),
        (TRADE, b'"q":"0.006"', b'"q":"-0.006"', "quantity_not_positive"),
        (TRADE, b'"q":"0.006"', b'"q":"1e20"', "value_too_large"),
        (TRADE, b'"q":"0.006"', b'"q":"Infinity"', "not_finite"),
        (TRADE, b'"X":"MARKET"', b'"p":"1"', "duplicate_key"),
        (TRADE, b'"T":1723161256322', b'"T":0', "time_not_positive"),
        (QUOTE, b'"a":"1.2"', b'"a":"1.1"', "bid_not_below_ask"),
        (QUOTE, b'"b":"1.1"', b'"b":"-1"', "price_not_positive"),
        (QUOTE, b'"B":"2"', b'"B":"-2"', "quantity_not_positive"),
        (QUOTE, b'"A":"3"', b'"A":"NaN"', "not_finite"),
        (QUOTE, b'"A":"3"', b'"A":"3","u":6', "duplicate_key"),
        (DEPTH, b'"U":5', b'"U":8', "ids_reversed"),
        (DEPTH, b'["1","2"]', b'["0","2"]', "level_out_of_range"),
        (DEPTH, b'["1","2"]', b'["1","-2"]', "level_out_of_range"),
        (DEPTH, b'["1","2"]', b'["NaN","2"]', "not_finite"),
        (DEPTH, b'["1","2"]', b'["1"]', "wrong_shape"),
        (DEPTH, b'["1","2"]', b'["1","2","3"]', "wrong_shape"),
        (DEPTH, b'["1","2"]', b'["1e30","2"]', "level_out_of_range"),
        (TICKER, b'"l":"1"', b'"l":"4"', "low_above_high"),
        (TICKER, b'"v":"9"', b'"v":"-9"', "value_out_of_range"),
        (TICKER, b'"v":"9"', b'"v":"NaN"', "not_finite"),
        (TICKER, b'"v":"9"', b'"v":"9","v":"8"', "duplicate_key"),
        (MARK, b'"p":"2"', b'"p":"0"', "price_not_positive"),
        (MARK, b'"r":"0.01"', b'"r":"7"', "rate_out_of_range"),
        (MARK, b'"r":"0.01"', b'"r":"seven"', "bad_value"),
        (MARK, b'"i":"2.1"', b'"i":"NaN"', "bad_value"),
    ],
)
def test_spoiled_frames_of_the_other_kinds(decoder: Decoder, frame: bytes, old: bytes, new: bytes, reason: str) -> None:
    assert old in frame
    assert reason_of(decoder, frame.replace(old, new, 1)) == reason


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02", "not_json"),
        (b"\x1f\x8b\x08\x00", "not_json"),
        (b"ping", "not_json"),
        (b"null", "not_json"),
        (b"{", "not_json"),
        (b"{}", "unknown_message"),
        (b"[]", "wrong_shape"),
        (b"[" * 100_000, "wrong_shape"),
        (b'{"a":' * 100_000, "nested_too_deep"),
        (b'{"stream":"', "not_json"),
        (b'{"stream":"\xff"', "not_json"),
        (b'{"stream":"nknusdt@kline_1m', "not_json"),
        (b'{"stream":"nknusdt@kline_1m"}', "wrong_shape"),
        (b'{"stream":"nobody@kline_1m","data":7}', "wrong_shape"),
        (b'{"stream":"nobody@kline_1m","data":{"e":7}}', "wrong_shape"),
        (b'{"result":null,"id":1,"id":2}', "duplicate_key"),
        (b" " * (MAX_FRAME_BYTES + 1), "oversized"),
    ],
)
def test_bytes_that_are_no_message(decoder: Decoder, frame: bytes, reason: str) -> None:
    assert reason_of(decoder, frame) == reason


def test_an_oversized_frame_of_a_known_stream(decoder: Decoder) -> None:
    decoder.decode(DEPTH, 1)
    levels = b",".join([b'["1","2"]'] * 120_000)
    assert reason_of(decoder, DEPTH.replace(b'["1","2"]', levels)) == "oversized"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b'{"result":null,"id":1}', ControlMessage(name="answer", id=1)),
        (b'{"result":["a@trade","b@trade"],"id":"x"}', ControlMessage(name="answer", id="x", result=("a@trade", "b@trade"))),
        (b'{"error":{"code":2,"msg":"bad"},"id":3}', ControlMessage(name="error", id=3, code=2, message="bad")),
        (b'{"code":2,"msg":"bad","id":null}', ControlMessage(name="error", code=2, message="bad")),
        (b'{"e":"serverShutdown","E":5}', ControlMessage(name="shutdown", time=5)),
        (b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":5}}', ControlMessage(name="shutdown", time=5)),
    ],
)
def test_control_messages(decoder: Decoder, frame: bytes, message: ControlMessage) -> None:
    assert decoder.decode(frame, 1) == message


def test_keys_in_another_order_and_spaces_are_the_same_frame(decoder: Decoder) -> None:
    value = msgspec.json.decode(KLINE)
    turned = msgspec.json.encode({"data": value["data"], "stream": value["stream"]})
    spaced = msgspec.json.format(KLINE, indent=4)
    assert decoder.decode(turned, 1) == decoder.decode(spaced, 1) == decoder.decode(KLINE, 1)


def test_new_keys_of_the_venue_do_not_matter(decoder: Decoder) -> None:
    for frame, key in ((KLINE, b'"x":'), (TRADE, b'"p":'), (QUOTE, b'"u":'), (DEPTH, b'"U":')):
        assert decoder.decode(frame.replace(key, b'"new":[{"a:b":"c:d"}],' + key, 1), 1) == decoder.decode(frame, 1)


def test_transfers_of_the_futures_fund_are_not_trades(decoder: Decoder) -> None:
    frame = TRADE.replace(b'"MARKET"', b'"NA"').replace(b'"61800.30"', b'"0"')
    assert decoder.decode(frame, 1) is None
    assert reason_of(decoder, TRADE.replace(b'"61800.30"', b'"0"')) == "price_not_positive"


def test_a_dated_future_has_no_funding(decoder: Decoder) -> None:
    frame = MARK.replace(b'"r":"0.01"', b'"r":""').replace(b'"i":"2.1",', b"")
    event = decoder.decode(frame, 1)
    assert isinstance(event, MarkPrice)
    assert (event.funding_rate, event.index_price, event.mark_price) == (None, None, Decimal(2))


def test_babble_does_not_fill_the_memory(decoder: Decoder) -> None:
    for index in range(MAX_NAMES + 500):
        assert decoder.decode(b'{"stream":"nobody%d@trade","data":{}}' % index, 1) is None
    assert len(decoder.unknown) == MAX_NAMES
    for index in range(MAX_ROUTES + 10):
        assert isinstance(decoder.decode(DEPTH.replace(b"@100ms", b"@%dms" % index), 1), BookDelta)
    assert len(decoder._routes) <= MAX_ROUTES


def test_a_stream_nobody_has_heard_of_is_counted_by_name(decoder: Decoder) -> None:
    for name in (b"nknusdt@kline_7m", b"nknusdt@forceOrder", b"btcusdt@trade", b"!ticker@arr"):
        data = b"[]" if name.startswith(b"!") else b"{}"
        assert decoder.decode(b'{"stream":"' + name + b'","data":' + data + b"}", 1) is None
        assert decoder.unknown[name.decode()] == 1
    assert decoder.decode(b'{"e":"forceOrder","E":1,"o":{}}', 1) is None
    assert decoder.unknown["forceOrder"] == 1


def test_both_kinds_of_trade_belong_to_one_stream(decoder: Decoder) -> None:
    one = decoder.decode(TRADE, 1)
    many = decoder.decode(
        b'{"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1,"s":"NKNUSDT","a":4,"p":"1","q":"2","nq":"2","f":7,"l":9,'
        b'"T":3,"m":true}}',
        1,
    )
    assert isinstance(one, Trade)
    assert isinstance(many, Trade)
    assert one.stream == many.stream
    assert (one.aggregate, one.first_id, one.last_id) == (False, one.trade_id, one.trade_id)
    assert (many.aggregate, many.first_id, many.last_id) == (True, 7, 9)
