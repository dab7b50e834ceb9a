"""How an account's past is read for a rehearsal: page by page, so far back and no further, with the prices that it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.support.clock import ManualClock
from tests.support.market import instrument, kline

from quantservice.core.errors import InvalidValue
from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentBook, InstrumentId
from quantservice.core.intents import Denied, Intent, OrderTerms
from quantservice.core.ledger import Entry
from quantservice.core.orders import Order, OrderState, VenueFill
from quantservice.core.spans import Span
from quantservice.ports import JournalRow, StrategyQuota, TradingAccount
from quantservice.quant.risk_rules import rule_of
from quantservice.services.risk import rehearsals
from quantservice.services.risk.attribution import Outcome
from quantservice.services.risk.rehearsals import MOST, Rehearsals, shown
from quantservice.services.risk.rehearsing import Blocked, Mark, Money, Rehearsal, RuleRehearsal

D = Decimal
BTC, BNB = instrument("BTC"), instrument("BNB")
BNB_SPOT, BTC_SPOT = instrument("BNB", market="spot"), instrument("BTC", market="spot")
BOOK = InstrumentBook([BTC, BNB, BNB_SPOT, BTC_SPOT])
MS, DAY_MS = 1_000_000, 86_400_000


def order(number: int, at_ns: int, *, state: OrderState = OrderState.FILLED, name: InstrumentId = BTC.id) -> Order:
    terms = OrderTerms(account="main", instrument=name, side="buy", quantity=D(1))
    return Order(order_id=f"o{number}", intent_id=f"o{number}", terms=terms, state=state, created_ns=at_ns, updated_ns=at_ns)


def fill(number: int, *, rules: Any = BTC, fee: str = "0", currency: str = "", at_ms: int = 0) -> VenueFill:
    return VenueFill(
        account="main", instrument=rules.id, trade_id=f"{number:03}", side="buy", price=D(100), quantity=D(1),
        fee=D(fee), fee_currency=currency, time_ms=at_ms or number,
    )  # fmt: skip


class Store:
    """The tables that are read, as lists; ``asked`` notes every question."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.fills: list[VenueFill] = []
        self.entries: list[JournalRow] = []
        self.held: list[Any] = []
        self.asked: list[Any] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async def one(name: str) -> TradingAccount | None:
            return TradingAccount(name=name, venue="binance", market="um") if name == "main" else None

        async def accounts() -> list[Any]:
            return [TradingAccount(name="main", venue="binance", market="um")]

        async def quotas() -> list[StrategyQuota]:
            return [StrategyQuota(deployment="d", account="main")]

        yield SimpleNamespace(
            accounts=SimpleNamespace(get=one, list=accounts),
            quotas=SimpleNamespace(list=quotas),
            orders=SimpleNamespace(list=self.list_orders, open=self.open_orders),
            fills=SimpleNamespace(list=self.list_fills),
            books=SimpleNamespace(positions=self.positions, journal=self.journal),
        )

    async def list_orders(self, *, account: str, limit: int, before_ns: int | None) -> list[Order]:
        self.asked.append(("orders", before_ns))
        found = [item for item in self.orders if before_ns is None or item.created_ns < before_ns]
        return sorted(found, key=lambda item: item.created_ns, reverse=True)[:limit]

    async def open_orders(self, account: str) -> list[Order]:
        self.asked.append(("open", account))
        return [item for item in self.orders if not item.final]

    async def list_fills(self, *, account: str, since_ms: int | None, limit: int, newest: bool) -> list[Any]:
        self.asked.append(("fills", since_ms, newest))
        found = [item for item in self.fills if since_ms is None or item.time_ms >= since_ms]
        return [(item, "o1", "d") for item in sorted(found, key=lambda item: item.time_ms)][:limit]

    async def positions(self, *, account: str) -> list[Any]:
        return self.held

    async def journal(self, *, account: str, after: int, limit: int) -> list[JournalRow]:
        self.asked.append(("journal", after))
        return [item for item in self.entries if item.sequence > after][:limit]


class Market:
    """Answers each question with one bar, and notes the question."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Span, dict[str, Any]]] = []

    async def read_klines(self, stream: StreamId, span: Span, **more: Any) -> list[Any]:
        self.asked.append((str(stream.instrument), stream.period, span, more))
        return [kline(close="123")]


class Rig:
    def __init__(self) -> None:
        self.store, self.market, self.clock = Store(), Market(), ManualClock()
        self.asked = Rehearsals(self.store, self.market, self, lambda: BOOK, self.clock)  # type: ignore[arg-type]

    async def rules(self) -> list[dict[str, Any]]:
        """As risk control has them."""
        made = [("max_position", "off"), ("fresh_data", "enforced"), ("max_order_value", "shadow"), ("stop_loss", "off")]
        return [{"name": name, "mode": mode, "parameters": {"limit": {"value": "50"}}} for name, mode in made]


# --- orders ---------------------------------------------------------------------------------------------------------------


async def test_orders_are_read_in_pages_until_they_are_old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsals, "_PAGE", 3)
    rig = Rig()
    rig.store.orders = [order(number, number * 10) for number in range(1, 11)]
    rig.store.orders[0] = order(1, 10, state=OrderState.OPEN)
    found = await rig.asked._orders("main", 60)
    assert [item.order_id for item in found] == ["o1", "o6", "o7", "o8", "o9", "o10"], "and what is open still"
    assert rig.store.asked == [("orders", None), ("open", "main"), ("orders", 81), ("orders", 61)]
    rig.store.asked.clear()
    assert len(await rig.asked._orders("main", 0)) == 10
    assert rig.store.asked[-1] == ("orders", 21), "the last page is not full"


async def test_orders_of_one_instant_do_not_keep_it_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsals, "_PAGE", 2)
    rig = Rig()
    rig.store.orders = [order(number, 50) for number in range(3)]
    await rig.asked._orders("main", 0)
    assert rig.store.asked == [("orders", None), ("open", "main"), ("orders", 51)]


# --- fills and entries ----------------------------------------------------------------------------------------------------


async def test_fills_and_entries_are_read_whole_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsals, "_PAGE", 3)
    rig = Rig()
    rig.store.fills, rig.store.held = [fill(number) for number in range(1, 8)], ["held"]
    found, held = await rig.asked._fills("main")
    assert [item.trade_id for item, _, _ in found] == [f"{number:03}" for number in range(1, 8)]
    assert held is rig.store.held
    assert rig.store.asked == [("fills", since, False) for since in (None, 3, 5, 7)]
    rig.store.asked.clear()
    rig.store.entries = [JournalRow(account="main", sequence=n, entry=Entry(entry_id=f"{n}", postings=())) for n in range(1, 7)]
    assert [item.sequence for item in await rig.asked._entries("main")] == [1, 2, 3, 4, 5, 6]
    assert rig.store.asked == [("journal", 0), ("journal", 3), ("journal", 6)]


async def test_fills_of_one_instant_do_not_keep_it_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsals, "_PAGE", 2)
    rig = Rig()
    rig.store.fills = [fill(number, at_ms=9) for number in range(3)]
    await rig.asked._fills("main")
    assert rig.store.asked == [("fills", None, False), ("fills", 9, False)]


@pytest.mark.parametrize("what", ["orders", "fills", "entries of the journal"])
async def test_a_past_that_is_too_long_is_refused_and_one_that_is_as_long_as_allowed_is_not(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (MOST, rehearsals._PAGE) == (200_000, 5_000)
    monkeypatch.setattr(rehearsals, "MOST", 3)
    rig = Rig()

    async def read(count: int) -> None:
        rig.store.orders = [order(number, number) for number in range(count)]
        rig.store.fills = [fill(number) for number in range(count)]
        rig.store.entries = [
            JournalRow(account="main", sequence=n, entry=Entry(entry_id=f"{n}", postings=())) for n in range(1, count + 1)
        ]
        if what == "orders":
            await rig.asked._orders("main", 0)
        elif what == "fills":
            await rig.asked._fills("main")
        else:
            await rig.asked._entries("main")

    await read(3)
    with pytest.raises(InvalidValue, match=f"main has more than 3 {what}"):
        await read(4)


# --- prices ---------------------------------------------------------------------------------------------------------------


async def test_prices_are_those_of_the_range_and_the_last_one_after_it() -> None:
    rig = Rig()
    now, account = rig.clock.now_ms(), TradingAccount(name="main", venue="binance", market="um")
    orders = [order(1, 1), order(2, 2, name=BNB.id)]
    found = await rig.asked._marks(account, orders, [], now - 31 * DAY_MS, now)
    assert rig.market.asked == [(str(name), "1m", Span(now - 31 * DAY_MS, now), {}) for name in (BNB.id, BTC.id)]
    bar = kline(close="123")
    assert found == [Mark(name, bar.close_time + 1, D(123)) for name in (BNB.id, BTC.id)]
    rig.market.asked.clear()
    await rig.asked._marks(account, orders[:1], [], now - 31 * DAY_MS - 2, now - 1)
    assert rig.market.asked == [
        (str(BTC.id), "1h", Span(now - 31 * DAY_MS - 2, now - 1), {}),
        (str(BTC.id), "1m", Span(now - 1, now), {"limit": 1, "newest": True}),
    ]
    rig.market.asked.clear()
    assert await rig.asked._marks(account, orders[:1], [], -5, 0) == [Mark(BTC.id, bar.close_time + 1, D(123))]
    assert [item[2] for item in rig.market.asked] == [Span(0, now)], "there is nothing before the beginning"
    rig.market.asked.clear()
    await rig.asked._marks(account, orders[:1], [], -5, 7)
    assert [item[2] for item in rig.market.asked] == [Span(0, 7), Span(7, now)]


async def test_what_fees_were_paid_in_is_priced_by_the_pair_at_spot_where_there_is_one() -> None:
    rig = Rig()
    account = TradingAccount(name="main", venue="binance", market="um")

    async def named(*fills: VenueFill) -> set[str]:
        rig.market.asked.clear()
        now = rig.clock.now_ms()
        await rig.asked._marks(account, [], [(item, "o1", "d") for item in fills], now - 10, now)
        return {item[0] for item in rig.market.asked}

    paid = fill(1, fee="0.1", currency="BNB")
    assert await named(paid) == {str(BTC.id), str(BNB_SPOT.id)}
    assert await named(fill(1, currency="BNB")) == {str(BTC.id)}, "nothing was paid"
    for currency in ("", "USDT", "BTC", "XYZ"):
        assert await named(fill(1, fee="0.1", currency=currency)) == {str(BTC.id)}, currency
    strange = instrument("XYZ")
    assert await named(fill(1, rules=strange, fee="1", currency="BNB")) == {str(strange.id)}
    for order_of_book in ([BTC, BNB, BNB_SPOT], [BTC, BNB_SPOT, BNB]):
        rig.asked._instruments = lambda rules=order_of_book: InstrumentBook(rules)  # type: ignore[misc]
        assert await named(paid) == {str(BTC.id), str(BNB_SPOT.id)}
    rig.asked._instruments = lambda: InstrumentBook([BTC, BNB])
    assert await named(paid) == {str(BTC.id), str(BNB.id)}
    rig.asked._instruments = lambda: InstrumentBook([BTC])
    assert await named(paid) == {str(BTC.id)}


# --- the question ---------------------------------------------------------------------------------------------------------


async def test_without_a_range_the_last_thirty_days_are_judged_and_this_instant_too() -> None:
    rig = Rig()
    now = rig.clock.now_ms()
    made, span, left = await rig.asked.rehearse("main")
    assert span == (now + 1 - 30 * DAY_MS, now + 1)
    assert [rule.name for rule in made.rules] == ["max_order_value"]
    assert [name for name, _ in left] == ["fresh_data"]
    assert (await rig.asked.rehearse("main", end_ms=9))[1] == (0, 9)
    assert (await rig.asked.rehearse("main", start_ms=8, end_ms=9))[1] == (8, 9)
    with pytest.raises(InvalidValue, match="9 is not before the end 9"):
        await rig.asked.rehearse("main", start_ms=9, end_ms=9)


async def test_what_is_read_begins_a_day_before_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    seen: dict[str, Any] = {}

    async def orders(account: str, since_ns: int) -> list[Order]:
        seen["orders"] = (account, since_ns)
        return []

    async def marks(_account: Any, _orders: Any, _fills: Any, start_ms: int, end_ms: int) -> list[Mark]:
        seen["marks"] = (start_ms, end_ms)
        return []

    monkeypatch.setattr(rig.asked, "_orders", orders)
    monkeypatch.setattr(rig.asked, "_marks", marks)
    past = await rig.asked._past("main", 3 * DAY_MS, 4 * DAY_MS)
    assert seen == {"orders": ("main", 2 * DAY_MS * MS), "marks": (2 * DAY_MS, 4 * DAY_MS)}
    assert (past.account.name, list(past.quotas)) == ("main", ["d"])


async def test_a_rule_is_asked_with_its_own_parameters_or_with_those_that_are_given() -> None:
    rig = Rig()
    for parameters, limit in (({}, "50"), ({"limit": "70"}, "70")):
        rules, left = await rig.asked._rules("max_position", parameters)
        assert (rules, left) == ([rule_of("max_position", {"limit": limit})], []), "also one that is off"
    with pytest.raises(InvalidValue, match="fresh_data cannot be asked of the past"):
        await rig.asked._rules("fresh_data", {})


# --- the answer -----------------------------------------------------------------------------------------------------------


def blocked(number: int, rule: str, *, outcome: Outcome | None = None) -> Blocked:
    made = order(number, number * MS)
    intent = Intent(intent_id=made.intent_id, terms=made.terms)
    return Blocked(order=made, denied=Denied(intent=intent, rule=rule, limit="1", value="2", sentence="no"), outcome=outcome)


def test_the_newest_blocked_orders_are_shown_once_for_each_rule() -> None:
    earned = Outcome(currency="USDT", opened=D(2), open=D("0.50"), realised=D("3.0"), fees=D(1), unpriced={"HT": D("0.10")})
    closing = Outcome(currency="USDT", unpriced={"HT": D(1)})
    rows = (blocked(1, "b"), blocked(3, "b", outcome=earned), blocked(2, "b", outcome=closing))
    first = RuleRehearsal(
        name="b", parameters={"type": "b", "limit": "1"}, blocked=rows, money=(Money(currency="USDT", cost=D(2)),)
    )
    second = RuleRehearsal(name="a", blocked=(blocked(3, "a"),))
    together = RuleRehearsal(name="", blocked=rows)
    made = Rehearsal(judged=5, left_out=1, rules=(first, second), together=together, without_price=2)
    answer = shown(made, limit=3)
    assert [(row["order_id"], row["rule"]) for row in answer["blocked"]] == [("o3", "a"), ("o3", "b"), ("o2", "b")]
    assert (answer["judged"], answer["left_out"], answer["without_price"]) == (5, 1, 2)
    assert answer["sentence"] == "would have blocked 3 of 5 orders"
    assert answer["together"] == {"name": "", "parameters": {}, "blocked": 3, "closing": 2, "money": []}
    assert answer["rules"][0] == {
        "name": "b",
        "parameters": {"limit": "1"},
        "blocked": 3,
        "closing": 2,
        "money": [{"currency": "USDT", "saved": "0", "cost": "2"}],
    }
    bare, opened, closed = answer["blocked"]
    common = {"deployment": "", "instrument": str(BTC.id), "side": "buy", "quantity": "1", "state": "filled"}
    common |= {"limit": "1", "value": "2", "sentence": "no"}
    nothing: dict[str, Any] = {"profit": None, "currency": "", "open": "0", "unpriced_fees": {}}
    assert bare == {"time_ms": 3, "order_id": "o3", "rule": "a"} | common | nothing
    money = {"profit": "2.0", "currency": "USDT", "open": "0.50", "unpriced_fees": {"HT": "0.10"}}
    assert opened == {"time_ms": 3, "order_id": "o3", "rule": "b"} | common | money
    assert closed == {"time_ms": 2, "order_id": "o2", "rule": "b"} | common | nothing
    one = msgspec.structs.replace(made, judged=1)
    assert one.sentence == "would have blocked 3 of 1 order"
