"""What an account is worth: its money and what is open, each at its own currency's rate, and nothing where a rate is missing."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from tests.unit.services.test_portfolio_bookkeeping import CM, RULES, SPOT, UM

from quantservice.core.instruments import InstrumentBook, InstrumentId
from quantservice.core.positions import Position
from quantservice.core.worth import Collateral, Worth, worth_of

D = Decimal
RATES = {"USDT": D(1), "BTC": D(50_000), "ETH": D(2_000)}
PRICES = {UM: D(50_000), CM: D(50_000), SPOT: D(2_000)}


def held(name: InstrumentId, quantity: str, entry: str) -> Position:
    rules = RULES[name]
    size = D(quantity) * rules.contract_size
    cost = size / D(entry) if rules.inverse else size * D(entry)
    kept = {"contract_size": rules.contract_size, "inverse": rules.inverse}
    return Position(instrument=name, side="both", quantity=D(quantity), cost=cost, **kept)  # type: ignore[arg-type]  # a test's


def worth(wallet: dict[str, str], *positions: Position, collateral: str = "USDT BTC", rates: dict[str, Decimal] = RATES) -> Worth:
    return worth_of(
        {name: D(amount) for name, amount in wallet.items()},
        {"USDT": D(100), "BTC": D(1)},
        positions,
        PRICES,
        collateral=collateral.split(),
        rules_of=RULES.get,
        rate_of=rates.get,
    )


def test_every_currency_of_the_collateral_counts_at_its_rate_and_no_other() -> None:
    found = worth({"USDT": "100.5", "BTC": "3", "ETH": "7"})
    assert (found.equity, found.paid_in, found.unknown) == (D("150100.5"), D(50_100), ())
    assert worth({"USDT": "100.5", "BTC": "3"}, collateral="USDT").equity == D("100.5")


def test_what_is_open_counts_in_the_currency_that_it_settles_in() -> None:
    inverse = held(CM, "100", "40000")  # 100 contracts of 100 USD: 10,000 x (1/40,000 - 1/50,000) = 0.05 BTC
    linear = held(UM, "-2", "51000")
    coins = held(SPOT, "3", "1000")
    contract = RULES[CM].contract_size
    earned = 100 * contract * (1 / D(40_000) - 1 / D(50_000))
    assert worth({}, inverse).equity == earned * 50_000
    assert worth({}, linear).equity == 2_000 * RULES[UM].contract_size
    assert worth({}, coins).equity == D(6_000)
    assert worth({"BTC": "1"}, inverse, linear).equity == D(50_000) + earned * 50_000 + 2_000 * RULES[UM].contract_size


def test_what_has_no_rate_is_left_out_and_named() -> None:
    inverse = held(CM, "100", "40000")
    found = worth({"USDT": "5", "BTC": "3"}, inverse, rates={"USDT": D(1)})
    assert (found.equity, found.paid_in, found.unknown) == (D(5), D(100), ("BTC",))
    flat = msgspec.structs.replace(inverse, quantity=D(0), cost=D(0))
    found = worth_of({"USDT": D(5)}, {}, [flat], PRICES, collateral=["USDT"], rules_of=RULES.get, rate_of={"USDT": D(1)}.get)
    assert found.unknown == (), "nothing is open in it"


@pytest.mark.parametrize(
    ("name", "known"), [(UM, {"USD", "USDT"}), (CM, {"USD", "BTC"}), (SPOT, {"USD"})], ids=["linear", "inverse", "spot"]
)
def test_the_collateral_is_what_contracts_of_the_market_settle_in(name: InstrumentId, known: set[str]) -> None:
    collateral = Collateral(name.venue, name.market, "USD")
    assert collateral.of(InstrumentBook([])) == {"USD"}
    assert collateral.of(InstrumentBook(RULES.values())) == known
    assert Collateral("elsewhere", name.market, "USD").of(InstrumentBook(RULES.values())) == {"USD"}
