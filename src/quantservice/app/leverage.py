"""The leverage of what live accounts trade, asked of their venues before anything of it is held.

A venue tells it with each position; until there is one risk control would take 1, and count a leveraged account's free margin too
small. Asked are the instruments of an account's deployments and of its open orders: each once, and again some times a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog

from quantservice.core.errors import EnvironmentFault, UserError, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.ports import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quantservice.app.trading_desk import AccountDesk
    from quantservice.ports import Deployment

_log = structlog.get_logger(__name__)
_EVERY_S: Final = 6 * 3_600.0
_AGAIN_S: Final = 300.0
_WAIT_S: Final = 10.0
_AT_ONCE: Final = 10  # instruments in one question: each is a request at most venues


class Leverages:
    """Asks. :meth:`look` is called every few seconds with the deployments that there are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[tuple[str, InstrumentId], float] = {}  # when an account's instrument is asked for (again)

    async def look(self, desks: Mapping[str, AccountDesk], deployments: Sequence[Deployment]) -> None:
        """Ask for what is not known, and for what was asked for long ago."""
        for name, desk in tuple(desks.items()):
            if desk.account.mode != "live" or desk.account.market == "spot" or not desk.gateway.ready:
                continue
            now = self._clock.monotonic()
            wanted = {*_of(deployments, desk), *await desk.gateway.traded()}
            due = [item for item in sorted(wanted, key=str) if self._due.get((name, item), now) <= now][:_AT_ONCE]
            if due:
                again_s = _EVERY_S if await self._ask(desk, due) else _AGAIN_S
                self._due |= {(name, item): now + again_s for item in due}

    async def _ask(self, desk: AccountDesk, instruments: Sequence[InstrumentId]) -> bool:
        try:
            async with asyncio.timeout(_WAIT_S):
                modes = await desk.trading.modes(instruments)
        except (TimeoutError, VenueError, EnvironmentFault, UserError) as error:
            fault = type(error).__name__  # a venue may echo a key
            _log.info("trading.leverage_not_read", account=desk.account.name, fault=fault)
            return False
        told = {InstrumentId.parse(name): times for name, times in modes.leverage.items() if times > 0}
        desk.exposure.leverage.update(told)
        return True


def _of(deployments: Iterable[Deployment], desk: AccountDesk) -> set[InstrumentId]:
    mine = (item.instruments for item in deployments if item.account == desk.account.name and item.state in ("running", "paused"))
    return {name for names in mine for text in names if (name := _parsed(text)) is not None and _there(name, desk)}


def _there(name: InstrumentId, desk: AccountDesk) -> bool:
    return (name.venue, name.market) == (desk.account.venue, desk.account.market)


def _parsed(text: str) -> InstrumentId | None:
    try:
        return InstrumentId.parse(text)
    except UserError:
        return None
