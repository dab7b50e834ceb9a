"""What the web face is given: stores, bus, figures and callables. Nothing here reaches further inside than a port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from quantservice.core.instruments import InstrumentBook
from quantservice.ports import AccessKey, Clock, EventBus, MarketStore, Probe, ProxyRecord, StateStore, TradingPair

if TYPE_CHECKING:
    from quantservice.services.accounts.commands import Accounts
    from quantservice.services.backtests.commands import Backtests, Trials
    from quantservice.services.execution.commands import Orders
    from quantservice.services.execution.routed import Router
    from quantservice.services.jobs.commands import Jobs
    from quantservice.services.portfolio.equity import EquityHistory
    from quantservice.services.portfolio.reading import Portfolio
    from quantservice.services.portfolio.tracing import Chains
    from quantservice.services.risk.commands import RiskControl
    from quantservice.services.risk.rehearsals import Rehearsals
    from quantservice.services.strategies.commands import Deployments
    from quantservice.web.projections import Projections

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


class PairRegistry(Protocol):
    """Asked-and-answered state of the registered pairs."""

    async def list(self) -> Sequence[TradingPair]:
        """Return all pairs."""
        ...

    async def add(self, pair: TradingPair) -> TradingPair:
        """Register or change one; those who collect are told."""
        ...

    async def remove(self, instrument: str) -> bool:
        """Stop collecting an instrument (full name); say whether it was registered."""
        ...


class ProxyRegistry(Protocol):
    """Asked-and-answered state of the egress proxies."""

    async def list(self) -> Sequence[ProxyRecord]:
        """Return all proxies."""
        ...

    async def add(self, proxy: ProxyRecord) -> ProxyRecord:
        """Register one."""
        ...

    async def remove(self, proxy_id: int) -> bool:
        """Forget one; say whether it existed."""
        ...


class AccessKeyRegistry(Protocol):
    """Asked-and-answered state of the access keys."""

    async def list(self) -> Sequence[AccessKey]:
        """Return all keys."""
        ...

    async def create(self, name: str, qps_limit: int) -> tuple[str, AccessKey]:
        """Make one; return its clear text, shown once, and its record."""
        ...

    async def remove(self, key_id: int) -> bool:
        """Revoke one; say whether it existed."""
        ...

    async def verify(self, clear: str) -> AccessKey | None:
        """Return the enabled key of a clear text, or None."""
        ...


class Research(Protocol):
    """The registries and the arithmetic. Calls block: make them in a thread."""

    def strategies(self) -> Sequence[Mapping[str, Any]]:
        """Return every registered strategy."""
        ...

    def strategy(self, name: str) -> Mapping[str, Any]:
        """Return one strategy; raises UnknownName."""
        ...

    def metrics(self) -> Sequence[Mapping[str, Any]]:
        """Return every figure that a backtest can have."""
        ...

    def indicators(self, group: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return every registered indicator, or those of a group."""
        ...

    def warm_up(self, key: str) -> tuple[str, int]:
        """Return the canonical key of an indicator and the bars before its first value."""
        ...

    def compute(self, key: str, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an indicator's outputs over bars."""
        ...


@dataclass(frozen=True, kw_only=True)
class ResearchDesk:
    """Asked-and-answered state of research: the queue, the stored backtests, the ledger of trials."""

    jobs: Jobs
    backtests: Backtests
    trials: Trials


@dataclass(frozen=True, kw_only=True)
class TradingFace:
    """Asked-and-answered state of trading: accounts, orders, risk control.

    ``ready`` says whether an account's orders may be sent, ``problem`` why not (empty: it is coming up), ``figures`` its
    equity and how books and venue compare (None where it is not traded here); ``kill(reason=, who=, close=)`` halts everything;
    ``preflight(account)`` says what is wrong before an account trades for real.
    """

    accounts: Accounts
    orders: Orders
    router: Router
    ready: Callable[[str], bool]
    problem: Callable[[str], str]
    figures: Callable[[str], dict[str, Any] | None]
    portfolio: Portfolio
    equity: EquityHistory
    chains: Chains
    risk: RiskControl
    rehearsals: Rehearsals
    kill: Callable[..., Awaitable[Any]]
    preflight: Callable[[str], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """How the face is bound and bounded."""

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: str = ""
    tls_key: str = ""
    allowed_hosts: tuple[str, ...] = ()  # further names this machine answers to, besides the bound host and loopback
    body_limit_bytes: int = 256 * 1024
    result_limit_bytes: int = 64 * 1024 * 1024  # of a backtest that is kept with its tables
    header_limit_bytes: int = 32 * 1024
    keep_alive_s: int = 15
    request_s: float = 20.0  # how long a request may take to arrive
    page_limit: int = 5_000  # rows of one JSON page
    live_queue: int = 100  # messages that wait for one slow WebSocket client
    live_clients: int = 256
    answer_wait_s: float = 2.0  # how long a command waits for its fact before it answers 202
    default_periods: tuple[str, ...] = ("1m", "1h")
    default_kinds: tuple[str, ...] = ("kline",)
    static_dir: Path | None = None  # where the built page lies; None: the package's own

    @property
    def tls(self) -> bool:
        """Whether the face speaks HTTPS."""
        return bool(self.tls_cert)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK_HOSTS or self.host.startswith("127.")


#: done, total (None: not known), text
MaintenanceProgress = Callable[[float, float | None, str], None]
MaintenanceWork = Callable[[Mapping[str, Any], MaintenanceProgress], Awaitable[Mapping[str, Any]]]


def _no_rows() -> Sequence[Mapping[str, Any]]:
    return ()


def _no_figures() -> Mapping[str, Any]:
    return {}


def _none_hosted() -> Mapping[str, Mapping[str, Any]]:
    return {}


def _no_lines(_most: int) -> Sequence[Mapping[str, Any]]:
    return ()


@dataclass(frozen=True, kw_only=True)
class WebContext:
    """Everything the routes use.

    ``services`` are the runner's states: mappings with name, state, restarts, since_ms, detail, consumes, produces, stats.
    ``settings_rows`` are mappings with key, value, source, doc (secrets masked). ``log_tail(n)`` gives the last log events as
    mappings. ``history`` gives wanted and stored counts of the wanted history. ``audit_report`` and ``run_audit`` give mappings
    shaped like :class:`quantservice.web.models.AuditReport`. ``weights`` gives one mapping per venue's market with venue, market,
    used, limit and any other figures. ``owner_token_hash`` is the hexadecimal SHA-256 of the owner token.
    """

    environment: str
    version: str
    started_ms: int
    clock: Clock
    bus: EventBus
    market_store: MarketStore
    state_store: StateStore
    instruments: Callable[[], InstrumentBook]
    projections: Projections
    pairs: PairRegistry
    proxies: ProxyRegistry
    access_keys: AccessKeyRegistry
    owner_token_hash: str
    venues: Sequence[str] = ("binance",)
    config: WebConfig = field(default_factory=WebConfig)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    services: Callable[[], Sequence[Mapping[str, Any]]] = _no_rows
    weights: Callable[[], Sequence[Mapping[str, Any]]] = _no_rows
    settings_rows: Callable[[], Sequence[Mapping[str, Any]]] = _no_rows
    log_tail: Callable[[int], Sequence[Mapping[str, Any]]] = _no_lines
    history: Callable[[], Mapping[str, Any]] = _no_figures
    audit_report: Callable[[], Awaitable[Mapping[str, Any] | None]] | None = None
    run_audit: Callable[[], Awaitable[Mapping[str, Any]]] | None = None
    maintenance: Mapping[str, MaintenanceWork] = field(default_factory=dict)  # operations on the stores, by name
    research: Research | None = None
    desk: ResearchDesk | None = None
    deployments: Deployments | None = None
    hosted: Callable[[], Mapping[str, Mapping[str, Any]]] = _none_hosted  # figures of the deployments that run, by id
    parity: Callable[..., Awaitable[dict[str, Any]]] | None = None  # (reference, slippage_bps=, tolerance_bps=): a report
    trading: TradingFace | None = None
    session_key: bytes = b""  # signs the owner's cookie; empty: made for this process, so cookies end with it
