"""Signals that become orders while the venue has said more than is booked: what was filled is never bought again."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from tests.support.execution_rig import BTC, RULES, Rig, desk_of

from quantservice.app.following import Follower
from quantservice.core.messages import StrategySignal
from quantservice.core.orders import OrderState
from quantservice.core.signals import Signal
from quantservice.ports import TradingAccount
from quantservice.services.portfolio.sizing import Sizer

D = Decimal
ALLOCATION = D(10_000)
PRICE = D(50_000)


def follower(rig: Rig) -> Follower:
    account = TradingAccount(name="main", venue="binance", market="um")
    sizer = Sizer("main", {BTC: RULES}.get, valid_ns=10**12)
    return Follower(account, rig.gateway, rig.store, rig.clock, sizer=sizer, prices={BTC: PRICE})


async def follow(made: Follower, cause: str, target: float) -> None:
    signal = StrategySignal(
        deployment="d1",
        name="one",
        strategy="s",
        version=1,
        account="main",
        open_time=0,
        close_time=1,
        decisions=(Signal(BTC, target),),
    )
    await made.follow(signal, cause, ALLOCATION)


async def say_filled(rig: Rig) -> None:
    """The venue says that the last order is filled; its fills do not come."""
    report = rig.venue.orders[rig.venue.sent[-1]]
    await rig.gateway.apply_report(msgspec.structs.replace(report, state=OrderState.FILLED, filled=report.quantity))


async def test_a_target_counts_what_the_venue_says_is_filled_before_its_fills_are_booked(rig: Rig) -> None:
    made = follower(rig)
    await follow(made, "e1", 0.5)
    await say_filled(rig)
    await follow(made, "e2", 0.5)
    assert len(rig.venue.sent) == 1, "it has what it wants"
    assert not (await made.seen_by("d1", ALLOCATION)).orders, "the order has ended"
    await rig.gateway.apply_fill(rig.venue.fill(rig.venue.sent[0], "0.1"))
    await follow(made, "e3", 0.25)
    sold = rig.venue.orders[rig.venue.sent[1]]
    assert (sold.side, sold.quantity) == ("sell", D("0.051")), "a quarter of the equity less the fee"


async def test_it_counts_in_the_next_process_too(rig: Rig) -> None:
    await follow(follower(rig), "e1", 0.5)
    await say_filled(rig)
    rig.desk = desk_of()
    rig.gateway = rig.make()
    assert await rig.gateway.start()
    assert [order.unbooked for order in rig.gateway.unbooked()] == [D("0.1")]
    assert rig.desk.books["main"].in_flight(BTC)
    await follow(follower(rig), "e2", 0.5)
    assert len(rig.venue.sent) == 1
