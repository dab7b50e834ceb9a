"""What the platform shows of itself: the HTTP face with everything it reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import msgspec

from quantservice.app.kill_switch import KillSwitch
from quantservice.app.parity import Parity
from quantservice.app.places import plugins_folder
from quantservice.app.preflight import Preflight
from quantservice.app.research_face import ResearchFace
from quantservice.app.routing import Candidates
from quantservice.app.session_key import session_key
from quantservice.app.settings.tree import Settings
from quantservice.app.trading import TradingRole
from quantservice.app.trading_desk import AccountDesk
from quantservice.app.volume_profile import volume_profile
from quantservice.core.errors import EnvironmentFault
from quantservice.services.execution.commands import Orders
from quantservice.services.execution.routed import Router
from quantservice.services.ledger import commands
from quantservice.services.portfolio.equity import EquityHistory
from quantservice.services.portfolio.reading import Portfolio
from quantservice.services.portfolio.tracing import Chains
from quantservice.services.risk.rehearsals import Rehearsals
from quantservice.services.strategies import StrategiesService
from quantservice.version import __version__
from quantservice.web.app import create_app
from quantservice.web.context import ResearchDesk, TradingFace, WebConfig, WebContext
from quantservice.web.projections import Projections
from quantservice.web.server import WebServer

if TYPE_CHECKING:
    from fastapi import FastAPI

    from quantservice.app.parts import Parts, Work


class Faces:
    """Builds the web context of a platform, once."""

    def __init__(self, platform: Parts, maintenance: Mapping[str, Work]) -> None:
        self._platform = platform
        self._maintenance = maintenance
        self._app: FastAPI | None = None
        self.projections = Projections(platform.bus, platform.clock)

    def app(self) -> FastAPI:
        """The HTTP application."""
        if self._app is None:
            server = self._platform.services.get("web")
            if isinstance(server, WebServer):
                self._app = server.app
            else:
                self._app = create_app(self.context())
        return self._app

    def context(self) -> WebContext:
        """Everything that the routes use."""
        platform = self._platform
        return WebContext(
            environment=platform.settings.environment,
            version=__version__,
            started_ms=platform.started_ms,
            clock=platform.clock,
            bus=platform.bus,
            market_store=platform.market_store,
            state_store=platform.state_store,
            instruments=platform.book,
            projections=self.projections,
            owner_token_hash=platform.owner_token_hash,
            venues=sorted({venue for venue, _ in platform.venues}) or ["binance"],
            config=web_config(platform.settings),
            pairs=platform.pairs,
            proxies=platform.proxies,
            access_keys=platform.access_keys,
            probes=platform.probes,
            services=self._services,
            weights=self._weights,
            settings_rows=self._settings_rows,
            log_tail=platform.tail.last,
            history=platform.history,
            maintenance=self._maintenance,
            research=ResearchFace(plugins_folder(platform.settings)),
            deployments=platform.deployments,
            desk=ResearchDesk(jobs=platform.jobs, backtests=platform.backtests, trials=platform.trials),
            hosted=self._hosted,
            parity=self._parity(),
            trading=self._trading(),
            session_key=session_key(platform.places.session_key),
            audit_report=self._last_audit,
            run_audit=self._run_audit,
        )

    def _parity(self) -> Callable[..., Awaitable[dict[str, Any]]]:
        platform = self._platform
        folder = plugins_folder(platform.settings)
        return Parity(platform.state_store, platform.market_store, platform.deployments, platform.book, folder).report

    def _services(self) -> Sequence[Mapping[str, Any]]:
        return self._platform.runner.states()  # asked late: the runner is made after the face

    def _trading(self) -> TradingFace:
        platform = self._platform
        orders = Orders(
            platform.state_store,
            platform.clock,
            lambda account: self._desk(account).gateway,
            lambda account: self._desk(account).algorithms,
            profile_of=lambda *of: volume_profile(platform.market_store, *of),
            price_of=lambda account, instrument: self._desk(account).prices.get(instrument),
        )
        kill = KillSwitch(platform.risk, orders, platform.accounts, self._reload_risk, easing=self._easing)
        return TradingFace(
            accounts=platform.accounts,
            orders=orders,
            router=Router(
                platform.state_store,
                orders,
                Candidates(platform.state_store, platform.accounts, platform.book, self._desks).of,
            ),
            ready=self._is_ready,
            problem=self._problem,
            figures=self._figures,
            portfolio=Portfolio(platform.state_store, platform.clock),
            equity=EquityHistory(platform.state_store, platform.clock),
            chains=Chains(platform.state_store),
            risk=platform.risk,
            rehearsals=Rehearsals(platform.state_store, platform.market_store, platform.risk, platform.book, platform.clock),
            kill=kill.pull,
            preflight=Preflight(
                platform.accounts,
                platform.deployments,
                platform.risk,
                platform.live,
                venue_of=lambda venue, market: platform.venues.get((venue, market)),
                now_ms=platform.clock.now_ms,
                alerts=bool(platform.settings.alerts.urls),
            ).report,
        )

    def _figures(self, account: str) -> dict[str, Any] | None:
        service = self._platform.services.get("trading")
        return service.desks[account].figures() if isinstance(service, TradingRole) and account in service.desks else None

    async def _reload_risk(self) -> None:
        """Let the trader of this process, where there is one, know at once; others hear the command."""
        service = self._platform.services.get("trading")
        if isinstance(service, TradingRole):
            await service.reload_risk()

    def _easing(self) -> AbstractContextManager[None]:
        service = self._platform.services.get("trading")
        return service.risk.easing() if isinstance(service, TradingRole) else nullcontext()

    def _desk(self, account: str) -> AccountDesk:
        service = self._platform.services.get("trading")
        if not isinstance(service, TradingRole):
            raise EnvironmentFault("no process trades here; start qs up or qs demo and ask again")
        return service.desk(account)

    def _desks(self) -> Mapping[str, AccountDesk]:
        service = self._platform.services.get("trading")
        return service.desks if isinstance(service, TradingRole) else {}

    def _is_ready(self, account: str) -> bool:
        service = self._platform.services.get("trading")
        return isinstance(service, TradingRole) and account in service.desks and service.desks[account].gateway.ready

    def _problem(self, account: str) -> str:
        service = self._platform.services.get("trading")
        return service.problem(account) if isinstance(service, TradingRole) else "no process trades here"

    def _hosted(self) -> Mapping[str, Mapping[str, Any]]:
        service = self._platform.services.get("strategies")
        return service.running() if isinstance(service, StrategiesService) else {}

    async def _last_audit(self) -> Mapping[str, Any] | None:
        return await commands.last_audit(self._platform.state_store)

    async def _run_audit(self) -> Mapping[str, Any]:
        platform = self._platform
        histories = {key: venue.history for key, venue in platform.venues.items()}
        return await commands.audit(platform.market_store, platform.state_store, platform.clock, histories=histories)

    def _weights(self) -> Sequence[Mapping[str, Any]]:
        rows = []
        for (name, market), venue in self._platform.venues.items():
            usage = venue.usage()
            budget: Mapping[str, Any] = next(iter(usage["budgets"].values()), {})
            rows.append({"venue": name, "market": market, **flat(usage), "used": budget.get("used"), "limit": budget.get("limit")})
        return rows

    def _settings_rows(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"key": row.path, "value": msgspec.json.encode(row.value).decode(), "source": row.source, "doc": row.doc}
            for row in self._platform.loaded.rows()
        ]


def web_config(settings: Settings) -> WebConfig:
    """The face's own settings."""
    return WebConfig(
        host=settings.web.host,
        port=settings.web.port,
        tls_cert=settings.web.tls_cert,
        tls_key=settings.web.tls_key,
        allowed_hosts=settings.web.allowed_hosts,
        default_periods=settings.collect.periods,
        default_kinds=settings.collect.kinds,
    )


def flat(figures: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested figures to ``a.b`` names with plain values."""
    result: dict[str, Any] = {}
    for name, value in figures.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            result.update(flat(value, f"{key}."))
        elif isinstance(value, int | float | str | bool) or value is None:
            result[key] = value
    return result
