"""What risk control knows of the time before a process: what is asked of the store, losses out of fills, standing out of equity."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.support.market import instrument

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.orders import OrderState, VenueFill, order_of
from quantservice.core.positions import Position
from quantservice.ports import EquityPoint, HeldPosition
from quantservice.services.risk import ExposureBook
from quantservice.services.risk.exposure import Equity
from quantservice.services.risk.recalling import Recalled, Standing, keep_standing, losses_of, recall, resume, standing_of

D = Decimal
BTC = instrument("BTC")
COIN = msgspec.structs.replace(
    BTC, id=InstrumentId("binance", "cm", "BTC-USD-PERP"), quote="USD", settle="BTC", contract_size=D(100), inverse=True
)
KNOWN = {rules.id: rules for rules in (BTC, COIN)}
MS = 1_000_000
DAY_MS = 86_400_000
NOON_MS = 20_148 * DAY_MS + DAY_MS // 2


def fill(
    number: int, side: str, quantity: str, price: str, deployment: str = "d", rules: Instrument = BTC
) -> tuple[VenueFill, str]:
    made = VenueFill(
        account="main",
        instrument=rules.id,
        trade_id=f"{number}",
        side=side,  # type: ignore[arg-type]
        price=D(price),
        quantity=D(quantity),
        time_ms=number,
    )
    return made, deployment


def holds(quantity: str, deployment: str = "d", *, realised: str = "0", rules: Instrument = BTC) -> HeldPosition:
    position = Position(instrument=rules.id, quantity=D(quantity), realised=D(realised))
    return HeldPosition(account="main", deployment=deployment, position=position, updated_ms=0)


def losses(*fills: tuple[VenueFill, str], held: tuple[HeldPosition, ...] = (), since: int = 0) -> dict[str, tuple[int, int]]:
    sums: dict[tuple[str, InstrumentId], Decimal] = {}
    for made, deployment in fills:
        sums[deployment, made.instrument] = sums.get((deployment, made.instrument), D(0)) + made.as_fill().signed
    now = [
        HeldPosition(account="main", deployment=name, position=Position(instrument=of, quantity=quantity))
        for (name, of), quantity in sums.items()
    ]
    return losses_of(held or now, fills, KNOWN.get, lambda _name: since)[0]


# --- losses ---------------------------------------------------------------------------------------------------------------


def test_losing_trades_are_counted_in_a_row_with_the_time_of_the_last() -> None:
    lost = (fill(1, "buy", "2", "100"), fill(2, "sell", "1", "99"), fill(3, "sell", "1", "100"))
    assert losses(*lost[:2]) == {}, "it is not closed yet"
    assert losses(*lost) == {"d": (1, 3 * MS)}, "one trade, closed in two parts"
    again = (*lost, fill(4, "sell", "1", "100"), fill(5, "buy", "1", "101"))
    assert losses(*again) == {"d": (2, 5 * MS)}
    even = (*again, fill(6, "buy", "1", "100"), fill(7, "sell", "1", "100"))
    assert losses(*even) == {"d": (0, 5 * MS)}, "what won nothing ends the row; the last loss stays"
    assert losses(*again, fill(6, "buy", "1", "100", "e"), fill(7, "sell", "1", "90", "e"))["d"] == (2, 5 * MS)


def test_a_share_that_turns_over_closes_one_trade_and_opens_the_next() -> None:
    turned = (fill(1, "buy", "1", "100"), fill(2, "sell", "3", "90"))
    assert losses(*turned) == {"d": (1, 2 * MS)}
    assert losses(*turned, fill(3, "buy", "2", "95")) == {"d": (2, 3 * MS)}
    assert losses(*turned, fill(3, "buy", "2", "80")) == {"d": (0, 2 * MS)}


def test_losses_before_a_persons_look_do_not_count() -> None:
    lost = (fill(1, "buy", "1", "100"), fill(2, "sell", "1", "99"))
    assert losses(*lost, since=2 * MS) == {"d": (1, 2 * MS)}
    assert losses(*lost, since=2 * MS + 1) == {"d": (0, 2 * MS)}, "its time is known all the same"


def test_a_trade_whose_beginning_is_not_known_is_neither_won_nor_lost() -> None:
    closed = (fill(1, "sell", "1", "1"),)
    assert losses(*closed, held=(holds("0"),)) == {}
    assert losses(*closed, fill(2, "buy", "1", "100"), fill(3, "sell", "1", "99"), held=(holds("0"),)) == {"d": (1, 3 * MS)}
    assert losses(fill(1, "sell", "3", "1"), fill(2, "buy", "2", "2"), held=(holds("0"),)) == {"d": (1, 2 * MS)}


def test_inverse_contracts_lose_by_their_own_arithmetic() -> None:
    """Bought and sold in two parts: a linear contract would have won nothing."""
    parts = (fill(1, "buy", "2", "100"), fill(2, "sell", "1", "80"), fill(3, "sell", "1", "120"))
    assert losses(*parts) == {"d": (0, 0)}
    coins = (
        fill(1, "buy", "2", "100", rules=COIN),
        fill(2, "sell", "1", "80", rules=COIN),
        fill(3, "sell", "1", "120", rules=COIN),
    )
    assert losses(*coins) == {"d": (1, 3 * MS)}
    strange = msgspec.structs.replace(BTC, id=InstrumentId("binance", "um", "XYZ-USDT-PERP"))
    assert losses(fill(1, "buy", "1", "2", rules=strange), fill(2, "sell", "1", "1", rules=strange)) == {"d": (1, 2 * MS)}


def test_what_an_open_leg_had_realised_when_it_was_opened() -> None:
    held = (holds("1", realised="-7"), holds("1", "e", realised="-7"), holds("3", ""))
    fills = (
        fill(1, "buy", "2", "100"),
        fill(2, "sell", "1", "98"),  # of what is open two are lost already
        fill(3, "sell", "2", "98", "e"),  # it was three before the first fill: its cost is not known
    )
    opened = losses_of(held, fills, KNOWN.get, lambda _name: 0)[1]
    assert opened == {("d", BTC.id, "both"): D(-5)}
    flat = losses_of((holds("0", realised="-7"),), (fill(1, "buy", "1", "1"), fill(2, "sell", "1", "1")), KNOWN.get, lambda _: 0)
    assert flat == ({"d": (0, 0)}, {})
    turned = (fill(1, "buy", "1", "100"), fill(2, "sell", "3", "90"), fill(3, "buy", "1", "95"))
    assert losses_of((holds("-1", realised="-20"),), turned, KNOWN.get, lambda _: 0)[1] == {("d", BTC.id, "both"): D(-15)}


# --- standing -------------------------------------------------------------------------------------------------------------


def point(time_ms: int, equity: int, paid_in: int = 100) -> EquityPoint:
    figure = D(equity)
    return EquityPoint(account="main", time_ms=time_ms, equity=figure, low=figure, high=figure, paid_in=D(paid_in))


def test_the_standing_of_equity_over_time() -> None:
    midnight = 20_148 * DAY_MS
    points = [
        point(midnight - 2, 180),
        point(midnight - 1, 150),
        point(midnight, 130),
        point(midnight + 1, 110),
        point(midnight + 2, 160, paid_in=150),
    ]
    wanted = Standing(last=D(160), peak=D(230), day_start=D(180), day=20_148, paid_in=D(150))
    assert standing_of(points, midnight + 3) == wanted, "fifty were paid in and are no gain"
    quiet = standing_of(points[:2], midnight + 3)
    assert quiet == Standing(last=D(150), peak=D(180), day_start=D(150), day=20_147, paid_in=D(100))
    assert standing_of([], midnight) is None


# --- reading --------------------------------------------------------------------------------------------------------------


class Work:
    """The part of a store that is read, and what it was asked."""

    def __init__(self, standing: Any = None) -> None:
        self.asked: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}
        self.standing = standing
        orders = SimpleNamespace(list=self.list_orders, counts=self.counts)
        self.orders, self.fills = orders, SimpleNamespace(list=self.list_fills)
        self.values, self.equity = SimpleNamespace(get=self.get, put=self.put), SimpleNamespace(list=self.list_equity)

    async def list_orders(self, **asked: Any) -> list[Any]:
        self.asked["orders"] = asked
        return ["newest", "oldest"]

    async def list_fills(self, **asked: Any) -> list[Any]:
        self.asked["fills"] = asked
        return [("c", "o3", "d"), ("b", "o2", ""), ("a", "o1", "e")]

    async def counts(self, account: str, *, since_ns: int) -> dict[str, int]:
        self.asked["counts"] = (account, since_ns)
        return {"d": 4}

    async def get(self, scope: str, name: str) -> Any:
        return self.standing if (scope, name) == ("risk_standing", "main") else None

    async def put(self, scope: str, name: str, value: Any) -> None:
        self.kept[f"{scope}:{name}"] = value

    async def list_equity(self, *asked: Any, **more: Any) -> list[EquityPoint]:
        self.asked["equity"] = (*asked, more)
        return [point(NOON_MS - 60_000, 120)]


async def test_what_is_asked_of_the_store() -> None:
    work = Work()
    found = await recall(work, "main", NOON_MS * MS + 7)  # type: ignore[arg-type]  # the part that is read
    assert work.asked == {
        "orders": {"account": "main", "limit": 512},
        "fills": {"account": "main", "limit": 2_000},
        "equity": ("main", 60_000, {"start_ms": NOON_MS - 2 * DAY_MS, "end_ms": NOON_MS + 1}),
        "counts": ("main", 20_148 * DAY_MS * MS),
    }
    read: Any = (found.orders, found.fills)
    assert read == (["oldest", "newest"], [("a", "e"), ("c", "d")]), "oldest first, deployments' alone"
    assert (found.counts, found.now_ns) == ({"d": 4}, NOON_MS * MS + 7)
    assert found.standing == standing_of([point(NOON_MS - 60_000, 120)], NOON_MS)


async def test_a_record_that_is_kept_goes_before_equity_over_time() -> None:
    equity = Equity(now=D(7), peak=D(9), day_start=D(8), day=20_147, paid_in=D(5))
    work = Work()
    await keep_standing(work, "main", equity)  # type: ignore[arg-type]
    again = Work(standing=work.kept["risk_standing:main"])
    found = await recall(again, "main", NOON_MS * MS)  # type: ignore[arg-type]
    assert found.standing == Standing(last=D(7), peak=D(9), day_start=D(8), day=20_147, paid_in=D(5))
    assert "equity" not in again.asked


def test_a_book_goes_on_where_the_process_before_left_it() -> None:
    book = ExposureBook("main", KNOWN.get)
    position = Position(instrument=BTC.id, quantity=D(1), realised=D(-7))
    book.apply_position(position, "d")
    terms = OrderTerms(account="main", instrument=BTC.id, side="buy", quantity=D(1))
    order = order_of(Intent(intent_id="i1", terms=terms, deployment="d"), created_ns=NOON_MS * MS - 5)
    recalled = Recalled(
        orders=[order],
        fills=[fill(1, "buy", "2", "100"), fill(2, "sell", "1", "98")],
        counts={"d": 4},
        standing=Standing(last=D(7), peak=D(9), day_start=D(8), day=20_147, paid_in=D(5)),
        now_ns=NOON_MS * MS,
    )
    resume(book, [holds("1", realised="-7")], recalled, lambda _name: 0)
    equity = book.equity
    assert (equity.now, equity.peak, equity.day_start, equity.day, equity.paid_in) == (D(7), D(9), D(8), 20_147, D(5))
    intent = Intent(intent_id="i2", terms=terms, deployment="d")
    view = book.view(intent, NOON_MS * MS)
    assert (view.deployment_orders_today, tuple(view.order_times_ns)) == (4, (NOON_MS * MS - 5,))
    book.apply_position(msgspec.structs.replace(position, quantity=D(0), realised=D(-6)), "d", NOON_MS * MS)
    assert book.view(intent, NOON_MS * MS).losses_in_row == 1, "minus six now, minus five when it was opened"


def test_without_a_record_equity_stays_as_it_is() -> None:
    book = ExposureBook("main", KNOWN.get)
    resume(book, [], Recalled(), lambda _name: 0)
    assert book.equity == Equity()


@pytest.mark.parametrize(("since", "row"), [(0, 1), (NOON_MS * MS, 1), (NOON_MS * MS + 1, 0)])
def test_refusals_count_from_the_accounts_look_on(since: int, row: int) -> None:
    book = ExposureBook("main", KNOWN.get)
    terms = OrderTerms(account="main", instrument=BTC.id, side="buy", quantity=D(1))
    order = order_of(Intent(intent_id="i1", terms=terms, deployment="d"), created_ns=NOON_MS * MS)
    refused = msgspec.structs.replace(order, state=OrderState.REJECTED)
    resume(book, [], Recalled(orders=[refused]), lambda name: 0 if name else since)
    assert book.rejects_in_row == row
