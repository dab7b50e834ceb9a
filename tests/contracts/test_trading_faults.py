"""What every trading adapter must make of faults: what is certain, what is not known, and that nothing is ever sent twice."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support.trading_harness import WAIT_S, Harness, listening

from quantservice.core.errors import QuantServiceError, RateLimited, Refused, VenueError, VenueUnreachable
from quantservice.core.intents import Approved
from quantservice.core.orders import OrderState
from quantservice.ports.trading import NotSent, OrderReport, Unknown

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def appears(desk: Harness, order: Approved) -> OrderReport:
    """Ask until the venue has an order."""
    async with asyncio.timeout(WAIT_S):
        while (found := await desk.find(order)) is None:  # noqa: ASYNC110  # a question each time
            await asyncio.sleep(0.02)
    return found


# --- the request or its answer is lost -----------------------------------------------------------------------------------------


async def test_a_lost_request_is_unknown_and_was_sent_once(desk: Harness) -> None:
    await desk.trading.snapshot()
    await desk.fault("lost_request", on="submit")
    order = await desk.resting()
    with pytest.raises(Unknown):
        await desk.trading.submit(order)
    assert await desk.find(order) is None
    assert (await desk.truth()).all(order.intent.client_id) == []


async def test_a_lost_answer_is_unknown_and_the_order_is_found(desk: Harness) -> None:
    await desk.fault("lost_answer", on="submit")
    order = await desk.resting()
    with pytest.raises(Unknown):
        await desk.trading.submit(order)
    found = await appears(desk, order)
    assert (found.state, found.client_id) == (OrderState.OPEN, order.intent.client_id)
    assert len((await desk.truth()).all(order.intent.client_id)) == 1


async def test_a_lost_answer_to_a_market_order_is_found_filled_once(desk: Harness) -> None:
    await desk.fault("lost_answer", on="submit")
    order = desk.order()
    with pytest.raises(Unknown):
        await desk.trading.submit(order)
    assert (await desk.ended(order, OrderState.FILLED)).filled == desk.quantity
    assert (await desk.truth()).filled(order.intent.client_id) == desk.quantity


async def test_the_stream_tells_of_an_order_whose_answer_was_lost(desk: Harness) -> None:
    async with listening(desk.trading) as heard:
        await desk.fault("lost_answer", on="submit")
        order = await desk.resting()
        with pytest.raises(Unknown):
            await desk.trading.submit(order)
        await heard.until(lambda: heard.reports(order.intent.client_id))
        assert heard.reports(order.intent.client_id)[0].state is OrderState.OPEN


async def test_a_held_request_is_absent_first_and_arrives_later(desk: Harness) -> None:
    await desk.trading.snapshot()
    await desk.fault("held_request", on="submit", delay_s=0.3, to="cut")
    order = await desk.resting()
    with pytest.raises(Unknown) as caught:
        await desk.trading.submit(order)
    assert caught.value.deadline_ns > time.time_ns() or not desk.means.deadline
    assert await desk.find(order) is None
    assert (await appears(desk, order)).state is OrderState.OPEN


async def test_no_answer_in_time_is_unknown_with_the_last_instant_it_may_be_taken(desk: Harness) -> None:
    trading = await desk.another(timeout_s=1.0)
    await trading.snapshot()
    await desk.fault("held_request", on="submit", delay_s=60.0)
    before_ns = time.time_ns()
    with pytest.raises(Unknown) as caught:
        await trading.submit(await desk.resting())
    if not desk.means.deadline:
        assert (caught.value.deadline_ns, trading.window_ms) == (0, 0)
        return
    # its window of five seconds, and the second that the venue forgives
    assert before_ns + 5_900_000_000 < caught.value.deadline_ns < time.time_ns() + 6_000_000_000


async def test_a_lost_cancel_is_unknown_and_is_not_repeated(desk: Harness) -> None:
    order = await desk.placed()
    await desk.fault("lost_request", on="cancel")
    with pytest.raises(Unknown):
        await desk.trading.cancel(desk.instrument, order.intent.client_id)
    assert (await desk.truth()).order(order.intent.client_id)["live"]


async def test_a_lost_answer_to_a_cancel_is_unknown_and_the_end_is_found(desk: Harness) -> None:
    order = await desk.placed()
    await desk.fault("lost_answer", on="cancel")
    with pytest.raises(Unknown):
        await desk.trading.cancel(desk.instrument, order.intent.client_id)
    assert (await desk.find(order)).state is OrderState.CANCELLED  # type: ignore[union-attr]  # it is there


async def test_a_lost_amend_is_unknown_and_is_not_repeated(desk: Harness) -> None:
    desk.needs(desk.means.amends, "amending")
    order = await desk.placed()
    price = order.intent.terms.limit_price
    assert price is not None
    await desk.fault("lost_request", on="amend")
    with pytest.raises(Unknown):
        await desk.trading.amend(desk.instrument, order.intent.client_id, quantity=desk.quantity - desk.lot, limit_price=price)
    found = await desk.find(order)
    assert found is not None
    assert found.quantity == desk.quantity


async def test_an_order_that_cannot_be_asked_for_is_not_amended(desk: Harness) -> None:
    desk.needs(desk.means.amends, "amending")
    order = await desk.placed()
    price = order.intent.terms.limit_price
    assert price is not None
    await desk.fault("lost_request", on="query", count=0)
    asked = desk.received("amend")
    with pytest.raises(NotSent):
        await desk.trading.amend(desk.instrument, order.intent.client_id, quantity=desk.quantity - desk.lot, limit_price=price)
    assert desk.received("amend") == asked


async def test_a_refused_connection_means_that_nothing_was_sent(desk: Harness) -> None:
    relay = await desk.relay()
    trading = await desk.another(port=relay.port)
    await trading.snapshot()
    await relay.close()
    order = await desk.resting()
    with pytest.raises(NotSent) as caught:
        await trading.submit(order)
    assert not caught.value.retry
    assert (await desk.truth()).all(order.intent.client_id) == []


async def test_a_venue_that_was_never_reached_got_nothing(desk: Harness) -> None:
    relay = await desk.relay()
    trading = await desk.another(port=relay.port)
    await relay.close()
    with pytest.raises(NotSent):
        await trading.submit(await desk.resting())
    with pytest.raises(NotSent):
        await trading.cancel(desk.instrument, desk.order().intent.client_id)


# --- what the venue says of itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("sort", ["timeout", "unknown", "unexpected", "internal", "disconnected"])
async def test_an_answer_that_says_nothing_is_unknown_whatever_happened(desk: Harness, sort: str, executed: bool) -> None:
    await desk.fault("order_error", on="submit", sort=sort, executed=executed)
    order = await desk.resting()
    with pytest.raises(Unknown) as caught:
        await desk.trading.submit(order)
    assert (caught.value.deadline_ns > 0) is desk.means.deadline
    assert (await desk.find(order) is not None) is executed
    assert len((await desk.truth()).all(order.intent.client_id)) == int(executed)


@pytest.mark.parametrize("sort", ["unavailable", "throttled"])
async def test_an_answer_that_says_all_failed_may_be_tried_again(desk: Harness, sort: str) -> None:
    await desk.fault("order_error", on="submit", sort=sort)
    order = await desk.resting()
    if not desk.means.says_all_failed:
        with pytest.raises(Unknown):
            await desk.trading.submit(order)
        return
    sent = desk.received("submit")
    with pytest.raises(NotSent) as caught:
        await desk.trading.submit(order)
    assert caught.value.retry
    assert desk.received("submit") == sent + 1  # the adapter itself does not try again
    assert (await desk.trading.submit(order)).state is OrderState.OPEN


async def test_too_many_orders_are_not_sent_and_the_next_waits(desk: Harness) -> None:
    trading = await desk.another(own=True)
    await desk.fault("order_error", on="submit", sort="too_many_orders")
    order = await desk.resting()
    with pytest.raises(NotSent) as caught:
        await trading.submit(order)
    assert (caught.value.retry, caught.value.code) == (True, desk.codes.too_many_orders)
    assert caught.value.retry_at_ns > time.time_ns() - 1_000_000_000
    async with asyncio.timeout(WAIT_S):
        while (await patiently(trading.submit, order)) is None:
            pass
    assert len((await desk.truth()).all(order.intent.client_id)) == 1


async def patiently(submit: Callable[[Approved], Coroutine[Any, Any, OrderReport]], order: Approved) -> OrderReport | None:
    """Submit once; what was not sent waits a little."""
    try:
        return await submit(order)
    except NotSent as error:
        if not error.retry:
            raise
        await asyncio.sleep(0.05)
        return None


@pytest.mark.parametrize("status", [429, 418])
async def test_a_limit_silences_all_until_it_ends(desk: Harness, status: int) -> None:
    desk.needs(desk.means.limits_by_address, "limit that silences an address")
    trading = await desk.another(own=True)
    await trading.snapshot()
    order = await desk.resting()
    await desk.fault("rate_limit", on="submit", status=status, retry_after_s=120)
    with pytest.raises(NotSent) as caught:
        await trading.submit(order)
    assert caught.value.retry
    assert caught.value.retry_at_ns > time.time_ns() - 1_000_000_000
    await desk.calm()
    before = desk.received("submit"), desk.received("cancel"), desk.received("query")
    for _ in range(3):
        with pytest.raises(NotSent) as again:
            await trading.submit(order)
        assert again.value.retry_at_ns > time.time_ns()
    with pytest.raises(NotSent):
        await trading.cancel(desk.instrument, order.intent.client_id)
    assert (desk.received("submit"), desk.received("cancel"), desk.received("query")) == before


async def test_a_limit_of_one_request_lets_the_others_pass(desk: Harness) -> None:
    desk.needs(not desk.means.limits_by_address, "limit of one request: its limits are those of an address")
    order, open_one = await desk.resting(), await desk.placed()
    await desk.fault("rate_limit", on="submit", count=1)
    with pytest.raises(NotSent) as caught:
        await desk.trading.submit(order)
    assert caught.value.retry
    assert caught.value.retry_at_ns > time.time_ns() - 1_000_000_000
    before = desk.received("submit")
    with pytest.raises(NotSent) as again:
        await desk.trading.submit(order)
    assert (again.value.retry, desk.received("submit")) == (True, before), "its own window is waited out before the next leaves"
    assert (await desk.find(open_one)) is not None
    await desk.trading.cancel(desk.instrument, open_one.intent.client_id)
    assert len((await desk.truth()).all(order.intent.client_id)) == 0


async def test_maintenance_leaves_an_order_unknown_and_an_answer_away(desk: Harness) -> None:
    await desk.trading.snapshot()
    order = await desk.resting()
    await desk.fault("maintenance", count=0)
    with pytest.raises(Unknown):
        await desk.trading.submit(order)
    with pytest.raises(VenueError):
        await desk.find(order)
    await desk.calm()
    assert await desk.find(order) is None


async def test_an_outage_is_no_absence(desk: Harness) -> None:
    order = await desk.placed()
    await desk.fault("lost_request", on="query", count=0)
    with pytest.raises(VenueUnreachable):
        await desk.find(order)
    await desk.calm()
    assert (await desk.find(order)).state is OrderState.OPEN  # type: ignore[union-attr]  # it is there


async def test_a_read_that_lags_says_absent_until_it_has_caught_up(desk: Harness) -> None:
    await desk.trading.snapshot()
    await desk.fault("stale_reads", count=0, delay_s=60)
    order = await desk.placed()
    assert await desk.find(order) is None
    assert (await desk.trading.snapshot()).orders == ()
    await desk.calm()
    assert await desk.find(order) is not None
    assert len((await desk.trading.snapshot()).orders) == 1


async def test_a_cancel_refused_while_reads_lag_says_nothing_final(desk: Harness) -> None:
    order = await desk.placed()
    await desk.trading.cancel(desk.instrument, order.intent.client_id)
    await desk.fault("stale_reads", count=0, delay_s=60)
    with pytest.raises(Refused):
        await desk.trading.cancel(desk.instrument, order.intent.client_id)


# --- clocks, keys, secrets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew_ms", [9_000, -9_000])
async def test_a_clock_that_went_off_is_asked_and_the_order_is_placed_once(desk: Harness, skew_ms: int) -> None:
    await desk.trading.snapshot()
    await desk.fault("clock_skew", count=0, skew_ms=skew_ms)
    await skewed(desk)
    order = await desk.resting()
    assert (await desk.trading.submit(order)).state is OrderState.OPEN
    assert len((await desk.truth()).all(order.intent.client_id)) == 1
    assert (await desk.find(order)) is not None


async def skewed(desk: Harness) -> None:
    """Wait until the venue's clock has gone off."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                other = await desk.another()
                await other.snapshot()
                break
            except VenueError:
                await asyncio.sleep(0.01)
    await asyncio.sleep(0)


async def test_a_stream_opens_although_the_clock_is_off(desk: Harness) -> None:
    await desk.trading.snapshot()
    await desk.fault("clock_skew", count=0, skew_ms=9_000)
    async with listening(desk.trading) as heard:
        assert heard.first


async def test_a_key_that_is_not_known_is_refused(desk: Harness) -> None:
    trading = await desk.another("unknown")
    with pytest.raises(Refused) as caught:
        await trading.submit(await desk.resting())
    assert caught.value.code == desk.codes.unknown_key
    with pytest.raises(Refused):
        await trading.snapshot()


async def test_a_key_that_only_reads_places_nothing(desk: Harness) -> None:
    trading = await desk.another("read")
    order = await desk.resting()
    with pytest.raises(Refused):
        await trading.submit(order)
    assert (await trading.snapshot()).orders == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_request"},
        {"kind": "lost_answer"},
        {"kind": "order_error", "sort": "timeout"},
        {"kind": "order_error", "sort": "unavailable"},
        {"kind": "http_error", "status": 502},
        {"kind": "not_found"},
        {"kind": "maintenance"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_no_secret_is_in_an_error_a_log_or_a_traceback(desk: Harness, fault: dict[str, Any]) -> None:
    texts: list[str] = []
    with capture_logs() as logs:
        async with listening(desk.trading):
            order = await desk.placed()
            for act in (
                lambda: desk.trading.submit(desk.order()),
                lambda: desk.trading.cancel(desk.instrument, order.intent.client_id),
                lambda: desk.trading.find(desk.instrument, order.intent.client_id, since_ms=0),
                desk.trading.snapshot,
            ):
                await desk.fault(**fault, count=1)
                try:
                    await act()
                except QuantServiceError as error:
                    texts += [str(error), repr(error), *traceback.format_exception(error)]
                await desk.calm()
            desk.lose_stream()
    assert texts
    texts += [repr(desk.trading), str(logs), repr(vars(desk.trading))]
    for text in texts:
        for secret in (*desk.secrets, "signature="):
            assert secret not in text


async def test_a_closed_adapter_sends_nothing(desk: Harness) -> None:
    await desk.trading.snapshot()
    await desk.trading.close()
    with pytest.raises(NotSent):
        await desk.trading.submit(await desk.resting())
    with pytest.raises((VenueUnreachable, RateLimited)):
        await desk.trading.snapshot()
    await desk.trading.close()
