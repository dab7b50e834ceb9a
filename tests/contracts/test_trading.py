"""What every trading adapter must do with orders; the venue's own ledger is the judge. See test_trading_faults and _events too."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.support.trading_harness import Harness, listening

from quantservice.core.errors import Refused
from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.orders import OrderState
from quantservice.ports.trading import NotSent

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- at the market ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_a_market_order_fills_and_the_ledger_agrees(desk: Harness, side: Side) -> None:
    order = desk.order(side)
    report = await desk.became(order, await desk.trading.submit(order), OrderState.FILLED)
    assert (report.state, report.filled, report.side) == (OrderState.FILLED, desk.quantity, side)
    assert report.client_id == order.intent.client_id
    truth = await desk.truth()
    assert truth.order(order.intent.client_id)["status"] == "FILLED"
    assert truth.filled(order.intent.client_id) == desk.quantity
    assert report.venue_order_id == str(truth.order(order.intent.client_id)["order_id"])


async def test_the_fills_of_an_order_are_told_with_price_fee_and_side(desk: Harness) -> None:
    async with listening(desk.trading) as heard:
        order = desk.order()
        await desk.trading.submit(order)
        await heard.until(lambda: sum(fill.quantity for fill in heard.fills(order.intent.client_id)) == desk.quantity)
        truth = [fill for fill in (await desk.truth()).fills if fill["client_id"] == order.intent.client_id]
        told = heard.fills(order.intent.client_id)
        for fill, true in zip(told, truth, strict=True):
            assert (fill.trade_id, fill.price, fill.quantity) == (
                str(true["trade_id"]),
                Decimal(true["price"]),
                Decimal(true["quantity"]),
            )
            assert (fill.fee, fill.fee_currency, fill.maker) == (Decimal(true["fee"]), true["fee_currency"], False)
            assert (fill.side, fill.kind, fill.instrument) == ("buy", "trade", desk.instrument)


async def test_a_maker_is_told_as_maker(desk: Harness) -> None:
    async with listening(desk.trading) as heard:
        order = await desk.placed()
        await desk.serve(order, desk.quantity)
        report = await heard.ended(order)
        assert report.state is OrderState.FILLED
        (fill,) = heard.fills(order.intent.client_id)
        assert (fill.maker, fill.price) == (True, order.intent.terms.limit_price)


async def test_the_fees_that_the_account_is_said_to_pay_are_those_of_its_fills(desk: Harness) -> None:
    modes = await desk.trading.modes([desk.instrument])
    async with listening(desk.trading) as heard:
        taken = desk.order("buy")
        await desk.trading.submit(taken)
        await heard.ended(taken)
        rested = await desk.placed("sell")
        await desk.serve(rested, desk.quantity)
        await heard.ended(rested)
        for order, rate in ((taken, modes.taker_fee), (rested, modes.maker_fee)):
            fills = heard.fills(order.intent.client_id)
            assert fills
            assert rate is not None
            for fill in fills:
                base, market = desk.instrument.symbol.partition("-")[0], desk.instrument.market
                if market == "cm":  # contracts of 100 USD, paid for in the base
                    notional = fill.quantity * 100 / fill.price
                else:
                    notional = fill.quantity * (Decimal(1) if fill.fee_currency == base else fill.price)
                assert abs(fill.fee / notional - rate) < Decimal("1e-6")


async def test_what_a_fill_realised_is_the_venues_own_figure(desk: Harness) -> None:
    desk.needs(desk.means.positions, "positions")
    async with listening(desk.trading) as heard:
        await desk.trading.submit(desk.order("buy"))
        order = desk.order("sell")
        await desk.trading.submit(order)
        await heard.ended(order)
        true = [Decimal(fill["realised"]) for fill in (await desk.truth()).fills if fill["client_id"] == order.intent.client_id]
        assert [fill.realised for fill in heard.fills(order.intent.client_id)] == true
        assert any(true)


# --- limit orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_a_limit_order_rests_and_is_found(desk: Harness, side: Side) -> None:
    order = await desk.placed(side)
    found = await desk.find(order)
    assert found is not None
    terms = order.intent.terms
    assert (found.state, found.side, found.type, found.filled) == (OrderState.OPEN, side, "limit", Decimal(0))
    assert (found.limit_price, found.quantity, found.instrument) == (terms.limit_price, terms.quantity, desk.instrument)
    assert found.evidence.source == "query"
    assert (await desk.truth()).order(order.intent.client_id)["live"]


async def test_a_limit_order_through_the_market_fills_at_once(desk: Harness) -> None:
    order = desk.order("buy", type="limit", limit_price=await desk.price("1.02"))
    await desk.became(order, await desk.trading.submit(order), OrderState.FILLED)
    for fill in (await desk.truth()).fills:
        assert Decimal(fill["price"]) < order.intent.terms.limit_price  # type: ignore[operator]  # it is a limit order


async def test_ioc_far_from_the_market_lapses_unfilled(desk: Harness) -> None:
    order = await desk.resting("buy", time_in_force="IOC")
    report = await desk.trading.submit(order)
    assert report.state in (OrderState.EXPIRED, OrderState.OPEN)  # an acknowledgement may come before the end
    ended = await desk.ended(order, OrderState.EXPIRED)
    assert ended.filled == 0


async def test_ioc_at_the_market_fills(desk: Harness) -> None:
    order = desk.order("buy", type="limit", limit_price=await desk.price("1.02"), time_in_force="IOC")
    await desk.trading.submit(order)
    assert (await desk.ended(order, OrderState.FILLED)).filled == desk.quantity


async def test_fok_that_cannot_be_whole_is_nothing(desk: Harness) -> None:
    order = await desk.resting("buy", time_in_force="FOK")
    await desk.trading.submit(order)
    assert (await desk.ended(order, OrderState.EXPIRED)).filled == 0
    assert (await desk.truth()).filled(order.intent.client_id) == 0


async def test_fok_that_can_be_whole_fills(desk: Harness) -> None:
    order = desk.order("sell", type="limit", limit_price=await desk.price("0.98"), time_in_force="FOK")
    await desk.trading.submit(order)
    assert (await desk.ended(order, OrderState.FILLED)).filled == desk.quantity


async def test_gtd_rests_also_where_the_venue_has_no_such_time(desk: Harness) -> None:
    """There it is an order without an end, and its end is the platform's (services/execution/deadlines.py)."""
    order = await desk.resting("buy", time_in_force="GTD", expire_ms=4_000_000_000_000)
    await desk.trading.submit(order)
    await desk.ended(order, OrderState.OPEN)
    await desk.trading.cancel(desk.instrument, order.intent.client_id)
    await desk.ended(order, OrderState.CANCELLED)


async def test_post_only_rests(desk: Harness) -> None:
    order = await desk.resting("buy", post_only=True)
    assert (await desk.trading.submit(order)).state is OrderState.OPEN
    found = await desk.find(order)
    assert found is not None
    assert found.type == "limit"


async def test_post_only_that_would_take_takes_nothing(desk: Harness) -> None:
    order = desk.order("buy", type="limit", limit_price=await desk.price("1.02"), post_only=True)
    if desk.means.refuses_post_only:
        with pytest.raises(Refused):
            await desk.trading.submit(order)
    else:
        await desk.trading.submit(order)
        await desk.ended(order, desk.means.lapsed_post_only)
    assert (await desk.truth()).filled(order.intent.client_id) == 0


async def test_an_order_filled_in_part_goes_on(desk: Harness) -> None:
    async with listening(desk.trading) as heard:
        order = await desk.placed()
        part = desk.quantity - desk.lot
        await desk.serve(order, part)
        await heard.until(lambda: any(report.filled for report in heard.reports(order.intent.client_id)))
        report = heard.reports(order.intent.client_id)[-1]
        assert (report.state, report.filled) == (OrderState.OPEN, part)
        await desk.serve(order, desk.lot)
        assert (await heard.ended(order)).state is OrderState.FILLED
        assert sum(fill.quantity for fill in heard.fills(order.intent.client_id)) == desk.quantity


# --- conditional orders ------------------------------------------------------------------------------------------------------


async def test_a_stop_rests_at_the_venue_and_is_found_and_listed(desk: Harness) -> None:
    desk.needs("stop" in desk.means.types, "stop orders")
    stop = await desk.price("0.9")
    order = desk.order("sell", type="stop", stop_price=stop)
    assert (await desk.trading.submit(order)).state is OrderState.OPEN
    found = await desk.find(order)
    assert found is not None
    assert (found.state, found.type, found.stop_price, found.limit_price) == (OrderState.OPEN, "stop", stop, None)
    listed = {report.client_id: report for report in (await desk.trading.snapshot()).orders}
    assert listed[order.intent.client_id].stop_price == stop


async def test_a_stop_that_is_reached_fills_under_its_own_id(desk: Harness) -> None:
    desk.needs("stop" in desk.means.types, "stop orders")
    async with listening(desk.trading) as heard:
        order = desk.order("sell", type="stop", stop_price=await desk.price("0.97"))
        await desk.trading.submit(order)
        await desk.touch(await desk.price("0.96"))
        assert (await heard.ended(order)).state is OrderState.FILLED
        assert sum(fill.quantity for fill in heard.fills(order.intent.client_id)) == desk.quantity
        assert (await desk.ended(order, OrderState.FILLED)).venue_order_id == heard.fills(order.intent.client_id)[0].venue_order_id


async def test_a_stop_limit_that_is_reached_rests_at_its_limit(desk: Harness) -> None:
    desk.needs("stop_limit" in desk.means.types, "stop limit orders")
    async with listening(desk.trading) as heard:
        limit = await desk.price("1.04")
        order = desk.order("sell", type="stop_limit", stop_price=await desk.price("0.97"), limit_price=limit)
        await desk.trading.submit(order)
        await desk.touch(await desk.price("0.96"))
        await heard.until(lambda: heard.reports(order.intent.client_id))
        await desk.serve(order, desk.quantity)
        assert (await heard.ended(order)).state is OrderState.FILLED
        assert {fill.price for fill in heard.fills(order.intent.client_id)} == {limit}


async def test_a_take_profit_that_is_reached_fills(desk: Harness) -> None:
    desk.needs("take_profit" in desk.means.types, "take profit orders")
    async with listening(desk.trading) as heard:
        order = desk.order("sell", type="take_profit", stop_price=await desk.price("1.03"))
        await desk.trading.submit(order)
        await desk.touch(await desk.price("1.04"))
        assert (await heard.ended(order)).state is OrderState.FILLED


async def test_a_trailing_stop_follows_and_fills(desk: Harness) -> None:
    order = desk.order("sell", type="trailing_stop", trail=Decimal("0.01"))
    if "trailing_stop" not in desk.means.types:
        with pytest.raises(NotSent, match="trailing"):
            await desk.trading.submit(order)
        return
    async with listening(desk.trading) as heard:
        await desk.trading.submit(order)
        await desk.touch(await desk.price("1.05"))
        await desk.touch(await desk.price("1.02"))
        assert (await heard.ended(order)).state is OrderState.FILLED


async def test_a_trail_that_the_venue_has_not_is_not_sent(desk: Harness) -> None:
    sent = desk.received("submit")
    with pytest.raises(NotSent):
        await desk.trading.submit(desk.order("sell", type="trailing_stop", trail=Decimal("0.0123")))
    assert desk.received("submit") == sent


async def test_a_waiting_stop_is_cancelled(desk: Harness) -> None:
    desk.needs("stop" in desk.means.types, "stop orders")
    order = desk.order("sell", type="stop", stop_price=await desk.price("0.9"))
    await desk.trading.submit(order)
    await desk.trading.cancel(desk.instrument, order.intent.client_id)
    await desk.ended(order, OrderState.CANCELLED)
    assert not (await desk.truth()).order(order.intent.client_id)["live"]


async def test_a_stop_that_is_reached_already_is_refused(desk: Harness) -> None:
    desk.needs("stop" in desk.means.types, "stop orders")
    await desk.touch(await desk.price())
    order = desk.order("sell", type="stop", stop_price=await desk.price("1.05"))
    with pytest.raises(Refused):
        await desk.trading.submit(order)
    assert (await desk.truth()).all(order.intent.client_id) == []


# --- cancel and amend --------------------------------------------------------------------------------------------------------


async def test_a_cancel_ends_an_order_and_is_told(desk: Harness) -> None:
    async with listening(desk.trading) as heard:
        order = await desk.placed()
        report = await desk.trading.cancel(desk.instrument, order.intent.client_id)
        assert report is None or (report.client_id, report.state) == (order.intent.client_id, OrderState.CANCELLED)
        told = await heard.ended(order)
        assert (told.state, told.filled) == (OrderState.CANCELLED, Decimal(0))
        assert (await desk.truth()).order(order.intent.client_id)["status"] == "CANCELED"


async def test_a_cancel_keeps_what_was_filled(desk: Harness) -> None:
    async with listening(desk.trading) as heard:
        order = await desk.placed()
        await desk.serve(order, desk.lot)
        await desk.trading.cancel(desk.instrument, order.intent.client_id)
        told = await heard.ended(order)
        assert (told.state, told.filled) == (OrderState.CANCELLED, desk.lot)
        assert sum(fill.quantity for fill in heard.fills(order.intent.client_id)) == desk.lot


async def test_a_cancel_of_what_nobody_knows_is_refused(desk: Harness) -> None:
    with pytest.raises(Refused):
        await desk.trading.cancel(desk.instrument, desk.order().intent.client_id)


async def test_a_cancel_that_lost_the_race_tells_the_fill(desk: Harness) -> None:
    order = await desk.placed()
    await desk.serve(order, desk.quantity)
    report = await desk.trading.cancel(desk.instrument, order.intent.client_id)
    assert report is not None
    assert (report.state, report.filled) == (OrderState.FILLED, desk.quantity)


async def test_cancelling_all_leaves_none_and_twice_is_no_error(desk: Harness) -> None:
    orders = [await desk.placed(), await desk.placed("sell")]
    if "stop" in desk.means.types:
        orders.append(desk.order("sell", type="stop", stop_price=await desk.price("0.9")))
        await desk.trading.submit(orders[-1])
    await desk.trading.cancel_all(desk.instrument)
    truth = await desk.truth()
    assert not any(truth.order(order.intent.client_id)["live"] for order in orders)
    assert (await desk.trading.snapshot()).orders == ()
    await desk.trading.cancel_all(desk.instrument)


async def test_an_order_is_made_smaller_in_its_place(desk: Harness) -> None:
    desk.needs(desk.means.amends, "amending")
    order = await desk.placed()
    smaller, price = desk.quantity - desk.lot, order.intent.terms.limit_price
    assert price is not None
    report = await desk.trading.amend(desk.instrument, order.intent.client_id, quantity=smaller, limit_price=price)
    assert (report.client_id, report.quantity, report.state) == (order.intent.client_id, smaller, OrderState.OPEN)
    found = await desk.find(order)
    assert found is not None
    assert found.quantity == smaller
    live = [row for row in (await desk.truth()).orders if row["live"]]
    assert [(row["client_id"], Decimal(row["quantity"])) for row in live] == [(order.intent.client_id, smaller)]


async def test_another_price_is_amended_or_told_to_be_impossible(desk: Harness) -> None:
    order, price = await desk.placed(), await desk.price("0.94")
    asked = {"quantity": desk.quantity, "limit_price": price}
    if desk.means.amends == "any":
        report = await desk.trading.amend(desk.instrument, order.intent.client_id, **asked)
        assert report.limit_price == price
    else:
        with pytest.raises(NotSent):
            await desk.trading.amend(desk.instrument, order.intent.client_id, **asked)
        price = order.intent.terms.limit_price  # type: ignore[assignment]  # it is a limit order
    assert Decimal((await desk.truth()).order(order.intent.client_id)["price"]) == price


async def test_an_order_that_ended_is_not_amended(desk: Harness) -> None:
    desk.needs(desk.means.amends, "amending")
    order = await desk.placed()
    await desk.trading.cancel(desk.instrument, order.intent.client_id)
    price = order.intent.terms.limit_price
    assert price is not None
    with pytest.raises((Refused, NotSent)):
        await desk.trading.amend(desk.instrument, order.intent.client_id, quantity=desk.quantity - desk.lot, limit_price=price)


# --- positions ---------------------------------------------------------------------------------------------------------------


async def test_reduce_only_reduces(desk: Harness) -> None:
    desk.needs(desk.means.positions, "positions")
    await desk.trading.submit(desk.order("buy"))
    order = desk.order("sell", reduce_only=True)
    assert (await desk.trading.submit(order)).reduce_only
    assert (await desk.truth()).positions["both"] == 0


async def test_reduce_only_without_a_position_is_refused(desk: Harness) -> None:
    desk.needs(desk.means.positions, "positions")
    with pytest.raises(Refused):
        await desk.trading.submit(desk.order("sell", reduce_only=True))
    assert (await desk.truth()).positions.get("both", 0) == 0


async def test_what_margin_the_venue_asks_for_is_told(desk: Harness) -> None:
    if not desk.means.positions:
        assert (await desk.trading.snapshot()).margins == ()
        return
    before = {item.currency: item for item in (await desk.trading.snapshot()).margins}
    assert all(item.maintenance == 0 for item in before.values())
    await desk.trading.submit(desk.order("buy"))
    told = await desk.trading.snapshot()
    (margin,) = [item for item in told.margins if item.maintenance]
    (position,) = told.positions
    value = abs(position.quantity) * (position.mark_price or position.entry_price)
    if desk.instrument.market == "cm":
        assert 0 < margin.maintenance < margin.balance
    else:
        assert Decimal("0.001") < margin.maintenance / value < Decimal("0.1"), "a share of the position's value"
    wallet = next(item.total for item in told.balances if item.currency == margin.currency)
    assert abs(margin.balance - wallet) < wallet / 100, "the money with what is open"


async def test_the_leverage_of_what_is_not_held_is_told(desk: Harness) -> None:
    desk.needs(desk.means.positions, "leverage")
    await desk.trading.set_leverage(desk.instrument, 7)
    assert (await desk.trading.modes([desk.instrument])).leverage == {str(desk.instrument): 7}


async def test_hedge_mode_holds_both_legs(desk: Harness) -> None:
    if not desk.means.positions:
        with pytest.raises(NotSent, match="position"):
            await desk.trading.submit(desk.order("buy", position_side="long"))
        return
    await desk.hedge_mode()
    await desk.trading.submit(desk.order("buy", position_side="long"))
    await desk.trading.submit(desk.order("sell", position_side="short", quantity=desk.quantity * 2))
    held = {item.side: item.quantity for item in (await desk.trading.snapshot()).positions}
    assert held == {"long": desk.quantity, "short": -desk.quantity * 2}
    assert (await desk.trading.modes([desk.instrument])).hedge


async def test_a_leg_in_one_way_mode_is_refused(desk: Harness) -> None:
    desk.needs(desk.means.positions, "positions")
    with pytest.raises(Refused):
        await desk.trading.submit(desk.order("buy", position_side="long"))


# --- refusals ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["tick", "lot", "zero_lot", "funds", "band"])
async def test_a_bad_order_is_refused_with_the_venues_code(desk: Harness, what: str) -> None:
    price = await desk.price("0.95")
    terms = {
        "tick": {"limit_price": price + desk.tick / 2},
        "lot": {"limit_price": price, "quantity": desk.quantity + desk.lot / 2},
        "zero_lot": {"limit_price": price, "quantity": desk.lot / 10},
        "funds": {"limit_price": price, "quantity": desk.quantity * 100_000},
        "band": {"limit_price": await desk.price("9")},
    }[what]
    order = desk.order("buy", type="limit", **terms)
    with pytest.raises(Refused) as caught:
        await desk.trading.submit(order)
    assert desk.codes.has(caught.value.code)
    assert (await desk.truth()).all(order.intent.client_id) == []


async def test_an_order_of_too_little_value_is_refused(desk: Harness) -> None:
    desk.needs(desk.means.smallest, "smallest value beside its lot")
    order = desk.order("buy", type="limit", limit_price=desk.tick * 100, quantity=desk.lot)
    with pytest.raises(Refused):
        await desk.trading.submit(order)


async def test_an_unknown_symbol_is_not_sent_and_the_nearest_is_named(desk: Harness) -> None:
    wrong = InstrumentId(desk.instrument.venue, desk.instrument.market, desk.instrument.symbol.replace("BTC", "BTCC"))
    sent = desk.received("submit")
    with pytest.raises(NotSent, match=desk.instrument.symbol) as caught:
        await desk.trading.submit(desk.order(instrument=wrong))
    assert (caught.value.code, desk.received("submit")) == ("unknown_symbol", sent)


async def test_an_order_of_another_account_is_not_sent(desk: Harness) -> None:
    sent = desk.received("submit")
    with pytest.raises(NotSent):
        await desk.trading.submit(desk.order(account="somebody"))
    assert desk.received("submit") == sent


async def test_the_same_order_again_while_open_is_found_and_not_doubled(desk: Harness) -> None:
    order = await desk.placed()
    again = await desk.trading.submit(order)
    assert (again.client_id, again.state) == (order.intent.client_id, OrderState.OPEN)
    assert again.evidence.source == "query"
    assert len((await desk.truth()).all(order.intent.client_id)) == 1


async def test_numbers_are_written_out(desk: Harness) -> None:
    quantity = desk.quantity.normalize() * 10  # as short as it can be written: 1E+2
    order = await desk.resting("buy", quantity=quantity)
    assert (await desk.trading.submit(order)).quantity == quantity


async def test_every_key_of_an_account_says_whose_it_is(desk: Harness) -> None:
    """So that a second key of one wallet is noticed; of most exchanges the ccxt library is not told."""
    found = {(await (await desk.another(key)).permissions()).uid for key in ("trade", "withdraw")}
    assert len(found) == 1
    if not desk.instrument.venue.startswith("ccxt"):
        assert found != {""}
