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
