"""Laws of money: nothing appears or vanishes, order of adding up does not matter, linear and inverse mirror each other."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Literal

from hypothesis import assume, given
from hypothesis import strategies as st

from quantservice.core.fees import funding_payment, notional, trade_fee
from quantservice.core.ids import deterministic_id, is_client_id
from quantservice.core.instruments import InstrumentId
from quantservice.core.ledger import Entry, Ledger, transfer
from quantservice.core.margin import Bracket, BracketTable, liquidation_price, maintenance_amounts, maintenance_margin
from quantservice.core.money import Rounding, money_context, round_to_step
from quantservice.core.positions import Fill, Position, fold, profit

BTC = InstrumentId("binance", "um", "BTC-USDT-PERP")
prices = st.decimals(min_value="0.01", max_value="100000", places=2)
quantities = st.decimals(min_value="0.001", max_value="1000", places=3)
signed = st.builds(lambda size, minus: -size if minus else size, quantities, st.booleans())
#: Far above the 50th digit's rounding, far below any tick.
DUST = Decimal("1e-25")


@st.composite
def fills(draw: st.DrawFn, most: int = 12) -> list[Fill]:
    sides: st.SearchStrategy[Literal["buy", "sell"]] = st.sampled_from(["buy", "sell"])
    rows = draw(st.lists(st.tuples(sides, prices, quantities, st.sampled_from(["USDT", "BNB"])), max_size=most))
    return [
        Fill(
            fill_id=str(number),
            instrument=BTC,
            side=side,
            price=price,
            quantity=quantity,
            fee=trade_fee(price, quantity, Decimal("0.0004")),
            fee_currency=currency,
        )
        for number, (side, price, quantity, currency) in enumerate(rows)
    ]


def cash_of(held: list[Fill], mark: Decimal, *, inverse: bool) -> Decimal:
    """Equity by another road: cash paid and received, plus what is held at its price, without any average or realised part."""
    with localcontext(money_context()):
        if inverse:
            return sum((fill.signed / fill.price - fill.signed / mark for fill in held), Decimal(0))
        return sum((fill.signed * mark - fill.signed * fill.price for fill in held), Decimal(0))


@given(fills(), prices, st.booleans())
def test_equity_is_conserved(held: list[Fill], mark: Decimal, inverse: bool) -> None:
    position = fold(Position(instrument=BTC, inverse=inverse), held)
    with localcontext(money_context()):
        equity = position.realised + position.unrealised(mark)
        assert abs(equity - cash_of(held, mark, inverse=inverse)) < DUST
        assert position.quantity == sum((fill.signed for fill in held), Decimal(0))
        assert sum(position.fees.values(), Decimal(0)) == sum((fill.fee for fill in held), Decimal(0))


@given(fills(), st.integers(0, 12), st.booleans())
def test_a_fold_in_parts_is_the_fold(held: list[Fill], cut: int, inverse: bool) -> None:
    start = Position(instrument=BTC, inverse=inverse)
    assert fold(fold(start, held[:cut]), held[cut:]) == fold(start, held)


@given(fills(), prices)
def test_a_flip_is_a_close_and_an_open(held: list[Fill], price: Decimal) -> None:
    before = fold(Position(instrument=BTC), held)
    assume(before.quantity != 0)
    extra = Decimal("1.5")
    side: Literal["buy", "sell"] = "sell" if before.quantity > 0 else "buy"

    def one(number: str, quantity: Decimal) -> Fill:
        return Fill(fill_id=number, instrument=BTC, side=side, price=price, quantity=quantity)

    at_once = before.apply(one("x", abs(before.quantity) + extra))
    in_two = before.apply(one("y", abs(before.quantity))).apply(one("z", extra))
    assert (at_once.quantity, at_once.cost, at_once.realised) == (in_two.quantity, in_two.cost, in_two.realised)
    assert at_once.average_entry == price


@given(fills(), st.booleans())
def test_the_average_lies_among_the_prices_paid(held: list[Fill], inverse: bool) -> None:
    buys = [fill for fill in held if fill.side == "buy"]
    position = fold(Position(instrument=BTC, inverse=inverse), buys)
    if not buys:
        assert position.average_entry is None
        return
    average = position.average_entry
    assert average is not None
    with localcontext(money_context()):
        assert min(fill.price for fill in buys) - DUST <= average <= max(fill.price for fill in buys) + DUST
    assert position.realised == 0


@given(prices, prices, signed)
def test_inverse_profit_is_linear_profit_at_reciprocal_prices(entry: Decimal, leave: Decimal, quantity: Decimal) -> None:
    """A coin-margined long is a short of the dollar priced in the coin."""
    with localcontext(money_context()):
        mirrored = -quantity * (1 / leave - 1 / entry)
        assert abs(profit(entry, leave, quantity, inverse=True) - mirrored) < DUST


@given(prices, prices, signed, st.booleans())
def test_profit_turns_round_with_the_position_and_with_time(
    entry: Decimal, leave: Decimal, quantity: Decimal, inverse: bool
) -> None:
    forward = profit(entry, leave, quantity, inverse=inverse)
    assert forward == profit(entry, leave, -quantity, inverse=inverse).copy_negate()
    assert forward == profit(leave, entry, quantity, inverse=inverse).copy_negate()
    assert profit(entry, entry, quantity, inverse=inverse) == 0


@given(prices, signed, st.decimals(min_value="-0.01", max_value="0.01", places=6), st.booleans())
def test_funding_moves_money_and_makes_none(mark: Decimal, quantity: Decimal, rate: Decimal, inverse: bool) -> None:
    paid = funding_payment(mark, quantity, rate, inverse=inverse)
    assert paid + funding_payment(mark, -quantity, rate, inverse=inverse) == 0
    with localcontext(money_context()):
        assert abs(paid) == abs(notional(mark, quantity, inverse=inverse) * rate)


@given(prices, quantities, st.decimals(min_value="-0.001", max_value="0.001", places=6))
def test_a_rounded_fee_is_never_less_than_the_exact_one(price: Decimal, quantity: Decimal, rate: Decimal) -> None:
    step = Decimal("0.01")
    exact_fee, rounded = trade_fee(price, quantity, rate), trade_fee(price, quantity, rate, step=step)
    assert exact_fee <= rounded < exact_fee + step


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=12), st.sampled_from(["0.00001", "0.01", "0.5", "3", "1000"]))
def test_rounding_modes_keep_their_promise(value: Decimal, text: str) -> None:
    step = Decimal(text)
    down, up = round_to_step(value, step, Rounding.DOWN), round_to_step(value, step, Rounding.UP)
    toward, away = round_to_step(value, step, Rounding.TOWARD_ZERO), round_to_step(value, step, Rounding.AWAY_FROM_ZERO)
    assert down <= value <= up
    assert up - down in (0, step)
    assert abs(toward) <= abs(value) <= abs(away)
    assert {toward, away} == {down, up}
    assert abs(round_to_step(value, step) - value) * 2 <= step


@st.composite
def tables(draw: st.DrawFn) -> BracketTable:
    """Tiers as venues make them: rising caps, rising rates, amounts that keep the margin continuous."""
    floors = [0, *sorted(draw(st.sets(st.integers(1_000, 10_000_000), min_size=0, max_size=5)))]
    rates = sorted(draw(st.lists(st.integers(4, 500), min_size=len(floors), max_size=len(floors), unique=True)))
    rows = [(Decimal(floor), Decimal(rate) / 1000) for floor, rate in zip(floors, rates, strict=True)]
    caps = [row[0] for row in rows[1:]] + [Decimal("1e15")]
    return BracketTable(
        tuple(
            Bracket(floor=floor, cap=cap, maintenance_rate=rate, max_leverage=Decimal(1), cum=cum)
            for (floor, rate), cap, cum in zip(rows, caps, maintenance_amounts(rows), strict=True)
        )
    )


@given(tables(), st.integers(0, 20_000_000), st.integers(0, 20_000_000))
def test_more_notional_never_needs_less_margin(table: BracketTable, one: int, other: int) -> None:
    small, large = sorted((Decimal(one), Decimal(other)))
    assert 0 <= table.maintenance_margin(small) <= table.maintenance_margin(large) <= large


@given(tables(), prices, signed, st.integers(2, 100))
def test_liquidation_is_where_the_margin_is_used_up(table: BracketTable, entry: Decimal, quantity: Decimal, leverage: int) -> None:
    with localcontext(money_context()):
        wallet = notional(entry, quantity) / leverage
    price = liquidation_price(entry, quantity, wallet, table)
    if price is None:
        return
    with localcontext(money_context()):
        left = wallet + profit(entry, price, quantity)
        assert abs(left - maintenance_margin(price, quantity, table)) < DUST
    worse = price * (Decimal("0.99") if quantity > 0 else Decimal("1.01"))
    with localcontext(money_context()):
        assert wallet + profit(entry, worse, quantity) < maintenance_margin(worse, quantity, table)


accounts = st.sampled_from(["a", "b", "c", "venue"])
movements = st.lists(
    st.builds(
        transfer,
        st.integers(0, 30).map(str),
        st.sampled_from(["USDT", "BTC"]),
        st.decimals(min_value=-(10**6), max_value=10**6, places=8),
        source=accounts,
        target=accounts,
    ),
    max_size=30,
)


@given(movements, st.integers(0, 30))
def test_the_ledger_never_leaks_and_can_be_folded_in_parts(entries: list[Entry], cut: int) -> None:
    unique = list({entry.entry_id: entry for entry in entries}.values())
    whole = Ledger().apply(unique)
    assert all(total == 0 for total in whole.totals().values())
    assert Ledger().apply(unique[:cut]).apply(unique[cut:]) == whole
    assert whole.apply(unique) == whole
    assert Ledger().apply(reversed(unique)) == whole


@given(st.text(min_size=1, max_size=10), st.lists(st.one_of(st.text(max_size=10), st.integers()), max_size=5))
def test_ids_are_pure_and_fit_every_venue(kind: str, parts: list[str | int]) -> None:
    made = deterministic_id(kind, *parts)
    assert made == deterministic_id(kind, *parts)
    assert is_client_id(made)
    assert made != deterministic_id(kind, *parts, "")
