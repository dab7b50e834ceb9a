"""The roles of a process: which services it runs, made from the settings."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from quantservice.app.places import plugins_folder
from quantservice.app.ports_in_use import free_port
from quantservice.app.settings.tree import ClientServerSettings, WebSettings
from quantservice.core.errors import SettingsError
from quantservice.core.messages import Message
from quantservice.ports import Deployment, HostedAccount, Service, UnitOfWork

if TYPE_CHECKING:
    from quantservice.app.parts import Parts
    from quantservice.ports.notify import Notifier
    from quantservice.services.notify.watchdog import Watchdog

_LIVE_FIRST_S: Final = 2.0  # at a start, history and slow figures wait so long for the live data


def make_services(platform: Parts, roles: Sequence[str], *, speed: float) -> dict[str, Service]:
    """Make the services of ``roles`` in the order they start (consumers before producers)."""
    return {role: ROLES[role](platform, speed) for role in ROLES if role in roles}


def _outbox(platform: Parts, _speed: float) -> Service:
    from quantservice.services.outbox.relay import OutboxRelay

    return OutboxRelay(platform.state_store, platform.bus, platform.clock)


def _recorder(platform: Parts, _speed: float) -> Service:
    from quantservice.services.recorder import RecorderConfig, RecorderService

    settings = platform.settings.recorder
    config = RecorderConfig(
        batch_rows=settings.batch_rows,
        flush_ms=settings.flush_ms,
        spill_dir=str(platform.places.spill),
        spill_limit_bytes=settings.spill_mb * 1_000_000,
    )
    return RecorderService(platform.market_store, platform.bus, platform.clock, config)


def _ledger(platform: Parts, _speed: float) -> Service:
    from quantservice.services.ledger import LedgerConfig, LedgerService

    config = LedgerConfig(seal_every_s=platform.settings.ledger.seal_every_minutes * 60)
    return LedgerService(platform.market_store, platform.state_store, platform.bus, platform.clock, config)


def _indicators(platform: Parts, _speed: float) -> Service:
    from quantservice.services.indicators import IndicatorConfig, IndicatorService

    def load_plugins() -> None:
        from quantservice.app import plugins

        plugins.load_plugins(plugins_folder(platform.settings))

    return IndicatorService(
        platform.market_store,
        platform.state_store,
        platform.bus,
        platform.clock,
        IndicatorConfig(keys=platform.settings.indicators.online),
        prepare=load_plugins,
    )


def _strategies(platform: Parts, _speed: float) -> Service:
    from quantservice.adapters.strategy_host.processes import ProcessStrategyHost
    from quantservice.app.hosting import PRELOAD, run_child
    from quantservice.services.strategies import StrategiesConfig, StrategiesService

    settings = platform.settings.strategies
    host = ProcessStrategyHost(
        run_child,
        (str(plugins_folder(platform.settings)),),
        preload=PRELOAD,
        answer_s=settings.answer_s,
        memory_bytes=settings.memory_mb << 20,
    )
    config = StrategiesConfig(warm_up_bars=settings.warm_up_bars, together_s=settings.together_s, snapshot_s=settings.snapshot_s)
    return StrategiesService(
        host=host,
        source=platform.market_store,
        state=platform.state_store,
        bus=platform.bus,
        clock=platform.clock,
        deployments=platform.deployments,
        config=config,
        account_of=partial(_account_of, platform),
        act=partial(_act, platform),
    )


async def _account_of(platform: Parts, deployment: Deployment) -> HostedAccount | None:
    """Return what a deployment's strategy may ask of its account; None where this process does not trade for it."""
    from quantservice.app.trading import TradingRole

    service = platform.services.get("trading")
    desk = service.desks.get(deployment.account) if isinstance(service, TradingRole) else None
    return None if desk is None else await desk.follower.seen_by(deployment.id, Decimal(deployment.allocation or "0"))


async def _act(platform: Parts, deployment: Deployment, signal: Message, within: Callable[[UnitOfWork], Awaitable[None]]) -> bool:
    """Follow a signal in the commit that announces it; False where this process does not trade for the deployment."""
    from quantservice.app.trading import TradingRole

    service = platform.services.get("trading")
    return await service.act(deployment, signal, within) if isinstance(service, TradingRole) else False


def _trading(platform: Parts, speed: float) -> Service:
    from quantservice.app.trading import TradingRole

    return TradingRole(platform, speed=speed)


def _alerts(platform: Parts, _speed: float) -> Service:
    from quantservice.services.notify import NotifyConfig, NotifyService
    from quantservice.services.notify.store_watch import StoreWatch

    settings = platform.settings.alerts
    config = NotifyConfig(level=settings.level, again_after_s=settings.again_after_s, most_per_minute=settings.most_per_minute)
    watchdog = make_watchdog(platform, settings.watchdog_url, settings.watchdog_every_s)
    store = StoreWatch(lambda: _answers(platform), platform.clock)
    return NotifyService(platform.bus, platform.clock, make_notifier(settings.urls), config, watchdog=watchdog, store=store)


async def _answers(platform: Parts) -> None:
    """Ask the state store something; EnvironmentFault where it does not answer."""
    async with platform.state_store.transaction() as work:
        await work.values.get("health", "check")


def _backfill(platform: Parts, speed: float) -> Service:
    from quantservice.services.backfill import BackfillConfig, BackfillService

    settings = platform.settings.backfill
    config = BackfillConfig(
        concurrency=settings.concurrency_windows,
        history_days=platform.settings.collect.history_days,
        live_first_s=0.0 if platform.ownership.command == "command" else _LIVE_FIRST_S,
        scan_1m_s=settings.scan_1m_s,
        scan_1h_s=settings.scan_1h_s,
        grace_s=settings.grace_s * speed,
        ask_again_s=settings.ask_again_s * speed,
        verify_every_s=settings.verify_every_minutes * 60,
        statistics_every_s=settings.statistics_every_s,
    )
    return BackfillService(
        platform.venues,
        state=platform.state_store,
        store=platform.market_store,
        bus=platform.bus,
        clock=platform.clock,
        instruments=platform.book,
        config=config,
    )


def _jobs(platform: Parts, _speed: float) -> Service:
    from quantservice.app.jobs import make_jobs_service

    return make_jobs_service(platform)


def _collector(platform: Parts, _speed: float) -> Service:
    from quantservice.services.collector import CollectorConfig, CollectorService

    settings = platform.settings.collect
    config = CollectorConfig(
        instruments_refresh_s=settings.instruments_refresh_minutes * 60,
        initial_backoff_s=settings.initial_backoff_ms / 1000,
        max_backoff_s=settings.max_backoff_ms / 1000,
        default_periods=settings.periods,
    )
    return CollectorService(
        platform.venues,
        state=platform.state_store,
        store=platform.market_store,
        bus=platform.bus,
        clock=platform.clock,
        directory=platform.directory,
        config=config,
    )


def _polling(platform: Parts, _speed: float) -> Service:
    from quantservice.services.polling import PollingConfig, PollingService

    settings = platform.settings.collect
    config = PollingConfig(
        tickers_s=settings.tickers_every_s,
        funding_s=settings.funding_every_s,
        open_interest_s=settings.open_interest_every_s,
        first_after_s=_LIVE_FIRST_S,
    )
    return PollingService(platform.venues, state=platform.state_store, bus=platform.bus, clock=platform.clock, config=config)


def _egress(platform: Parts, _speed: float) -> Service:
    from quantservice.services.proxies.service import EgressService

    return EgressService(
        platform.venues,
        state_store=platform.state_store,
        bus=platform.bus,
        clock=platform.clock,
        configured=platform.configured_proxies(),
    )


def _retention(platform: Parts, _speed: float) -> Service:
    from quantservice.services.retention import RetentionService

    return RetentionService(platform.market_store, platform.clock, retention=platform.retention_days())


def _clientserver(platform: Parts, _speed: float) -> Service:
    return platform_client_server(platform)


def _web(platform: Parts, _speed: float) -> Service:
    from quantservice.web.server import WebServer

    server_certificate("web", platform.settings.web)  # uvicorn loads it late and would say nothing a person can use
    return WebServer(platform.faces.context())


def _projections(platform: Parts, _speed: float) -> Service:
    return platform.faces.projections


def platform_client_server(platform: Parts) -> Service:
    """Make the WebSocket server for client programs."""
    from quantservice.web.clientserver.config import ClientServerConfig
    from quantservice.web.clientserver.server import ClientServer

    settings = platform.settings.clientserver
    config = ClientServerConfig(
        host=settings.host,
        port=settings.port or free_port(settings.host),
        qps=settings.qps,
        hot_hours=settings.hot_hours,
        cache_ttl_s=settings.cache_ttl_s,
        queue=settings.queue,
        require_key=settings.require_key,
        allow_anonymous=settings.allow_anonymous,
        allowed_origins=settings.allowed_origins,
    )
    return ClientServer(
        market_store=platform.market_store,
        state_store=platform.state_store,
        bus=platform.bus,
        clock=platform.clock,
        resolve=lambda symbol, market, venue: platform.book().resolve(symbol, market=market, venue=venue),
        config=config,
        ssl_context=server_certificate("clientserver", settings),
    )


def make_notifier(urls: Sequence[str]) -> Notifier:
    """Return what delivers alerts; without addresses nothing is loaded for it (apprise takes half a second)."""
    if not urls:
        from quantservice.adapters.notify.nowhere import Nowhere

        return Nowhere()
    from quantservice.adapters.notify.apprise import AppriseNotifier

    return AppriseNotifier(urls)


def make_watchdog(platform: Parts, url: str, every_s: float) -> Watchdog | None:
    """Return what tells an outside watchdog that we are well; None without its address."""
    if not url:
        return None
    from quantservice.adapters.notify.ping import HttpPing
    from quantservice.services.notify.watchdog import Watchdog

    async def healthy() -> bool:
        await _answers(platform)
        return platform.runner.healthy

    return Watchdog(HttpPing(url).ping, healthy, platform.clock, every_s=every_s)


def server_certificate(part: str, settings: WebSettings | ClientServerSettings) -> ssl.SSLContext | None:
    """Load the certificate of ``part`` (web, clientserver); None where none is set. What cannot be used is said at once."""
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"{part}.tls_cert {settings.tls_cert} and {part}.tls_key {settings.tls_key} cannot be used"
            f" ({error.strerror or error}); give a PEM certificate chain and its private key"
        ) from None
    return context


#: Role -> maker, in the order of starting. The page comes first so that it answers while the rest starts.
ROLES: Final[dict[str, Callable[[Parts, float], Service]]] = {
    "projections": _projections,
    "web": _web,
    "outbox": _outbox,
    "recorder": _recorder,
    "clientserver": _clientserver,
    "ledger": _ledger,
    "indicators": _indicators,
    "alerts": _alerts,
    "trading": _trading,
    "strategies": _strategies,
    "jobs": _jobs,
    "egress": _egress,
    "backfill": _backfill,
    "collector": _collector,
    "polling": _polling,
    "retention": _retention,
}
