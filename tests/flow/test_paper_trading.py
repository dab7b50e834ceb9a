"""Trading on paper: fills by the backtest's rules, money to the last digit, and a process that may die at any change."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.clock import ManualClock
from tests.support.execution_rig import BTC, RULES
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.state_store.trading_orders import SqlOrders
from quantservice.adapters.venues.paper import PaperConfig, PaperTrading
from quantservice.core.errors import EnvironmentFault, Refused
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Approved, Intent, OrderTerms, intent_id
from quantservice.core.money import exact
from quantservice.core.orders import OrderState, VenueFill
from quantservice.ports import TradingAccount
from quantservice.ports.trading import AccountSnapshot, OrderReport, StreamState
from quantservice.services.execution import Gateway, GatewayConfig
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import wallet_of
from quantservice.services.risk import ExposureBook, RiskDesk, RuleSet

D = Decimal
SPOT = InstrumentId("binance", "spot", "BTC-USDT")
SPOT_RULES = Instrument(
    id=SPOT, venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", tick_size=D("0.1"), lot_size=D("0.001"),
    min_notional=D(5),
)  # fmt: skip
LISTED = {BTC: RULES, SPOT: SPOT_RULES}
NO_SLIP = PaperConfig(slippage=D(0))


class Paper:
    """A paper account with the gateway and the books before it."""

    def __init__(self, store: SqlStateStore, clock: ManualClock, config: PaperConfig | None = None, market: str = "um") -> None:
        self.store, self.clock = store, clock
        self.trading = PaperTrading(
            "main", market, state=store, clock=clock, instrument_of=LISTED.get, config=config or PaperConfig()
        )
        desk = RiskDesk(RuleSet(enforced=()))
        desk.books["main"] = ExposureBook("main", LISTED.get)
        books = Bookkeeper(TradingAccount(name="main", venue="binance", market=market), LISTED.get, clock)

        async def told(_work: Any, _payload: Any) -> None:
            """Nobody listens."""

        config_of = GatewayConfig(lease_ms=3_600_000)
        self.gateway = Gateway(self.trading, store, clock, check=desk, books=books, told=told, holder="one", config=config_of)
        self.number = 0

    async def send(self, side: str = "buy", quantity: str = "0.1", instrument: InstrumentId = BTC, **terms: Any) -> OrderReport:
        """Place an order past the gateway."""
        self.number += 1
        made = OrderTerms(account="main", instrument=instrument, side=side, quantity=D(quantity), **terms)  # type: ignore[arg-type]
        return await self.trading.submit(Approved(intent=Intent(intent_id=f"i{self.number}", terms=made), approved_ns=1))

    async def report(self, sent: OrderReport) -> OrderReport:
        """What the account says of it now."""
        found = await self.trading.find(sent.instrument, sent.client_id, since_ms=0)
        assert found is not None
        return found

    async def fills(self) -> list[VenueFill]:
        """All fills."""
        return await self.trading.fills_since([BTC, SPOT], 0)


@pytest.fixture
async def paper(tmp_path: Path) -> Any:
    async with sqlite_store(tmp_path) as store:
        made = Paper(store, ManualClock(), NO_SLIP)
        await made.trading.mark(BTC, D(50_000))
        yield made


async def test_what_takes_pays_the_last_price_the_slippage_and_the_takers_fee(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        paper = Paper(store, ManualClock(), PaperConfig(slippage=D("0.001")))
        await paper.trading.mark(BTC, D(50_000))
        assert (await paper.send()).state is OrderState.FILLED
        await paper.send("sell", type="limit", limit_price=D("49990"))
        bought, sold = await paper.fills()
        assert (bought.price, bought.fee, bought.maker) == (D("50050.0"), D("2.5025"), False)
        assert sold.price == D("49990"), "a limit is never filled worse than its limit"


async def test_what_rests_fills_as_maker_once_the_price_passes_it(paper: Paper) -> None:
    sent = await paper.send(type="limit", limit_price=D(49_000))
    await paper.trading.mark(BTC, D(49_000))
    assert (await paper.report(sent)).state is OrderState.OPEN, "to reach it is not to pass it"
    await paper.trading.mark(BTC, D("48999.9"))
    assert (await paper.report(sent)).state is OrderState.FILLED
    (fill,) = await paper.fills()
    assert (fill.price, fill.maker, fill.fee) == (D(49_000), True, D("0.98"))


async def test_a_closed_bars_range_counts_only_for_orders_that_were_there_before_it(paper: Paper) -> None:
    before = await paper.send(type="limit", limit_price=D(49_000))
    opened_ms = paper.clock.now_ms() + 1_000
    await paper.clock.advance(10.0)
    within = await paper.send(type="limit", limit_price=D(49_000))
    await paper.trading.mark(BTC, D(50_100), bar=(opened_ms, D(48_000), D(50_200)))
    assert (await paper.report(before)).state is OrderState.FILLED
    assert (await paper.report(within)).state is OrderState.OPEN


async def test_an_open_limit_order_is_changed_and_bars_before_that_do_not_fill_it(paper: Paper) -> None:
    sent = await paper.send(type="limit", limit_price=D(48_000))
    opened_ms = paper.clock.now_ms() + 1_000
    await paper.clock.advance(10.0)
    changed = await paper.trading.amend(BTC, sent.client_id, quantity=D("0.2"), limit_price=D(49_000))
    assert (changed.state, changed.quantity, changed.limit_price) == (OrderState.OPEN, D("0.2"), D(49_000))
    await paper.trading.mark(BTC, D(50_100), bar=(opened_ms, D("48500"), D(50_200)))
    assert await paper.report(sent) == msgspec.structs.replace(changed, evidence=(await paper.report(sent)).evidence)
    await paper.trading.mark(BTC, D("48999.9"))
    (fill,) = await paper.fills()
    assert (fill.price, fill.quantity, fill.maker) == (D(49_000), D("0.2"), True)


async def test_a_change_that_crosses_takes_at_once(paper: Paper) -> None:
    sent = await paper.send(type="limit", limit_price=D(48_000))
    changed = await paper.trading.amend(BTC, sent.client_id, quantity=D("0.1"), limit_price=D(50_500))
    assert (changed.state, changed.filled) == (OrderState.FILLED, D("0.1"))
    (fill,) = await paper.fills()
    assert (fill.price, fill.maker) == (D(50_000), False)


@pytest.mark.parametrize(
    ("terms", "change", "words"),
    [
        ({}, {"quantity": D("0.0005")}, "lot"),
        ({}, {"limit_price": D("48000.05")}, "tick"),
        ({}, {"quantity": D(100)}, "are free"),
        ({"post_only": True}, {"limit_price": D(50_010)}, "would take"),
        ({"type": "stop", "limit_price": None, "stop_price": D(51_000)}, {}, "limit order"),
    ],
)
async def test_a_change_is_judged_like_a_new_order_and_a_refused_one_changes_nothing(
    paper: Paper, terms: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    wanted: dict[str, Any] = {"type": "limit", "limit_price": D(48_000)} | terms
    sent = await paper.send(**wanted)
    with pytest.raises(Refused, match=words):
        await paper.trading.amend(BTC, sent.client_id, **({"quantity": D("0.2"), "limit_price": D(48_500)} | change))
    after = await paper.report(sent)
    assert (after.quantity, after.limit_price, after.state) == (sent.quantity, sent.limit_price, OrderState.OPEN)
    await paper.trading.cancel(BTC, sent.client_id)
    with pytest.raises(Refused, match="Unknown order"):
        await paper.trading.amend(BTC, sent.client_id, quantity=D("0.2"), limit_price=D(48_500))


@pytest.mark.parametrize(
    ("terms", "state", "reason"),
    [
        ({"post_only": True, "limit_price": D(50_010)}, OrderState.EXPIRED, "it would take"),
        ({"time_in_force": "IOC", "limit_price": D(49_000)}, OrderState.EXPIRED, "IOC: nothing to take at its limit"),
        ({"time_in_force": "FOK", "limit_price": D(50_000)}, OrderState.FILLED, ""),
        ({"time_in_force": "GTC", "limit_price": D(49_000)}, OrderState.OPEN, ""),
    ],
)
async def test_limits_and_their_times(paper: Paper, terms: dict[str, Any], state: OrderState, reason: str) -> None:
    sent = await paper.send(type="limit", **terms)
    assert (sent.state, sent.reason) == (state, reason)


async def test_a_gtd_order_lapses(paper: Paper) -> None:
    expire_ms = paper.clock.now_ms() + 5_000
    sent = await paper.send(type="limit", limit_price=D(49_000), time_in_force="GTD", expire_ms=expire_ms)
    await paper.clock.advance(6.0)
    await paper.trading.mark(BTC, D(48_000))
    assert ((await paper.report(sent)).state, await paper.fills()) == (OrderState.EXPIRED, [])


@pytest.mark.parametrize(
    ("side", "terms", "prices", "paid"),
    [
        ("sell", {"type": "stop", "stop_price": D(49_000)}, (49_500, 48_900), D(48_900)),
        ("buy", {"type": "stop", "stop_price": D(51_000)}, (50_500, 51_200), D(51_200)),
        ("sell", {"type": "take_profit", "stop_price": D(52_000)}, (51_000, 52_500), D(52_000)),
        ("sell", {"type": "trailing_stop", "trail": D("0.02")}, (52_000, 51_500, 50_900), D(50_900)),
        ("buy", {"type": "trailing_stop", "trail": D("0.02")}, (48_000, 48_500, 49_000), D(49_000)),
    ],
)
async def test_conditional_orders_wake_and_take(
    paper: Paper, side: str, terms: dict[str, Any], prices: tuple[int, ...], paid: Decimal
) -> None:
    sent = await paper.send(side, **terms)
    for price in prices[:-1]:
        await paper.trading.mark(BTC, D(price))
    assert (await paper.report(sent)).state is OrderState.OPEN
    await paper.trading.mark(BTC, D(prices[-1]))
    assert (await paper.report(sent)).state is OrderState.FILLED
    (fill,) = await paper.fills()
    assert (fill.price, fill.maker) == (paid, False)


async def test_a_stop_limit_rests_at_its_limit_from_the_next_price_on(paper: Paper) -> None:
    sent = await paper.send("buy", type="stop_limit", stop_price=D(51_000), limit_price=D(51_100))
    await paper.trading.mark(BTC, D(51_050))
    assert (await paper.report(sent)).state is OrderState.OPEN
    await paper.trading.mark(BTC, D(51_060))
    (fill,) = await paper.fills()
    assert (fill.price, fill.maker) == (D(51_100), True)


@pytest.mark.parametrize(
    ("terms", "before", "after", "paid"),
    [
        ({"type": "trailing_stop", "trail": D("0.02")}, (60_000, 59_000), 58_700, D(58_700)),
        ({"type": "stop_limit", "stop_price": D(49_500), "limit_price": D(49_800)}, (49_400,), 49_900, D(49_800)),
    ],
)
async def test_what_a_waiting_order_has_seen_survives_the_process(
    paper: Paper, terms: dict[str, Any], before: tuple[int, ...], after: int, paid: Decimal
) -> None:
    sent = await paper.send("sell", **terms)
    for price in before:
        await paper.trading.mark(BTC, D(price))
    again = Paper(paper.store, paper.clock, NO_SLIP)
    await again.trading.mark(BTC, D(after))
    assert (await again.report(sent)).state is OrderState.FILLED
    assert (await again.fills())[-1].price == paid


async def test_what_only_reduces_never_opens(paper: Paper) -> None:
    with pytest.raises(Refused, match="ReduceOnly"):
        await paper.send("sell", reduce_only=True)
    await paper.send("buy", "0.1")
    stop = await paper.send("sell", "0.3", type="stop", stop_price=D(49_000), reduce_only=True)
    await paper.trading.mark(BTC, D(48_000))
    report = await paper.report(stop)
    assert (report.state, report.filled) == (OrderState.EXPIRED, D("0.1"))
    assert (await paper.trading.snapshot()).positions == ()


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"quantity": "0.0005"}, "not a multiple of the lot"),
        ({"type": "limit", "limit_price": D("50000.05")}, "not a multiple of the tick"),
        ({"quantity": "1000"}, "are free"),
        ({"instrument": InstrumentId("binance", "um", "NOPE")}, "is not listed"),
        ({"instrument": SPOT}, "no price"),
    ],
)
async def test_a_refusal_says_the_rule(paper: Paper, terms: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        await paper.send(**terms)
    assert (await paper.trading.snapshot()).orders == ()


async def test_spot_money_is_bound_by_resting_orders(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        paper = Paper(store, ManualClock(), PaperConfig(slippage=D(0), balances={"USDT": D(1_000)}), market="spot")
        await paper.trading.mark(SPOT, D(50_000))
        await paper.send("buy", "0.01", SPOT, type="limit", limit_price=D(49_000))
        with pytest.raises(Refused, match=r"it needs 588 USDT and 510 are free"):
            await paper.send("buy", "0.012", SPOT, type="limit", limit_price=D(49_000))
        with pytest.raises(Refused, match="BTC and 0 are free"):
            await paper.send("sell", "0.01", SPOT)
        await paper.trading.mark(SPOT, D(48_000))
        balances = {item.currency: item.total for item in (await paper.trading.snapshot()).balances}
        assert balances == {"USDT": D("509.902"), "BTC": D("0.01")}


async def test_funding_is_paid_by_longs_and_told_once(paper: Paper) -> None:
    await paper.send("buy", "0.1")
    await paper.trading.settle_funding(BTC, D("0.0001"), D(50_000), paper.clock.now_ms())
    (movement,) = await paper.trading.movements_since(0)
    assert (movement.kind, movement.amount, movement.currency) == ("funding", D("-0.5"), "USDT")


async def test_what_the_margin_no_longer_carries_is_closed(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        paper = Paper(store, ManualClock(), PaperConfig(slippage=D(0), balances={"USDT": D(1_100)}))
        await paper.trading.mark(BTC, D(50_000))
        await paper.send("buy", "0.1")
        await paper.trading.mark(BTC, D(39_200))
        fill = (await paper.fills())[-1]
        assert (fill.kind, fill.side, fill.quantity) == ("liquidation", "sell", D("0.1"))
        assert (await paper.trading.snapshot()).positions == ()


async def test_the_same_order_again_is_the_same_order(paper: Paper) -> None:
    terms = OrderTerms(account="main", instrument=BTC, side="buy", quantity=D("0.1"))
    approved = Approved(intent=Intent(intent_id="same", terms=terms), approved_ns=1)
    first, second = await paper.trading.submit(approved), await paper.trading.submit(approved)
    assert first.venue_order_id == second.venue_order_id
    assert len(await paper.fills()) == 1


async def test_a_change_that_cannot_be_kept_did_not_happen(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    from quantservice.adapters.state_store import repositories

    before = await paper.trading.snapshot()

    async def full(*_: Any) -> None:
        raise EnvironmentFault("no room is left for the state store")

    with monkeypatch.context() as patch:
        patch.setattr(repositories.SqlKeyValues, "put", full)
        with pytest.raises(EnvironmentFault):
            await paper.send()
    assert (await paper.trading.snapshot()).balances == before.balances
    assert await paper.fills() == []
    assert (await paper.send()).state is OrderState.FILLED


async def test_a_stream_begins_with_the_account_and_tells_what_happens(paper: Paper) -> None:
    stream = paper.trading.updates()
    state, shown = await anext(stream)
    assert isinstance(state, StreamState)
    assert isinstance(shown, AccountSnapshot)
    sent = await paper.send()
    events = await anext(stream)
    assert [type(event).__name__ for event in events] == ["OrderReport", "VenueFill", "OrderReport"]
    assert isinstance(events[-1], OrderReport)
    assert (events[-1].client_id, events[-1].state) == (sent.client_id, OrderState.FILLED)
    await paper.trading.close()


@pytest.mark.parametrize("seed", range(8))
async def test_books_equal_the_account_to_the_last_digit_whatever_dies(tmp_path: Path, seed: int) -> None:
    chance, market = random.Random(seed), ("um", "spot")[seed % 2]
    instrument = BTC if market == "um" else SPOT
    config = PaperConfig(balances={"USDT": D(50_000), "BTC": D(1)} if market == "spot" else {"USDT": D(50_000)})
    happened: Counter[str] = Counter()
    async with sqlite_store(tmp_path) as store:
        clock = ManualClock()
        paper = Paper(store, clock, config, market)
        await paper.trading.mark(instrument, D(50_000))
        assert await paper.gateway.start()
        price = D(50_000)
        for number in range(40):
            await clock.advance(chance.choice((0.2, 3.0, 30.0)))
            price = (price * D(str(round(1 + chance.gauss(0, 0.004), 5)))).quantize(D("0.1"))
            await paper.trading.mark(instrument, price)
            action = chance.choices(("market", "limit", "stop", "cancel", "funding", "crash", "lost"), (5, 5, 2, 2, 1, 1, 2))[0]
            happened[action] += 1
            if action in ("market", "limit", "stop", "lost"):
                await _order(paper, chance, instrument, price, action, number)
            elif action == "cancel":
                for order in (await paper.trading.snapshot()).orders[:1]:
                    await paper.gateway.cancel(order.client_id)
            elif action == "funding":
                await paper.trading.settle_funding(instrument, D("0.0001"), price, clock.now_ms())
            else:
                paper = Paper(store, clock, config, market)
                assert await paper.gateway.start()
        await clock.advance(40.0)
        for _ in range(2):  # what was refused, and the answer lost: absent by two scans
            await clock.advance(6.0)
            await paper.gateway.resolve()
        assert await paper.gateway.unresolved() == []
        await paper.gateway.reconcile(await paper.trading.snapshot())
        await _agrees(paper)
    assert happened["market"]
    assert happened["limit"]


async def _order(paper: Paper, chance: random.Random, instrument: InstrumentId, price: Decimal, action: str, number: int) -> None:
    side = chance.choice(("buy", "sell"))
    terms: dict[str, Any] = {}
    if action == "limit":
        terms = {"type": "limit", "limit_price": _near(price, chance)}
    elif action == "stop":
        terms = {"type": "stop", "stop_price": _near(price, chance)}
    made = OrderTerms(account="main", instrument=instrument, side=side, quantity=D(chance.choice(("0.01", "0.05", "0.2"))), **terms)  # type: ignore[arg-type]
    intent = Intent(intent_id=intent_id("main", "d1", f"e{number}"), terms=made, deployment="d1")
    if action != "lost":
        await paper.gateway.submit([intent])
        return
    original = SqlOrders.put
    calls = 0

    async def second_fails(self: SqlOrders, order: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:  # what came of the send cannot be kept: the process dies there
            raise EnvironmentFault("no room is left for the state store")
        await original(self, order)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlOrders, "put", second_fails)
        with pytest.raises(EnvironmentFault):
            await paper.gateway.submit([intent])


@exact
def _near(price: Decimal, chance: random.Random) -> Decimal:
    return (price * D(str(round(chance.uniform(0.99, 1.01), 4)))).quantize(D("0.1"))


async def _agrees(paper: Paper) -> None:
    statement = paper.gateway.resolver.statement
    assert statement is not None
    assert (statement.positions, dict(statement.unexplained)) == ((), {})
    async with paper.store.transaction() as work:
        booked = Counter(fill.trade_id for fill, _, _ in await work.fills.list(account="main", limit=1_000))
        wallet = wallet_of(await work.books.balances(account="main"))
        orders = await work.orders.list(account="main", limit=1_000)
    snapshot = await paper.trading.snapshot()
    assert booked == Counter(fill.trade_id for fill in await paper.fills())
    assert wallet == {item.currency: item.total for item in snapshot.balances if item.total}
    live = {order.order_id for order in orders if not order.final}
    assert live == {report.client_id for report in snapshot.orders}
    assert not any(order.external for order in orders if order.tag != "liquidation" and not order.tag.startswith("autoclose"))
