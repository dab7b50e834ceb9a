"""What every market store must do. One suite, run over embedded ClickHouse and, where one is given, over a server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.support.clock import ManualClock
from tests.support.market import START_MS, instrument, kline, kline_stream
from tests.support.market_store import count, opened, reload, run_sql

from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.events import (
    BookDelta,
    BookSnapshot,
    FundingRate,
    Kind,
    Kline,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Source,
    StreamId,
    Ticker,
    Trade,
)
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.periods import DAY_MS, HOUR_MS, MINUTE_MS, close_of, next_open
from quantservice.core.spans import Span

WHOLE = Span(START_MS - 400 * DAY_MS, START_MS + 400 * DAY_MS)
D = Decimal


@pytest.fixture(params=["chdb", "server"])
def dsn(request: pytest.FixtureRequest, chdb_dir: str) -> str:
    if request.param == "chdb":
        return f"chdb://{chdb_dir}"
    server = os.environ.get("QS_TEST_CLICKHOUSE_URL")
    if not server:
        pytest.skip("no ClickHouse server; set QS_TEST_CLICKHOUSE_URL=clickhouse://user:password@host:port/")
    return server


@pytest.fixture(scope="session")
def chdb_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("market"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(dsn: str, clock: ManualClock) -> AsyncIterator[ClickHouseStore]:
    async with opened(dsn, clock) as made:
        yield made


def other(kind: Kind, base: str = "BTC") -> StreamId:
    return StreamId(instrument(base).id, kind)


def changed(bar: Kline, **values: Any) -> Kline:
    return msgspec.structs.replace(bar, **values)


# --- appending --------------------------------------------------------------------------------------------------------


async def test_klines_are_stored_once_and_read_back_exactly(store: ClickHouseStore) -> None:
    bars = [kline(index, close=f"100.{index:02d}") for index in range(10)]
    first = await store.append(bars)
    assert (list(first.new), first.rows, first.unchanged) == (bars, 10, 0)
    again = await store.append(bars)
    assert (list(again.new), list(again.revised), again.rows, again.unchanged) == ([], [], 0, 10)
    stored = await store.read_klines(kline_stream(), WHOLE)
    assert [bar.values for bar in stored] == [bar.values for bar in bars]
    assert [bar.open_time for bar in stored] == [bar.open_time for bar in bars]


async def test_a_kline_repeated_in_one_append_is_one_row(store: ClickHouseStore) -> None:
    result = await store.append([kline(0), kline(0), kline(1), kline(0)])
    assert (len(result.new), result.unchanged) == (2, 2)


async def test_a_differing_kline_is_the_next_revision_and_the_old_one_stays(store: ClickHouseStore, clock: ManualClock) -> None:
    await store.append([kline(0), kline(1), kline(2)])
    await clock.advance(10)
    between_ns = clock.now_ns() - 1
    restated = changed(kline(1, close="99.9"), source=Source.REST)
    result = await store.append([restated])
    assert [(bar.close, revision) for bar, revision in result.revised] == [(D("99.9"), 1)]
    await run_sql(store, "OPTIMIZE TABLE `{db}`.kline FINAL")
    rows = await store.revisions(kline_stream(), WHOLE)
    assert [(row["open_time"], row["revision"], row["close"], row["source"]) for row in rows[1:3]] == [
        (kline(1).open_time, 0, "100.5", "ws"),
        (kline(1).open_time, 1, "99.9", "rest"),
    ]
    assert [bar.close for bar in await store.read_klines(kline_stream(), WHOLE)] == [D("100.5"), D("99.9"), D("100.5")]
    known = await store.read_klines(kline_stream(), WHOLE, as_known_at_ns=between_ns)
    assert [bar.close for bar in known] == [D("100.5")] * 3
    assert not await store.read_klines(kline_stream(), WHOLE, as_known_at_ns=1)
    columns = await store.read(kline_stream(), WHOLE, ledger=True)
    assert columns["revision"].tolist() == [0, 1, 0]
    assert columns["close"].tolist() == [100.5, 99.9, 100.5]
    assert columns["source"].tolist() == ["ws", "rest", "ws"]


async def test_a_late_ws_kline_does_not_override_what_rest_said(store: ClickHouseStore) -> None:
    await store.append([changed(kline(0), source=Source.REST)])
    result = await store.append([kline(0, close="99.9")])
    assert (result.rows, result.unchanged) == (0, 1)
    assert (await store.statistics())["appended_ignored_late"] == 1
    assert [bar.close for bar in await store.read_klines(kline_stream(), WHOLE)] == [D("100.5")]


async def test_equal_values_from_another_source_change_nothing(store: ClickHouseStore) -> None:
    await store.append([kline(0)])
    result = await store.append([changed(kline(0), source=Source.ARCHIVE, volume=D("12.5000"))])
    assert (result.rows, result.unchanged) == (0, 1)


async def test_a_real_kline_replaces_a_synthetic_one_of_the_same_values(store: ClickHouseStore) -> None:
    await store.append([changed(kline(0), source=Source.DERIVED, synthetic=True)])
    result = await store.append([changed(kline(0), source=Source.REST)])
    assert len(result.revised) == 1
    columns = await store.read(kline_stream(), WHOLE, ledger=True)
    assert columns["synthetic"].tolist() == [False]


async def test_what_is_known_survives_a_restart(store: ClickHouseStore) -> None:
    await store.append([kline(index) for index in range(5)])
    await store.append([kline(2, close="101")])
    await reload(store)
    result = await store.append([kline(index) for index in range(6)])
    assert ([bar.open_time for bar in result.new], [revision for _, revision in result.revised]) == ([kline(5).open_time], [2])


async def test_older_klines_and_holes_are_filled(store: ClickHouseStore) -> None:
    await store.append([kline(10), kline(12)])
    result = await store.append([kline(1), kline(11), kline(13), kline(12)])
    assert ({bar.open_time for bar in result.new}, result.unchanged) == ({kline(i).open_time for i in (1, 11, 13)}, 1)
    assert len(await store.read_klines(kline_stream(), WHOLE)) == 5


async def test_an_open_kline_is_refused_with_its_reason(store: ClickHouseStore) -> None:
    result = await store.append([kline(0, closed=False), kline(1)])
    assert [(event.open_time, reason[:6]) for event, reason in result.refused if isinstance(event, Kline)] == [
        (kline(0).open_time, "closed")
    ]
    assert len(result.new) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (D("1.0000000000000000001"), "18 digits after the point"),
        (D("100000000000000000000"), "20 digits before the point"),
        (D("NaN"), "not a finite number"),
        (D("Infinity"), "not a finite number"),
    ],
)
async def test_a_value_that_cannot_be_kept_exactly_is_refused_alone(store: ClickHouseStore, value: Decimal, reason: str) -> None:
    result = await store.append([kline(0), changed(kline(1), volume=value), kline(2)])
    assert [bar.open_time for bar in result.new] == [kline(0).open_time, kline(2).open_time]
    ((event, why),) = result.refused
    assert "volume" in why
    assert reason in why
    assert isinstance(event, Kline)
    later = await store.append([kline(1)])
    assert len(later.new) == 1


async def test_decimals_keep_every_digit(store: ClickHouseStore) -> None:
    values = [
        D("99999999999999999999.999999999999999999"),
        D("0.000000000000000001"),
        D("1E-7"),
        D("1E+3"),
        D("5" + "0" * 3 + ".5"),
    ]
    values.append(D("1." + "0" * 40))
    await store.append([changed(kline(index), volume=value) for index, value in enumerate(values)])
    assert [bar.volume for bar in await store.read_klines(kline_stream(), WHOLE)] == values
    texts = [row["volume"] for row in await store.read_rows(kline_stream(), WHOLE)]
    assert texts == ["99999999999999999999.999999999999999999", "0.000000000000000001", "0.0000001", "1000", "5000.5", "1"]
    table = await store.read_arrow(kline_stream(), WHOLE)
    assert table.column("volume").to_pylist() == values
    named = await store.read_arrow(kline_stream(), WHOLE, columns=["volume", "open_time"])
    assert named.equals(table.select(["volume", "open_time"]))
    with pytest.raises(UnknownName, match=r"volum.*volume"):
        await store.read_arrow(kline_stream(), WHOLE, columns=["volum"])


async def test_arrays_are_the_nearest_float_of_each_decimal(store: ClickHouseStore) -> None:
    rng = np.random.default_rng(7)
    texts = [f"{whole}.{part:08d}" for whole, part in zip(rng.integers(0, 10**9, 400), rng.integers(0, 10**8, 400), strict=True)]
    texts += ["0.123456789012345678", "91007199254.740993", "90071992.54740993", "-0.1", "0.3"]
    await store.append([changed(kline(index), quote_volume=D(text)) for index, text in enumerate(texts)])
    columns = await store.read(kline_stream(), WHOLE)
    assert columns["quote_volume"].tolist() == [float(text) for text in texts]
    assert columns["open_time"].dtype == np.int64
    assert columns["count"].dtype == np.int64


async def test_klines_of_many_months_go_in_with_one_append(store: ClickHouseStore) -> None:
    bars = [kline(index, period="1d") for index in range(-390, 390)]
    assert len((await store.append(bars)).new) == 780
    assert await store.day_counts(kline_stream(period="1d"), Span(START_MS, START_MS + 2 * DAY_MS)) == {
        START_MS: 1,
        START_MS + DAY_MS: 1,
    }


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_limit_newest_and_span_are_obeyed(store: ClickHouseStore) -> None:
    await store.append([kline(index) for index in range(20)])
    await store.append([kline(19, close="7"), kline(0, close="8")])
    span = Span(kline(2).open_time, kline(15).open_time)
    assert [bar.open_time for bar in await store.read_klines(kline_stream(), span)] == [kline(i).open_time for i in range(2, 15)]
    first = await store.read_klines(kline_stream(), WHOLE, limit=3)
    assert [bar.open_time for bar in first] == [kline(i).open_time for i in range(3)]
    last = await store.read_rows(kline_stream(), WHOLE, limit=3, newest=True)
    assert [row["open_time"] for row in last] == [kline(i).open_time for i in (17, 18, 19)]
    assert last[-1]["close"] == "7"
    assert (await store.read(kline_stream(), WHOLE, limit=2, newest=True))["close"].tolist() == [100.5, 7.0]
    with pytest.raises(InvalidValue):
        await store.read(kline_stream(), WHOLE, limit=0)


async def test_an_unknown_stream_is_empty_in_every_form(store: ClickHouseStore) -> None:
    stream = kline_stream("NONE")
    assert len((await store.read(stream, WHOLE))["close"]) == 0
    assert await store.read_rows(stream, WHOLE) == []
    assert await store.read_klines(stream, WHOLE) == []
    assert (await store.read_arrow(stream, WHOLE)).num_rows == 0
    assert await store.coverage(stream, WHOLE) == []
    assert await store.revisions(stream, WHOLE) == []


async def test_every_other_kind_is_stored_once_and_read_back(store: ClickHouseStore) -> None:
    time = START_MS + 5
    events: list[MarketEvent] = [
        Trade(
            stream=other(Kind.TRADE), trade_id=7, price=D("1.5"), quantity=D("2"), time=time, buyer_is_maker=True, aggregate=True
        ),
        Quote(
            stream=other(Kind.QUOTE),
            update_id=5,
            bid_price=D(1),
            bid_quantity=D(2),
            ask_price=D(3),
            ask_quantity=D("4.25"),
            recv_ns=time * 1_000_000,
        ),
        BookSnapshot(
            stream=other(Kind.BOOK), update_id=9, bids=((D("1.5"), D(2)), (D(1), D(1))), asks=((D("1.6"), D(3)),), time=time
        ),
        Ticker(
            stream=other(Kind.TICKER),
            time=time,
            last_price=D(1),
            open_price=D(2),
            high_price=D(3),
            low_price=D("0.5"),
            volume=D(9),
            quote_volume=D(10),
            count=4,
        ),
        FundingRate(stream=other(Kind.FUNDING), time=time, rate=D("-0.0001")),
        MarkPrice(stream=other(Kind.MARK_PRICE), time=time, mark_price=D("1.1"), index_price=D(1), funding_rate=D("0.0001")),
        OpenInterest(stream=other(Kind.OPEN_INTEREST), time=time, open_interest=D("12.5")),
    ]
    result = await store.append(events)
    assert (result.rows, list(result.refused)) == (7, [])
    await store.append(events)
    for event in events:
        rows = await store.read_rows(event.stream, WHOLE)
        assert len(rows) == 1, event.kind
        assert rows[0]["time"] == time
        assert len((await store.read(event.stream, WHOLE))["time"]) == 1
    assert (await store.read_rows(other(Kind.BOOK), WHOLE))[0]["bids"] == [["1.5", "2"], ["1", "1"]]
    assert (await store.read_rows(other(Kind.FUNDING), WHOLE))[0] == {"time": time, "rate": "-0.0001", "mark_price": None}
    assert (await store.read(other(Kind.TRADE), WHOLE))["price"].tolist() == [1.5]
    assert {row.stream.kind for row in await store.streams()} == set(Kind) - {Kind.KLINE}


async def test_changes_of_a_book_are_refused(store: ClickHouseStore) -> None:
    delta = BookDelta(stream=other(Kind.BOOK), first_id=1, last_id=2, bids=(), asks=())
    assert len((await store.append([delta])).refused) == 1


# --- gaps -------------------------------------------------------------------------------------------------------------


async def test_coverage_and_missing_say_the_same(store: ClickHouseStore) -> None:
    present = [0, 1, 2, 5, 6, 9]
    await store.append([kline(index) for index in present])
    await store.append([kline(5, close="1")])
    span = Span(START_MS, START_MS + 12 * MINUTE_MS)
    minutes = [(0, 3), (5, 7), (9, 10)]
    expected = [Span(START_MS + a * MINUTE_MS, START_MS + b * MINUTE_MS) for a, b in minutes]
    assert await store.coverage(kline_stream(), span) == expected
    lacking = [Span(START_MS + a * MINUTE_MS, START_MS + b * MINUTE_MS) for a, b in [(3, 5), (7, 9), (10, 12)]]
    full = Span(START_MS, START_MS + 3 * MINUTE_MS)
    found = await store.missing([(kline_stream(), span), (kline_stream("ETH"), full)])
    assert found == {kline_stream(): lacking, kline_stream("ETH"): [full]}
    assert await store.missing([(kline_stream(), full)]) == {}
    assert await store.missing([]) == {}


async def test_missing_with_a_span_of_its_own_for_each_of_many_streams(store: ClickHouseStore) -> None:
    names = [f"C{index}" for index in range(30)]
    await store.append([kline(minute, base=name) for name in names for minute in range(20) if minute != 7])
    wanted = [
        (kline_stream(name), Span(START_MS + index % 10 * MINUTE_MS, START_MS + (10 + index % 9) * MINUTE_MS))
        for index, name in enumerate(names)
    ]
    found = await store.missing(wanted)
    hole = Span(START_MS + 7 * MINUTE_MS, START_MS + 8 * MINUTE_MS)
    for stream, span in wanted:
        assert found.get(stream, []) == ([hole] if span.contains(hole.start_ms) else []), stream


@pytest.mark.parametrize("period", ["1mo", "1w", "3d"])
async def test_gaps_of_calendar_periods(store: ClickHouseStore, period: str) -> None:
    opens = [next_open(period, START_MS)]
    for _ in range(5):
        opens.append(next_open(period, opens[-1]))
    bars = [changed(kline(0, period=period), open_time=at, close_time=close_of(period, at)) for at in opens if at != opens[2]]
    await store.append(bars)
    span = Span(opens[0], close_of(period, opens[-1]) + 1)
    stream = kline_stream(period=period)
    assert await store.missing([(stream, span)]) == {stream: [Span(opens[2], opens[3])]}
    assert await store.coverage(stream, span) == [Span(opens[0], opens[2]), Span(opens[3], span.end_ms)]


async def test_streams_tell_extent_revisions_and_synthetic_rows(store: ClickHouseStore) -> None:
    await store.append([kline(0), kline(1), changed(kline(2), synthetic=True, source=Source.DERIVED), kline(0, market="spot")])
    await store.append([kline(1, close="3")])
    found = {row.stream: row for row in await store.streams()}
    row = found[kline_stream()]
    assert (row.first_ms, row.last_ms, row.rows, row.revised_rows, row.synthetic_rows) == (
        kline(0).open_time,
        kline(2).open_time,
        3,
        1,
        1,
    )
    assert set(found) == {kline_stream(), kline_stream(market="spot")}


# --- instruments and views --------------------------------------------------------------------------------------------


async def test_instruments_are_versioned(store: ClickHouseStore) -> None:
    btc, eth = instrument(), instrument("ETH")
    assert await store.put_instruments("binance", "um", [btc, eth], seen_ms=1_000) == 2
    assert await store.put_instruments("binance", "um", [btc, eth], seen_ms=2_000) == 0
    finer = msgspec.structs.replace(btc, tick_size=D("0.001"))
    assert await store.put_instruments("binance", "um", [finer], seen_ms=3_000) == 2
    assert {item.id: item.tick_size for item in await store.instruments()} == {btc.id: D("0.001")}
    then = await store.instruments("binance", "um", as_of_ms=2_500)
    assert {item.id: item.tick_size for item in then} == {btc.id: D("0.01"), eth.id: D("0.01")}
    assert await store.instruments(as_of_ms=999) == []
    assert await store.instruments("okx") == []
    with pytest.raises(InvalidValue):
        await store.put_instruments("binance", "um", [], seen_ms=4_000)
    with pytest.raises(InvalidValue):
        await store.put_instruments("binance", "spot", [btc], seen_ms=4_000)


def odd(venue_symbol: str) -> Instrument:
    symbol = venue_symbol.replace("USDT", "") + "-USDT-PERP"
    return msgspec.structs.replace(
        instrument(), id=InstrumentId("binance", "um", symbol), venue_symbol=venue_symbol, base=venue_symbol
    )


@pytest.mark.parametrize("symbol", ["BTCUSDT", "测试USDT", 'x"; DROP TABLE kline; --', "a\\'b", "A" * 64])
async def test_a_registered_pair_gets_a_view_of_its_current_klines(store: ClickHouseStore, symbol: str) -> None:
    pair = odd(symbol)
    stream = StreamId.kline(pair.id, "1m")
    bars = [changed(kline(index), stream=stream) for index in range(3)]
    await store.append([*bars, kline(9, base="SOL"), changed(bars[1], close=D("99"))])
    await store.register_pair(pair, ["1m", "1h"])
    await store.register_pair(pair, ["1m"])
    name = store.view_name(pair, "1m")
    assert name.isascii()
    sql = f"SELECT toString(close) AS close FROM `{store.database}`.`{name}` ORDER BY open_time"
    rows = await store.session.run(lambda: store.session.rows(sql))
    assert [row["close"] for row in rows] == ["100.5", "99", "100.5"]
    assert len(await store.read_klines(stream, WHOLE)) == 3
    await store.session.run(lambda: store.session.command(f"DROP VIEW `{store.database}`.`{name}`"))
    hourly = store.view_name(pair, "1h")
    await store.session.run(lambda: store.session.command(f"DROP VIEW `{store.database}`.`{hourly}`"))


# --- keeping ----------------------------------------------------------------------------------------------------------


async def test_pruning_forgets_old_rows_of_one_kind_only(store: ClickHouseStore, clock: ManualClock) -> None:
    ages = (0, 5, 40, 100)
    await store.append(
        [
            OpenInterest(stream=other(Kind.OPEN_INTEREST), time=clock.now_ms() - age * DAY_MS, open_interest=D(age + 1))
            for age in ages
        ]
    )
    await store.append([kline(-200 * 24 * 60)])
    assert await store.prune({"open_interest": 30, "trade": 1, "quote": 0}) == {"open_interest": 2, "trade": 0}
    rows = await store.read_rows(other(Kind.OPEN_INTEREST), WHOLE)
    assert [row["open_interest"] for row in rows] == ["6", "1"]
    assert await count(store, "kline") == 1
    with pytest.raises(InvalidValue):
        await store.prune({"kline": 30})
    with pytest.raises(UnknownName):
        await store.prune({"klines; DROP": 30})


async def test_a_backup_restores_into_an_empty_store_only(store: ClickHouseStore, clock: ManualClock, tmp_path: Any) -> None:
    await store.append([kline(index) for index in range(100)])
    await store.append([kline(5, close="1.25")])
    await store.append([FundingRate(stream=other(Kind.FUNDING), time=START_MS, rate=D("0.0001"))])
    await store.put_instruments("binance", "um", [instrument()], seen_ms=1_000)
    before = await store.revisions(kline_stream(), WHOLE)
    steps: list[float] = []
    made = await store.backup(tmp_path / "b", progress=lambda done, _total, _text: steps.append(done))
    assert made["rows"] == 103
    assert steps
    with pytest.raises(UserError, match="not empty"):
        await store.restore(tmp_path / "b")
    with pytest.raises(UserError, match="not empty"):
        await store.backup(tmp_path / "b")
    for table in ("kline", "funding", "instrument"):
        await run_sql(store, f"TRUNCATE TABLE `{{db}}`.{table}")
    await reload(store)
    assert (await store.restore(tmp_path / "b"))["rows"] == 103
    assert await store.revisions(kline_stream(), WHOLE) == before
    assert (await store.append([kline(5, close="1.25")])).unchanged == 1
    assert len(await store.instruments()) == 1


async def test_a_damaged_backup_is_refused_and_nothing_is_written(store: ClickHouseStore, tmp_path: Any) -> None:
    await store.append([kline(index) for index in range(10)])
    await store.backup(tmp_path / "b")
    await run_sql(store, "TRUNCATE TABLE `{db}`.kline")
    await reload(store)
    (file,) = (tmp_path / "b").glob("kline-*.parquet")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(Exception, match="damaged"):
        await store.restore(tmp_path / "b")
    file.unlink()
    with pytest.raises(Exception, match="not whole"):
        await store.restore(tmp_path / "b")
    assert await count(store, "kline") == 0
    with pytest.raises(UserError, match="not a backup"):
        await store.restore(tmp_path)


async def test_an_exported_stream_is_exact(store: ClickHouseStore, tmp_path: Any) -> None:
    import pyarrow.parquet as pq

    await store.append([kline(index) for index in range(10)])
    assert await store.export(tmp_path / "x.parquet", kline_stream(), WHOLE) == 10
    assert pq.read_table(tmp_path / "x.parquet").column("close").to_pylist() == [D("100.5")] * 10


async def test_the_schema_check_names_what_differs(store: ClickHouseStore) -> None:
    assert await store.check_schema() == []
    await run_sql(store, "ALTER TABLE `{db}`.trade ADD COLUMN odd Int8")
    try:
        assert await store.check_schema() == ["column trade.odd is not known to this version"]
    finally:
        await run_sql(store, "ALTER TABLE `{db}`.trade DROP COLUMN odd")


async def test_statistics_count_rows_bytes_and_parts(store: ClickHouseStore) -> None:
    await store.append([kline(index) for index in range(10)])
    figures = await store.statistics()
    assert figures["tables"]["kline"]["rows"] == 10
    assert figures["total_bytes"] > 0
    assert figures["appended_new"] == 10


async def test_an_hour_is_not_a_minute(store: ClickHouseStore) -> None:
    await store.append([kline(0), kline(0, period="1h")])
    assert len(await store.read_klines(kline_stream(), WHOLE)) == 1
    (hour,) = await store.read_klines(kline_stream(period="1h"), WHOLE)
    assert hour.close_time == START_MS + HOUR_MS - 1
