"""Transactions over the platform's small state."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from quantservice.ports.repositories import (
    AccessKeyRepository,
    Inbox,
    KeyValueRepository,
    LeaseRepository,
    Outbox,
    PairRepository,
    ProxyRepository,
    SubscriptionRepository,
)
from quantservice.ports.research import (
    BacktestRepository,
    DeploymentRepository,
    JobRepository,
    StudyRepository,
    TrialRepository,
)
from quantservice.ports.trading_store import (
    AccountRepository,
    BookRepository,
    EquityRepository,
    FillRepository,
    GatewayRepository,
    IntentRepository,
    OrderRepository,
    QuotaRepository,
    RiskRepository,
    RunLogRepository,
    StatementRepository,
)


class UnitOfWork(Protocol):
    """One transaction: commits when its context ends well, rolls back otherwise."""

    @property
    def pairs(self) -> PairRepository: ...
    @property
    def proxies(self) -> ProxyRepository: ...
    @property
    def access_keys(self) -> AccessKeyRepository: ...
    @property
    def subscriptions(self) -> SubscriptionRepository: ...
    @property
    def leases(self) -> LeaseRepository: ...
    @property
    def values(self) -> KeyValueRepository: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def jobs(self) -> JobRepository: ...
    @property
    def backtests(self) -> BacktestRepository: ...
    @property
    def trials(self) -> TrialRepository: ...
    @property
    def deployments(self) -> DeploymentRepository: ...
    @property
    def studies(self) -> StudyRepository: ...
    @property
    def accounts(self) -> AccountRepository: ...
    @property
    def intents(self) -> IntentRepository: ...
    @property
    def orders(self) -> OrderRepository: ...
    @property
    def fills(self) -> FillRepository: ...
    @property
    def books(self) -> BookRepository: ...
    @property
    def quotas(self) -> QuotaRepository: ...
    @property
    def equity(self) -> EquityRepository: ...
    @property
    def statements(self) -> StatementRepository: ...
    @property
    def risk(self) -> RiskRepository: ...
    @property
    def runs(self) -> RunLogRepository: ...
    @property
    def gateways(self) -> GatewayRepository: ...


class StateStore(Protocol):
    """Transactions over the platform's small state."""

    async def open(self) -> None:
        """Connect and migrate to the newest schema."""
        ...

    async def close(self) -> None: ...

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]: ...

    def foreign_version(self) -> int | None:
        """Return a number that changes with each commit of another process; None where that is not known. It never waits."""
        ...

    async def wait_outbox(self, timeout_s: float) -> None:
        """Return once this process has committed something to the outbox, or after the timeout."""
        ...
