"""From what a person typed to one instrument, and the figures that follow from its rules."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from tests.support.market import book, instrument

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import AmbiguousSymbol, Instrument, InstrumentBook, InstrumentId, check_market

D = Decimal


def dated(base: str = "BTC", tail: str = "250328") -> Instrument:
    perpetual = instrument(base)
    name = InstrumentId("binance", "um", f"{base}-USDT-{tail}")
    return msgspec.structs.replace(perpetual, id=name, venue_symbol=f"{base}USDT_{tail}")


SPOT, UM = instrument(market="spot"), instrument()
OKX = instrument(venue="okx")
EVERYTHING = InstrumentBook([SPOT, UM, dated(), dated(tail="250627"), OKX, instrument("ETH", market="spot")])


@pytest.mark.parametrize(
    ("text", "venue", "market", "found"),
    [
        ("binance:um:BTC-USDT-PERP", None, None, UM),
        ("binance:spot:BTC-USDT", None, None, SPOT),
        ("binance:um:BTC-USDT-250328", None, None, dated()),
        ("ETHUSDT", None, None, instrument("ETH", market="spot")),
        (" eth-usdt ", None, None, instrument("ETH", market="spot")),
        ("BTCUSDT", "binance", "spot", SPOT),
        ("BTCUSDT", "binance", "um", UM),
        ("btcusdt_250328", None, None, dated()),
        ("BTC-USDT-250627", None, None, dated(tail="250627")),
        ("BTC-USDT-PERP", "okx", None, OKX),
        ("BTC-USDT", "binance", "um", UM),  # three of that pair: the perpetual is what is meant
        ("BTC-USDT", None, "spot", SPOT),
        ("BTC-USDT", "okx", None, OKX),
    ],
)
def test_a_short_form_is_one_instrument(text: str, venue: str | None, market: str | None, found: Instrument) -> None:
    assert EVERYTHING.resolve(text, venue=venue, market=market) == found


@pytest.mark.parametrize(
    ("text", "venue", "market", "candidates"),
    [
        ("BTCUSDT", None, None, 5),
        ("BTCUSDT", "binance", None, 4),
        ("BTCUSDT", None, "um", 4),
        ("BTC-USDT-PERP", None, None, 2),
    ],
)
def test_a_form_of_several_names_them(text: str, venue: str | None, market: str | None, candidates: int) -> None:
    with pytest.raises(AmbiguousSymbol, match="say which: binance:") as caught:
        EVERYTHING.resolve(text, venue=venue, market=market)
    assert len(caught.value.candidates) == candidates
    assert list(caught.value.candidates) == sorted(caught.value.candidates)


def test_of_many_candidates_eight_are_said_and_all_are_kept() -> None:
    many = [dated(tail=f"2503{day:02}").id for day in range(1, 12)]
    error = AmbiguousSymbol("BTC", reversed(many))
    assert str(error) == "symbol 'BTC' is ambiguous; say which: " + ", ".join(map(str, many[:8]))
    assert list(error.candidates) == many


def test_two_dated_futures_without_their_perpetual_are_told_apart_by_the_person() -> None:
    futures = InstrumentBook([dated(), dated(tail="250627")])
    with pytest.raises(AmbiguousSymbol):
        futures.resolve("BTC-USDT", market="um")


def test_an_exact_symbol_wins_over_a_pair_without_naming_the_market() -> None:
    assert InstrumentBook([UM, dated()]).resolve("BTCUSDT") == UM
    assert InstrumentBook([SPOT, dated()]).resolve("BTC-USDT") == SPOT
    with pytest.raises(AmbiguousSymbol):
        InstrumentBook([UM, dated()]).resolve("BTC-USDT")  # without a market the perpetual is a guess


def test_an_unknown_symbol_is_answered_with_the_nearest_of_its_scope() -> None:
    with pytest.raises(UnknownName) as caught:
        EVERYTHING.resolve("ETHUSD", venue="binance", market="spot")
    assert caught.value.valid == ("BTCUSDT", "ETHUSDT")
    assert caught.value.nearest[0] == "ETHUSDT"
    with pytest.raises(UnknownName) as caught:
        EVERYTHING.resolve("ETHUSDT", market="um")
    assert set(caught.value.valid) == {"BTCUSDT", "BTCUSDT_250328", "BTCUSDT_250627"}
    with pytest.raises(UnknownName) as caught:
        EVERYTHING.resolve("ETHUSDT", venue="okx")
    assert caught.value.valid == ("BTCUSDT",)
    with pytest.raises(UnknownName, match="binance:um:BTC-USDT-PERP"):
        EVERYTHING.resolve("binance:um:BTC-USDT-PERPX")
    with pytest.raises(UnknownName, match="valid markets: spot um cm dex"):
        EVERYTHING.resolve("BTCUSDT", market="futures")


def test_the_book_is_read_by_full_name_and_by_the_venues_own() -> None:
    assert len(EVERYTHING) == 6
    assert set(EVERYTHING) >= {SPOT, UM, OKX}
    assert EVERYTHING.get(UM.id) == UM
    assert EVERYTHING.get(InstrumentId("binance", "cm", "BTC-USDT")) is None
    assert EVERYTHING.by_venue_symbol("binance", "um", "BTCUSDT") == UM
    assert EVERYTHING.by_venue_symbol("binance", "um", "BTC-USDT") is None
    assert len(book("BTC", "BTC")) == 2, "one full name is one instrument"


@pytest.mark.parametrize(
    "text",
    [
        *("", "a:b", "binance:um:", ":um:BTC", "binance::BTC", "binance:um:BTC:1m", "binance:um:" + "A" * 65),
        *("binance:um:B TC", "binance:um:B/C", "binance:um:B\x00", 'binance:um:B"C', "binance:um:B;C", "binance:um:B\\C"),
    ],
)
def test_names_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="is not of the form"):
        InstrumentId.parse(text)


def test_names_that_just_are_one() -> None:
    longest = "A" * 64
    assert InstrumentId.parse(f"binance:um:{longest}") == InstrumentId("binance", "um", longest)
    assert InstrumentId.parse("b:spot:币安-USDT").symbol == "币安-USDT"
    with pytest.raises(UnknownName, match="market"):
        InstrumentId.parse("binance:xx:BTC")
    assert check_market("cm") == "cm"


@pytest.mark.parametrize(
    ("step", "digits"), [("0.01", 2), ("0.010", 2), ("0.00000001", 8), ("1", 0), ("1.0", 0), ("100", 0), ("0.5", 1), ("0.25", 2)]
)
def test_digits_follow_from_the_step(step: str, digits: int) -> None:
    subject = msgspec.structs.replace(UM, tick_size=D(step), lot_size=D("0.001"))
    assert (subject.price_digits, subject.quantity_digits) == (digits, 3)
    other = msgspec.structs.replace(UM, lot_size=D(step))
    assert (other.price_digits, other.quantity_digits) == (2, digits)


def test_rounding_for_each_side() -> None:
    assert UM.round_price("100.015", "buy") == D("100.01")
    assert UM.round_price("100.015", "sell") == D("100.02")
    assert UM.round_price("100.015") == D("100.02")
    assert UM.round_price("100.025") == D("100.02")
    assert UM.round_price(0.1 + 0.2) == D("0.30")
    assert UM.round_quantity("0.0019") == D("0.001")
    assert UM.round_quantity(-0.0019) == D("-0.001")
    nothing = UM.round_quantity("-0.0009")
    assert (nothing, nothing.is_signed()) == (D(0), False)


def test_notional_of_linear_and_inverse_contracts() -> None:
    linear = msgspec.structs.replace(UM, contract_size=D(10))
    assert linear.notional(D(50), D(-3)) == D(1500)
    inverse = msgspec.structs.replace(linear, inverse=True)
    assert inverse.notional(D(50), D(-3)) == D("0.6")


def test_a_venue_that_writes_its_symbols_small_names_nothing_twice() -> None:
    small = msgspec.structs.replace(SPOT, id=InstrumentId("htx", "spot", "BTC-USDT"), venue_symbol="btcusdt")
    book = InstrumentBook([small, UM])
    assert book.resolve("BTCUSDT", venue="htx", market="spot") == small
    assert book.resolve("btcusdt", market="spot") == small
