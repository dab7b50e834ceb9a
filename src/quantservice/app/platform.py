"""The platform in one process: stores, bus, venues, services and faces, put together and taken down in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog

from quantservice.adapters.clock.system import SystemClock
from quantservice.app import wiring
from quantservice.app.faces import Faces
from quantservice.app.hosting import inspector
from quantservice.app.jobs import checks
from quantservice.app.kill_switch import kill_file
from quantservice.app.live_trading import LiveTrading
from quantservice.app.logs import LogTail
from quantservice.app.maintenance import Maintenance
from quantservice.app.parts import Parts
from quantservice.app.places import Places, plugins_folder
from quantservice.app.ports_in_use import port_is_free
from quantservice.app.process import own
from quantservice.app.roles import ROLES, make_services
from quantservice.app.runner import Runner
from quantservice.app.settings import LoadedSettings, Settings
from quantservice.app.venues import Making, addresses_of, make_venues
from quantservice.core.errors import EnvironmentFault, UnknownName
from quantservice.ports import Clock, TradingPair
from quantservice.services.access_keys.commands import AccessKeys
from quantservice.services.access_keys.owner import OwnerToken
from quantservice.services.backtests.commands import Backtests, Trials
from quantservice.services.collector import InstrumentDirectory
from quantservice.services.jobs.commands import Jobs
from quantservice.services.pairs.commands import Pairs
from quantservice.services.proxies.commands import Proxies
from quantservice.services.risk.commands import RiskControl
from quantservice.services.strategies.commands import Deployments
from quantservice.version import __version__
from quantservice.web.clientserver.server import ClientServer
from quantservice.web.server import WebServer

if TYPE_CHECKING:
    from quantservice.adapters.venues.binance.spec import BinanceEndpoints

log = structlog.get_logger(__name__)
_PATIENCE_S: Final = 10.0


class Platform(Parts):
    """The parts put together. Opened by :meth:`open`; services run while :meth:`run` does."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        loaded: LoadedSettings,
        *,
        roles: Sequence[str] | None = None,
        venues: bool = True,
        endpoints: BinanceEndpoints | None = None,
        clock: Clock | None = None,
        speed: float = 1.0,
        tail: LogTail | None = None,
        command: str = "up",
    ) -> AsyncIterator[Platform]:
        """Open stores, make venues and services; close everything in the opposite order.

        ``roles``: the services to make (None: all); ``venues``: whether venues may be asked; ``endpoints``: Binance's, where
        they are not those of the settings; ``speed``: how much faster than the wall ``clock`` runs.
        """
        wanted = _check_roles(roles, loaded.settings)
        places = Places.of(loaded.settings)
        places.prepare()
        patience_s = _PATIENCE_S if command == "command" else 0.5
        async with contextlib.AsyncExitStack() as stack:
            ownership = stack.enter_context(own(places, command, patience_s=patience_s))
            platform = cls(loaded, places, clock=clock or SystemClock(), tail=tail, ownership=ownership)
            await platform._open_stores(stack)
            await platform._open_registries()
            if venues:
                await platform._open_venues(stack, endpoints)
            platform.maintenance = Maintenance(platform)
            platform.faces = Faces(platform, platform.maintenance.operations())
            platform.services = make_services(platform, wanted, speed=speed)
            platform.probes.update({name: service.stats for name, service in platform.services.items()})
            platform.runner = Runner(list(platform.services.values()), bus=platform.bus, clock=platform.clock)
            platform.announce()
            yield platform

    async def _open_stores(self, stack: contextlib.AsyncExitStack) -> None:
        self.sealer = sealer = wiring.make_sealer(self.places)
        wiring.check_cache(self.loaded)
        self.bus = wiring.make_bus(self.loaded)
        stack.push_async_callback(self.bus.close)
        self.state_store = wiring.make_state_store(self.settings, self.places, sealer)
        self.market_store = wiring.make_market_store(self.settings, self.places, self.clock)
        await asyncio.gather(self.state_store.open(), self.market_store.open())
        stack.push_async_callback(self.state_store.close)
        stack.push_async_callback(self.market_store.close)

    async def _open_registries(self) -> None:
        self.pairs = Pairs(self.state_store, self.book)
        self.proxies = Proxies(self.state_store)
        self.access_keys = AccessKeys(self.state_store, self.clock)
        self.deployments = Deployments(self.state_store, self.clock, self.book, inspector(plugins_folder(self.settings)))
        self.jobs = Jobs(self.state_store, self.clock, checks(plugins_folder(self.settings)))
        self.risk = RiskControl(self.state_store, self.clock, halted_by=lambda: kill_file(self.places.root))
        self.live = LiveTrading(self.clock, self.settings, lambda: self.venues, lambda: self.addresses, self._sent)
        self.accounts = wiring.make_accounts(self.state_store, self.clock, self.places, self.live.permissions, lambda: self.venues)
        self.backtests = Backtests(self.state_store, self.clock)
        self.trials = Trials(self.state_store, self.clock)
        token = OwnerToken(self.state_store, self.places.owner_token)
        configured = self.settings.secrets.owner_token
        self.owner_token_hash, made = await token.ensure(configured)
        self.owner_token = configured or self.places.owner_token.read_text(encoding="utf-8").strip()
        if made:
            log.info("owner.token_made", token_file=str(self.places.owner_token))
        self.directory = InstrumentDirectory(await self.market_store.instruments())

    async def _sent(self, account: str) -> list[str]:
        """Return the client ids of an account's orders: the newest, and every one that has not ended."""
        async with self.state_store.transaction() as work:
            orders = [*await work.orders.list(account=account, limit=10_000), *await work.orders.open(account)]
        return [order.order_id for order in orders if not order.external]

    async def _open_venues(self, stack: contextlib.AsyncExitStack, endpoints: BinanceEndpoints | None) -> None:
        proxies = [*await self.proxies.list(), *self.configured_proxies()]
        self.addresses = addresses_of(self.settings, binance=endpoints)
        making = Making(
            settings=self.settings,
            addresses=self.addresses,
            clock=self.clock,
            state_store=self.state_store,
            proxies=tuple(proxies),
        )
        self.venues = make_venues(making)
        for venue in self.venues.values():
            stack.push_async_callback(venue.close)

    async def register_first_pairs(self, pairs: Sequence[str], *, history_start_ms: int | None = None) -> list[TradingPair]:
        """Register ``pairs`` when none is registered yet; names the venue does not list are left out with a warning."""
        if await self.pairs.list():
            return []
        await self.load_instruments()
        registered = []
        for name in pairs:
            try:
                pair = await self.pairs.register(
                    name,
                    periods=self.settings.collect.periods,
                    kinds=self.settings.collect.kinds,
                    history_start_ms=history_start_ms,
                )
            except UnknownName as error:
                log.warning("pairs.not_listed", pair=name, reason=str(error), advice="qs pairs add registers it later")
            else:
                registered.append(pair)
        return registered

    def asgi_app(self) -> Any:
        """The HTTP face as an ASGI application."""
        return self.faces.app()

    def announce(self) -> None:
        """Bind the ports and tell the data directory's card where the faces listen."""
        web = self.services.get("web")
        client = self.services.get("clientserver")
        if isinstance(web, WebServer):
            web.bind()
            self.page_url = web.url
        if isinstance(client, ClientServer):
            host, port = self.settings.clientserver.host, client.port
            if not port_is_free(host, port):
                raise EnvironmentFault(
                    f"port {port} on {host} is in use by another program, and the client server needs it;"
                    " stop that program or set clientserver.port (QS_CLIENTSERVER__PORT)"
                )
            shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
            self.client_url = f"ws{'s' if self.settings.clientserver.tls_cert else ''}://{shown}:{port}"
        self.ownership.announce(api_url=self.page_url, client_url=self.client_url)
        if self.page_url:
            self.market_store.announce(self.page_url)

    async def run(self, *, seconds: float | None = None) -> None:
        """Run the services until a signal, :meth:`stop`, or the end of ``seconds``; then drain them."""
        await self.runner.run(seconds=seconds)

    def stop(self) -> None:
        """Make :meth:`run` return."""
        self.runner.ask_stop()

    def describe(self) -> dict[str, Any]:
        """What the log says at the start."""
        return {"version": __version__, "pid": os.getpid(), "data_dir": str(self.places.root)}


def _check_roles(roles: Sequence[str] | None, settings: Settings) -> tuple[str, ...]:
    if roles is None:
        off = {
            role
            for role, enabled in (("clientserver", settings.clientserver.enabled), ("indicators", settings.indicators.enabled))
            if not enabled
        }
        return tuple(role for role in ROLES if role not in off)
    for role in roles:
        if role not in ROLES:
            raise UnknownName("role", role, ROLES, hint=f"roles: {' '.join(ROLES)}")
    return tuple(roles)
