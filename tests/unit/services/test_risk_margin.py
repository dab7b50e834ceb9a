"""The margin ratio between two statements of a venue: fills and prices count at once, and no statement is counted twice."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from tests.support.market import instrument

from quantservice.adapters.venues.binance.trading import decode as binance
from quantservice.adapters.venues.okx.trading.decode import Decoder as OkxDecoder
from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import Position
from quantservice.ports.trading import AccountSnapshot, VenueBalance, VenueMargin, VenuePosition
from quantservice.services.risk import MarginBook
from quantservice.services.risk.margin import LOST

D = Decimal
BTC, ETH = instrument("BTC"), instrument("ETH")
COIN = msgspec.structs.replace(
    BTC, id=InstrumentId("binance", "cm", "BTC-USD-PERP"), quote="USD", settle="BTC", contract_size=D(100), inverse=True
)
KNOWN = {item.id: item for item in (BTC, ETH, COIN)}


def told(
    *margins: tuple[str, str, str], held: str = "2", mark: str = "50000", of: InstrumentId = BTC.id, **wallets: str
) -> AccountSnapshot:
    wallets = wallets or {"USDT": "10000"}
    position = VenuePosition(instrument=of, quantity=D(held), entry_price=D(50_000), mark_price=D(mark))
    return AccountSnapshot(
        account="main",
        balances=tuple(VenueBalance(currency=name, total=D(wallet), free=D(0)) for name, wallet in wallets.items()),
        positions=(position,) if position.quantity else (),
        orders=(),
        margins=tuple(VenueMargin(currency=name, maintenance=D(needed), balance=D(balance)) for name, needed, balance in margins),
    )


def position(quantity: str = "2", entry: str = "50000") -> Position:
    return Position(instrument=BTC.id, quantity=D(quantity), cost=D(quantity) * D(entry))


def ratio(book: MarginBook, quantity: str, price: str, *, wallet: str = "10000", booked: str = "2") -> Decimal:
    prices = {BTC.id: D(price)} if price else {}
    return book.ratio({(BTC.id, "both"): D(quantity)}, prices, wallet={"USDT": D(wallet)}, held=[position(booked)])


def test_prices_move_both_sides_of_the_ratio_and_a_fill_only_what_is_asked_for() -> None:
    book = MarginBook(KNOWN.get)
    assert ratio(book, "2", "50000") == 0, "no statement yet"
    book.take(told(("USDT", "500", "10000")))  # 0.5 % of 100,000
    assert ratio(book, "2", "50000") == D("0.05")
    assert ratio(book, "2", "46000") == D(460) / D(2_000), "8,000 are lost"
    assert ratio(book, "1", "46000") == D(230) / D(2_000), "half is sold: what it was worth stays in the account"
    assert ratio(book, "1", "46000", wallet="2000", booked="1") != 0
    assert ratio(book, "2", "45000") == LOST, "nothing is left"
    assert ratio(book, "0", "45000") == 0, "and nothing is held"


def test_a_statement_that_is_older_than_a_fill_does_not_count_what_was_sold() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USDT", "8000", "10000")))
    assert ratio(book, "1", "50000") == D("0.4"), "it was asked for two, of which one is left"


def test_before_a_market_event_the_venues_own_mark_counts_and_a_new_position_takes_the_usual_rate() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USDT", "500", "10000"), mark="40000", USDT="30000"))
    assert book.marks == {BTC.id: D(40_000)}
    assert ratio(book, "2", "", wallet="30000") == D("0.05")
    assert book.ratio({(BTC.id, "both"): D(2)}, {}, wallet={}, held=[]) == D("0.05"), "before the books are read"
    book.take(told(("USDT", "500", "10000"), held="0"))
    fresh = MarginBook(KNOWN.get)
    fresh.take(told(("USDT", "0", "10000"), held="0"))
    assert fresh.ratio({(BTC.id, "both"): D(1)}, {BTC.id: D(50_000)}, wallet={"USDT": D(10_000)}, held=[]) == D("0.05")


def test_the_worst_of_several_margin_accounts_counts_and_a_coin_is_its_own() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("BTC", "0.01", "0.1"), ("USDT", "0", "1"), of=COIN.id, held="10", mark="50000", BTC="0.1"))
    legs = {(COIN.id, "both"): D(10)}
    assert book.ratio(legs, {COIN.id: D(50_000)}, wallet={"BTC": D("0.1")}, held=[]) == D("0.1")
    assert book.ratio(legs, {COIN.id: D(25_000)}, wallet={"BTC": D("0.1")}, held=[]) == D("0.2"), "a contract is worth more coins"


def test_a_venue_that_values_all_together_moves_with_the_dollars() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USD", "500", "20000")))
    assert ratio(book, "2", "50000") == D("0.025")
    assert round(ratio(book, "2", "46000"), 12) == round(D(460) / D(12_000), 12)


@pytest.mark.parametrize(
    ("multi", "expected"),
    [(True, [("USD", "30", "1030")]), (False, [("USDT", "20", "900"), ("USDC", "10", "130")])],
)
def test_binance_sums_all_assets_in_multi_assets_mode_only(multi: bool, expected: list[tuple[str, str, str]]) -> None:
    row = binance.MARGIN.decode(
        b'{"totalMaintMargin":"30","totalMarginBalance":"1030","assets":['
        b'{"asset":"USDT","maintMargin":"20","marginBalance":"900"},{"asset":"USDC","maintMargin":"10","marginBalance":"130"},'
        b'{"asset":"BNB","maintMargin":"0","marginBalance":"0"}],"positions":[]}'
    )
    found = binance.margins_of(row, multi_asset=multi)
    assert [(item.currency, str(item.maintenance), str(item.balance)) for item in found] == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"mmr": "30", "adjEq": "1030", "details": [{"ccy": "USDT", "mmr": "20", "eq": "900"}]}, [("USD", "30", "1030")]),
        (
            {"mmr": "", "adjEq": "", "details": [{"ccy": "USDT", "mmr": "20", "eq": "900"}, {"ccy": "BTC", "mmr": "", "eq": "1"}]},
            [("USDT", "20", "900")],
        ),
    ],
)
def test_okx_tells_all_together_or_each_currency(row: dict[str, object], expected: list[tuple[str, str, str]]) -> None:
    found = OkxDecoder.margins(None, row)  # type: ignore[arg-type]  # it needs nothing of itself
    assert [(item.currency, str(item.maintenance), str(item.balance)) for item in found] == expected


def test_what_asks_for_no_margin_counts_nothing() -> None:
    """Spot, what is flat, what has no price, and what nobody knows the rules of."""
    spot = instrument("BTC", market="spot")
    book = MarginBook({item.id: item for item in (BTC, ETH, spot)}.get)
    book.take(told(("USDT", "500", "10000")))
    prices = {BTC.id: D(50_000), spot.id: D(50_000), COIN.id: D(50_000)}
    legs = {
        (BTC.id, "both"): D(2),
        (spot.id, "both"): D(9),
        (COIN.id, "both"): D(9),
        (ETH.id, "both"): D(9),
        (BTC.id, "long"): D(0),
    }
    held = [
        position(),
        Position(instrument=spot.id, quantity=D(9), cost=D(9)),
        Position(instrument=COIN.id, quantity=D(9), cost=D(9), inverse=True),
    ]
    assert book.ratio(legs, prices, wallet={"USDT": D(10_000)}, held=held) == D("0.05")
    statement = told(("USDT", "500", "10000"))
    spots = VenuePosition(instrument=spot.id, quantity=D(9), entry_price=D(1), mark_price=D(50_000))
    book.take(msgspec.structs.replace(statement, positions=(*statement.positions, spots)))
    assert ratio(book, "2", "50000") == D("0.05"), "nor in a statement"


def test_long_and_short_legs_both_ask_for_margin() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USDT", "500", "10000")))
    legs = {(BTC.id, "long"): D(1), (BTC.id, "short"): D(-2), (ETH.id, "both"): D(-10)}
    prices = {BTC.id: D(50_000), ETH.id: D(5_000)}
    assert book.ratio(legs, prices, wallet={"USDT": D(10_000)}, held=[position()]) == D("0.1"), "0.5 % of 200,000"


def test_the_rate_is_that_of_the_last_statement_that_showed_one() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USDT", "500", "10000")))
    for margin, held in (("0", "2"), ("7", "0")):
        book.take(told(("USDT", margin, "10000"), held=held))
        assert ratio(book, "1", "50000", booked=held) == D("0.025"), "0.5 % of 50,000, and not the usual one"
    book.take(told(("USDT", "1", "10000")))
    assert ratio(book, "2", "50000") == D("0.0001")


def test_a_position_without_a_mark_is_worth_its_entry_and_gives_no_price() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USDT", "500", "10000"), mark="0"))
    assert book.marks == {}
    assert ratio(book, "2", "50000") == D("0.05")
    assert ratio(book, "2", "") == 0, "no price at all"


@pytest.mark.parametrize(("balance", "expected"), [("0", LOST), ("-1", LOST), ("0.5", LOST), ("250", D(2)), ("10", D(50))])
def test_what_has_nothing_left_is_lost_and_no_ratio_is_above_that(balance: str, expected: Decimal) -> None:
    assert D(99) == LOST
    book = MarginBook(KNOWN.get)
    book.take(told(("USDT", "500", balance)))
    assert ratio(book, "2", "50000") == expected


def test_the_open_profit_of_a_statement_is_not_counted_twice() -> None:
    """The balance of a statement has the open profit by its own marks: only what changed since is added."""
    book = MarginBook(KNOWN.get)
    book.take(told(("BTC", "0.01", "0.1"), of=COIN.id, held="10", mark="40000", BTC="0.1"))
    legs = {(COIN.id, "both"): D(10)}
    coins = Position(instrument=COIN.id, quantity=D(10), cost=D(1_000) / D(50_000), contract_size=D(100), inverse=True)

    def at(price: int, wallet: str = "0.1") -> Decimal:
        return round(book.ratio(legs, {COIN.id: D(price)}, wallet={"BTC": D(wallet)}, held=[coins]), 12)

    assert at(40_000) == D("0.1")
    assert at(50_000) == round(D("0.008") / D("0.105"), 12), "0.005 were won since"
    assert at(40_000, "0.15") == round(D("0.01") / D("0.15"), 12), "and 0.05 were paid in"


def test_money_of_a_venue_that_values_all_together_is_the_dollars_and_nothing_else() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USD", "500", "20000"), USDT="10000", BTC="1", USDC="5"))
    legs, held = {(BTC.id, "both"): D(2)}, [position()]
    wallet = {"USDT": D(10_000), "BTC": D(9), "USDC": D(5)}
    assert book.ratio(legs, {BTC.id: D(50_000)}, wallet=wallet, held=held) == D("0.025"), "of bitcoin its value is not known"
    for name in ("USD", "USDT", "USDC", "FDUSD", "BUSD"):
        more = wallet | {name: wallet.get(name, D(0)) + 5_000}
        assert book.ratio(legs, {BTC.id: D(50_000)}, wallet=more, held=held) == D("0.02"), name


def test_a_statement_takes_the_place_of_the_one_before() -> None:
    book = MarginBook(KNOWN.get)
    book.take(told(("USDT", "500", "10000"), ("USDC", "1", "1")))
    book.take(told(("USDC", "0", "1"), held="0"))
    assert ratio(book, "2", "50000") == 0, "of that margin account nothing is told any more"
