"""One cancels the other: a fill of one order of a group ends the deployment's others of its instrument, crash or not."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from tests.support.execution_rig import Rig

from quantservice.core.intents import Intent, intent_id
from quantservice.core.orders import OrderState

D = Decimal


def limit(rig: Rig, cause: str, *, group: str = "exit", deployment: str = "d1") -> Intent:
    made = rig.intent(cause, type="limit", limit_price=D(100))
    return msgspec.structs.replace(made, intent_id=intent_id("main", deployment, cause), deployment=deployment, group=group)


async def test_a_fill_cancels_the_others_of_its_group(rig: Rig) -> None:
    first, second, alone = limit(rig, "e1"), limit(rig, "e2"), limit(rig, "e3", group="")
    others, apart = limit(rig, "e4", deployment="d2"), limit(rig, "e5", group="entry")
    await rig.gateway.submit([first, second, alone, others, apart])
    assert await rig.gateway.apply_fill(rig.venue.fill(first.client_id, "0.05"))  # a part of it is enough, as in a backtest
    asked = [item for item in (first, second, alone, others, apart) if (await rig.order(item)).cancel_asked]
    assert asked == [second]
    assert await rig.gateway.resolve()
    assert (await rig.order(second)).state is OrderState.CANCELLED
    states = [(await rig.order(item)).state for item in (first, alone, others, apart)]
    assert states == [OrderState.OPEN] * 4


async def test_the_wish_to_cancel_is_kept_with_the_fill_and_outlives_a_crash(rig: Rig) -> None:
    first, second = limit(rig, "e1"), limit(rig, "e2")
    await rig.gateway.submit([first, second])
    await rig.gateway.apply_fill(rig.venue.fill(first.client_id, "0.1"))
    rig.gateway = rig.make()  # the process ended before it asked for the cancel
    await rig.gateway.start()
    assert (await rig.order(second)).cancel_asked
    await rig.gateway.resolve()
    assert (await rig.order(second)).state is OrderState.CANCELLED


async def test_a_later_order_of_the_same_group_is_left_alone(rig: Rig) -> None:
    first = limit(rig, "e1")
    await rig.gateway.submit([first])
    await rig.gateway.apply_fill(rig.venue.fill(first.client_id, "0.1"))
    later = limit(rig, "e2")
    await rig.gateway.submit([later])
    await rig.gateway.resolve()
    assert (await rig.order(later)).state is OrderState.OPEN
    assert not (await rig.order(later)).cancel_asked
