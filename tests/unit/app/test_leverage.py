"""The leverage of what live accounts trade is asked of their venues before anything is held, once each, in few questions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from tests.support.clock import ManualClock
from tests.support.market import instrument

from quantservice.app.leverage import Leverages
from quantservice.core.errors import VenueUnreachable
from quantservice.core.instruments import InstrumentId
from quantservice.ports import Deployment, TradingAccount
from quantservice.ports.trading import AccountModes

D = Decimal
BTC, ETH, SPOT = instrument("BTC").id, instrument("ETH").id, instrument("BTC", market="spot").id


class Desk:
    """What of an account's desk is asked: it is its own gateway, venue and exposure."""

    def __init__(self, market: str = "um", mode: str = "live", traded: Sequence[InstrumentId] = ()) -> None:
        self.account = TradingAccount(name="main", venue="binance", market=market, mode=mode)  # type: ignore[arg-type]
        self.gateway = self.trading = self.exposure = self
        self.ready, self.away, self.open = True, False, list(traded)
        self.asked: list[list[InstrumentId]] = []
        self.leverage: dict[InstrumentId, Decimal] = {}

    async def traded(self) -> list[InstrumentId]:
        return self.open

    async def modes(self, names: Sequence[InstrumentId]) -> AccountModes:
        self.asked.append(list(names))
        if self.away:
            raise VenueUnreachable("away", cause="server", venue="binance")
        return AccountModes(leverage={str(name): D(20) if name == BTC else D(0) for name in names})


def deployment(*names: Any, account: str = "main", state: str = "running") -> Deployment:
    texts = tuple(map(str, names))
    return Deployment(id="d", name="d", strategy="s", account=account, instruments=texts, state=state, created_ms=0, updated_ms=0)


async def test_what_deployments_and_open_orders_trade_is_asked_once_and_again_after_hours() -> None:
    clock, desk = ManualClock(), Desk(traded=[ETH])
    leverages, desks = Leverages(clock), {"main": desk}
    for _ in range(3):
        await leverages.look(desks, [deployment(BTC, SPOT, "no name")])  # type: ignore[arg-type]
    assert desk.asked == [[BTC, ETH]]
    assert desk.leverage == {BTC: D(20)}, "what the venue does not say stays unknown"
    await clock.advance(6 * 3_600.0)
    await leverages.look(desks, [deployment(BTC)])  # type: ignore[arg-type]
    assert desk.asked[1:] == [[BTC, ETH]]


async def test_a_venue_that_does_not_answer_is_asked_again_later() -> None:
    clock, desk = ManualClock(), Desk()
    desk.away = True
    leverages = Leverages(clock)
    for _ in range(2):
        await leverages.look({"main": desk}, [deployment(BTC)])  # type: ignore[dict-item]
    assert (len(desk.asked), desk.leverage) == (1, {})
    desk.away = False
    await clock.advance(300.0)
    await leverages.look({"main": desk}, [deployment(BTC)])  # type: ignore[dict-item]
    assert desk.leverage == {BTC: D(20)}


async def test_many_instruments_are_asked_in_turns() -> None:
    desk = Desk(traded=[InstrumentId("binance", "um", f"A{number:02}-USDT-PERP") for number in range(25)])
    leverages = Leverages(ManualClock())
    for _ in range(4):
        await leverages.look({"main": desk}, [])  # type: ignore[dict-item]
    assert [len(names) for names in desk.asked] == [10, 10, 5]


@pytest.mark.parametrize(
    ("desk", "of"),
    [
        (Desk(mode="paper"), deployment(BTC)),
        (Desk(market="spot"), deployment(SPOT)),
        (Desk(), deployment(BTC, account="other")),
        (Desk(), deployment(BTC, state="stopped")),
    ],
)
async def test_nothing_is_asked_of_paper_spot_and_what_does_not_trade(desk: Desk, of: Deployment) -> None:
    await Leverages(ManualClock()).look({"main": desk}, [of])  # type: ignore[dict-item]
    desk.ready = False
    await Leverages(ManualClock()).look({"main": desk}, [deployment(BTC)])  # type: ignore[dict-item]
    assert desk.asked == []
