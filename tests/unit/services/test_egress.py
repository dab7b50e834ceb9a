"""The egress service: venues get the registry's proxies at once, and their clocks are read every hour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.clock import ManualClock
from tests.support.fakes import until

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import VenueUnreachable
from quantservice.ports import ProxyRecord
from quantservice.services.outbox.relay import OutboxRelay, RelayConfig
from quantservice.services.proxies.commands import Proxies, parse_proxy
from quantservice.services.proxies.service import EgressService

CONFIGURED = parse_proxy("http://127.0.0.1:3128")


class VenueClock:
    """The part of a History that is asked here."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    async def server_time_ms(self) -> int:
        self.asked += 1
        if self.away:
            raise VenueUnreachable("away", cause="dns")
        return 1


class Venue:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.history = VenueClock()
        self.proxies: list[list[str]] = []

    def set_proxies(self, proxies: Iterable[ProxyRecord]) -> None:
        self.proxies.append([proxy.host for proxy in proxies])


@asynccontextmanager
async def running(tmp_path: Path, venue: Venue) -> AsyncIterator[tuple[Proxies, EgressService, ManualClock]]:
    state, bus, clock = SqlStateStore(f"sqlite:///{tmp_path / 'state'}", AesGcmSealer(tmp_path / "key")), MemoryBus(), ManualClock()
    await state.open()
    service = EgressService(
        {("binance", "um"): venue},  # type: ignore[dict-item]  # only what is asked of a History
        state_store=state,
        bus=bus,
        clock=clock,
        configured=(CONFIGURED,),
    )
    tasks = [asyncio.create_task(work) for work in (service.run(), OutboxRelay(state, bus, clock, RelayConfig(settle_s=0.0)).run())]
    try:
        yield Proxies(state), service, clock
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await state.close()


async def test_a_changed_registry_reaches_the_venues_without_a_restart(tmp_path: Path) -> None:
    venue = Venue()
    async with running(tmp_path, venue) as (proxies, service, _):
        await until(lambda: venue.proxies == [["127.0.0.1"]])
        kept = await proxies.add(parse_proxy("socks5://user:word@127.0.0.2:1080"))
        await until(lambda: venue.proxies[-1] == ["127.0.0.2", "127.0.0.1"])
        assert service.stats()["proxies"] == 2
        await proxies.remove(kept.id)
        await until(lambda: venue.proxies[-1] == ["127.0.0.1"])
        assert len(venue.proxies) == 3


async def test_the_venues_clock_is_read_every_hour(tmp_path: Path) -> None:
    venue = Venue()
    async with running(tmp_path, venue) as (_, service, clock):
        await until(lambda: clock.sleepers > 0 and bool(venue.proxies))
        await clock.advance(3_601)
        await until(lambda: venue.history.asked == 1)
        venue.history.away = True
        await until(lambda: clock.sleepers > 1)
        await clock.advance(3_601)
        await until(lambda: venue.history.asked == 2)
        assert service.stats() == {"proxies": 1, "clock_readings": 1, "clock_failures": 1}
