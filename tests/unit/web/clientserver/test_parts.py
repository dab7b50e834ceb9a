"""The client server's parts by themselves: frames, limits, rows, requests, sessions."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clock import ManualClock
from tests.support.market import kline, kline_stream
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from quantservice.core.errors import EnvironmentFault, InvalidValue, StoreUnavailable, UnknownName
from quantservice.web.clientserver.config import ClientServerConfig
from quantservice.web.clientserver.frames import BINARY, TEXT, frame
from quantservice.web.clientserver.hub import Hub
from quantservice.web.clientserver.limits import TokenBucket
from quantservice.web.clientserver.protocol import as_protocol_error, kline_row, live_row
from quantservice.web.clientserver.session import Counters, Session


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 200_000])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_frame_is_what_another_library_reads(length: int, opcode: int) -> None:
    payload = bytes(index % 251 for index in range(length))
    reader = StreamReader()
    reader.feed_data(frame(payload, opcode))
    parsing = Frame.parse(reader.read_exact, mask=False, max_size=None)
    with pytest.raises(StopIteration) as caught:
        next(parsing)
    assert caught.value.value == Frame(Opcode(opcode), payload)


@given(
    value=st.decimals(min_value=Decimal("0"), max_value=Decimal("1e20"), allow_nan=False, allow_infinity=False, places=18),
    count=st.integers(0, 2**53),
)
def test_rows_carry_every_digit_as_a_plain_string(value: Decimal, count: int) -> None:
    item = msgspec.structs.replace(kline(), volume=value, quote_volume=Decimal("1E-8"), close=Decimal("0E-10"), count=count)
    row = json.loads(kline_row(item))
    assert Decimal(row["volume"]) == value
    assert "e" not in row["volume"].lower()
    assert row["quote_volume"] == "0.00000001"
    assert row["close"] == "0.0000000000"
    assert row["count"] == count
    assert json.loads(live_row(item)) == {**row, "closed": True}


async def test_a_bucket_gives_its_rate_and_no_more() -> None:
    clock = ManualClock()
    bucket = TokenBucket(10.0, clock.monotonic)
    given_out = sum(bucket.take() == 0 for _ in range(100))
    assert given_out == 10
    assert bucket.take() == 100
    for _ in range(50):
        await clock.advance(0.05)
        given_out += sum(bucket.take() == 0 for _ in range(10))
    assert 34 <= given_out <= 35
    slow = TokenBucket(0.5, clock.monotonic)
    assert (slow.take(), slow.take()) == (0, 2_000)


def test_errors_have_stable_codes_and_tell_no_secrets() -> None:
    assert as_protocol_error(UnknownName("symbol", "X", ["Y"])).code == "unknown_symbol"
    assert as_protocol_error(UnknownName("venue", "X", ["Y"])).code == "unknown_venue"
    assert as_protocol_error(UnknownName("colour", "X", ["Y"])).code == "bad_request"
    assert as_protocol_error(InvalidValue("limit", "no")).code == "bad_request"
    for error in (StoreUnavailable("password=hunter2"), EnvironmentFault("password=hunter2")):
        assert "hunter2" not in as_protocol_error(error).message


class FakeWire:
    """A transport whose unsent bytes the test sets."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.left = 0
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return self.left

    def abort(self) -> None:
        self.aborted = True


def session() -> tuple[Session, FakeWire]:
    config = ClientServerConfig(slow_bytes=100, queue=3, stall_s=10.0)
    made = Session(1, config, Counters(), TokenBucket(1, lambda: 0.0))
    made.wire = wire = FakeWire()
    return made, wire


def test_one_flush_is_one_write_of_everything_in_order() -> None:
    hub = Hub()
    client, wire = session()
    hub.subscribe(client, kline_stream(), b'"symbol":"BTCUSDT"', compress="")
    hub.publish([kline(0, closed=False), kline(0), kline(0, base="ETH"), kline(1, closed=False)])
    hub.flush(0.0)
    (data,) = wire.written
    assert data.count(b"kline_update") == 3
    assert client.counters.delivered == 3
    hub.flush(1.0)
    assert len(wire.written) == 1


def test_a_slow_client_keeps_closed_bars_and_the_newest_open_state_then_gets_them_in_order() -> None:
    hub = Hub()
    client, wire = session()
    hub.subscribe(client, kline_stream(), b'"symbol":"BTCUSDT"', compress="")
    wire.left = 1_000
    for step in range(5):
        hub.publish([kline(0, closed=False, close=str(step))])
        hub.flush(0.1 * step)
    hub.publish([kline(0, close="50"), kline(1, closed=False, close="60")])
    hub.flush(1.0)
    assert wire.written == []
    assert client.slow_since is not None
    assert client.counters.conflated == 5
    wire.left = 0
    hub.flush(2.0)
    (data,) = wire.written
    assert data.index(b'"close":"50"') < data.index(b'"close":"60"')
    assert data.count(b"kline_update") == 2
    assert client.slow_since is None


def test_a_slow_client_is_dropped_past_its_closed_bars_or_its_time() -> None:
    hub = Hub()
    client, wire = session()
    hub.subscribe(client, kline_stream(), b"", compress="")
    wire.left = 1_000
    hub.publish([kline(index) for index in range(3)])
    hub.flush(0.0)
    assert not wire.aborted
    hub.publish([kline(3)])
    hub.flush(0.1)
    assert wire.aborted
    assert client.counters.dropped_clients == 1

    client, wire = session()
    hub.subscribe(client, kline_stream(), b"", compress="")
    wire.left = 1_000
    for now in range(30):
        hub.publish([kline(0, closed=False)])
        wire.left -= 10  # it takes a little all the time
        hub.flush(float(now))
    assert not wire.aborted
    for now in range(30, 45):
        hub.flush(float(now))
    assert wire.aborted


def test_a_slow_client_of_increments_gets_the_newest_states_later() -> None:
    hub = Hub()
    client, wire = session()
    hub.subscribe_incremental(client, kline_stream(), b'"symbol":"BTCUSDT"', interval_s=1.0, compress="", now=0.0)
    hub.subscribe(client, kline_stream("ETH"), b"", compress="")
    wire.left = 1_000
    hub.publish([kline(0, base="ETH")])
    hub.publish([kline(0, closed=False, close="1")])
    hub.flush(0.5)
    assert client.slow_since is not None
    hub.flush(1.0)
    hub.publish([kline(0, close="2")])
    hub.flush(2.0)
    assert wire.written == []
    wire.left = 0
    hub.flush(3.0)
    hub.flush(3.1)
    data = b"".join(wire.written)
    assert data.count(b"incremental_update") == 1
    assert b'"close":"2"' in data
    assert b'"close":"1"' not in data


def test_the_hub_says_when_it_must_write_again() -> None:
    hub = Hub()
    client, _ = session()
    assert hub.wait_s(0.0, 0.005, 60.0) == 60.0
    hub.subscribe_incremental(client, kline_stream(), b"", interval_s=2.0, compress="", now=0.0)
    assert hub.wait_s(0.5, 0.005, 60.0) == 1.5
    hub.forget(client)
    hub.flush(10.0)
    assert hub.wait_s(10.0, 0.005, 60.0) == 60.0
    assert len(hub) == 0
