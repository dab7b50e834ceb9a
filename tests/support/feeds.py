"""A venue adapter with compressed times, and a simulator to point it at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.binance.history import HistorySettings
from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.adapters.venues.binance.venue import BinanceSettings, BinanceVenue
from quantservice.adapters.venues.ccxt.access import AccessSettings
from quantservice.adapters.venues.ccxt.feed import FeedSettings as PollingSettings
from quantservice.adapters.venues.ccxt.venue import CcxtSettings, CcxtVenue
from quantservice.adapters.venues.htx.spec import HtxEndpoints
from quantservice.adapters.venues.htx.venue import HtxSettings, HtxVenue
from quantservice.adapters.venues.okx.spec import OkxEndpoints
from quantservice.adapters.venues.okx.venue import OkxSettings, OkxVenue
from quantservice.adapters.venues.transport.feed import FeedSettings
from quantservice.adapters.venues.transport.http import HttpSettings
from quantservice.adapters.venues.transport.ws import WsSettings
from quantservice.simulator.config import Limits, MarketName, PushRates, SimulatorConfig, venue_limits
from quantservice.simulator.server import Simulator

#: Seconds become tenths: what takes 8 s in service takes 0.8 s here.
QUICK = BinanceSettings(
    feed=FeedSettings(
        stale_s=0.8, quiet_s=3.0, stale_most_s=12.0, check_s=0.1, book_interval_s=0.05, book_retry_s=0.1, absorb_s=0.3
    ),
    history=HistorySettings(),
    http=HttpSettings(connect_timeout_s=1.0, total_timeout_s=3.0, back_off_s=0.05),
    ws=WsSettings(
        connect_timeout_s=1.0,
        handshake_timeout_s=1.0,
        acknowledge_timeout_s=1.5,
        silence_s=0.8,
        silence_most_s=12.0,
        check_s=0.1,
        lead_s=0.5,
        back_off_s=0.1,
        back_off_most_s=1.0,
        steady_s=2.0,
        messages_per_second=10,
    ),
)


def quick(**changes: Any) -> BinanceSettings:
    """``QUICK`` with some parts' fields changed: ``quick(ws={"life_s": 2})``."""
    parts = {name: msgspec.structs.replace(getattr(QUICK, name), **fields) for name, fields in changes.items()}
    return msgspec.structs.replace(QUICK, **parts)


@asynccontextmanager
async def simulated(
    *, speed: float = 60.0, kline_ms: int = 100, limits: Mapping[str, Any] | None = None, **options: Any
) -> AsyncIterator[Simulator]:
    """A running simulator whose minute lasts ``60 / speed`` seconds."""
    markets: tuple[MarketName, ...] = ("spot", "um", "cm")
    rates = {market: PushRates(kline_ms=kline_ms, depth_ms=kline_ms, ticker_ms=500, mark_price_ms=500) for market in markets}
    bounds: dict[MarketName, Limits] = {
        market: msgspec.structs.replace(limit, **(limits or {})) for market, limit in venue_limits().items()
    }
    simulator = Simulator(SimulatorConfig(speed=speed, rates=rates, limits=bounds, tick_ms=20, **options))
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


QUICK_OKX = OkxSettings(feed=QUICK.feed, http=QUICK.http, ws=QUICK.ws)


@asynccontextmanager
async def okx_on(target: Simulator, market: str = "um", *, settings: OkxSettings = QUICK_OKX) -> AsyncIterator[OkxVenue]:
    """An adapter of OKX pointed at a simulator."""
    endpoints = OkxEndpoints.simulator(target.rest_url)
    venue = OkxVenue(market, endpoints, clock=SystemClock(), settings=settings, environment={})
    try:
        yield venue
    finally:
        await venue.close()


QUICK_HTX = HtxSettings(feed=QUICK.feed, http=QUICK.http, ws=msgspec.structs.replace(QUICK.ws, messages_per_second=40))


@asynccontextmanager
async def htx_on(target: Simulator, market: str = "um", *, settings: HtxSettings = QUICK_HTX) -> AsyncIterator[HtxVenue]:
    """An adapter of HTX pointed at a simulator."""
    endpoints = HtxEndpoints.simulator(target.rest_url)
    venue = HtxVenue(market, endpoints, clock=SystemClock(), settings=settings, environment={})
    try:
        yield venue
    finally:
        await venue.close()


@asynccontextmanager
async def ccxt_on(target: Simulator, exchange: str, market: str) -> AsyncIterator[CcxtVenue]:
    """An adapter of any exchange, by ccxt, pointed at a simulator."""
    access = AccessSettings(base_url=target.rest_url)
    settings = CcxtSettings(access=access, feed=PollingSettings(every_s=0.2, after_close_ms=1_500, back_off_s=0.1))
    venue = CcxtVenue(exchange, market, clock=SystemClock(), settings=settings, environment={})
    try:
        yield venue
    finally:
        await venue.close()


@asynccontextmanager
async def venue_on(
    target: Any,
    market: str = "um",
    *,
    settings: BinanceSettings = QUICK,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[BinanceVenue]:
    """An adapter pointed at a simulator or a fake venue."""
    endpoints = (
        BinanceEndpoints.simulator(target.rest_url, {str(name): url for name, url in target.ws_urls.items()})
        if isinstance(target, Simulator)
        else target.endpoints
    )
    clock = options.pop("clock", None) or SystemClock()
    venue = BinanceVenue(market, endpoints, clock=clock, settings=settings, environment=environment or {}, **options)
    try:
        yield venue
    finally:
        await venue.close()
