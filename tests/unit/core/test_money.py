"""The exact arithmetic of money against the venues' own worked examples, and figures worked out by hand."""

from __future__ import annotations

import decimal
import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.market import instrument

from quantservice.core.errors import InvalidValue
from quantservice.core.fees import FeeSchedule, funding_payment, notional, trade_fee
from quantservice.core.instruments import InstrumentId
from quantservice.core.ledger import Entry, Ledger, Posting, spot_trade, transfer
from quantservice.core.margin import (
    Bracket,
    BracketTable,
    initial_margin,
    liquidation_price,
    maintenance_amounts,
    maintenance_margin,
)
from quantservice.core.money import Rounding, round_to_digits, round_to_step
from quantservice.core.positions import Fill, Position, break_even_price, fold, profit

BTC = InstrumentId("binance", "um", "BTC-USDT-PERP")
COIN = InstrumentId("binance", "cm", "BTC-USD-PERP")
DUST = Decimal("1e-18")  # these tests add up in the default context of 28 digits


def bracket(floor: str, cap: str, rate: str, leverage: str, cum: str) -> Bracket:
    return Bracket(
        floor=Decimal(floor), cap=Decimal(cap), maintenance_rate=Decimal(rate), max_leverage=Decimal(leverage), cum=Decimal(cum)
    )


#: BTCUSDT's table in the venue's liquidation example ("How to calculate liquidation price of USDⓈ-M futures contracts").
BTCUSDT = BracketTable(
    (
        bracket("0", "50000", "0.004", "125", "0"),
        bracket("50000", "250000", "0.005", "100", "50"),
        bracket("250000", "1000000", "0.01", "50", "1300"),
        bracket("1000000", "5000000", "0.025", "20", "16300"),
        bracket("5000000", "20000000", "0.05", "10", "141300"),
    )
)


def fill(number: int, side: str, price: str, quantity: str, **more: object) -> Fill:
    fields = {
        "instrument": BTC,
        "fill_id": str(number),
        "side": side,
        "price": Decimal(price),
        "quantity": Decimal(quantity),
    } | more
    return Fill(**fields)  # type: ignore[arg-type]  # a mixed dict of the struct's own fields


class TestFees:
    def test_the_venue_s_example_of_a_futures_fee(self) -> None:
        """1 BTC at 10,104 USDT as a taker at 0.04 %: 4.0416 USDT; as a maker at 0.02 %: 2.0208 USDT."""
        assert trade_fee(Decimal("10104"), Decimal(1), Decimal("0.0004")) == Decimal("4.0416")
        assert trade_fee(Decimal("10104"), Decimal(-1), Decimal("0.0002")) == Decimal("2.0208")

    def test_coin_margined_fee_is_in_the_coin(self) -> None:
        """10 contracts of 100 USD at 10,000 USD, 0.05 %: 0.1 BTC notional, 0.00005 BTC fee."""
        size = {"contract_size": Decimal(100), "inverse": True}
        assert notional(Decimal(10000), Decimal(10), contract_size=Decimal(100), inverse=True) == Decimal("0.1")
        assert trade_fee(Decimal(10000), Decimal(10), Decimal("0.0005"), **size) == Decimal("0.00005")  # type: ignore[arg-type]  # mixed dict

    def test_discount_applies_to_costs_and_not_to_rebates(self) -> None:
        schedule = FeeSchedule(maker=Decimal("-0.0001"), taker=Decimal("0.001"), discount=Decimal("0.25"))
        assert schedule.rate(maker=False) == Decimal("0.00075")
        assert schedule.rate(maker=True) == Decimal("-0.0001")

    @pytest.mark.parametrize("discount", ["1", "-0.1", "NaN"])
    def test_impossible_discounts_are_refused(self, discount: str) -> None:
        with pytest.raises((InvalidValue, decimal.InvalidOperation)):
            FeeSchedule(maker=Decimal(0), taker=Decimal(0), discount=Decimal(discount))

    def test_a_rounded_fee_is_never_in_our_favour(self) -> None:
        assert trade_fee(Decimal("10.01"), Decimal(1), Decimal("0.001"), step=Decimal("0.001")) == Decimal("0.011")
        assert trade_fee(Decimal("10.09"), Decimal(1), Decimal("-0.001"), step=Decimal("0.001")) == Decimal("-0.010")

    def test_longs_pay_shorts_when_the_rate_is_positive(self) -> None:
        """The venue's definition: 10 BTC at mark 9,000 with 0.01 %: 9 USDT."""
        assert funding_payment(Decimal(9000), Decimal(10), Decimal("0.0001")) == Decimal("-9.0000")
        assert funding_payment(Decimal(9000), Decimal(-10), Decimal("0.0001")) == Decimal("9.0000")
        assert funding_payment(Decimal(9000), Decimal(10), Decimal("-0.0001")) == Decimal("9.0000")
        coin = funding_payment(Decimal(10000), Decimal(100), Decimal("0.0001"), contract_size=Decimal(100), inverse=True)
        assert coin == Decimal("-0.0001")


class TestProfit:
    def test_linear(self) -> None:
        assert profit(Decimal(9500), Decimal(10000), Decimal("0.5")) == Decimal(250)
        assert profit(Decimal(9500), Decimal(10000), Decimal("-0.5")) == Decimal(-250)

    def test_inverse(self) -> None:
        """10 contracts of 100 USD, 10,000 to 12,500: 1000 * (1/10000 - 1/12500) = 0.02 BTC."""
        assert profit(Decimal(10000), Decimal(12500), Decimal(10), contract_size=Decimal(100), inverse=True) == Decimal("0.02")
        assert profit(Decimal(10000), Decimal(12500), Decimal(-10), contract_size=Decimal(100), inverse=True) == Decimal("-0.02")

    @pytest.mark.parametrize("quantity", ["2", "-2"])
    @pytest.mark.parametrize("inverse", [False, True])
    def test_break_even_leaves_nothing(self, quantity: str, inverse: bool) -> None:
        entry, held, rate, size = Decimal(10000), Decimal(quantity), Decimal("0.0004"), Decimal(100) if inverse else Decimal(1)
        costs = trade_fee(entry, held, rate, contract_size=size, inverse=inverse)
        price = break_even_price(entry, held, costs, exit_rate=rate, contract_size=size, inverse=inverse)
        left = profit(entry, price, held, contract_size=size, inverse=inverse) - costs
        left -= trade_fee(price, held, rate, contract_size=size, inverse=inverse)
        assert abs(left) < DUST
        assert (price > entry) == (held > 0)

    def test_a_flat_position_breaks_even_nowhere(self) -> None:
        with pytest.raises(InvalidValue, match="flat"):
            break_even_price(Decimal(1), Decimal(0), Decimal(1))
        with pytest.raises(InvalidValue, match="no price"):
            break_even_price(Decimal(100), Decimal(-1), Decimal(200))


class TestPositions:
    def test_average_entry_and_partial_close(self) -> None:
        held = fold(Position(instrument=BTC), [fill(1, "buy", "100", "1"), fill(2, "buy", "110", "3")])
        assert (held.quantity, held.average_entry) == (Decimal(4), Decimal("107.5"))
        held = held.apply(fill(3, "sell", "120", "1"))
        assert (held.quantity, held.average_entry, held.realised) == (Decimal(3), Decimal("107.5"), Decimal("12.5"))
        assert held.unrealised(Decimal(117)) == Decimal("28.5")

    def test_a_flip_realises_the_old_and_opens_the_new(self) -> None:
        held = fold(Position(instrument=BTC), [fill(1, "buy", "100", "2"), fill(2, "sell", "130", "5")])
        assert (held.quantity, held.average_entry, held.realised) == (Decimal(-3), Decimal(130), Decimal(60))

    def test_closing_leaves_no_dust(self) -> None:
        fills = [fill(1, "buy", "3", "7"), fill(2, "sell", "4", "3"), fill(3, "sell", "5", "4")]
        held = fold(Position(instrument=BTC), fills)
        assert (held.quantity, held.cost, held.average_entry, held.realised) == (Decimal(0), Decimal(0), None, Decimal(11))

    def test_inverse_average_is_harmonic(self) -> None:
        start = Position(instrument=COIN, inverse=True, contract_size=Decimal(100))
        fills = [fill(1, "buy", "10000", "10", instrument=COIN), fill(2, "buy", "12500", "10", instrument=COIN)]
        held = fold(start, fills)
        assert held.average_entry is not None
        assert round_to_digits(held.average_entry, 8) == Decimal("11111.11111111")
        held = held.apply(fill(3, "sell", "12500", "20", instrument=COIN))
        assert held.realised == Decimal("0.02")

    def test_hedge_legs_stay_on_their_side(self) -> None:
        short = Position(instrument=BTC, side="short").apply(fill(1, "sell", "100", "2", position_side="short"))
        assert short.quantity == Decimal(-2)
        with pytest.raises(InvalidValue, match="turn the short leg over"):
            short.apply(fill(2, "buy", "100", "3", position_side="short"))
        with pytest.raises(InvalidValue, match="belongs to side"):
            short.apply(fill(3, "buy", "100", "1", position_side="long"))
        with pytest.raises(InvalidValue, match="is of"):
            short.apply(fill(4, "buy", "100", "1", position_side="short", instrument=COIN))

    def test_fees_are_kept_per_currency(self) -> None:
        fills = [
            fill(1, "buy", "100", "1", fee=Decimal("0.1"), fee_currency="USDT"),
            fill(2, "buy", "100", "1", fee=Decimal("0.01"), fee_currency="BNB"),
            fill(3, "sell", "100", "1", fee=Decimal("0.2"), fee_currency="USDT"),
        ]
        assert fold(Position(instrument=BTC), fills).fees == {"USDT": Decimal("0.3"), "BNB": Decimal("0.01")}

    @pytest.mark.parametrize(("price", "quantity"), [("0", "1"), ("1", "0"), ("-1", "1"), ("NaN", "1"), ("1", "Infinity")])
    def test_impossible_fills_are_refused(self, price: str, quantity: str) -> None:
        with pytest.raises(InvalidValue):
            fill(1, "buy", price, quantity)


class TestMargin:
    def test_the_tiers_amounts_follow_from_their_rates(self) -> None:
        tiers = [(item.floor, item.maintenance_rate) for item in BTCUSDT.brackets]
        assert maintenance_amounts(tiers) == [item.cum for item in BTCUSDT.brackets]

    def test_margin_is_continuous_at_each_border(self) -> None:
        for low, high in zip(BTCUSDT.brackets, BTCUSDT.brackets[1:], strict=False):
            at = high.floor
            assert at * low.maintenance_rate - low.cum == BTCUSDT.maintenance_margin(at)

    def test_initial_and_maintenance(self) -> None:
        assert initial_margin(Decimal(10000), Decimal(5), Decimal(20)) == Decimal(2500)
        assert maintenance_margin(Decimal(10000), Decimal(5), BTCUSDT) == Decimal(
            200
        )  # 50,000 opens the second tier: 50000*0.005-50
        assert BTCUSDT.max_leverage(Decimal(49_999)) == Decimal(125)
        assert BTCUSDT.bracket(Decimal("1e12")) is BTCUSDT.brackets[-1]

    @pytest.mark.parametrize(("position", "other", "expected"), [("ETH", "BTC", "1153.26"), ("BTC", "ETH", "26316.89")])
    def test_the_venue_s_example_of_a_liquidation_price(self, position: str, other: str, expected: str) -> None:
        """The example of "How to calculate liquidation price of USDⓈ-M futures contracts".

        A cross wallet of 1,535,443.01 USDT holds 3,683.979 ETH from 1,456.84 (mark 1,335.18, mmr 10 %, cum 135,365) and 109.488
        BTC from 32,481.98 (mark 31,967.27, mmr 2.5 %, cum 16,300). In cross margin what backs one position is the wallet plus the
        other's unrealised profit minus its maintenance margin.
        """
        held = {
            "ETH": (
                Decimal("3683.979"),
                Decimal("1456.84"),
                Decimal("1335.18"),
                BracketTable((bracket("0", "1e12", "0.10", "5", "135365"),)),
            ),
            "BTC": (
                Decimal("109.488"),
                Decimal("32481.980"),
                Decimal("31967.27"),
                BracketTable((bracket("0", "1e12", "0.025", "20", "16300"),)),
            ),
        }
        quantity, entry, mark, table = held[other]
        backing = Decimal("1535443.01") + profit(entry, mark, quantity) - maintenance_margin(mark, quantity, table)
        quantity, entry, _, table = held[position]
        price = liquidation_price(entry, quantity, backing, table)
        assert price is not None
        assert round_to_digits(price, 2) == Decimal(expected)

    @pytest.mark.parametrize("inverse", [False, True])
    @pytest.mark.parametrize("quantity", ["0.5", "-0.5", "20", "-20", "300", "-300"])
    def test_at_the_liquidation_price_the_margin_is_just_used_up(self, quantity: str, inverse: bool) -> None:
        held, entry, size = Decimal(quantity) * (100 if inverse else 1), Decimal(20000), Decimal(100) if inverse else Decimal(1)
        wallet = notional(entry, held, contract_size=size, inverse=inverse) / 10
        price = liquidation_price(entry, held, wallet, BTCUSDT, contract_size=size, inverse=inverse)
        assert price is not None
        left = wallet + profit(entry, price, held, contract_size=size, inverse=inverse)
        assert abs(left - maintenance_margin(price, held, BTCUSDT, contract_size=size, inverse=inverse)) < DUST
        assert (price < entry) == (held > 0)

    def test_a_position_backed_in_full_is_never_liquidated(self) -> None:
        assert liquidation_price(Decimal(100), Decimal(1), Decimal(200), BTCUSDT) is None
        assert liquidation_price(Decimal(100), Decimal(0), Decimal(1), BTCUSDT) is None
        assert liquidation_price(Decimal(100), Decimal(-1), Decimal(1), BTCUSDT, inverse=True) is None

    @pytest.mark.parametrize(
        "brackets",
        [(), (bracket("1", "2", "0.1", "5", "0"),), (bracket("0", "2", "0.1", "5", "0"), bracket("3", "4", "0.2", "4", "0"))],
    )
    def test_tables_with_holes_are_refused(self, brackets: tuple[Bracket, ...]) -> None:
        with pytest.raises(InvalidValue):
            BracketTable(brackets)

    @pytest.mark.data
    def test_the_venue_s_brackets_of_every_symbol_agree_with_the_formula(self, data_dir: Path) -> None:
        """528 symbols: tiers without holes, and the published ``cum`` follows from floors and rates."""
        tables = json.loads(gzip.decompress((data_dir / "rest_messages/binance_leverage_tiers.json.gz").read_bytes()))
        assert len(tables) == 528
        for symbol, tiers in tables.items():
            info = [tier["info"] for tier in tiers]
            rows = [
                bracket(row["notionalFloor"], row["notionalCap"], row["maintMarginRatio"], row["initialLeverage"], row["cum"])
                for row in info
            ]
            table = BracketTable(tuple(rows))
            computed = maintenance_amounts([(row.floor, row.maintenance_rate) for row in rows])
            for row, amount in zip(rows, computed, strict=True):
                # The venue prints some amounts from binary floats: equal to a millionth.
                assert abs(amount - row.cum) <= max(Decimal("1e-6"), abs(amount) * Decimal("1e-12")), (symbol, row)
            for row in rows[1:]:
                assert abs(table.maintenance_margin(row.floor) - table.maintenance_margin(row.floor - Decimal("1e-9"))) < Decimal(
                    "1e-5"
                )


class TestLedger:
    def test_a_trade_balances_in_every_currency(self) -> None:
        entry = spot_trade(
            "f1",
            account="me",
            venue="binance",
            base="BTC",
            quote="USDT",
            quantity=Decimal("0.5"),
            price=Decimal(20000),
            fee=Decimal("0.0005"),
            fee_currency="BTC",
        )
        ledger = Ledger().apply([transfer("d1", "USDT", Decimal(20000), source="bank", target="me"), entry])
        assert ledger.balance("me", "USDT") == Decimal(10000)
        assert ledger.balance("me", "BTC") == Decimal("0.4995")
        assert ledger.totals() in ({}, {"USDT": Decimal(0), "BTC": Decimal(0)})

    def test_an_entry_counts_once(self) -> None:
        deposit = transfer("d1", "USDT", Decimal(5), source="bank", target="me")
        assert Ledger().apply([deposit, deposit]).apply([deposit]).balance("me", "USDT") == Decimal(5)

    def test_what_does_not_balance_cannot_be_built(self) -> None:
        with pytest.raises(InvalidValue, match="leaves 1 USDT over"):
            Entry(entry_id="e", postings=(Posting(account="a", currency="USDT", amount=Decimal(1)),))
        with pytest.raises(InvalidValue, match="finite"):
            Posting(account="a", currency="USDT", amount=Decimal("NaN"))
        with pytest.raises(InvalidValue, match="names"):
            Posting(account="", currency="USDT", amount=Decimal(1))


class TestRounding:
    @pytest.mark.parametrize(
        ("value", "rounding", "expected"),
        [
            ("1.25", Rounding.NEAREST_EVEN, "1.2"),
            ("1.35", Rounding.NEAREST_EVEN, "1.4"),
            ("1.25", Rounding.NEAREST_UP, "1.3"),
            ("-1.29", Rounding.TOWARD_ZERO, "-1.2"),
            ("1.21", Rounding.AWAY_FROM_ZERO, "1.3"),
            ("-1.21", Rounding.DOWN, "-1.3"),
            ("-1.29", Rounding.UP, "-1.2"),
        ],
    )
    def test_modes(self, value: str, rounding: Rounding, expected: str) -> None:
        assert round_to_step(Decimal(value), Decimal("0.1"), rounding) == Decimal(expected)
        assert round_to_digits(Decimal(value), 1, rounding) == Decimal(expected)

    def test_a_value_longer_than_the_context_never_crosses_its_step(self) -> None:
        nearly = Decimal("0." + "9" * 60)
        assert round_to_step(nearly, Decimal(1), Rounding.DOWN) == 0
        assert round_to_step(nearly.copy_negate(), Decimal(1), Rounding.UP) == 0

    def test_no_step_rounds_nothing(self) -> None:
        assert round_to_step(Decimal("1.2345"), Decimal(0)) == Decimal("1.2345")

    def test_the_thread_s_context_changes_no_result(self) -> None:
        with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP)):
            fee = trade_fee(Decimal("10104.55"), Decimal("1.2345"), Decimal("0.0004"))
            won = profit(Decimal("1.23456789"), Decimal("2.34567891"), Decimal("9.87654321"))
            held = fold(Position(instrument=BTC), [fill(1, "buy", "1.23456", "1.11111"), fill(2, "buy", "9.87654", "2.22222")])
            rounded = instrument("BTC").round_price(Decimal("12345.678"))
            value = instrument("BTC").notional(Decimal("12345.67"), Decimal("1.234"))
        assert fee == Decimal("4.98962679")
        assert won == Decimal("10.9739360001371742")
        assert held.cost == Decimal("23.3195766804")
        assert rounded == Decimal("12345.68")
        assert value == Decimal("15234.55678")
