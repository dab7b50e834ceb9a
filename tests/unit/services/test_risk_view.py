"""What rules are given: each figure of an order's surroundings, what is remembered for them and how long, where borders lie."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.support.market import instrument

from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.orders import Change, Evidence, Order, OrderEvent, OrderState, VenueFill, order_of
from quantservice.core.positions import Position
from quantservice.ports import HeldPosition, StrategyQuota
from quantservice.quant.risk_rules import RiskView
from quantservice.services.risk import ExposureBook
from quantservice.services.risk.exposure import Equity, Exposed, Used

D = Decimal
BTC, ETH = instrument("BTC"), instrument("ETH")
KNOWN = {rules.id: rules for rules in (BTC, ETH)}
SECOND = 10**9
DAY = 86_400 * SECOND
NOON = 20_148 * DAY + DAY // 2
SHOWN = Evidence(source="push", reference="1")


def a_book() -> ExposureBook:
    return ExposureBook("main", KNOWN.get)


def want(
    number: int = 1, side: str = "buy", quantity: str = "2", *, deployment: str = "d", amends: str = "", **more: Any
) -> Intent:
    name = more.pop("name", BTC.id)
    terms = OrderTerms(account="main", instrument=name, side=side, quantity=D(quantity), **more)  # type: ignore[arg-type]
    return Intent(intent_id=f"i{number}", terms=terms, deployment=deployment, amends=amends)


def open_order(number: int, side: str, quantity: str, **more: Any) -> Order:
    made = order_of(want(number, side, quantity, **more), created_ns=NOON + number).apply(OrderEvent(change=Change.SUBMIT))
    return made.apply(OrderEvent(change=Change.ACCEPT, evidence=SHOWN))


def ended(number: int, change: Change, *, created_ns: int = 0, **more: Any) -> Order:
    made = order_of(want(number, **more), created_ns=created_ns or NOON).apply(OrderEvent(change=Change.SUBMIT))
    return made.apply(OrderEvent(change=change, evidence=SHOWN))


def held(quantity: str, name: Any = BTC.id, *, realised: str = "0", side: Any = "both") -> Position:
    return Position(instrument=name, side=side, quantity=D(quantity), realised=D(realised))


# --- the view -------------------------------------------------------------------------------------------------------------


def full_book() -> ExposureBook:
    """Ten bitcoin and twenty ether short, three bitcoin asked for by ``d``, whose own part is four."""
    book = a_book()
    book.set_equity(D(12_000), NOON - 2, free_margin=D(1))
    book.set_equity(D(11_000), NOON - 1, free_margin=D(9_500), margin_ratio=D("0.25"))
    book.set_price(BTC.id, D(100), NOON - 2_999_999)
    book.set_price(ETH.id, D(10), NOON)
    book.leverage, book.usual_leverage = {BTC.id: D(5)}, D(2)
    book.apply_position(held("10"))
    book.apply_position(held("-20", ETH.id))
    book.apply_position(held("4"), "d")
    book.apply_order(open_order(1, "buy", "3"))
    book.note_sent(want(1), NOON - 5)
    book.note_sent(want(8, "sell", deployment="other"), NOON - 4)
    book.note_sent(want(9, name=ETH.id), NOON - 3)
    book.apply_trade_result("d", D(-1), NOON - 7)
    book.apply_order(ended(7, Change.REFUSE))
    book.quotas = {"d": StrategyQuota(deployment="d", account="main", max_position=D(2_500), orders_per_day=9)}
    return book


def test_every_figure_of_an_orders_surroundings() -> None:
    intent = want(2, type="limit", limit_price=D(98))
    view = full_book().view(intent, NOON)
    wanted = RiskView(
        terms=intent.terms,
        venue="binance",
        market="um",
        deployment="d",
        now_ns=NOON,
        reference_price=D(100),
        order_price=D(98),
        order_value=D(196),
        equity=D(11_000),
        peak_equity=D(12_000),
        day_start_equity=D(12_000),
        free_margin=D(9_140),  # 9,500 less 1,300 / 5 and 200 / 2
        margin_ratio=D("0.25"),
        position_value=D(1_300),
        after_position_value=D(1_500),
        after_gross_exposure=D(1_700),
        after_largest_exposure=D(1_500),
        deployment_position_value=D(900),
        open_orders=1,
        order_times_ns=(NOON - 5, NOON - 4, NOON - 3),
        deployment_order_times_ns=(NOON - 5, NOON - 3),
        deployment_orders_today=2,
        rejects_in_row=1,
        losses_in_row=1,
        last_loss_ns=NOON - 7,
        sides_lately=((NOON - 5, "buy"), (NOON - 4, "sell")),
        data_age_ms=2,
        leverage=D(5),
        quota_position=D(2_500),
        quota_orders_per_day=9,
    )
    sequences = {"order_times_ns", "deployment_order_times_ns", "sides_lately", "data_faults"}
    for name in RiskView.__struct_fields__:
        shown = getattr(view, name)
        assert (tuple(shown) if name in sequences else shown) == getattr(wanted, name), name


def test_of_a_person_and_of_an_instrument_without_a_price_less_is_known() -> None:
    book = a_book()
    view = book.view(want(1, deployment="", type="limit", limit_price=D(90)), NOON)
    assert (view.reference_price, view.order_price, view.order_value) == (D(0), D(90), D(180))
    assert view.data_age_ms == 2_147_483_648, "older than any limit"
    assert (view.deployment_position_value, view.quota_position, view.quota_orders_per_day) == (D(0), D(0), 0)
    assert (view.deployment_orders_today, view.last_loss_ns, view.losses_in_row, view.leverage) == (0, 0, 0, D(1))
    assert (view.position_value, view.after_position_value, view.after_gross_exposure, view.after_largest_exposure) == (D(0),) * 4
    assert (tuple(view.deployment_order_times_ns), tuple(view.data_faults)) == ((), ())


def test_the_price_of_an_order_is_its_limit_its_stop_or_the_market() -> None:
    book = full_book()
    prices = {
        D(100): want(2),
        D(90): want(2, type="stop", stop_price=D(90)),
        D(91): want(2, type="stop_limit", stop_price=D(90), limit_price=D(91)),
    }
    for price, intent in prices.items():
        view = book.view(intent, NOON)
        assert (view.order_price, view.order_value, view.reference_price) == (price, price * 2, D(100))


def test_the_largest_may_be_another_instrument() -> None:
    book = full_book()
    book.set_price(ETH.id, D(100), NOON)
    view = book.view(want(2), NOON)
    assert (view.after_largest_exposure, view.after_gross_exposure) == (D(2_000), D(3_500))


def test_margin_is_bound_by_the_usual_leverage_where_no_own_is_known() -> None:
    book = full_book()
    book.leverage = {}
    assert book.view(want(2), NOON).free_margin == 9_500 - D(1_500) / 2
    assert book.view(want(2), NOON).leverage == D(2)
    book.leverage = {ETH.id: D(10)}
    assert book.view(want(2), NOON).free_margin == 9_500 - D(1_300) / 2 - D(200) / 10


def test_a_change_of_an_order_adds_that_by_which_it_is_larger() -> None:
    book = full_book()
    name = open_order(1, "buy", "3").order_id
    larger = book.view(want(2, quantity="5", amends=name, type="limit", limit_price=D(100)), NOON)
    assert (larger.position_value, larger.after_position_value, larger.open_orders) == (D(1_300), D(1_500), 0)
    assert larger.deployment_position_value == D(900)
    smaller = book.view(want(2, quantity="1", amends=name, type="limit", limit_price=D(100)), NOON)
    assert (smaller.after_position_value, smaller.deployment_position_value) == (D(1_300), D(700)), "the old version may stay"
    other = book.view(want(2, quantity="1", amends="gone", type="limit", limit_price=D(100)), NOON)
    assert (other.after_position_value, other.open_orders) == (D(1_400), 1), "what is not known any more counts whole"


def test_a_part_is_closed_by_an_order_and_never_by_a_change_of_one() -> None:
    book = full_book()
    assert book.view(want(2, "sell", "4"), NOON).closes
    assert not book.view(want(2, "sell", "4.1"), NOON).closes
    assert not book.view(want(2, "sell", "4", deployment=""), NOON).closes
    name = open_order(1, "buy", "3").order_id
    assert not book.view(want(2, "sell", "4", amends=name, type="limit", limit_price=D(1)), NOON).closes


# --- what is remembered ---------------------------------------------------------------------------------------------------


def test_so_many_orders_and_sides_are_remembered() -> None:
    book = a_book()
    for number in range(600):
        book.note_sent(want(number, deployment="d" if number % 2 else "other"), NOON + number)
    view = book.view(want(), NOON + 600)
    assert (len(view.order_times_ns), view.order_times_ns[0]) == (512, NOON + 88)
    assert (len(view.sides_lately), view.sides_lately[0]) == (64, (NOON + 536, "buy"))
    for number in range(600):
        book.note_sent(want(number), NOON + number)
    assert len(book.view(want(), NOON + 600).deployment_order_times_ns) == 512


def test_a_change_is_a_request_of_the_rate_and_no_order_of_the_day() -> None:
    book = a_book()
    book.note_sent(want(1, amends="o1", type="limit", limit_price=D(1)), NOON)
    view = book.view(want(2), NOON)
    assert (tuple(view.order_times_ns), view.deployment_orders_today, tuple(view.sides_lately)) == ((NOON,), 0, ())


def test_orders_of_the_day_begin_anew_at_midnight_utc() -> None:
    book, midnight = a_book(), NOON + DAY // 2
    book.note_sent(want(1), midnight - 2)
    book.note_sent(want(2), midnight - 1)
    book.note_sent(want(3, deployment=""), midnight - 1)
    assert book.view(want(), midnight - 1).deployment_orders_today == 2
    assert book.used(midnight - 1) == {"d": Used(orders_today=2)}, "a person's are nobody's"
    assert book.view(want(), midnight).deployment_orders_today == 0
    assert book.used(midnight) == {}
    book.note_sent(want(4), midnight)
    assert book.view(want(), midnight).deployment_orders_today == 1


def test_only_what_the_venue_took_ends_a_row_of_refusals() -> None:
    book = a_book()
    refused = ended(1, Change.REFUSE)
    for order, count in (
        (refused, 1),
        (refused, 2),
        (ended(2, Change.CANCEL), 2),
        (order_of(want(3), created_ns=NOON), 2),
        (ended(4, Change.COMPLETE), 0),
        (refused, 1),
        (open_order(5, "buy", "1"), 0),
    ):
        book.apply_order(order)
        assert book.rejects_in_row == count


def test_a_trade_that_won_nothing_is_no_loss_and_ends_a_row() -> None:
    book = a_book()
    for profit, row in ((D(-1), (1, NOON)), (D(-2), (2, NOON)), (D(0), (0, NOON)), (D(-1), (1, NOON))):
        book.apply_trade_result("d", profit, NOON)
        view = book.view(want(), NOON)
        assert (view.losses_in_row, view.last_loss_ns) == row
    book.apply_trade_result("d", D(1), NOON + 9)
    assert book.view(want(), NOON).last_loss_ns == NOON, "the last loss stays where it was"


def test_a_persons_look_forgives_where_it_was_had() -> None:
    def lost() -> ExposureBook:
        book = a_book()
        book.apply_order(ended(1, Change.REFUSE))
        for name in ("d", "e"):
            book.apply_trade_result(name, D(-1), NOON)
        return book

    def rows(book: ExposureBook) -> tuple[int, ...]:
        return book.rejects_in_row, *(book.view(want(deployment=name), NOON).losses_in_row for name in ("d", "e"))

    assert rows(lost()) == (1, 1, 1)
    (one := lost()).forgive("d")
    assert rows(one) == (1, 0, 1)
    assert one.view(want(), NOON).last_loss_ns == NOON
    (everything := lost()).forgive()
    assert rows(everything) == (0, 0, 0)


def test_a_new_process_goes_on_with_the_orders_before_it() -> None:
    book = a_book()
    book.note_sent(want(9, "sell"), NOON)
    book.rejects_in_row = 7
    orders = [
        ended(1, Change.REFUSE, created_ns=NOON - 60),
        ended(2, Change.REFUSE, created_ns=NOON - 50),
        ended(3, Change.REFUSE, created_ns=NOON - 49),
        msgspec.structs.replace(order_of(want(4), created_ns=NOON - 40), external=True),
        order_of(want(5, "sell", deployment="e"), created_ns=NOON - 30),
    ]
    book.resume(orders=orders, counts={"d": 3}, losses={"e": (2, 5)}, now_ns=NOON, since_ns=NOON - 50)
    view = book.view(want(), NOON)
    assert (view.rejects_in_row, view.deployment_orders_today) == (2, 3), "refusals count from the look on"
    assert tuple(view.order_times_ns) == (NOON - 60, NOON - 50, NOON - 49, NOON - 30)
    assert tuple(view.deployment_order_times_ns) == (NOON - 60, NOON - 50, NOON - 49)
    assert [side for _, side in view.sides_lately] == ["buy", "buy", "buy", "sell"]
    other = book.view(want(deployment="e"), NOON)
    assert (other.losses_in_row, other.last_loss_ns, view.losses_in_row) == (2, 5, 0)
    for taken in (Change.ACCEPT, Change.COMPLETE, Change.CANCEL, Change.EXPIRE):
        book.resume(orders=[*orders, ended(6, taken)], counts={}, losses={}, now_ns=NOON)
        assert book.rejects_in_row == 0, taken
    book.resume(orders=orders[:3], counts={}, losses={}, now_ns=NOON)
    assert book.rejects_in_row == 3


def test_what_had_been_realised_before_the_open_trade_is_taken_of_legs_that_are_there_alone() -> None:
    book = a_book()
    book.apply_position(held("5", realised="-3"), "d")
    book.opened_with("d", BTC.id, "both", D(-10))
    book.opened_with("e", BTC.id, "both", D(-10))
    for deployment in ("d", "e"):
        book.apply_position(held("0", realised="-5"), deployment, NOON)
        assert book.view(want(deployment=deployment), NOON).losses_in_row == 0, "won five since, and of nobody's leg nothing"


# --- what is held and flies -----------------------------------------------------------------------------------------------


def test_a_reload_leaves_nothing_of_what_was() -> None:
    book = full_book()
    order = open_order(1, "buy", "3")
    part = HeldPosition(account="main", deployment="d", position=held("1"), updated_ms=0)
    book.reload([HeldPosition(account="main", position=held("1"), updated_ms=0), part])
    view = book.view(want(2), NOON)
    assert (view.position_value, view.after_position_value, view.open_orders) == (D(100), D(300), 0)
    assert view.deployment_position_value == D(300)
    assert (book.in_flight(), book.in_flight(BTC.id), book.legs()) == ([], [], {(BTC.id, "both"): D(1)})
    assert (view.reference_price, len(view.sides_lately)) == (D(100), 2), "price and recent sides stay"
    book.apply_order(order)
    assert book.view(want(2), NOON).open_orders == 1
    assert (book.in_flight(), book.in_flight(BTC.id), book.in_flight(ETH.id)) == ([order], [order], [])


def test_legs_that_are_flat_are_not_held() -> None:
    book = full_book()
    assert book.legs() == {(BTC.id, "both"): D(10), (ETH.id, "both"): D(-20)}
    book.apply_position(held("0"))
    assert book.legs() == {(ETH.id, "both"): D(-20)}


def test_an_order_is_open_until_it_ends_and_flies_until_its_fills_are_booked() -> None:
    book = a_book()
    book.set_price(BTC.id, D(100), NOON)
    order = open_order(1, "buy", "3")
    for _ in range(2):
        book.apply_order(order)
        view = book.view(want(2, quantity="1"), NOON)
        assert (view.open_orders, view.after_position_value) == (1, D(400))
    told = order.apply(OrderEvent(change=Change.COMPLETE, evidence=SHOWN, filled=D(3)))
    book.apply_order(told)
    view = book.view(want(2, quantity="1"), NOON)
    assert (view.open_orders, view.after_position_value, book.in_flight()) == (0, D(400), [told])
    fill = VenueFill(account="main", instrument=BTC.id, trade_id="1", side="buy", price=D(100), quantity=D(3))
    book.apply_order(told.add_fill(fill))
    assert book.in_flight() == []
    assert book.view(want(2, quantity="1"), NOON).open_orders == 0


def test_what_is_left_is_summed_by_leg_side_and_whether_it_only_reduces() -> None:
    found = Exposed()
    flying: list[tuple[str, str, dict[str, Any]]] = [
        ("buy", "1", {"position_side": "long"}),
        ("buy", "2", {"position_side": "short"}),
        ("buy", "4", {"position_side": "long", "reduce_only": True}),
        ("sell", "8", {"position_side": "long"}),
    ]
    for number, (side, quantity, more) in enumerate(flying):
        found.put(open_order(number, side, quantity, **more), flies=True)
    assert (found.left("buy"), found.left("sell")) == (D(7), D(8))
    assert (found.left("buy", reducing=False), found.left("buy", leg="long"), found.left("buy", leg="short")) == (D(3), D(5), D(2))
    assert found.left("buy", leg="long", reducing=False) == D(1)
    assert found.open == 4


@pytest.mark.parametrize(
    ("quantity", "flying", "more", "worst"),
    [
        ("10", [], None, "10"),
        ("10", [("buy", "3", False)], None, "13"),
        ("10", [("sell", "25", False)], None, "15"),
        ("10", [("sell", "6", True), ("sell", "15", False)], None, "11"),
        ("10", [("buy", "6", True)], None, "10"),  # it reduces nothing of a long position
        ("-10", [("sell", "3", False)], None, "13"),
        ("-10", [("buy", "25", False)], None, "15"),
        ("-10", [("buy", "6", True), ("buy", "15", False)], None, "11"),
        ("-10", [("buy", "16", True), ("buy", "15", False)], None, "15"),
        ("0", [("buy", "2", False), ("sell", "3", False)], None, "3"),
        ("10", [], ("buy", "2", False), "12"),
        ("10", [], ("sell", "25", False), "15"),
        ("10", [("sell", "15", False)], ("sell", "6", True), "11"),
        ("10", [("sell", "15", False)], ("buy", "6", True), "10"),
        ("-10", [("buy", "15", False)], ("buy", "6", True), "11"),
        ("-10", [], ("sell", "2", False), "12"),
    ],
)
def test_the_worst_of_a_leg(
    quantity: str, flying: list[tuple[str, str, bool]], more: tuple[str, str, bool] | None, worst: str
) -> None:
    found = Exposed()
    found.legs["both"] = D(quantity)
    for number, (side, left, reduces) in enumerate(flying):
        found.put(open_order(number, side, left, reduce_only=reduces), flies=True)
    terms = None if more is None else want(9, more[0], more[1], reduce_only=more[2]).terms
    assert found.quantities(terms) == (D(worst),)


def test_the_worst_of_hedged_legs_is_each_with_what_opens_it() -> None:
    found = Exposed()
    found.legs["short"] = D(-5)
    found.put(open_order(1, "buy", "2", position_side="long"), flies=True)
    found.put(open_order(2, "sell", "3", position_side="short"), flies=True)
    found.put(open_order(3, "sell", "9", position_side="long"), flies=True)
    assert found.quantities() == (D(2), D(8))
    assert found.quantities(want(4, "sell", "1", position_side="short").terms) == (D(2), D(9))
    assert found.quantities(want(4, "buy", "1", position_side="short").terms) == (D(2), D(8))
    assert found.quantities(want(4, "buy", "1", position_side="long").terms) == (D(3), D(8))


# --- equity ---------------------------------------------------------------------------------------------------------------


def test_equity_begins_with_nothing_and_without_a_day() -> None:
    assert msgspec.structs.astuple(Equity()) == (D(0), D(0), D(0), -1, D(0), D(0), D(0), 0)


def test_what_equity_is_measured_against_and_when_it_changes() -> None:
    book, day = a_book(), NOON // DAY
    equity = book.equity

    def shown() -> tuple[int, ...]:
        return int(equity.now), int(equity.peak), int(equity.day_start), equity.day, int(equity.free_margin), equity.changes

    book.set_equity(D(100), NOON, free_margin=D(90), paid_in=D(100), sure=False)
    assert shown() == (100, 0, 0, -1, 90, 0), "shown, and nothing is measured against it"
    book.set_equity(D(100), NOON, free_margin=D(91), paid_in=D(100))
    assert shown() == (100, 100, 100, day, 91, 2)
    book.set_equity(D(100), NOON, free_margin=D(91), paid_in=D(100))
    assert shown() == (100, 100, 100, day, 91, 2), "the same is no change"
    book.set_equity(D(150), NOON, free_margin=D(92), paid_in=D(140))
    assert shown() == (150, 150, 140, day, 92, 4), "forty were paid in, ten won"
    book.set_equity(D(20), NOON, free_margin=D(1), margin_ratio=D("0.7"), paid_in=D(140), sure=False)
    assert shown() == (150, 150, 140, day, 92, 4)
    assert equity.margin_ratio == D("0.7"), "the venue's own figure counts at once"
    book.set_equity(D(130), NOON + DAY, free_margin=D(93))
    assert shown() == (130, 150, 150, day + 1, 93, 5), "a day is measured against the last figure before it"
    assert equity.margin_ratio == 0
    book.set_equity(D(120), NOON + 3 * DAY, free_margin=D(93))
    assert shown() == (120, 150, 120, day + 3, 93, 6), "of a day without any figure nothing is known"
    book.set_equity(D(90), NOON + 3 * DAY, free_margin=D(93), paid_in=D(110))
    assert shown() == (90, 120, 90, day + 3, 93, 7), "thirty were paid out"


def test_money_that_moved_counts_on_the_first_day_of_all() -> None:
    book = a_book()
    book.set_equity(D(100), 5, free_margin=D(1), paid_in=D(100))
    book.set_equity(D(150), 6, free_margin=D(1), paid_in=D(150))
    assert (book.equity.day, book.equity.day_start) == (0, D(50)), "the day before it has nothing, and fifty were paid in"


# --- whether it is to be trusted ------------------------------------------------------------------------------------------


def test_three_minutes_without_a_comparison_are_a_fault_and_not_a_nanosecond_less() -> None:
    book = a_book()
    book.data_faults = {("d", BTC.id): ("gap: some",)}
    assert tuple(book.view(want(), NOON).data_faults) == ("gap: some",), "it is not followed"
    book.reconciled_ns = NOON
    assert tuple(book.view(want(), NOON + 180 * SECOND).data_faults) == ("gap: some",)
    late = ("gap: some", "not compared with the venue for three minutes")
    assert tuple(book.view(want(), NOON + 180 * SECOND + 1).data_faults) == late
    assert tuple(book.view(want(deployment="e"), NOON + 180 * SECOND + 1).data_faults) == late[1:]


def test_an_order_that_ended_unfilled_has_left() -> None:
    book = a_book()
    book.apply_order(open_order(1, "buy", "3"))
    book.apply_order(open_order(1, "buy", "3").apply(OrderEvent(change=Change.CANCEL, evidence=SHOWN)))
    assert (book.in_flight(), book.view(want(2), NOON).open_orders) == ([], 0)
    assert ended(1, Change.CANCEL).state is OrderState.CANCELLED


def test_a_quantity_is_worth_its_price_in_the_reporting_currency() -> None:
    cross = msgspec.structs.replace(ETH, id=msgspec.structs.replace(ETH.id, market="spot", symbol="ETH-BTC"), quote="BTC")
    book = ExposureBook("main", {cross.id: cross, BTC.id: BTC}.get, "USDT")
    book.set_price(BTC.id, D(100_000), NOON)
    assert book.value(cross.id, D(-2), D("0.03")) == D(6_000)
    assert book.value(cross.id, D(2)) == 0, "no price of it is known"
    book.set_price(cross.id, D("0.02"), NOON)
    assert book.value(cross.id, D(2)) == D(4_000)
    book.apply_position(held("3", cross.id), "d")
    assert book.used(NOON)["d"] == Used(gross=D(6_000), largest=D(6_000)), "a deployment's part too"
