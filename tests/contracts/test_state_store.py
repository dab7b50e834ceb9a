"""What every StateStore must do: over SQLite and over a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from tests.support.market import instrument, kline_stream
from tests.support.state import create_database, postgres_url

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.state_store.urls import parse_url
from quantservice.core.errors import EnvironmentFault, IntegrityError, StoreUnavailable
from quantservice.core.events import StreamId
from quantservice.core.messages import Command, MarketBatch, Message, Topic
from quantservice.ports import AccessKey, ProxyRecord, TradingPair

__all__ = ["postgres_url"]

SQLITE = pytest.param("sqlite", id="sqlite")
POSTGRES = pytest.param("postgresql", id="postgresql", marks=pytest.mark.server)
WAIT_S = 90.0


@pytest.fixture(params=[SQLITE, POSTGRES])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return await create_database(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def make(url: str, tmp_path: Path) -> AsyncIterator[Callable[[], SqlStateStore]]:
    made: list[SqlStateStore] = []

    def factory() -> SqlStateStore:
        made.append(SqlStateStore(url, AesGcmSealer.in_folder(tmp_path)))
        return made[-1]

    yield factory
    for store in made:
        await store.close()


@pytest.fixture
async def store(make: Callable[[], SqlStateStore]) -> SqlStateStore:
    made = make()
    await made.open()
    return made


def pair(base: str = "BTC", *, enabled: bool = True, periods: tuple[str, ...] = ("1m", "1h")) -> TradingPair:
    item = instrument(base)
    return TradingPair(
        venue="binance",
        market="um",
        symbol=item.id.symbol,
        venue_symbol=item.venue_symbol,
        periods=periods,
        kinds=("kline", "trade"),
        enabled=enabled,
        history_start_ms=1_700_000_000_000,
    )


Found = TypeVar("Found")


def command(number: int = 1) -> Message:
    return Message(topic=Topic.COMMAND, event_type="pairs.changed", key="k", data=Command(id=str(number), name="pairs.changed"))


async def on(url: str, work: Callable[[sa.Connection], Found]) -> Found:
    """Run ``work`` on a connection of its own, past the store, as another program would."""
    where = parse_url(url)[0]
    if where.get_backend_name() == "sqlite":

        def run() -> Found:
            engine = sa.create_engine(where)
            try:
                with engine.begin() as connection:
                    return work(connection)
            finally:
                engine.dispose()

        return await asyncio.to_thread(run)
    engine = create_async_engine(where)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


async def sql(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run one statement past the store."""

    def work(connection: sa.Connection) -> list[tuple[object, ...]]:
        result = connection.execute(sa.text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []

    return await on(url, work)


async def test_pairs_are_kept_listed_replaced_and_removed(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        first = await work.pairs.put(pair())
        second = await work.pairs.put(pair("测试", enabled=False))
        assert 0 not in (first.id, second.id)
        assert first.id != second.id
    async with store.transaction() as work:
        assert await work.pairs.list() == [first, second]
        assert await work.pairs.list(enabled_only=True) == [first]
        changed = await work.pairs.put(pair(periods=("5m",)))
        assert (changed.id, changed.periods) == (first.id, ("5m",))
    async with store.transaction() as work:
        assert await work.pairs.remove(first.instrument)
        assert not await work.pairs.remove(first.instrument)
        assert await work.pairs.list() == [second]


async def test_a_failed_transaction_leaves_nothing(store: SqlStateStore) -> None:
    async def fail() -> None:
        async with store.transaction() as work:
            await work.pairs.put(pair())
            await work.outbox.add(command())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.transaction() as work:
        assert await work.pairs.list() == []
        assert await work.outbox.pending(10) == []


async def test_a_cancelled_transaction_leaves_nothing_and_the_store_goes_on(store: SqlStateStore) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with store.transaction() as work:
            await work.values.put("s", "k", 1)
            inside.set()
            await asyncio.sleep(WAIT_S)

    task = asyncio.create_task(hang())
    await asyncio.wait_for(inside.wait(), WAIT_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(WAIT_S), store.transaction() as work:
        assert await work.values.get("s", "k") is None


async def test_a_transaction_cancelled_anywhere_keeps_no_lock(store: SqlStateStore) -> None:
    async def write(number: int) -> None:
        async with store.transaction() as work:
            await work.values.put("cut", str(number), number)
            await work.values.get("cut", str(number))

    for turns in range(60):  # a cancellation at each turn of the loop that the transaction takes, and after its end
        task = asyncio.create_task(write(turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=WAIT_S)
    for delay_us in range(0, 6_000, 40):  # and inside the statements, which the driver runs in a thread
        task = asyncio.create_task(write(delay_us))
        await asyncio.wait({task}, timeout=delay_us / 1e6)
        task.cancel()
        await asyncio.wait({task}, timeout=WAIT_S)
        async with asyncio.timeout(WAIT_S):
            await write(-1)


async def test_closing_waits_for_the_transaction_that_runs(make: Callable[[], SqlStateStore]) -> None:
    store = make()
    await store.open()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with store.transaction() as work:
            inside.set()
            await go_on.wait()
            await work.values.put("closing", "k", 1)

    task = asyncio.create_task(write())
    await asyncio.wait_for(inside.wait(), WAIT_S)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(asyncio.gather(task, closing), WAIT_S)
    again = make()
    await again.open()
    async with again.transaction() as work:
        assert await work.values.get("closing", "k") == 1


async def test_proxy_passwords_rest_sealed_and_come_back_clear(store: SqlStateStore, url: str) -> None:
    proxy = ProxyRecord(scheme="socks5", host="10.0.0.1", port=1080, username="u", password="s3cret-päss")
    async with store.transaction() as work:
        kept = await work.proxies.put(proxy)
        bare = await work.proxies.put(ProxyRecord(scheme="http", host="10.0.0.2", port=3128, enabled=False))
    async with store.transaction() as work:
        assert await work.proxies.list() == [kept, bare]
        assert await work.proxies.list(enabled_only=True) == [kept]
        assert kept.password == "s3cret-päss"
    assert "s3cret" not in str(await sql(url, "SELECT * FROM proxy_config"))
    assert "s3cret" not in repr(kept)


async def test_a_proxy_is_replaced_by_id_or_by_address(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        kept = await work.proxies.put(ProxyRecord(scheme="http", host="a", port=1, password="first-secret"))
        again = await work.proxies.put(ProxyRecord(scheme="http", host="a", port=1, password="two", failures=3))
        assert again.id == kept.id
        moved = await work.proxies.put(ProxyRecord(id=kept.id, scheme="http", host="b", port=2, password="three"))
        assert await work.proxies.list() == [moved]
        assert await work.proxies.remove(kept.id)
        assert not await work.proxies.remove(kept.id)


async def test_a_sealed_password_does_not_open_in_another_row(store: SqlStateStore, url: str) -> None:
    async with store.transaction() as work:
        await work.proxies.put(ProxyRecord(scheme="http", host="good", port=1, password="first-secret"))
        await work.proxies.put(ProxyRecord(scheme="http", host="evil", port=1, password="two"))
    sealed_of_good = "(SELECT password_sealed FROM proxy_config WHERE host = 'good')"
    await sql(url, f"UPDATE proxy_config SET password_sealed = {sealed_of_good} WHERE host = 'evil'")
    with pytest.raises(IntegrityError) as caught:
        async with store.transaction() as work:
            await work.proxies.list()
    assert "first-secret" not in str(caught.value)


async def test_access_keys_are_found_by_hash(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        key = await work.access_keys.put(AccessKey(name="bot", prefix="qs_abc", key_hash="f" * 64, qps_limit=50, created_ms=7))
        other = await work.access_keys.put(AccessKey(name="bot2", prefix="qs_def", key_hash="e" * 64, qps_limit=5))
        assert await work.access_keys.find("f" * 64) == key
        assert await work.access_keys.find("0" * 64) is None
        assert await work.access_keys.list() == [key, other]
        assert await work.access_keys.remove(key.id)
        assert not await work.access_keys.remove(key.id)
        assert await work.access_keys.find("f" * 64) is None


async def test_subscriptions_are_replaced_per_market_in_order(store: SqlStateStore) -> None:
    spot = [kline_stream(base, market="spot") for base in ("BTC", "ETH", "SOL")]
    um: dict[str, list[StreamId]] = {"c1": [kline_stream("ETH"), kline_stream("BTC")], "c2": [kline_stream("SOL", period="1h")]}
    async with store.transaction() as work:
        await work.subscriptions.replace("binance", "spot", {"c1": spot})
        await work.subscriptions.replace("binance", "um", {"old": [kline_stream("DOGE")]})
        await work.subscriptions.replace("binance", "um", um)
    async with store.transaction() as work:
        assert await work.subscriptions.list("binance", "um") == um
        assert await work.subscriptions.list("binance", "spot") == {"c1": spot}
        await work.subscriptions.replace("binance", "um", {})
        assert await work.subscriptions.list("binance", "um") == {}


async def test_values_are_json_and_per_scope(store: SqlStateStore) -> None:
    value = {"a": [1, 2.5, None, "ü"], "b": True}
    async with store.transaction() as work:
        await work.values.put("scope", "b", value)
        await work.values.put("scope", "a", 1)
        await work.values.put("scope", "a", 2)
        await work.values.put("other", "a", "x")
    async with store.transaction() as work:
        assert await work.values.get("scope", "b") == value
        assert await work.values.items("scope") == {"a": 2, "b": value}
        assert await work.values.get("scope", "none") is None
        assert await work.values.remove("scope", "a")
        assert not await work.values.remove("scope", "a")
        assert await work.values.get("other", "a") == "x"


async def test_a_lease_grants_what_is_left_and_no_more(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        assert await work.leases.take("ip", 1, 4, 10) == 4
        assert await work.leases.take("ip", 1, 9, 10) == 6
        assert await work.leases.take("ip", 1, 1, 10) == 0
        assert await work.leases.take("ip", 2, 1, 10) == 1
        assert await work.leases.take("other", 1, 1, 10) == 1
        assert await work.leases.used("ip", 1) == 10
        assert await work.leases.used("ip", 3) == 0


async def test_the_venues_figure_raises_used_and_never_lowers_it(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        await work.leases.take("ip", 1, 4, 10)
        await work.leases.set_used("ip", 1, 9)
        await work.leases.set_used("ip", 1, 2)
        assert await work.leases.used("ip", 1) == 9
        assert await work.leases.take("ip", 1, 5, 10) == 1
        await work.leases.set_used("ip", 2, 50)
        assert await work.leases.take("ip", 2, 5, 10) == 0


async def test_old_windows_are_forgotten(store: SqlStateStore, url: str) -> None:
    for window in range(100):
        async with store.transaction() as work:
            await work.leases.take("ip", window, 1, 10)
    ((rows,),) = await sql(url, "SELECT count(*) FROM weight_lease")
    assert isinstance(rows, int)
    assert rows < 20


async def test_the_longest_block_stays(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        assert await work.leases.blocked_until("ip") == 0
        await work.leases.block("ip", 500)
        await work.leases.block("ip", 100)
        assert await work.leases.blocked_until("ip") == 500
        await work.leases.block("ip", 900)
        assert await work.leases.blocked_until("ip") == 900


async def test_concurrent_takers_never_get_more_than_the_limit(store: SqlStateStore, make: Callable[[], SqlStateStore]) -> None:
    second = make()
    await second.open()

    async def taker(source: SqlStateStore) -> int:
        total = 0
        for _ in range(10):
            async with source.transaction() as work:
                total += await work.leases.take("ip", 7, 3, 100)
        return total

    granted = await asyncio.wait_for(asyncio.gather(*(taker(source) for source in (store, second) * 3)), WAIT_S)
    assert sum(granted) == 100


async def test_the_outbox_keeps_commit_order_and_whole_messages(store: SqlStateStore) -> None:
    messages = [command(number) for number in range(5)]
    for message in messages:
        async with store.transaction() as work:
            await work.outbox.add(message)
    async with store.transaction() as work:
        assert await work.outbox.pending(3) == messages[:3]
        await work.outbox.mark([message.event_id for message in messages[:2]], published_ns=1_000)
        assert await work.outbox.pending(10) == messages[2:]
        assert await work.outbox.prune(before_ns=1_000) == 0
        assert await work.outbox.prune(before_ns=1_001) == 2
        assert await work.outbox.pending(10) == messages[2:]


async def test_outbox_writers_commit_in_the_order_of_their_rows(store: SqlStateStore, make: Callable[[], SqlStateStore]) -> None:
    """A lower row id must never become visible after a higher one (fault BU3)."""
    second = make()
    await second.open()
    added, release = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with store.transaction() as work:
            await work.outbox.add(command(1))
            added.set()
            await release.wait()

    async def fast() -> None:
        async with second.transaction() as work:
            await work.outbox.add(command(2))

    slow_task = asyncio.create_task(slow())
    await asyncio.wait_for(added.wait(), WAIT_S)
    fast_task = asyncio.create_task(fast())
    done, _ = await asyncio.wait([fast_task], timeout=0.3)
    assert not done, "the second writer committed before the first, whose row id is lower"
    release.set()
    await asyncio.wait_for(asyncio.gather(slow_task, fast_task), WAIT_S)
    async with store.transaction() as work:
        assert [message.data.id for message in await work.outbox.pending(10)] == ["1", "2"]


async def test_the_outbox_takes_durable_payloads_only(store: SqlStateStore) -> None:
    with pytest.raises(TypeError, match="MarketBatch"):
        async with store.transaction() as work:
            await work.outbox.add(Message(topic=Topic.MARKET_LIVE, data=MarketBatch(())))


async def test_waiting_for_the_outbox_ends_at_a_commit_or_the_timeout(store: SqlStateStore) -> None:
    await asyncio.wait_for(store.wait_outbox(0.01), WAIT_S)
    waiting = asyncio.create_task(store.wait_outbox(WAIT_S * 10))
    async with store.transaction() as work:
        await work.outbox.add(command())
    await asyncio.wait_for(waiting, WAIT_S)


async def test_an_event_is_applied_once_per_consumer(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        assert not await work.inbox.applied("c", "e1")
        assert await work.inbox.first_time("c", "e1", now_ns=10)
        assert await work.inbox.applied("c", "e1")
        assert not await work.inbox.applied("d", "e1")
        assert not await work.inbox.first_time("c", "e1", now_ns=11)
        assert await work.inbox.first_time("d", "e1", now_ns=12)
        assert await work.inbox.prune(before_ns=11) == 1
        assert await work.inbox.first_time("c", "e1", now_ns=13)


async def test_an_applied_event_rolls_back_with_its_effect(store: SqlStateStore) -> None:
    async def fail() -> None:
        async with store.transaction() as work:
            assert await work.inbox.first_time("c", "e1", now_ns=10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.transaction() as work:
        assert await work.inbox.first_time("c", "e1", now_ns=11)


async def test_what_was_committed_is_there_after_reopening(make: Callable[[], SqlStateStore]) -> None:
    first = make()
    await first.open()
    async with first.transaction() as work:
        kept = await work.pairs.put(pair())
    await first.close()
    second = make()
    await second.open()
    async with second.transaction() as work:
        assert await work.pairs.list() == [kept]


async def test_several_openers_at_once_migrate_once(make: Callable[[], SqlStateStore]) -> None:
    stores = [make() for _ in range(4)]
    await asyncio.wait_for(asyncio.gather(*(item.open() for item in stores)), WAIT_S)
    async with stores[3].transaction() as work:
        assert await work.pairs.list() == []


async def test_a_newer_schema_is_refused_in_one_sentence(make: Callable[[], SqlStateStore], store: SqlStateStore, url: str) -> None:
    await store.close()
    await sql(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(EnvironmentFault, match=r"schema 9999.*newer QuantService.*upgrade") as caught:
        await make().open()
    assert "\n" not in str(caught.value)


async def test_a_store_that_is_not_open_says_so(make: Callable[[], SqlStateStore]) -> None:
    with pytest.raises(StoreUnavailable, match="not open"):
        async with make().transaction():
            pass


async def test_the_migrations_make_exactly_the_declared_tables(store: SqlStateStore, url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from quantservice.adapters.state_store.tables import metadata

    difference = await on(url, lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert difference == []
