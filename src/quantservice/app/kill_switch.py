"""The kill switch: nothing is sent any more, what rests is cancelled, and on demand what is held is closed.

By command, API, page, or the file ``KILL`` in the data folder, which works also where nothing answers any more: while it is
there the system stays HALTED.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import msgspec
import structlog

from quantservice.core.errors import QuantServiceError
from quantservice.core.intents import Denied
from quantservice.core.orders import Order
from quantservice.ports import Clock
from quantservice.services.accounts.commands import Accounts
from quantservice.services.execution.commands import Orders
from quantservice.services.risk.commands import RiskControl

_log = structlog.get_logger(__name__)
FILE: Final = "KILL"
_LOOK_EVERY_S: Final = 0.5


def kill_file(folder: Path) -> str:
    """Say what keeps the system HALTED by its being there; empty where nothing does."""
    return f"the file {FILE} in the data folder" if (folder / FILE).exists() else ""


class KillReport(msgspec.Struct, kw_only=True):
    """What a pull did: orders that ended, orders that close what was held, and what did not go."""

    state: str
    cancelled: int = 0
    closing: int = 0
    faults: list[str] = []


class KillSwitch:
    """Halts first, so that nothing new is sent meanwhile; then it cancels, all accounts at the same time."""

    def __init__(
        self,
        risk: RiskControl,
        orders: Orders,
        accounts: Accounts,
        reload: Callable[[], Awaitable[None]],
        *,
        easing: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """``easing``: while it is entered, what is HALTED may reduce."""
        self._risk, self._orders, self._accounts, self._reload, self._easing = risk, orders, accounts, reload, easing

    async def pull(self, *, reason: str, who: str = "owner", close: bool = False) -> KillReport:
        """Halt the system and cancel every open order; ``close``: also sell what is held.

        What is kept is HALTED from the first step on, so that a process that dies in the middle leaves nothing else behind.
        Only what this process remembers is eased until all is sold; what was HALTED before reduces then as well.
        """
        await self._risk.set_state("system", "", "HALTED", reason=reason, who=who)
        await self._reload()
        report = KillReport(state="HALTED")
        accounts = [item.name for item in await self._accounts.list() if item.enabled]
        with self._easing() if close else contextlib.nullcontext():
            await asyncio.gather(*(self._clear(account, report, close=close) for account in accounts))
        _log.warning("risk.killed", reason=reason, who=who, cancelled=report.cancelled, closing=report.closing)
        return report

    async def _clear(self, account: str, report: KillReport, *, close: bool) -> None:
        """Cancel, and close where that is asked; whatever fails here holds up no other account."""
        try:
            ended = await self._orders.cancel_all(account)
            report.cancelled += sum(order.final for order in ended)
            if close:
                made = await self._orders.close_all(account)
                report.closing += sum(isinstance(item, Order) for item in made)
                report.faults += [f"{account}: {item.sentence}" for item in made if isinstance(item, Denied)]
        except QuantServiceError as error:
            if await self._has_something(account, held=close):
                report.faults.append(f"{account}: {error}")

    async def watch(self, folder: Path, clock: Clock) -> None:
        """Look for the file until cancelled."""
        while True:
            try:
                if kill_file(folder) and not await self._is_halted():
                    await self.pull(
                        reason=f"the file {FILE} is in the data folder; remove it, then qs risk set system ACTIVE", who="file"
                    )
            except QuantServiceError as error:
                _log.error("risk.kill_file_failed", reason=str(error))
            await clock.sleep(_LOOK_EVERY_S)

    async def _has_something(self, account: str, *, held: bool) -> bool:
        """Say whether there was anything to do at an account: one without a key yet, say, has neither orders nor positions."""
        if await self._orders.list(account=account, open_only=True):
            return True
        return held and bool(await self._orders.positions(account=account))

    async def _is_halted(self) -> bool:
        return any(item.scope == "system" and item.state == "HALTED" for item in await self._risk.states())
