"""Stream names, decimal text, frames' bytes, weights and windows."""

from __future__ import annotations

import pytest

from quantservice.simulator.config import Limits
from quantservice.simulator.protocol.streams import StreamName, parse_stream
from quantservice.simulator.protocol.text import OPCODE_BINARY, decimal_writer, frame
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.rules.weights import WeightGate, weight_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("btcusdt@kline_1m", StreamName("btcusdt@kline_1m", "BTCUSDT", "kline", period="1m")),
        ("btcusdt@kline_1M", StreamName("btcusdt@kline_1M", "BTCUSDT", "kline", period="1M")),
        ("测试usdt@trade", StreamName("测试usdt@trade", "测试USDT", "trade")),
        ("btcusd_perp@depth@0ms", StreamName("btcusd_perp@depth@0ms", "BTCUSD_PERP", "depth", every_ms=0)),
        ("btcusdt@depth", StreamName("btcusdt@depth", "BTCUSDT", "depth", every_ms=-1)),
        ("btcusdt@depth10@100ms", StreamName("btcusdt@depth10@100ms", "BTCUSDT", "depthN", levels=10, every_ms=100)),
        ("btcusdt@markPrice@1s", StreamName("btcusdt@markPrice@1s", "BTCUSDT", "markPrice", every_ms=1000)),
        ("!bookTicker", StreamName("!bookTicker", "", "bookTicker")),
        ("!markPrice@arr@1s", StreamName("!markPrice@arr@1s", "", "markPrice", every_ms=1000)),
    ],
)
def test_stream_names_are_read(text: str, expected: StreamName) -> None:
    assert parse_stream(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "btcusdt", "BTCUSDT@trade", "btcusdt@", "btcusdt@kline_7m", "btcusdt@depth7", "btcusdt@depth@50ms", "!all", "@trade"],
)
def test_unknown_stream_names_are_none(text: str) -> None:
    assert parse_stream(text) is None


@pytest.mark.parametrize(
    ("decimals", "shown", "value", "text"),
    [
        (2, None, 8_500_610, "85006.10"),
        (2, 8, 5, "0.05000000"),
        (0, None, 38_521, "38521"),
        (0, 8, 7, "7.00000000"),
        (8, None, 1, "0.00000001"),
    ],
)
def test_whole_units_become_the_venues_text(decimals: int, shown: int | None, value: int, text: str) -> None:
    assert decimal_writer(decimals, shown=shown)(value) == text


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\x00\x7e"),
        (65_535, b"\x82\x7e\xff\xff"),
        (65_536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_frames_carry_the_shortest_length(size: int, head: bytes) -> None:
    made = frame(b"x" * size, OPCODE_BINARY)
    assert made[: len(head)] == head
    assert len(made) == len(head) + size


@pytest.mark.parametrize(
    ("market", "endpoint", "limit", "has_symbol", "weight"),
    [
        ("spot", "klines", 1_000, True, 2),
        ("um", "klines", 99, True, 1),
        ("um", "klines", 100, True, 2),
        ("um", "klines", 500, True, 5),
        ("um", "klines", 1_000, True, 5),
        ("cm", "klines", 1_001, True, 10),
        ("spot", "depth", 100, True, 5),
        ("spot", "depth", 5_000, True, 250),
        ("um", "depth", 1_000, True, 20),
        ("spot", "exchangeInfo", 500, False, 20),
        ("um", "exchangeInfo", 500, False, 1),
        ("um", "ticker/24hr", 500, False, 40),
        ("um", "ticker/24hr", 500, True, 1),
        ("spot", "ticker/24hr", 500, False, 80),
    ],
)
def test_endpoints_weigh_what_the_venue_says(market: str, endpoint: str, limit: int, has_symbol: bool, weight: int) -> None:
    assert weight_of(market, endpoint, limit=limit, has_symbol=has_symbol) == weight  # type: ignore[arg-type]  # names from the table above


def test_a_window_ends_and_a_ban_ends() -> None:
    now = [600.0]
    referee = Referee(log_size=10)
    gate = WeightGate("um", Limits(weight_per_minute=10, ban_after_429=3, ban_s=300), referee, now_s=lambda: now[0])
    assert [gate.ask("a", 6).status for _ in range(2)] == [200, 429]
    assert gate.ask("b", 6).status == 200
    now[0] = 659.0
    assert gate.ask("a", 1).status == 429
    now[0] = 660.0
    assert gate.ask("a", 6).used == 6
    assert [gate.ask("a", 6).status for _ in range(4)] == [429, 429, 418, 418]
    now[0] += 299
    assert gate.ask("a", 1).status == 418
    now[0] += 2
    assert gate.ask("a", 1).status == 200
    assert referee.violations["um.banned"].count == 1


def test_retry_after_is_long_enough_to_the_second() -> None:
    now = [600.25]
    gate = WeightGate("spot", Limits(weight_per_minute=1), Referee(log_size=10), now_s=lambda: now[0])
    verdict = gate.ask("a", 2)
    assert verdict.status == 429
    now[0] += verdict.retry_after_s
    assert gate.ask("a", 1).status == 200
