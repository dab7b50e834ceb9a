"""What every StateStore must do for trading: each thing once, exact amounts, one gateway, newest first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.market import instrument
from tests.support.state import create_database, postgres_url

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent, OrderTerms, intent_id
from quantservice.core.ledger import Entry, Posting
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, VenueFill, order_of
from quantservice.core.positions import Position
from quantservice.ports import (
    DayComparison,
    EquityPoint,
    HeldPosition,
    IntentRecord,
    JournalRow,
    PositionGap,
    RiskDecision,
    RiskState,
    RunEvent,
    StrategyQuota,
    TradingAccount,
    VenueKey,
)

__all__ = ["postgres_url"]

SQLITE = pytest.param("sqlite", id="sqlite")
POSTGRES = pytest.param("postgresql", id="postgresql", marks=pytest.mark.server)
BTC = instrument("BTC").id
SHOWN = Evidence(source="push", reference="1")


@pytest.fixture(params=[SQLITE, POSTGRES])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Callable[[], SqlStateStore]]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.db'}"
    else:
        url = await create_database(request.getfixturevalue("postgres_url"))
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


def intent(number: int = 1, **changes: Any) -> Intent:
    terms = OrderTerms(account="main", instrument=BTC, side="buy", quantity=Decimal("0.123456789012345678"))
    return Intent(intent_id=intent_id("main", "d1", f"cause-{number}"), terms=terms, deployment="d1", created_ns=number, **changes)


def order(number: int = 1, *changes: Change) -> Order:
    made = order_of(intent(number), created_ns=number)
    for change in changes:
        made = made.apply(OrderEvent(change=change, evidence=SHOWN, venue_order_id=f"v{number}", time_ns=number + 1))
    return made


def fill(number: int = 1, **changes: Any) -> VenueFill:
    fields: dict[str, Any] = {"account": "main", "instrument": BTC, "trade_id": f"t{number}", "side": "buy"}
    fields |= {"price": Decimal("67123.1"), "quantity": Decimal("0.001"), "fee": Decimal("0.0268492"), "time_ms": number}
    return VenueFill(**(fields | changes))


def entry(number: int, amount: str, currency: str = "USDT") -> Entry:
    postings = (
        Posting(account="wallet", currency=currency, amount=Decimal(amount)),
        Posting(account="equity", currency=currency, amount=-Decimal(amount)),
    )
    return Entry(entry_id=f"e{number}", postings=postings, time=number, reason="trade")


async def test_equity_is_merged_into_its_buckets_and_old_ones_go(store: SqlStateStore) -> None:
    day, minute = 86_400_000, 60_000

    def point(time_ms: int, equity: str, low: str, high: str, account: str = "main") -> EquityPoint:
        amounts = {"equity": Decimal(equity), "low": Decimal(low), "high": Decimal(high), "paid_in": Decimal(100)}
        return EquityPoint(account=account, time_ms=time_ms, **amounts)

    async with store.transaction() as work:
        await work.equity.record(point(day + 1, "100", "99", "100.5"))
        await work.equity.record(point(day + 59_999, "100.10", "99.5", "101"))
        await work.equity.record(point(day + minute, "98", "97", "99.9"))
        await work.equity.record(point(day + 5, "7", "7", "7", account="other"))
    async with store.transaction() as work:
        minutes = await work.equity.list("main", minute, start_ms=0, end_ms=10 * day)
        (hour,) = await work.equity.list("main", 60 * minute, start_ms=0, end_ms=10 * day)
        assert minutes == [point(day, "100.10", "99", "101"), point(day + minute, "98", "97", "99.9")]
        assert hour == point(day, "98", "97", "101")
        assert await work.equity.list("main", minute, start_ms=day + 1, end_ms=day + minute) == []
        assert (await work.equity.first_ms("main", day), await work.equity.first_ms("nobody", day)) == (day, None)
        await work.equity.record(point(3 * day, "90", "90", "90"))  # two days after the first minute: it is still kept
        assert await work.equity.first_ms("main", minute) == day
        await work.equity.record(point(3 * day + minute, "91", "91", "91"))
        assert [await work.equity.first_ms("main", step) for step in (minute, 60 * minute, day)] == [day + minute, day, day]
        assert await work.equity.first_ms("other", minute) == day


async def test_what_is_paid_in_within_a_bucket_moves_its_lowest_and_its_highest(store: SqlStateStore) -> None:
    day, minute = 86_400_000, 60_000

    def point(time_ms: int, equity: str, low: str, high: str, paid_in: str) -> EquityPoint:
        amounts = {"equity": Decimal(equity), "low": Decimal(low), "high": Decimal(high), "paid_in": Decimal(paid_in)}
        return EquityPoint(account="main", time_ms=time_ms, **amounts)

    async with store.transaction() as work:
        await work.equity.record(point(day, "100", "98.5", "101.5", "100"))
        await work.equity.record(point(day + 1, "150.25", "150", "150.5", "150"))
        assert await work.equity.list("main", minute, start_ms=0, end_ms=2 * day) == [point(day, "150.25", "148.5", "151.5", "150")]
        await work.equity.record(point(day + 2, "90", "90", "120", "90"))
        assert await work.equity.list("main", minute, start_ms=0, end_ms=2 * day) == [point(day, "90", "88.5", "120", "90")]


async def test_a_days_last_comparison_is_kept_and_that_it_differed_before(store: SqlStateStore) -> None:
    day = 86_400_000
    leg = PositionGap(instrument=BTC, side="both", booked=Decimal(1), venue=Decimal("1.5"))

    def comparison(time_ms: int, venue: str, differed_ms: int = 0, account: str = "main") -> DayComparison:
        legs = (leg,) if differed_ms else ()
        booked, told = {"USDT": Decimal("7.10")}, {"USDT": Decimal(venue)}
        return DayComparison(account=account, time_ms=time_ms, booked=booked, venue=told, positions=legs, differed_ms=differed_ms)

    async with store.transaction() as work:
        await work.statements.record(comparison(day + 1, "7.11", differed_ms=day + 1))
        assert await work.statements.list("main") == [comparison(day + 1, "7.11", differed_ms=day + 1)]
        await work.statements.record(comparison(2 * day - 1, "7.10"))
        await work.statements.record(comparison(2 * day, "7.10"))
        await work.statements.record(comparison(day, "9", account="other"))
    async with store.transaction() as work:
        first, second = await work.statements.list("main")
        assert first == msgspec.structs.replace(comparison(2 * day - 1, "7.10"), differed_ms=day + 1)
        assert second == comparison(2 * day, "7.10")
        assert await work.statements.list("main", start_ms=2 * day) == [second]
        assert await work.statements.list("nobody") == []


async def test_an_intent_is_kept_once_and_comes_back_whole(store: SqlStateStore) -> None:
    record = IntentRecord(intent=intent(), state="approved", decided_ns=7)
    async with store.transaction() as work:
        assert await work.intents.add(record)
        assert not await work.intents.add(msgspec.structs.replace(record, state="denied"))
        assert await work.intents.get(record.intent.intent_id) == record
        await work.intents.set_state(record.intent.intent_id, "discarded")
    async with store.transaction() as work:
        (found,) = await work.intents.list(account="main", deployment="d1")
        assert found == msgspec.structs.replace(record, state="discarded")
        assert await work.intents.list(deployment="other") == []


async def test_orders_are_found_open_by_venue_id_and_newest_first(store: SqlStateStore) -> None:
    living = order(1, Change.SUBMIT, Change.ACCEPT)
    lost = order(2, Change.SUBMIT, Change.LOSE)
    ended = order(3, Change.SUBMIT, Change.ACCEPT, Change.CANCEL)
    async with store.transaction() as work:
        for item in (ended, lost, living):
            await work.orders.put(item)
    async with store.transaction() as work:
        assert await work.orders.open("main") == [living, lost]
        assert await work.orders.open("other") == []
        assert await work.orders.by_venue_id("main", ended.terms.instrument, "v3") == ended
        assert await work.orders.by_venue_id("main", InstrumentId("binance", "um", "OTHER"), "v3") is None
        assert await work.orders.of_intent(lost.intent_id) == lost
        assert [item.order_id for item in await work.orders.list(limit=2)] == [ended.order_id, lost.order_id]
        assert await work.orders.list(before_ns=2) == [living]
        assert await work.orders.counts("main", since_ns=2) == {"d1": 2}
        assert await work.orders.counts("other", since_ns=0) == {}
        assert await work.orders.list(instrument="binance:um:NOPE") == []
        await work.orders.put(living.apply(OrderEvent(change=Change.COMPLETE, evidence=SHOWN, time_ns=9)))
        assert await work.orders.open() == [lost]


async def test_a_fill_counts_once_per_account_and_instrument(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        assert await work.fills.add(fill(), order_id="o1", deployment="d1")
        assert not await work.fills.add(fill(), order_id="o2", deployment="d1")
        assert await work.fills.add(fill(account="second"), order_id="o3", deployment="")
        assert await work.fills.add(fill(instrument=instrument("ETH").id), order_id="o1", deployment="d1")
        assert [item.key for item in await work.fills.of_order("o1")] == [fill().key, fill(instrument=instrument("ETH").id).key]
        assert await work.fills.list(account="second") == [(fill(account="second"), "o3", "")]
        assert await work.fills.list(since_ms=2) == []


async def test_amounts_survive_to_the_last_digit_and_balances_are_their_sum(store: SqlStateStore) -> None:
    tiny = "0.000000000000000001"
    async with store.transaction() as work:
        assert await work.books.post(JournalRow(account="main", deployment="d1", entry=entry(1, "100000.00000001")))
        assert await work.books.post(JournalRow(account="main", deployment="d2", entry=entry(2, tiny)))
        assert not await work.books.post(JournalRow(account="main", deployment="d2", entry=entry(2, "5")))
        assert await work.books.posted(entry(2, "5").entry_id)
        assert not await work.books.posted("nothing of this name")
    async with store.transaction() as work:
        sums = await work.books.balances(account="main")
        assert sums["main", "wallet", "USDT"] == Decimal("100000.000000010000000001")
        assert sums["main", "wallet", "USDT"] + sums["main", "equity", "USDT"] == 0
        assert (await work.books.balances(deployment="d2"))["main", "wallet", "USDT"] == Decimal(tiny)
        rows = await work.books.journal(account="main")
        assert [row.entry for row in rows] == [entry(1, "100000.00000001"), entry(2, tiny)]
        assert [row.sequence for row in await work.books.journal(newest=True)] == [rows[1].sequence, rows[0].sequence]
        assert await work.books.journal(after=rows[1].sequence) == []
        assert await work.books.entries([rows[1].entry.entry_id, "nothing of this name"]) == [rows[1]]
        assert await work.books.entries([]) == []


async def test_writers_at_once_add_up(make: Callable[[], SqlStateStore]) -> None:
    one, two = make(), make()
    await one.open()
    await two.open()

    async def write(store: SqlStateStore, start: int) -> None:
        for number in range(start, start + 15):
            async with store.transaction() as work:
                await work.books.post(JournalRow(account="main", entry=entry(number, "0.1")))

    await asyncio.gather(write(one, 0), write(two, 100), write(one, 200))
    async with two.transaction() as work:
        assert (await work.books.balances())["main", "wallet", "USDT"] == Decimal("4.5")


async def test_positions_of_an_account_and_of_its_deployments_are_apart(store: SqlStateStore) -> None:
    whole = HeldPosition(account="main", position=Position(instrument=BTC, quantity=Decimal("1.5"), cost=Decimal("100000.5")))
    part = msgspec.structs.replace(whole, deployment="d1", position=Position(instrument=BTC, quantity=Decimal("0.5")))
    async with store.transaction() as work:
        for item in (whole, part, msgspec.structs.replace(part, updated_ms=9)):
            await work.books.put_position(item)
        assert await work.books.position("main", str(BTC)) == whole
        assert await work.books.position("main", str(BTC), deployment="d1") == msgspec.structs.replace(part, updated_ms=9)
        assert await work.books.position("main", str(BTC), side="long") is None
        assert len(await work.books.positions(account="main")) == 2


async def test_an_envelope_is_replaced_only_where_it_is_the_one_that_was_read(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        kept = await work.accounts.put_key(VenueKey(account="main", prefix="AbCd", sealed="one", created_ms=1))
        assert not await work.accounts.rewrap_key(kept.id, before="other", sealed="two", version=2)
        assert await work.accounts.rewrap_key(kept.id, before="one", sealed="two", version=2)
        assert not await work.accounts.rewrap_key(kept.id + 1, before="two", sealed="three", version=3)
        assert await work.accounts.keys() == [msgspec.structs.replace(kept, sealed="two", version=2)]


async def test_accounts_keys_quotas_risk_and_runs(store: SqlStateStore) -> None:
    account = TradingAccount(name="main", venue="binance", market="um", mode="live", settings={"hedge": True}, created_ms=1)
    key = VenueKey(account="main", prefix="AbCd", sealed="v1.envelope", permissions={"trade": True})
    halted = RiskState(scope="account", key="main", state="HALTED", reason="daily loss", since_ms=4)
    denial = RiskDecision(
        intent_id="i", account="main", instrument=str(BTC), rule="max_order", limit="1", value="2", sentence="too large", time_ns=3
    )
    events = [RunEvent(run="r", sequence=number, kind="kline", time_ns=number, data={"n": number}) for number in (1, 2, 3)]
    async with store.transaction() as work:
        await work.accounts.put(account)
        kept = await work.accounts.put_key(key)
        await work.accounts.put_key(msgspec.structs.replace(kept, version=2))
        await work.quotas.put(StrategyQuota(deployment="d1", account="main", allocation=Decimal("10.10"), orders_per_day=5))
        await work.risk.set_state(msgspec.structs.replace(halted, state="ACTIVE"))
        await work.risk.set_state(halted)
        await work.risk.note(denial)
        for time_ns, shadow in ((1, False), (4, False), (5, True)):
            await work.risk.note(msgspec.structs.replace(denial, rule="max_position", shadow=shadow, time_ns=time_ns))
        for event in events:
            assert await work.runs.append(event.run, event.kind, event.data, time_ns=event.time_ns) == event.sequence
        assert await work.runs.append("other", "asked", {}, time_ns=9) == 1
    async with store.transaction() as work:
        assert await work.accounts.list() == [account]
        assert [item.version for item in await work.accounts.keys("main")] == [2]
        assert "envelope" not in repr(kept)
        quota = await work.quotas.get("d1")
        assert quota is not None
        assert (quota.allocation, quota.orders_per_day) == (Decimal("10.10"), 5)
        assert await work.risk.states() == [halted]
        denials = await work.risk.decisions()
        assert [(item.rule, item.time_ns) for item in denials] == [
            ("max_position", 5), ("max_position", 4), ("max_order", 3), ("max_position", 1),
        ]  # fmt: skip
        assert msgspec.structs.replace(denials[2], id=0) == denial
        assert await work.risk.counts(2) == {("max_position", False): 1, ("max_position", True): 1, ("max_order", False): 1}
        assert [item.rule for item in await work.risk.decisions(intent_id="i", account="main", limit=1)] == ["max_position"]
        assert await work.risk.decisions(intent_id="another") == []
        assert await work.runs.read("r", after=1) == events[1:]
        assert await work.runs.read("r", kind=events[0].kind) == [event for event in events if event.kind == events[0].kind]
        assert (await work.runs.last("r"), await work.runs.last("nobody")) == (events[-1].sequence, 0)
        assert await work.runs.runs() == {"other": 1, "r": 3}
        assert await work.accounts.remove("main")
        assert await work.accounts.keys() == []


async def test_a_run_is_bounded_and_how_it_began_stays(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        for number in range(1, 1_100):
            await work.runs.append("r", "began" if number in (1, 400) else "asked", {"n": number}, time_ns=number, keep=500)
    async with store.transaction() as work:
        kept = await work.runs.read("r")
        assert [event.sequence for event in kept[:3]] == [1, 400, 525]  # looked at every 256 events
        assert kept[-1] == RunEvent(run="r", sequence=1_099, kind="asked", time_ns=1_099, data={"n": 1_099})


async def test_events_of_a_run_are_found_by_an_id_in_them(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        for number, name in enumerate(("a_1", "ab1", "a_1", "a_1"), 1):
            await work.runs.append("r", "told" if number < 4 else "asked", {"id": name, "n": number}, time_ns=number * 10)
        await work.runs.append("other", "told", {"id": "a_1"}, time_ns=10)

    async def found(**bounds: Any) -> list[int]:
        async with store.transaction() as work:
            return [event.sequence for event in await work.runs.mentioning("r", '"a_1"', kind="told", **bounds)]

    assert await found() == [1, 3], "an underscore stands for itself"
    assert await found(newest=True, limit=1) == [3]
    assert (await found(since_ns=11), await found(until_ns=29), await found(since_ns=10, until_ns=10)) == ([3], [1], [1])


async def test_two_writers_of_one_run_lose_nothing(store: SqlStateStore) -> None:
    async def write(word: str) -> None:
        for number in range(20):
            async with store.transaction() as work:
                await work.runs.append("r", word, {"n": number}, time_ns=number)

    await asyncio.gather(write("asked"), write("sized"))
    async with store.transaction() as work:
        kept = await work.runs.read("r")
        assert [event.sequence for event in kept] == list(range(1, 41))
        assert [event.data["n"] for event in kept if event.kind == "sized"] == list(range(20))


async def test_one_gateway_sends_and_a_paused_one_is_fenced(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        first = await work.gateways.take("main", "a", now_ms=0, lease_ms=100)
        assert first is not None
        assert await work.gateways.take("main", "b", now_ms=50, lease_ms=100) is None
        again = await work.gateways.take("main", "a", now_ms=60, lease_ms=100)
        assert again is not None
        assert again.token == first.token
        second = await work.gateways.take("main", "b", now_ms=200, lease_ms=100)
        assert second is not None
        assert second.token > first.token
        assert not await work.gateways.check("main", "a", first.token, now_ms=201)
        assert await work.gateways.check("main", "b", second.token, now_ms=201)
        assert not await work.gateways.check("main", "b", second.token, now_ms=301)
        own = await work.gateways.take("main", "b", now_ms=400, lease_ms=100)
        assert own is not None
        assert own.token > second.token  # its lease had run out: somebody may have sent in between
        await work.gateways.release("main", "b")
        third = await work.gateways.take("main", "c", now_ms=401, lease_ms=100)
        assert third is not None
        assert third.token > own.token


async def test_who_leads_an_account_is_told_to_those_who_wait(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        assert await work.gateways.of("main") is None
        first = await work.gateways.take("main", "a", now_ms=0, lease_ms=100)
        assert await work.gateways.take("main", "b", now_ms=50, lease_ms=100) is None
        assert await work.gateways.of("main") == first
        await work.gateways.release("main", "a")
        given_up = await work.gateways.of("main")
        assert given_up is not None
        assert given_up.holder == ""
