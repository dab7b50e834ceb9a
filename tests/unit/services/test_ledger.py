"""The ledger over real stores: sealing, and an audit that finds every kind of tampering with the first bad row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from tests.support.clock import ManualClock
from tests.support.market import START_MS, kline, kline_stream
from tests.support.market_store import opened, run_sql

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import IntegrityError, StoreUnavailable
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.periods import DAY_MS, HOUR_MS, MINUTE_MS
from quantservice.core.resample import resample
from quantservice.core.spans import Span
from quantservice.ports import History, StateStore
from quantservice.services.ledger import LedgerConfig, LedgerService, commands
from quantservice.services.ledger.sealing import find_head

HOURS = kline_stream(period="1h")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS + 3 * DAY_MS)


@pytest.fixture(scope="module")
def chdb_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledger-market")


@pytest.fixture
async def store(chdb_dir: Path, clock: ManualClock) -> AsyncIterator[ClickHouseStore]:
    async with opened(f"chdb://{chdb_dir}", clock) as made:
        yield made


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[StateStore]:
    made = SqlStateStore(f"sqlite:///{tmp_path / 'state.db'}", AesGcmSealer(tmp_path / "key"))
    await made.open()
    yield made
    await made.close()


def hours(day: int, *, base: str = "BTC") -> list[Kline]:
    """The 24 different hours of one day."""
    bars = [kline(day * 24 + hour, base=base, period="1h", close=f"100.{hour:02d}") for hour in range(24)]
    return [msgspec.structs.replace(bar, count=index) for index, bar in enumerate(bars)]


@pytest.fixture
async def three_days(store: ClickHouseStore, state: StateStore, clock: ManualClock) -> ClickHouseStore:
    await store.append([*hours(0), *hours(1), *hours(2), *hours(0, base="ETH")])
    await clock.advance(DAY_MS / 1000)
    result = await commands.seal(store, state, clock)
    assert (result["sealed_days"], result["sealed_rows"], result["sequence"]) == (4, 96, 4)
    return store


async def findings(store: ClickHouseStore, state: StateStore, clock: ManualClock) -> list[dict[str, Any]]:
    report = await commands.audit(store, state, clock)
    assert report == await commands.last_audit(state)
    assert report["state"] == ("unsound" if report["findings"] else "sound"), report["detail"]
    return list(report["findings"])


async def test_sealed_days_are_sound_and_sealed_once(three_days: ClickHouseStore, state: StateStore, clock: ManualClock) -> None:
    report = await commands.audit(three_days, state, clock)
    assert (report["state"], report["sealed_days"], report["checked_rows"]) == ("sound", 4, 96)
    again = await commands.seal(three_days, state, clock)
    assert (again["sealed_days"], again["head"]) == (0, report["head"])
    assert (await commands.digest(state))["head"] == report["head"]


async def test_today_is_not_sealed_and_a_day_with_a_hole_waits(
    store: ClickHouseStore, state: StateStore, clock: ManualClock
) -> None:
    today = kline(3 * 24, period="1h")
    await store.append([*hours(2)[:10], *hours(2)[11:], today])
    result = await commands.seal(store, state, clock)
    assert (result["sealed_days"], result["waiting_days"]) == (0, 1)
    await clock.advance(2 * HOUR_MS / 1000)  # now nothing came for an hour: the hole is taken as it is
    result = await commands.seal(store, state, clock)
    assert (result["sealed_days"], result["waiting_days"]) == (1, 1)
    await store.append([hours(2)[10]])  # healed later: sealed again
    assert (await commands.seal(store, state, clock))["sealed_days"] == 1
    assert await findings(store, state, clock) == []


async def test_a_restatement_after_the_seal_is_sound_and_gets_its_own_seal(
    three_days: ClickHouseStore, state: StateStore, clock: ManualClock
) -> None:
    restated = msgspec.structs.replace(hours(1)[5], source=Source.REST, count=999)
    assert len((await three_days.append([restated])).revised) == 1
    assert await findings(three_days, state, clock) == []
    result = await commands.seal(three_days, state, clock)
    assert (result["sealed_days"], result["sequence"]) == (1, 5)
    await run_sql(three_days, "OPTIMIZE TABLE `{db}`.kline FINAL")
    assert await findings(three_days, state, clock) == []


BAD = hours(1)[7].open_time
_OF = f"open_time = {BAD} AND symbol = 'BTC-USDT-PERP'"


@pytest.mark.parametrize(
    ("statements", "word"),
    [
        ([f"ALTER TABLE `{{db}}`.kline UPDATE close = 101 WHERE {_OF} SETTINGS mutations_sync = 1"], "not those that were sealed"),
        ([f"ALTER TABLE `{{db}}`.kline DELETE WHERE {_OF} SETTINGS mutations_sync = 1"], "gone"),
        (
            [
                f"ALTER TABLE `{{db}}`.kline DELETE WHERE open_time >= {BAD} AND open_time < {START_MS + 2 * DAY_MS} "
                "SETTINGS mutations_sync = 1"
            ],
            "last rows are gone",
        ),
        (
            [
                "ALTER TABLE `{db}`.kline UPDATE close = if(close = toDecimal128('100.07', 18), toDecimal128('100.09', 18), "
                "toDecimal128('100.07', 18)), count = if(count = 7, 9, 7) "
                f"WHERE open_time IN ({BAD}, {BAD + 2 * HOUR_MS}) SETTINGS mutations_sync = 1"
            ],
            "another row of its day",
        ),
        (
            [
                "INSERT INTO `{db}`.kline SELECT * REPLACE(5 AS revision, toDecimal128('1', 18) AS close) FROM `{db}`.kline "
                f"WHERE {_OF}"
            ],
            "was not there",
        ),
    ],
    ids=["edit", "delete", "cut", "swap", "insert"],
)
async def test_tampering_with_rows_is_found_at_the_first_bad_row(
    three_days: ClickHouseStore, state: StateStore, clock: ManualClock, statements: Sequence[str], word: str
) -> None:
    for statement in statements:
        await run_sql(three_days, statement)
    (found,) = await findings(three_days, state, clock)
    assert (found["check"], found["stream"], found["day_ms"], found["open_time"]) == (
        "digest",
        str(HOURS),
        START_MS + DAY_MS,
        BAD,
    )
    assert word in found["detail"]


async def test_a_changed_day_is_not_sealed_anew(three_days: ClickHouseStore, state: StateStore, clock: ManualClock) -> None:
    await run_sql(three_days, f"ALTER TABLE `{{db}}`.kline UPDATE close = 101 WHERE {_OF} SETTINGS mutations_sync = 1")
    await three_days.append([msgspec.structs.replace(hours(1)[9], source=Source.REST, count=999)])
    result = await commands.seal(three_days, state, clock)
    assert result["sealed_days"] == 0
    assert result["refused"] == [f"{HOURS} at {BAD}: edited"]


async def test_a_cut_log_is_found_and_names_the_first_row_without_a_seal(
    three_days: ClickHouseStore, state: StateStore, clock: ManualClock
) -> None:
    await run_sql(three_days, "ALTER TABLE `{db}`.digest_log DELETE WHERE sequence > 2 SETTINGS mutations_sync = 1")
    (found,) = await findings(three_days, state, clock)
    assert "cut off" in found["detail"]
    assert (found["stream"], found["open_time"]) == (str(HOURS), START_MS + DAY_MS)
    with pytest.raises(IntegrityError, match="ends before its head"):
        await find_head(three_days, state)


@pytest.mark.parametrize(
    "change",
    ["DELETE WHERE sequence = 2", "UPDATE digest = 'ff' WHERE sequence = 2", "UPDATE row_hashes = 'zz' WHERE sequence = 2"],
)
async def test_a_touched_log_is_found(three_days: ClickHouseStore, state: StateStore, clock: ManualClock, change: str) -> None:
    await run_sql(three_days, f"ALTER TABLE `{{db}}`.digest_log {change} SETTINGS mutations_sync = 1")
    first = (await findings(three_days, state, clock))[0]
    assert first["check"] == "digest"
    assert "seal 2" in first["detail"]


async def test_a_crash_between_log_and_head_is_mended(three_days: ClickHouseStore, state: StateStore, clock: ManualClock) -> None:
    async with state.transaction() as work:
        before = await work.values.get("digest", "head")
    await three_days.append(hours(3))
    await clock.advance(2 * DAY_MS / 1000)
    await commands.seal(three_days, state, clock)
    async with state.transaction() as work:
        await work.values.put("digest", "head", before)
    assert await findings(three_days, state, clock) == []
    assert (await find_head(three_days, state)).sequence == 5
    assert (await commands.seal(three_days, state, clock))["sequence"] == 5


async def test_seals_added_by_someone_else_are_found(three_days: ClickHouseStore, state: StateStore, clock: ManualClock) -> None:
    async with state.transaction() as work:
        head = await work.values.get("digest", "head")
        await work.values.put("digest", "next", head)
    (last,) = await three_days.read_seals(after=3)
    from quantservice.core.digest import head_of, seal

    rows = await three_days.revisions(HOURS, Span(START_MS, START_MS + DAY_MS))
    await three_days.append_seals([seal(head_of(last), HOURS, START_MS, rows, sealed_ns=1)])
    (found,) = await findings(three_days, state, clock)
    assert "someone else" in found["detail"]


async def test_periods_are_checked_against_each_other(store: ClickHouseStore, state: StateStore, clock: ManualClock) -> None:
    minutes = [kline(index) for index in range(180)]
    bars = resample(minutes, "1h")
    wrong = msgspec.structs.replace(bars[1], volume=bars[1].volume + 1)
    await store.append([*minutes, bars[0], wrong, bars[2]])
    (found,) = await findings(store, state, clock)
    assert (found["check"], found["open_time"]) == ("cross_period", START_MS + HOUR_MS)
    assert found["detail"].startswith("volume differs")
    answer = await commands.cross_check(store, HOURS, Span(START_MS, START_MS + DAY_MS))
    assert answer["cross_period"]["compared"] == 3


class RestHistory:
    """A History that has pages of klines."""

    def __init__(self, bars: list[Kline]) -> None:
        self._bars = bars

    async def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        wanted = [bar for bar in self._bars if bar.stream == stream and span.contains(bar.open_time)]
        yield wanted[len(wanted) // 2 :]
        yield wanted[: len(wanted) // 2]


async def test_what_ws_built_is_checked_against_rest(store: ClickHouseStore, state: StateStore, clock: ManualClock) -> None:
    first = (clock.now_ms() - 60 * MINUTE_MS - START_MS) // MINUTE_MS
    bars = [kline(first + index) for index in range(50)]
    rest = [msgspec.structs.replace(bar, source=Source.REST) for bar in bars]
    rest[20] = msgspec.structs.replace(rest[20], volume=rest[20].volume + 1)
    await store.append([*bars[:40], *rest[40:]])
    history = cast(History, RestHistory(rest))
    report = await commands.audit(store, state, clock, histories={("binance", "um"): history})
    assert report["compared_klines"] == 40
    assert [(item["check"], item["open_time"]) for item in report["findings"]] == [("cross_source", bars[20].open_time)]


async def test_the_service_seals_and_says_trouble_once(three_days: ClickHouseStore, state: StateStore, clock: ManualClock) -> None:
    from quantservice.core.messages import Overflow, Topic

    bus = MemoryBus()
    service = LedgerService(three_days, state, bus, clock, LedgerConfig())
    async with bus.subscribe([Topic.SYSTEM], group="t", overflow=Overflow.DROP_OLDEST, capacity=10) as inbox:
        await service.seal_once()
        assert service.stats()["trouble"] == ""
        await run_sql(three_days, "ALTER TABLE `{db}`.digest_log DELETE WHERE sequence > 2 SETTINGS mutations_sync = 1")
        await service.seal_once()
        await service.seal_once()
        assert inbox.stats.depth == 1
        assert "run qs data audit" in service.stats()["trouble"]
    assert (await service.audit())["state"] == "unsound"
    assert (await service.digest())["sequence"] == 4


async def test_an_audit_that_cannot_be_done_says_why(state: StateStore, clock: ManualClock) -> None:
    class Gone:
        async def last_seals(self) -> None:
            raise StoreUnavailable("the market store does not answer")

    report = await commands.audit(cast(ClickHouseStore, Gone()), state, clock)
    assert (report["state"], report["detail"]) == ("failed", "the market store does not answer")
