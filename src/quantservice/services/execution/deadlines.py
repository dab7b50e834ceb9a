"""Deadlines of orders: when one passes, the platform cancels what is left of the order, whatever its venue can do by itself.

The deadline stands in the order's terms, so it is as durable as the order: after a restart the open orders are looked at again, and
one whose deadline passed meanwhile is cancelled as soon as the account is reconciled. Only that order is cancelled, by its own id,
and the wish is kept before it is sent: the resolver asks again until the order has ended. A fill that comes first stays.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.core.orders import Order
from quantservice.ports import Clock
from quantservice.services.execution.gateway import Gateway

_log = structlog.get_logger(__name__)
_LOOK_S: Final = 0.25
_AT_ONCE: Final = 16


class Deadlines:
    """Watches the open orders of one account."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway, self._clock = gateway, clock
        self._seen: tuple[int, int] | None = None  # the lease's token and the account's changes, when it was looked last
        self._next_ms: int | None = None  # the next deadline by that look

    async def run(self) -> None:
        """Watch until cancelled; works a second time on the same object."""
        while True:
            try:
                if self._gateway.ready:
                    await self.look()
            except (VenueError, EnvironmentFault) as error:
                _log.info("deadlines.wait", account=self._gateway.account, reason=str(error))
            await self._clock.sleep(_LOOK_S)

    async def look(self) -> None:
        """Cancel the orders whose deadline has passed. Raises the first fault, after every one of them was asked for."""
        now_ms = self._clock.now_ms()
        seen = (self._gateway.token, self._gateway.changes)
        if seen == self._seen and (self._next_ms is None or now_ms < self._next_ms):
            return
        timed = [order for order in await self._gateway.open() if order.terms.expire_ms is not None and not order.cancel_asked]
        late = [order for order in timed if _expires_ms(order) <= now_ms]
        self._next_ms = min((_expires_ms(order) for order in timed), default=None)
        self._seen = None if late else seen
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def lapse(order: Order) -> None:
            async with at_once:
                _log.info("deadlines.passed", account=self._gateway.account, order=order.order_id)
                await self._gateway.cancel(order.order_id, lapsed=True)

        for fault in await asyncio.gather(*map(lapse, late), return_exceptions=True):
            if isinstance(fault, BaseException):
                raise fault


def _expires_ms(order: Order) -> int:
    return order.terms.expire_ms or 0
