"""What one process holds: its settings, stores, bus, venues, services and registries. It knows no one that uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import structlog

from quantservice.app.live_trading import LiveTrading
from quantservice.app.logs import LogTail
from quantservice.app.places import Places
from quantservice.app.process import Ownership, process_started_ms
from quantservice.app.runner import Runner
from quantservice.app.settings import LoadedSettings
from quantservice.core.errors import VenueError
from quantservice.core.events import Kind
from quantservice.core.instruments import InstrumentBook
from quantservice.ports import Clock, EventBus, Probe, ProxyRecord, Sealer, Service, StateStore
from quantservice.services.access_keys.commands import AccessKeys
from quantservice.services.accounts.commands import Accounts
from quantservice.services.backtests.commands import Backtests, Trials
from quantservice.services.collector import InstrumentDirectory
from quantservice.services.jobs.commands import Jobs
from quantservice.services.pairs.commands import Pairs
from quantservice.services.proxies.commands import Proxies, parse_proxy
from quantservice.services.risk.commands import RiskControl
from quantservice.services.strategies.commands import Deployments
from quantservice.web.context import WebContext
from quantservice.web.projections import Projections

if TYPE_CHECKING:
    from fastapi import FastAPI

    from quantservice.adapters.market_store.clickhouse import ClickHouseStore
    from quantservice.app.venues import Addresses, LiveVenue

log = structlog.get_logger(__name__)

#: done, total (None: not known), text
Progress: TypeAlias = Callable[[float, float | None, str], None]
Work: TypeAlias = Callable[[Mapping[str, Any], Progress], Awaitable[dict[str, Any]]]


class Face(Protocol):
    """What the platform shows of itself over HTTP."""

    projections: Projections

    def app(self) -> FastAPI:
        """Return the HTTP application."""
        ...

    def context(self) -> WebContext:
        """Return everything that the routes use."""
        ...


class Operations(Protocol):
    """Work on the stores that a person asks for."""

    def operations(self) -> dict[str, Work]:
        """Return each operation by its name."""
        ...


class Parts:
    """Everything one process holds; what is only declared here is set while the platform opens."""

    def __init__(self, loaded: LoadedSettings, places: Places, *, clock: Clock, tail: LogTail | None, ownership: Ownership) -> None:
        self.loaded = loaded
        self.settings = loaded.settings
        self.places = places
        self.clock = clock
        self.tail = tail or LogTail()
        self.ownership = ownership
        self.started_ms = process_started_ms()
        self.owner_token = ""
        self.owner_token_hash = ""
        self.page_url = ""
        self.client_url = ""
        self.sealer: Sealer
        self.state_store: StateStore
        self.market_store: ClickHouseStore
        self.bus: EventBus
        self.directory = InstrumentDirectory()
        self.venues: dict[tuple[str, str], LiveVenue] = {}
        self.addresses: Addresses = {}
        self.services: dict[str, Service] = {}
        self.probes: dict[str, Probe] = {}
        self.runner: Runner
        self.pairs: Pairs
        self.proxies: Proxies
        self.access_keys: AccessKeys
        self.deployments: Deployments
        self.jobs: Jobs
        self.accounts: Accounts
        self.live: LiveTrading
        self.risk: RiskControl
        self.backtests: Backtests
        self.trials: Trials
        self.maintenance: Operations
        self.faces: Face

    def configured_proxies(self) -> list[ProxyRecord]:
        """The proxies of the settings; they stand beside the registered ones."""
        return [parse_proxy(url) for url in self.settings.proxies.urls]

    def book(self) -> InstrumentBook:
        """The instruments known now."""
        return self.directory.book()

    async def load_instruments(self, *, markets: Sequence[tuple[str, str]] | None = None) -> None:
        """Fetch the instrument lists that are not known yet; when no market can be asked, the venue's own sentence is raised.

        A market that cannot be asked, or lists nothing, is said and left out: the others are of use without it.
        """
        missing = [key for key in markets or self.venues if key in self.venues and not self.directory.knows(*key)]
        answers = await asyncio.gather(*(self.venues[key].history.instruments() for key in missing), return_exceptions=True)
        faults: list[VenueError] = []
        for key, items in zip(missing, answers, strict=True):
            if isinstance(items, VenueError):
                faults.append(items)
                log.warning("instruments.not_fetched", venue=key[0], market=key[1], reason=str(items))
            elif isinstance(items, BaseException):
                raise items
            elif not items:
                log.warning("instruments.none_listed", venue=key[0], market=key[1])
            else:
                self.directory.replace(*key, items)
                await self.market_store.put_instruments(*key, items, seen_ms=self.clock.now_ms())
        if faults and not len(self.book()):
            raise faults[0]

    def history(self) -> Mapping[str, Any]:
        """How far the wanted history is stored."""
        backfill = self.services.get("backfill")
        progress = getattr(backfill, "progress", None)
        if backfill is None or progress is None:
            return {}
        figures = progress()
        scanned = bool(getattr(backfill, "planned", True))
        return {
            "wanted": figures.wanted,
            "stored": figures.stored,
            "done": figures.done and scanned,
            "scanned": scanned,
            "gaps_open": figures.gaps_open,
            "windows_open": figures.windows_open,
            "rows_per_s": round(figures.rows_per_s, 1),
            "eta_s": figures.eta_s,
        }

    def retention_days(self) -> dict[str, int]:
        """Days per kind; kinds that are kept for ever are left out."""
        settings = self.settings.retention
        days = {
            Kind.TRADE: settings.trade_days,
            Kind.QUOTE: settings.quote_days,
            Kind.BOOK: settings.book_days,
            Kind.TICKER: settings.ticker_days,
            Kind.MARK_PRICE: settings.mark_price_days,
            Kind.OPEN_INTEREST: settings.open_interest_days,
        }
        return {kind.value: count for kind, count in days.items() if count > 0}
