"""Market data over HTTP: pages, cursors, formats, and what is said to bad arguments."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest
from tests.support.market import START_MS, kline, kline_stream
from tests.support.web import MemoryMarketStore, client, web_context

from quantservice.core.events import BookSnapshot, FundingRate, Kind, StreamId, Trade
from quantservice.web import series

UM = {"symbol": "BTCUSDT", "market": "um"}
BARS = 57


@pytest.fixture
async def store() -> MemoryMarketStore:
    made = MemoryMarketStore()
    await made.append([kline(index, close=f"{100 + index % 7}.5") for index in range(BARS) if index not in (20, 21)])
    return made


@pytest.fixture
async def http(tmp_path: Path, store: MemoryMarketStore) -> AsyncIterator[httpx.AsyncClient]:
    async with web_context(tmp_path, store=store) as context, client(context) as asking:
        yield asking


async def follow(http: httpx.AsyncClient, path: str, **arguments: Any) -> list[list[dict[str, Any]]]:
    """Ask page after page until there is none."""
    pages: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while len(pages) < 200:
        answer = await http.get(path, params={**arguments, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        pages.append(body["data"])
        assert body["has_more"] == (body["next_cursor"] is not None)
        cursor = body["next_cursor"]
        if cursor is None:
            return pages
    raise AssertionError("paging does not end")


async def test_a_kline_page_has_exact_values_and_its_names(http: httpx.AsyncClient) -> None:
    body = (await http.get("/api/v1/klines", params={**UM, "start_ms": START_MS, "limit": 1})).json()
    assert body == {
        "instrument": "binance:um:BTC-USDT-PERP",
        "venue": "binance",
        "market": "um",
        "symbol": "BTC-USDT-PERP",
        "venue_symbol": "BTCUSDT",
        "has_more": True,
        "next_cursor": f"f{START_MS + 1}.0",
        "period": "1m",
        "data": [
            {
                "open_time": START_MS,
                "close_time": START_MS + 59_999,
                "open": "100.1",
                "high": "110",
                "low": "90",
                "close": "100.5",
                "volume": "12.5",
                "quote_volume": "1255.25",
                "count": 89,
                "taker_buy_base_volume": "6.25",
                "taker_buy_quote_volume": "627",
            }
        ],
    }


@pytest.mark.parametrize("limit", [1, 7, 20, 54, 55, 56, 1000])
async def test_following_the_cursor_gives_every_row_once_forward_and_back(http: httpx.AsyncClient, limit: int) -> None:
    wanted = [START_MS + index * 60_000 for index in range(BARS) if index not in (20, 21)]
    forward = await follow(http, "/api/v1/klines", **UM, start_ms=0, limit=limit)
    assert [row["open_time"] for page in forward for row in page] == wanted
    back = await follow(http, "/api/v1/klines", **UM, limit=limit)
    assert [row["open_time"] for page in reversed(back) for row in page] == wanted
    assert all(len(page) == limit for page in forward[:-1])


async def test_the_range_is_half_open(http: httpx.AsyncClient) -> None:
    arguments: dict[str, Any] = {**UM, "start_ms": START_MS + 60_000, "end_ms": START_MS + 180_000}
    body = (await http.get("/api/v1/klines", params=arguments)).json()
    assert [row["open_time"] for row in body["data"]] == [START_MS + 60_000, START_MS + 120_000]


async def test_csv_arrow_and_json_hold_the_same_rows(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "_CHUNK_ROWS", 10)
    json_rows = (await http.get("/api/v1/klines", params={**UM, "start_ms": 0})).json()["data"]
    answer = await http.get("/api/v1/klines", params={**UM, "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    csv_rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert csv_rows == [{key: str(value) for key, value in row.items()} for row in json_rows]
    answer = await http.get("/api/v1/klines", params={**UM, "format": "arrow"})
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.num_rows == len(json_rows) == BARS - 2
    assert table.column("close").to_pylist() == [Decimal(row["close"]) for row in json_rows]
    limited = await http.get("/api/v1/klines", params={**UM, "format": "arrow", "limit": 23, "start_ms": 0})
    assert pa.ipc.open_stream(limited.content).read_all().column("open_time").to_pylist() == [
        row["open_time"] for row in json_rows[:23]
    ]


async def test_an_empty_range_is_an_empty_page_in_every_format(http: httpx.AsyncClient) -> None:
    arguments: dict[str, Any] = {**UM, "start_ms": 0, "end_ms": 1000}
    assert (await http.get("/api/v1/klines", params=arguments)).json()["data"] == []
    assert (await http.get("/api/v1/klines", params={**arguments, "format": "csv"})).text.count("\n") == 1
    table = pa.ipc.open_stream((await http.get("/api/v1/klines", params={**arguments, "format": "arrow"})).content).read_all()
    assert (table.num_rows, table.num_columns) == (0, 11)


async def test_the_ledger_and_what_was_known_at_an_instant(http: httpx.AsyncClient, store: MemoryMarketStore) -> None:
    store.now_ns = 5_000_000_000
    await store.append([kline(0, close="101.25")])
    arguments: dict[str, Any] = {**UM, "start_ms": START_MS, "limit": 1, "ledger": "true"}
    (row,) = (await http.get("/api/v1/klines", params=arguments)).json()["data"]
    assert (row["close"], row["revision"], row["source"], row["synthetic"], row["first_seen_ms"]) == (
        "101.25",
        1,
        "ws",
        False,
        5000,
    )
    (row,) = (await http.get("/api/v1/klines", params={**arguments, "as_known_at": 4999})).json()["data"]
    assert (row["close"], row["revision"]) == ("100.5", 0)
    revisions = (await http.get("/api/v1/revisions", params=UM)).json()["data"]
    assert [(item["open_time"], item["revision"], item["close"]) for item in revisions] == [
        (START_MS, 1, "101.25"),
        (START_MS, 0, "100.5"),
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_trades_of_one_millisecond_are_neither_lost_nor_repeated(
    http: httpx.AsyncClient, store: MemoryMarketStore, limit: int
) -> None:
    stream = StreamId(kline_stream().instrument, Kind.TRADE)
    times = [1, 1, 1, 2, 3, 3, 3, 3, 3, 4]
    trades = [
        Trade(stream=stream, trade_id=index, price=Decimal("1.5"), quantity=Decimal(2), time=START_MS + at, buyer_is_maker=True)
        for index, at in enumerate(times)
    ]
    await store.append(trades)
    forward = await follow(http, "/api/v1/trades", **UM, start_ms=START_MS, limit=limit)
    assert [row["trade_id"] for page in forward for row in page] == list(range(len(times)))
    back = await follow(http, "/api/v1/trades", **UM, limit=limit)
    assert [row["trade_id"] for page in reversed(back) for row in page] == list(range(len(times)))
    assert forward[0][0] == {
        "trade_id": 0,
        "price": "1.5",
        "quantity": "2",
        "time": START_MS + 1,
        "buyer_is_maker": True,
    }


async def test_other_kinds_are_served_by_their_fields(http: httpx.AsyncClient, store: MemoryMarketStore) -> None:
    name = kline_stream().instrument
    funding = FundingRate(stream=StreamId(name, Kind.FUNDING), time=START_MS, rate=Decimal("0.0001"))
    book = BookSnapshot(stream=StreamId(name, Kind.BOOK), update_id=7, time=START_MS, bids=((Decimal("1.5"), Decimal(2)),), asks=())
    await store.append([funding, book])
    assert (await http.get("/api/v1/funding", params=UM)).json()["data"] == [
        {"time": START_MS, "rate": "0.0001", "mark_price": None}
    ]
    for start in ({}, {"start_ms": 0}):
        assert (await http.get("/api/v1/books", params={**UM, **start})).json()["data"] == [
            {"time": START_MS, "update_id": 7, "bids": [["1.5", "2"]], "asks": []}
        ]
    for path in ("tickers", "open_interest", "mark_price", "quotes"):
        assert (await http.get(f"/api/v1/{path}", params=UM)).json()["data"] == []
    refused = await http.get("/api/v1/books", params={**UM, "format": "arrow"})
    assert refused.json()["error"]["field"] == "format"


@pytest.mark.parametrize(
    ("arguments", "status", "field", "part"),
    [
        ({}, 422, "symbol", "is required"),
        ({"symbol": "BTCUSTD", "market": "um"}, 404, "symbol", "BTCUSDT"),
        ({"symbol": "BTCUSDT"}, 422, "symbol", "binance:spot:BTC-USDT"),
        ({**UM, "period": "7m"}, 404, "period", "1m"),
        ({**UM, "market": "futures"}, 404, "market", "um"),
        ({**UM, "venue": "binanse"}, 404, "venue", "binance"),
        ({**UM, "format": "xml"}, 404, "format", "arrow"),
        ({**UM, "limit": "0"}, 422, "limit", "at least 1, not 0"),
        ({**UM, "limit": "5001"}, 422, "limit", "5000"),
        ({**UM, "limit": "ten"}, 422, "limit", "a whole number, not ten"),
        ({**UM, "start_ms": "-1"}, 422, "start_ms", "at least 0, not -1"),
        ({**UM, "start_ms": "9" * 30}, 422, "start_ms", ""),
        ({**UM, "start_ms": "5", "end_ms": "5"}, 422, "end_ms", "after start_ms"),
        ({**UM, "cursor": "abc"}, 422, "cursor", "next_cursor"),
        ({**UM, "strat_ms": "5"}, 404, "argument", "start_ms"),
        ({"symbol": "binance:um:NO-SUCH"}, 404, "symbol", ""),
        ({"symbol": "x" * 300}, 422, "symbol", "200"),
        ({"symbol": "'; DROP TABLE kline; --", "market": "um"}, 404, "symbol", ""),
    ],
)
async def test_a_bad_argument_is_named_with_a_sentence(
    http: httpx.AsyncClient, arguments: dict[str, str], status: int, field: str, part: str
) -> None:
    answer = await http.get("/api/v1/klines", params=arguments)
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (status, field)
    assert part in error["message"] + " ".join(error.get("valid", []))


async def test_a_store_that_is_away_is_503_with_a_time_to_come_back(http: httpx.AsyncClient, store: MemoryMarketStore) -> None:
    store.away = True
    for form in ("json", "csv", "arrow"):
        answer = await http.get("/api/v1/klines", params={**UM, "format": form})
        assert answer.status_code == 503
        assert answer.headers["retry-after"].isdigit()
        assert answer.json()["error"]["code"] == "store_unavailable"
    assert (await http.get("/health/ready")).status_code == 503
    assert (await http.get("/health/live")).status_code == 200
    assert "does not answer" in (await http.get("/api/v1/status")).json()["stores"]["market"]["error"]
    store.away = False
    assert (await http.get("/health/ready")).status_code == 200


async def test_an_unexpected_fault_shows_an_id_and_nothing_else(
    http: httpx.AsyncClient, store: MemoryMarketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: Any, **_more: Any) -> Any:
        raise ValueError("secret inside")

    monkeypatch.setattr(store, "read_arrow", broken)
    answer = await http.get("/api/v1/klines", params={**UM, "start_ms": 0})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (500, "internal")
    assert error["id"] in error["message"]
    assert "secret" not in answer.text


async def test_udf_speaks_seconds_and_numbers(http: httpx.AsyncClient) -> None:
    config = (await http.get("/udf/config")).json()
    assert config["supports_search"]
    assert {"1", "5", "60", "1D", "1W", "1M"} <= set(config["supported_resolutions"])
    assert (await http.get("/udf/time")).text == str(START_MS // 1000)
    symbol = (await http.get("/udf/symbols", params={"symbol": "binance:um:BTC-USDT-PERP"})).json()
    assert (symbol["ticker"], symbol["pricescale"], symbol["minmov"]) == ("binance:um:BTC-USDT-PERP", 100, 1)
    found = (await http.get("/udf/search", params={"query": "eth", "type": "", "exchange": "", "limit": 30})).json()
    assert {row["ticker"] for row in found} == {"binance:spot:ETH-USDT", "binance:um:ETH-USDT-PERP"}
    arguments: dict[str, Any] = {
        "symbol": symbol["ticker"],
        "resolution": "1",
        "from": START_MS // 1000,
        "to": START_MS // 1000 + 180,
    }
    bars = (await http.get("/udf/history", params=arguments)).json()
    assert bars["s"] == "ok"
    assert bars["t"] == [START_MS // 1000 + 60 * index for index in range(3)]
    assert (bars["o"], bars["c"], bars["v"]) == ([100.1] * 3, [100.5, 101.5, 102.5], [12.5] * 3)
    back = (await http.get("/udf/history", params={**arguments, "countback": 2})).json()
    assert back["t"] == bars["t"][1:]


async def test_udf_says_where_the_nearest_earlier_bar_is(http: httpx.AsyncClient) -> None:
    last_s = (START_MS + (BARS - 1) * 60_000) // 1000
    arguments: dict[str, Any] = {"symbol": "binance:um:BTC-USDT-PERP", "resolution": "1", "from": last_s + 600, "to": last_s + 900}
    assert (await http.get("/udf/history", params=arguments)).json() == {"s": "no_data", "nextTime": last_s}
    before = {**arguments, "from": 100, "to": 200}
    assert (await http.get("/udf/history", params=before)).json() == {"s": "no_data"}
    wrong = (await http.get("/udf/history", params={**arguments, "resolution": "7"})).json()
    assert wrong["s"] == "error"
    assert (await http.get("/udf/history", params={**arguments, "symbol": "NOPE"})).json()["s"] == "error"
    assert (await http.get("/udf/symbols", params={"symbol": "NOPE"})).status_code == 404


async def test_udf_plain_symbols_and_exchange_prefixes_resolve(http: httpx.AsyncClient) -> None:
    for text, ticker in (
        ("BTCUSDT", "binance:spot:BTC-USDT"),
        ("BINANCE:BTCUSDT", "binance:spot:BTC-USDT"),
        ("um:BTCUSDT", "binance:um:BTC-USDT-PERP"),
    ):
        assert (await http.get("/udf/symbols", params={"symbol": text})).json()["ticker"] == ticker


async def test_pages_validate_against_their_declared_models(http: httpx.AsyncClient) -> None:
    from quantservice.web.models import KlinePage

    answer = await http.get("/api/v1/klines", params={**UM, "ledger": "true", "start_ms": 0})
    page = KlinePage.model_validate_json(answer.content)
    assert len(page.data) == BARS - 2
    assert msgspec.json.decode(answer.content)["data"][0] == page.data[0].model_dump()
