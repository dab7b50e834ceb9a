"""A part's stops make way for the order that closes it, where the account as a whole does not cover both.

Deployments that hold against each other share one position at the venue. An order that closes a part goes out as a plain one there,
and only while everything in flight against the part is no more than the part (services/risk/covering.py): a stop that rests beside
it would be more. So the stop is cancelled first, and none is placed while the order is decided.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import structlog

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent
from quantservice.core.orders import Order
from quantservice.ports import Clock
from quantservice.services.execution.keeper import OrderKeeper

_log = structlog.get_logger(__name__)
_LOOKS: Final = 20  # at a stop whose cancel is asked for: an order waits a second for it at most
_LOOK_S: Final = 0.05
_Part: TypeAlias = tuple[str, InstrumentId]


class Way:
    """Of one account. ``uncovered`` is risk control's; ``cancel`` the gateway's."""

    def __init__(
        self,
        keeper: OrderKeeper,
        clock: Clock,
        *,
        uncovered: Callable[[Intent], bool],
        cancel: Callable[[str], Awaitable[Order]],
    ) -> None:
        self._keeper, self._clock, self._uncovered, self._cancel = keeper, clock, uncovered, cancel
        self._closing: list[_Part] = []

    def closing(self, deployment: str, instrument: InstrumentId) -> bool:
        """Say whether an order that closes a part is being decided: no stop of it is placed meanwhile."""
        return (deployment, instrument) in self._closing

    @asynccontextmanager
    async def made(self, intents: Sequence[Intent]) -> AsyncIterator[None]:
        """Have the stops of parts out of the way that these orders close, within."""
        parts = [
            (intent.deployment, intent.terms.instrument)
            for intent in intents
            if self._closes(intent) and self._keeper.memory.order(intent.client_id) is None
        ]
        self._closing += parts
        try:
            if parts:
                await self._clear(parts)
            yield
        finally:
            for part in parts:
                self._closing.remove(part)

    def _closes(self, intent: Intent) -> bool:
        """Say whether an order closes a part as a plain one, or will."""
        terms = intent.terms
        plain = intent.purpose == "flatten" and not terms.reduce_only and terms.position_side == "both"
        return plain or (intent.purpose != "protective" and self._uncovered(intent))

    async def _clear(self, parts: Sequence[_Part]) -> None:
        for order in await self._keeper.open():
            if order.purpose == "protective" and (order.deployment, order.terms.instrument) in parts:
                try:
                    ended = await self._cancel(order.order_id)
                except (VenueError, EnvironmentFault) as error:  # the order is decided all the same, with the stop counted
                    _log.warning("execution.stop_in_the_way", account=order.terms.account, reason=str(error))
                    continue
                for _ in range(_LOOKS):
                    if ended.final:
                        break
                    await self._clock.sleep(_LOOK_S)
                    ended = await self._keeper.look_up(order.order_id)
