"""The market's list of instruments, and the limits told with it."""

from __future__ import annotations

import asyncio
from typing import Final

from quantservice.adapters.venues.binance.decode_instruments import RateLimit, decode_exchange_info
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.trading.caller import Caller
from quantservice.adapters.venues.transport.pacing import SlidingLimit
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.instruments import Instrument
from quantservice.ports import Clock

_MARGIN: Final = 0.95  # of the venue's limits of orders: others may use the same account


def names_of(market: str, caller: Caller, clock: Clock) -> Names:
    """Return the instruments of one market; the caller learns the limits of orders with them."""

    async def fetch() -> list[Instrument]:
        body = await caller.public("exchange_info")
        info = await asyncio.to_thread(decode_exchange_info, body, market, seen_ms=clock.now_ms())
        _take_limits(caller, info.rate_limits)
        return info.instruments

    return Names(VENUE, market, fetch, clock)


def _take_limits(caller: Caller, limits: tuple[RateLimit, ...]) -> None:
    if caller.order_limits:
        return  # those in force have counted what was sent
    caller.order_limits = [
        SlidingLimit(max(1, int(limit.limit * _MARGIN)), float(limit.window_s))
        for limit in limits
        if limit.rate_limit_type == "ORDERS" and limit.window_s
    ]
