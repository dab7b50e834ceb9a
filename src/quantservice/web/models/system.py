"""The system itself: services, queues, weights, stores, settings, logs, topology."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quantservice.web.models.common import Answer, Figures, MarketName, Millis
from quantservice.web.models.risk import RiskStateRow


class ServiceState(Answer):
    """One supervised service."""

    name: str = Field(examples=["recorder"])
    state: str = Field(description="starting, running, backing_off, stopped or failed.", examples=["running"])
    restarts: int = Field(examples=[0])
    since_ms: int | None = Field(default=None, description="In this state since.", examples=[1748736000000])
    detail: str = Field(default="", description="The last failure, in a sentence.", examples=[""])
    consumes: list[str] = Field(default_factory=list, examples=[["market.live", "market.history"]])
    produces: list[str] = Field(default_factory=list, examples=[["market.stored"]])
    stats: Figures = Field(default_factory=dict, description="The service's own figures.", examples=[{"rows": 1200}])


class QueueState(Answer):
    """One bounded queue of the bus."""

    group: str = Field(examples=["recorder"])
    topics: list[str] = Field(examples=[["market.live"]])
    overflow: str = Field(description="block, conflate or drop_oldest.", examples=["block"])
    capacity: int = Field(examples=[20000])
    depth: int = Field(examples=[12])
    delivered: int = Field(examples=[120000])
    conflated: int = Field(examples=[0])
    dropped: int = Field(examples=[0])


class WeightState(Answer):
    """A venue's market: weight used and allowed, connections, quarantine."""

    venue: str = Field(examples=["binance"])
    market: str = Field(examples=["um"])
    used: float | None = Field(description="Weight used in the current window.", examples=[120])
    limit: float | None = Field(description="Weight the venue allows per window.", examples=[2400])
    used_percent: float | None = Field(examples=[5.0])
    figures: Figures = Field(description="All figures of the venue's transport.", examples=[{"requests": 12}])


class ConnectionState(Answer):
    """One live connection to a venue."""

    venue: str = Field(examples=["binance"])
    market: MarketName
    connection: str = Field(examples=["binance:um:market:1"])
    state: Literal["connecting", "live", "stale", "down", "stopped"]
    streams: int = Field(description="Streams it carries.", examples=[20])
    since_ms: Millis
    detail: str = Field(examples=[""])


class Throughput(Answer):
    """What flows now, averaged over the last ten seconds, and since the process started."""

    events_per_s: float = Field(description="Live events.", examples=[240.5])
    klines_per_s: float = Field(examples=[120.1])
    history_per_s: float = Field(description="Events fetched after the fact.", examples=[5000.0])
    stored_per_s: float = Field(description="Klines made durable, first seen or restated.", examples=[5010.0])
    events: int = Field(examples=[120000])
    klines: int = Field(examples=[60000])
    history: int = Field(examples=[500000])
    stored: int = Field(examples=[500100])
    revised: int = Field(examples=[2])


class HistoryProgress(Answer):
    """How far the wanted history is stored."""

    wanted: int = Field(description="Klines that are wanted.", examples=[500000])
    stored: int = Field(description="Klines of those that are stored.", examples=[250000])
    percent: float = Field(examples=[50.0])
    done: bool = Field(examples=[False])
    figures: Figures = Field(default_factory=dict, examples=[{"windows_open": 8}])


class SystemEventRow(Answer):
    """Something about the process itself."""

    time_ms: Millis
    name: str = Field(examples=["service.restarted"])
    level: str = Field(description="info, warning or critical.", examples=["warning"])
    detail: str = Field(examples=["collector: connection refused"])


class Status(Answer):
    """The whole system at a glance."""

    environment: Literal["demo", "live"]
    version: str = Field(examples=["0.1.0"])
    now_ms: Millis
    started_ms: Millis
    uptime_s: float = Field(examples=[12.5])
    read_only: bool = Field(description="This caller may not write (no owner token).", examples=[True])
    venues: list[str] = Field(examples=[["binance"]])
    instruments: int = Field(description="Instruments known.", examples=[512])
    services: list[ServiceState]
    connections: list[ConnectionState]
    throughput: Throughput
    weights: list[WeightState]
    queues: list[QueueState]
    history: HistoryProgress
    gaps_open: int = Field(examples=[0])
    held_back: list[RiskStateRow] = Field(
        description="States of system, accounts and deployments that are not ACTIVE.", examples=[[]]
    )
    stores: dict[str, Figures] = Field(description="Figures per store.", examples=[{"market": {"klines_rows": 525600}}])
    process: Figures = Field(description="Memory, processor, files.", examples=[{"rss_bytes": 310000000}])
    probes: dict[str, Figures] = Field(description="Figures of every component.", examples=[{"recorder": {"rows": 1200}}])
    events: list[SystemEventRow] = Field(description="Newest first.")


class SettingRow(Answer):
    """One setting, its value and where that came from. Secrets are masked."""

    key: str = Field(examples=["clientserver.qps"])
    value: str = Field(description="As JSON text.", examples=["20.0"])
    source: str = Field(description="default, file, environment or flag.", examples=["default"])
    doc: str = Field(examples=["queries per second allowed to a client without an access key"])


class SettingList(Answer):
    """Every setting."""

    data: list[SettingRow]


class LogLine(Answer):
    """One log event."""

    time_ms: int | None = Field(examples=[1748736000000])
    level: str = Field(examples=["info"])
    event: str = Field(examples=["store.opened"])
    logger: str = Field(examples=["quantservice.adapters.market_store"])
    fields: Figures = Field(description="Everything else the line says.", examples=[{"rows": 12}])


class LogList(Answer):
    """The end of the log, newest last."""

    data: list[LogLine]


class TopologyNode(Answer):
    """One service and the topics it reads and writes."""

    name: str = Field(examples=["recorder"])
    consumes: list[str] = Field(examples=[["market.live", "market.history"]])
    produces: list[str] = Field(examples=[["market.stored"]])


class Topology(Answer):
    """Who talks to whom."""

    topics: list[str] = Field(examples=[["market.live"]])
    services: list[TopologyNode]
