"""Every Protocol that the inside may call, one file per kind. Adapters implement these; services receive them.

Rules: all calls that wait are coroutines and honour cancellation; every implementation bounds its own waits; errors
are those of :mod:`quantservice.core.errors`. Import the names from here: ``from quantservice.ports import Clock``.
"""

from __future__ import annotations

from quantservice.ports.bus import EventBus, Subscription, SubscriptionStats
from quantservice.ports.indicators import IndicatorExtent, IndicatorStore, IndicatorValues
from quantservice.ports.keeping import Cache, Sealer
from quantservice.ports.market_store import AppendResult, Columns, MarketStore, SealLog, StreamCoverage, UnsealedDay
from quantservice.ports.records import AccessKey, ProxyRecord, TradingPair
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
    JOB_STATES,
    Advance,
    Answer,
    BacktestRecord,
    BacktestRepository,
    Compute,
    Crew,
    Deployment,
    DeploymentChange,
    DeploymentRepository,
    DeploymentSnapshot,
    Hold,
    Job,
    JobRepository,
    JobState,
    StudyRepository,
    TaskResult,
    Trial,
    TrialRepository,
    TrialSummary,
)
from quantservice.ports.services import Clock, Probe, Service
from quantservice.ports.state_store import StateStore, UnitOfWork
from quantservice.ports.venues import History, MarketFeed, Venue

__all__ = [
    "JOB_STATES",
    "AccessKey",
    "AccessKeyRepository",
    "Advance",
    "Answer",
    "AppendResult",
    "BacktestRecord",
    "BacktestRepository",
    "Cache",
    "Clock",
    "Columns",
    "Compute",
    "Crew",
    "Deployment",
    "DeploymentChange",
    "DeploymentRepository",
    "DeploymentSnapshot",
    "EventBus",
    "History",
    "Hold",
    "Inbox",
    "IndicatorExtent",
    "IndicatorStore",
    "IndicatorValues",
    "Job",
    "JobRepository",
    "JobState",
    "KeyValueRepository",
    "LeaseRepository",
    "MarketFeed",
    "MarketStore",
    "Outbox",
    "PairRepository",
    "Probe",
    "ProxyRecord",
    "ProxyRepository",
    "SealLog",
    "Sealer",
    "Service",
    "StateStore",
    "StreamCoverage",
    "StudyRepository",
    "Subscription",
    "SubscriptionRepository",
    "SubscriptionStats",
    "TaskResult",
    "TradingPair",
    "Trial",
    "TrialRepository",
    "TrialSummary",
    "UnitOfWork",
    "UnsealedDay",
    "Venue",
]
