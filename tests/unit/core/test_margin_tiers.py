"""Margin tiers read of files and put into tables."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.core.margin_tiers import EVERY, Tier, chosen_tiers, dated_tables, read_tiers, rows_of

CSV = b"""instrument,from,floor,cap,maintenance_rate,max_leverage
BTCUSDT,,0,50000,0.004,125
BTCUSDT,,50000,,0.005,100
BTCUSDT,2024-01-01,0,,0.01,50
ETHUSDT,,0,,0.006,75
"""
#: As Binance documents it: https://developers.binance.com, "Notional and Leverage Brackets".
BINANCE_UM = b"""[{"symbol": "ETHUSDT", "notionalCoef": 1.5, "brackets": [
  {"bracket": 1, "initialLeverage": 75, "notionalCap": 10000, "notionalFloor": 0, "maintMarginRatio": 0.0065, "cum": 0.0},
  {"bracket": 2, "initialLeverage": 50, "notionalCap": 50000, "notionalFloor": 10000, "maintMarginRatio": 0.01, "cum": 35.0}]}]"""
BINANCE_CM = b"""{"symbol": "BTCUSD_PERP", "notionalCoef": 1.5, "brackets": [
  {"bracket": 1, "initialLeverage": 125, "qtyCap": 50, "qtylFloor": 0, "maintMarginRatio": 0.004, "cum": 0.0}]}"""


def test_a_csv_by_instrument_and_date() -> None:
    found = read_tiers(CSV, json=False)
    assert list(found) == ["BTCUSDT", "ETHUSDT"]
    (first, table), (later, other) = dated_tables(found["BTCUSDT"])
    assert (first, later) == (0, 1_704_067_200_000)
    assert [table.brackets[0].floor, table.brackets[0].cap, table.brackets[0].cum] == [Decimal(0), Decimal(50_000), Decimal(0)]
    assert table.brackets[1].cum == 50, "50,000 x (0.5 % - 0.4 %)"
    assert table.maintenance_margin(Decimal(60_000)) == Decimal(250)
    assert (int(other.max_leverage(Decimal(1))), len(other.brackets)) == (50, 1)
    assert dated_tables(rows_of(((first, table), (later, other)))) == ((first, table), (later, other))


def test_the_answers_of_binance() -> None:
    um = dated_tables(read_tiers(BINANCE_UM, json=True)["ETHUSDT"])[0][1]
    assert [(int(item.cap), item.maintenance_rate, int(item.max_leverage), int(item.cum)) for item in um.brackets] == [
        (10_000, Decimal("0.0065"), 75, 0),
        (50_000, Decimal("0.01"), 50, 35),
    ]
    assert read_tiers(BINANCE_CM, json=True)["BTCUSD_PERP"] == (
        Tier(floor=Decimal(0), cap=Decimal(50), maintenance_rate=Decimal("0.004"), max_leverage=Decimal(125)),
    )


def test_a_file_without_names_is_for_every_instrument() -> None:
    given = read_tiers(b"floor,maintenance_rate,max_leverage\n0,0.02,20\n", json=False)
    name = InstrumentId("binance", "um", "BTC-USDT-PERP")
    assert chosen_tiers(given, name) == given[EVERY]
    own = (Tier(floor=Decimal(0), maintenance_rate=Decimal("0.5"), max_leverage=Decimal(1)),)
    for known in (str(name), "BTC-USDT-PERP", "BTCUSDT"):
        assert chosen_tiers({**given, known: own}, name, "BTCUSDT") == own
    assert chosen_tiers({"ETHUSDT": own}, name, "BTCUSDT") == ()


HEAD = "floor,cap,maintenance_rate,max_leverage\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("floor,rate\n0,1\n", "lacks maintenance_rate, max_leverage"),
        (HEAD, "holds 0 tiers"),
        (HEAD + "0,,0.4,125\n0,,1.4,125\n", "1.4 is no fraction"),
        (HEAD + "zero,,0.004,125\n", "tier 1: floor 'zero' is not a number"),
        (HEAD + "0,,nan,125\n", "tier 1: maintenance_rate 'nan' is not a number"),
        (HEAD + "0,,0.004,0\n", "leverage 0 must be from 1"),
        (HEAD + "-1,,0.004,5\n", "floor -1 must not be negative"),
        (HEAD + "5,,0.004,5\n", "must begin at zero"),
        (HEAD + "0,0,0.004,5\n", "from 0 ends at 0"),
        (HEAD + "0,10,0.004,5\n20,,0.005,4\n", "from 20 does not follow on the one up to 10"),
        (HEAD + "0,,0.004,5\n20,,0.003,4\n", "from 20 asks for less"),
        ("from,floor,maintenance_rate,max_leverage\nnever,0,0.004,5\n", "from 'never' is no ISO date"),
    ],
)
def test_what_is_no_table_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidValue, match="margin_tiers") as refused:
        read_tiers(text.encode(), json=False)
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"[]"])
def test_what_is_no_json_of_tiers_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidValue, match="margin_tiers"):
        read_tiers(content, json=True)
