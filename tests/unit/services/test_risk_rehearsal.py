"""Rules asked of the past: the account as it was, what would have been blocked, and the money by lots, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.market import instrument

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.ledger import Entry, Posting
from quantservice.core.orders import Evidence, Order, OrderState, VenueFill
from quantservice.core.positions import Position
from quantservice.ports import HeldPosition, JournalRow, StrategyQuota, TradingAccount
from quantservice.quant.risk_rules import RiskRule, rule_of
from quantservice.services.risk.attribution import Lots
from quantservice.services.risk.rehearsing import Mark, Past, Rehearsal, rehearse_orders

D = Decimal
BTC, BNB, SPOT = instrument("BTC"), instrument("BNB"), instrument("BTC", market="spot")
COIN = Instrument(
    id=InstrumentId("binance", "cm", "BTC-USD-PERP"),
    venue_symbol="BTCUSD_PERP",
    base="BTC",
    quote="USD",
    settle="BTC",
    tick_size=D("0.1"),
    lot_size=D(1),
    contract_size=D(100),
    inverse=True,
)
KNOWN = {rules.id: rules for rules in (BTC, BNB, SPOT, COIN)}
ACCOUNT = TradingAccount(name="main", venue="binance", market="um")
NOON_MS = 1_740_830_400_000
SECOND = 1_000


def fill_of(number: int, side: str, quantity: str, price: str, at_ms: int, rules: Instrument = BTC, **more: Any) -> VenueFill:
    return VenueFill(
        account="main",
        instrument=rules.id,
        trade_id=f"{number}",
        side=side,  # type: ignore[arg-type]
        price=D(price),
        quantity=D(quantity),
        time_ms=at_ms,
        **more,
    )


class Story:
    """An account's past, told order by order: one a second from noon on."""

    def __init__(self, wallet: str = "10000") -> None:
        self.orders: list[Order] = []
        self.fills: list[tuple[VenueFill, str, str]] = []
        self.entries: list[JournalRow] = []
        self.marks: list[Mark] = []
        self.opening = D(0)  # of BTC, when the books were opened
        self.moved("opening", wallet, NOON_MS - 10 * SECOND)

    def moved(self, counter: str, amount: str, at_ms: int) -> None:
        sides = (("wallet", D(amount)), (counter, -D(amount)))
        postings = tuple(Posting(account=name, currency="USDT", amount=moved) for name, moved in sides)
        entry = Entry(entry_id=f"{counter}:{at_ms}", postings=postings, time=at_ms)
        self.entries.append(JournalRow(account="main", sequence=len(self.entries) + 1, entry=entry))

    def mark(self, price: str, at_ms: int, rules: Instrument = BTC) -> None:
        self.marks.append(Mark(rules.id, at_ms, D(price)))

    def order(self, side: str, quantity: str, price: str, *, filled: bool = True, fee: str = "0", **more: Any) -> str:
        """Tell an order; where it is filled, half a second later and at once whole."""
        rules = more.pop("rules", BTC)
        number, deployment = len(self.orders) + 1, more.pop("deployment", "d")
        at_ms, name = NOON_MS + number * SECOND, f"o{number}"
        currency, external, state = more.pop("currency", ""), more.pop("external", False), more.pop("state", OrderState.FILLED)
        terms = OrderTerms(account="main", instrument=rules.id, side=side, quantity=D(quantity), **more)  # type: ignore[arg-type]
        self.orders.append(
            Order(
                order_id=name,
                intent_id=name,
                terms=terms,
                state=state if filled or state is not OrderState.FILLED else OrderState.OPEN,
                deployment=deployment,
                external=external,
                created_ns=at_ms * 10**6,
                updated_ns=(at_ms + 600) * 10**6,
                evidence=Evidence(source="push"),
            )
        )
        if filled:
            fill = fill_of(number, side, quantity, price, at_ms + 500, rules, fee=D(fee), fee_currency=currency)
            self.fills.append((fill, name, deployment))
        return name

    def held(self) -> list[HeldPosition]:
        """What is held now, by the account and by its deployments."""
        sums = {("", BTC.id): self.opening}
        for fill, _, deployment in self.fills:
            for name in {"", deployment}:
                sums[name, fill.instrument] = sums.get((name, fill.instrument), D(0)) + fill.as_fill().signed
        return [
            HeldPosition(account="main", deployment=name, position=Position(instrument=of, quantity=quantity))
            for (name, of), quantity in sums.items()
        ]

    def ask(self, *rules: tuple[str, dict[str, Any]], **more: Any) -> Rehearsal:
        made = [rule_of(name, parameters) for name, parameters in rules]
        quotas = more.pop("quotas", {})
        past = Past(
            account=ACCOUNT,
            orders=self.orders,
            fills=self.fills,
            entries=self.entries,
            marks=self.marks,
            held=self.held(),
            quotas=quotas,
        )
        span = {"start_ms": NOON_MS, "end_ms": NOON_MS + 3_600 * SECOND} | more
        return rehearse_orders(past, [rule for rule in made if isinstance(rule, RiskRule)], KNOWN.get, **span)


def blocked(made: Rehearsal, rule: int = 0) -> list[tuple[str, str]]:
    return [(item.order.order_id, item.denied.value) for item in made.rules[rule].blocked]


def money(made: Rehearsal, rule: int = 0) -> list[tuple[str, Decimal, Decimal]]:
    return [(item.currency, item.saved, item.cost) for item in made.rules[rule].money]


def test_blocked_orders_are_named_with_what_they_saved_and_cost() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "5", "100", fee="0.5")  # 500: small enough
    story.order("sell", "5", "101")
    story.order("buy", "20", "100", fee="2")  # 2000: lost 20 x 10, and two fees
    story.order("sell", "20", "90", fee="1.8")
    story.order("sell", "30", "100", fee="3")  # 3000: won 30 x 5, less fees
    story.order("buy", "30", "95", fee="2.85")
    made = story.ask(("max_order_value", {"limit": "1000"}))
    assert blocked(made) == [("o3", "2000"), ("o5", "3000")]
    assert [item.denied.limit for item in made.rules[0].blocked] == ["1000", "1000"]
    assert money(made) == [("USDT", D("203.8"), D("144.15"))]
    assert (made.judged, made.left_out, made.rules[0].closing, made.without_price) == (6, 0, 0, 0)
    assert made.sentence == "would have blocked 2 of 6 orders: saved 203.80, cost 144.15 USDT"


def test_what_is_still_open_is_marked_at_the_last_price_also_behind_the_range() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "20", "100")
    story.order("sell", "5", "104", deployment="d")
    story.mark("97", NOON_MS + 7_200 * SECOND)
    made = story.ask(("max_order_value", {"limit": "1000"}), end_ms=NOON_MS + 2 * SECOND)
    (item,) = made.rules[0].blocked
    assert made.judged == 1, "the second order is behind the range, its fill counts all the same"
    assert item.outcome is not None
    assert (item.outcome.realised, item.outcome.marked, item.outcome.open) == (D(20), D(-45), D(15))
    assert money(made) == [("USDT", D(25), D(0))]


def test_an_order_that_two_rules_block_counts_once_together() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "20", "100")
    story.order("sell", "20", "99")
    made = story.ask(("max_order_value", {"limit": "1000"}), ("max_position", {"limit": "1500"}), ("max_leverage", {"limit": "9"}))
    assert [len(rule.blocked) for rule in made.rules] == [1, 1, 0]
    assert [item.order.order_id for item in made.together.blocked] == ["o1"]
    assert [(item.saved, item.cost) for item in made.together.money] == [(D(20), D(0))]


def test_positions_and_what_is_in_flight_are_those_of_the_moment() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "6", "100")
    story.order("buy", "5", "100", filled=False, type="limit", limit_price=D(99))  # rests from here on
    story.order("buy", "1", "100")  # 6 held + 5 resting + 1
    story.order("sell", "7", "100")
    story.order("buy", "2", "100")  # 0 held + 5 + 2
    made = story.ask(("max_position", {"limit": "900"}))
    assert blocked(made) == [("o2", "1100"), ("o3", "1200")]
    story.orders[1] = msgspec.structs.replace(story.orders[1], state=OrderState.CANCELLED)  # it ended before the third
    assert blocked(story.ask(("max_position", {"limit": "900"}))) == [("o2", "1100")]


def test_equity_peak_and_the_day_are_rebuilt_from_the_journal_and_the_closes() -> None:
    story = Story()
    story.mark("100", NOON_MS - 5 * SECOND)
    story.order("buy", "50", "100")
    story.mark("120", NOON_MS + 1_600)  # equity 11000 at its peak
    story.order("buy", "1", "120")
    story.mark("90", NOON_MS + 2_700)  # 10000 + 50 x -10 + 1 x -30
    story.order("buy", "1", "90")
    made = story.ask(("max_drawdown", {"limit": "0.1"}), ("daily_loss", {"limit": "0.05"}))
    assert blocked(made) == [("o3", "13.91 %")]
    assert blocked(made, 1) == [("o3", "5.3 %")]


def test_money_that_came_or_went_is_neither_won_nor_lost() -> None:
    rules: tuple[tuple[str, dict[str, Any]], ...] = (("max_drawdown", {"limit": "0.04"}), ("daily_loss", {"limit": "0.04"}))
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "50", "100")
    story.moved("transfer", "-5000", NOON_MS + 1_700)
    story.order("buy", "1", "100")
    made = story.ask(*rules)
    assert (blocked(made), blocked(made, 1)) == ([], []), "a withdrawal is no loss"
    story.moved("transfer", "20000", NOON_MS + 2_700)
    story.moved("transfer", "-15000", NOON_MS + 2_800)
    story.mark("92", NOON_MS + 2_900)  # 51 x -8 of 10000
    story.order("buy", "1", "92")
    made = story.ask(*rules)
    assert (blocked(made), blocked(made, 1)) == ([("o3", "4.08 %")], [("o3", "4.08 %")]), "nor a deposit a gain"
    story.moved("funding", "-100", NOON_MS + 3_700)
    story.order("buy", "1", "92")
    assert blocked(story.ask(*rules), 1) == [("o3", "4.08 %"), ("o4", "5.08 %")], "what was paid otherwise is"


def test_fees_in_another_currency_count_in_equity_at_their_price() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "1", "100")
    postings = tuple(Posting(account=name, currency="BNB", amount=D(amount)) for name, amount in (("wallet", "-2"), ("fee", "2")))
    entry = Entry(entry_id="fill:1", postings=postings, time=NOON_MS + 500)
    story.entries.append(JournalRow(account="main", sequence=9, entry=entry))
    assert blocked(story.ask(("daily_loss", {"limit": "0.1"}))) == []
    story.mark("600", NOON_MS + 600, BNB)
    assert blocked(story.ask(("daily_loss", {"limit": "0.1"}))) == [("o1", "12 %")]


def test_rates_refusals_losses_and_quotas_are_counted_as_they_came() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    for _ in range(3):
        story.order("buy", "1", "100")
    story.order("sell", "3", "90")  # a losing trade
    story.order("buy", "1", "90", filled=False, state=OrderState.REJECTED)
    story.order("buy", "1", "90")
    rules: list[tuple[str, dict[str, Any]]] = [
        ("order_rate", {"limit": 3, "window_s": 60}),
        ("consecutive_losses", {"limit": 1}),
        ("rejects_in_row", {"limit": 1}),
        ("cooldown", {"seconds": 2}),
        ("strategy_quota", {}),
    ]
    quota = StrategyQuota(deployment="d", account="main", max_position=D(250), orders_per_day=4)
    made = story.ask(*rules, quotas={"d": quota})
    assert [[name for name, _ in blocked(made, place)] for place in range(5)] == [
        ["o5", "o6"],  # what reduces passes
        ["o5", "o6"],
        ["o6"],
        ["o5", "o6"],
        ["o3", "o5", "o6"],
    ]


def test_a_deployments_orders_alone_are_judged_by_the_whole_account() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "8", "100", deployment="a")
    story.order("buy", "4", "100", deployment="b")
    story.order("sell", "4", "110", deployment="b")
    story.order("sell", "8", "90", deployment="a")
    made = story.ask(("max_position", {"limit": "1000"}), deployment="b")
    assert blocked(made) == [("o2", "1200")]
    assert money(made) == [("USDT", D(0), D(40))], "closed by its own share's fill, not by the other's"
    assert made.judged == 2


def test_orders_of_others_are_left_out_and_their_fills_count() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "9", "100", external=True, deployment="")
    story.order("buy", "2", "100")
    made = story.ask(("max_position", {"limit": "1000"}))
    assert (made.judged, made.left_out) == (1, 1)
    assert blocked(made) == [("o2", "1100")]


def test_what_was_held_when_the_books_were_opened_counts() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "2", "100", deployment="")
    assert blocked(story.ask(("max_position", {"limit": "1000"}))) == []
    story.opening = D(9)
    assert blocked(story.ask(("max_position", {"limit": "1000"}))) == [("o1", "1100")]


def test_a_blocked_order_that_only_closes_has_no_money() -> None:
    story = Story()
    story.mark("100", NOON_MS)
    story.order("buy", "2", "100")
    story.order("sell", "2", "80", type="limit", limit_price=D(80))
    made = story.ask(("price_band", {"limit": "0.1"}))
    assert blocked(made) == [("o2", "20 %")]
    assert (money(made), made.rules[0].closing) == ([], 1)
    assert made.sentence == "would have blocked 1 of 2 orders"


def test_without_any_close_prices_are_those_of_fills() -> None:
    story = Story()
    story.order("buy", "20", "100")
    story.order("buy", "20", "100")
    made = story.ask(("max_order_value", {"limit": "1000"}))
    assert (blocked(made), made.without_price) == ([("o2", "2000")], 1)


@pytest.mark.parametrize("name", ["fresh_data", "trusted_data", "margin_ratio"])
def test_what_nobody_kept_is_not_asked(name: str) -> None:
    with pytest.raises(InvalidValue, match="cannot be asked of the past"):
        Story().ask((name, {}))


# --- the money -----------------------------------------------------------------------------------------------------------


def test_lots_close_first_in_first_out_and_fees_go_with_the_quantity() -> None:
    lots = Lots(lambda _currency, _into: None)
    lots.fill(BTC, fill_of(1, "buy", "1", "100", 1, fee=D("0.1")), "a", "d")
    lots.fill(BTC, fill_of(2, "buy", "1", "110", 2, fee=D("0.11")), "b", "d")
    lots.fill(BTC, fill_of(3, "sell", "1.5", "120", 3, fee=D("0.18")), "c", "d")
    first, second = (lots.outcomes({BTC.id: D(90)})[name] for name in ("a", "b"))
    assert (first.realised, first.marked, first.fees, first.open, first.profit) == (D(20), D(0), D("0.22"), D(0), D("19.78"))
    assert (second.realised, second.marked, second.fees, second.open) == (D(5), D(-10), D("0.17"), D("0.5"))
    assert "c" not in lots.outcomes({})


def test_an_order_that_turns_a_position_over_opens_with_the_rest() -> None:
    lots = Lots(lambda _currency, _into: None)
    lots.fill(BTC, fill_of(1, "buy", "1", "100", 1), "a", "")
    lots.fill(BTC, fill_of(2, "sell", "3", "110", 2, fee=D("0.33")), "b", "")
    found = lots.outcomes({BTC.id: D(100)})
    assert (found["a"].realised, found["a"].fees) == (D(10), D("0.11"))
    assert (found["b"].opened, found["b"].marked, found["b"].fees) == (D(2), D(20), D("0.22"))


def test_inverse_contracts_earn_in_their_base() -> None:
    lots = Lots(lambda _currency, _into: None)
    lots.fill(COIN, fill_of(1, "sell", "10", "50000", 1, COIN), "a", "")
    lots.fill(COIN, fill_of(2, "buy", "10", "40000", 2, COIN, fee=D("0.00001"), fee_currency="BTC"), "b", "")
    found = lots.outcomes({})["a"]
    assert (found.currency, found.realised, found.fees) == ("BTC", D("0.005"), D("0.00001"))


def test_fees_in_other_currencies_are_priced_or_said() -> None:
    lots = Lots(lambda currency, into: D(600) if (currency, into) == ("BNB", "USDT") else None)
    lots.fill(SPOT, fill_of(1, "buy", "1", "100", 1, SPOT, fee=D("0.001"), fee_currency="BTC"), "base", "")
    lots.fill(BTC, fill_of(2, "buy", "1", "100", 2, fee=D("0.0002"), fee_currency="BNB"), "third", "")
    lots.fill(BTC, fill_of(3, "buy", "1", "100", 3, fee=D(7), fee_currency="HT"), "unknown", "")
    found = lots.outcomes({})
    assert [found[name].fees for name in ("base", "third", "unknown")] == [D("0.1"), D("0.12"), D(0)]
    assert [found[name].unpriced for name in ("third", "unknown")] == [{}, {"HT": D(7)}]


STEP = st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), st.integers(50, 150), st.sampled_from(["", "a", "b"]))


@given(st.lists(STEP, max_size=30), st.integers(50, 150))
def test_all_outcomes_together_are_what_the_positions_of_the_shares_earned(steps: list[Any], last: int) -> None:
    lots, shares, fees = Lots(lambda _currency, _into: None), dict[str, Position](), D(0)
    for number, (side, quantity, price, share) in enumerate(steps):
        fill = fill_of(number, side, f"{quantity}", f"{price}", number, fee=D(quantity) / 100)
        lots.fill(BTC, fill, f"{number}", share)
        shares[share] = shares.get(share, Position(instrument=BTC.id)).apply(fill.as_fill())
        fees += fill.fee
    found = lots.outcomes({BTC.id: D(last)}).values()
    earned = sum((item.realised + item.unrealised(D(last)) for item in shares.values()), D(0))
    assert sum((item.profit for item in found), D(0)).quantize(D("1e-20")) == (earned - fees).quantize(D("1e-20"))
    assert sum((item.open for item in found), D(0)) == sum((abs(item.quantity) for item in shares.values()), D(0))
