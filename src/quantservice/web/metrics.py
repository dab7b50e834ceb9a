"""Figures for Prometheus: requests by route, every component's probe, the bus's queues, services, the process.

Documented names (labels in brackets): ``http_requests_total[method,route,status]``,
``http_request_duration_seconds[method,route]`` (histogram: p50, p95 and p99 with ``histogram_quantile``),
``http_requests_in_progress``, ``quantservice_info[version,environment]``, ``quantservice_uptime_seconds``,
``quantservice_service_up[service]``, ``quantservice_service_restarts_total[service]``,
``quantservice_queue_depth|capacity[group]``, ``quantservice_queue_delivered|conflated|dropped_total[group]``,
``quantservice_events_total[kind]`` (live, klines, history, stored, revised), ``quantservice_gaps_open``,
``quantservice_streams[state]``, ``quantservice_weight_used|limit[venue,market]``,
``quantservice_live_clients``, ``quantservice_live_sent|dropped_total``, and ``quantservice_<probe>_<figure>`` for every number
that a component's probe gives. ``process_*`` and ``python_*`` are Prometheus' own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from quantservice.web.context import WebContext
from quantservice.web.figures import probe_figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_UNSAFE = re.compile(r"[^a-zA-Z0-9_]+")


class Figures:
    """All metrics of one app, in a registry of its own."""

    def __init__(self, context: WebContext, live: Callable[[], Mapping[str, Any]]) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.requests = Counter(
            "http_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.duration = Histogram(
            "http_request_duration_seconds", "Time to the last byte.", ("method", "route"), buckets=_BUCKETS, registry=self.registry
        )
        self.in_progress = Gauge("http_requests_in_progress", "HTTP requests being answered.", registry=self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(_ContextCollector(context, live))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(method, route, str(status)).inc()
        self.duration.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _ContextCollector(Collector):
    """Reads the figures at the moment they are asked for; a probe that fails is left out and said so by its absence."""

    def __init__(self, context: WebContext, live: Callable[[], Mapping[str, Any]]) -> None:
        self._context = context
        self._live = live

    def collect(self) -> Iterator[Metric]:
        yield from self._process()
        yield from self._queues()
        yield from self._flow()
        for name, probe in self._context.probes.items():
            yield from _numbers(f"quantservice_{_clean(name)}", probe_figures(probe))

    def _process(self) -> Iterator[Metric]:
        context = self._context
        info = GaugeMetricFamily("quantservice_info", "What runs.", labels=("version", "environment"))
        info.add_metric((context.version, context.environment), 1)
        yield info
        uptime_s = max(0, context.clock.now_ms() - context.started_ms) / 1000
        yield GaugeMetricFamily("quantservice_uptime_seconds", "Seconds since start.", value=uptime_s)
        up = GaugeMetricFamily("quantservice_service_up", "1 while a service runs.", labels=("service",))
        restarts = CounterMetricFamily("quantservice_service_restarts", "Restarts of a service.", labels=("service",))
        for state in context.services():
            name = str(state.get("name", ""))
            up.add_metric((name,), 1 if state.get("state") == "running" else 0)
            restarts.add_metric((name,), float(state.get("restarts", 0)))
        yield up
        yield restarts

    def _queues(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("quantservice_queue_depth", "Events waiting.", labels=("group",))
        capacity = GaugeMetricFamily("quantservice_queue_capacity", "Events that may wait.", labels=("group",))
        counters = {
            name: CounterMetricFamily(f"quantservice_queue_{name}", f"Events {name}.", labels=("group",))
            for name in ("delivered", "conflated", "dropped")
        }
        totals: dict[str, list[float]] = {}
        for queue in self._context.bus.stats():
            row = totals.setdefault(queue.group, [0, 0, 0, 0, 0])
            for place, value in enumerate((queue.depth, queue.capacity, queue.delivered, queue.conflated, queue.dropped)):
                row[place] += value
        for group, row in totals.items():
            depth.add_metric((group,), row[0])
            capacity.add_metric((group,), row[1])
            for place, metric in enumerate(counters.values(), start=2):
                metric.add_metric((group,), row[place])
        yield depth
        yield capacity
        yield from counters.values()

    def _flow(self) -> Iterator[Metric]:
        projections = self._context.projections
        events = CounterMetricFamily("quantservice_events", "Market events seen by the page's replica.", labels=("kind",))
        for name, value in projections.totals().items():
            events.add_metric((name,), value)
        yield events
        yield GaugeMetricFamily("quantservice_gaps_open", "Gaps not yet healed.", value=projections.gaps_open())
        streams = GaugeMetricFamily("quantservice_streams", "Live streams by state.", labels=("state",))
        for state, count in projections.stream_states().items():
            streams.add_metric((state,), count)
        yield streams
        used = GaugeMetricFamily("quantservice_weight_used", "Request weight used.", labels=("venue", "market"))
        limit = GaugeMetricFamily("quantservice_weight_limit", "Request weight allowed.", labels=("venue", "market"))
        for row in self._context.weights():
            labels = (str(row.get("venue", "")), str(row.get("market", "")))
            if isinstance(row.get("used"), (int, float)):
                used.add_metric(labels, float(row["used"]))
            if isinstance(row.get("limit"), (int, float)):
                limit.add_metric(labels, float(row["limit"]))
        yield used
        yield limit
        live = self._live()
        yield GaugeMetricFamily("quantservice_live_clients", "Pages connected.", value=float(live.get("clients", 0)))
        yield CounterMetricFamily("quantservice_live_sent", "Messages sent to pages.", value=float(live.get("sent", 0)))
        yield CounterMetricFamily("quantservice_live_dropped", "Messages slow pages missed.", value=float(live.get("dropped", 0)))


#: Our figures' unit suffix -> Prometheus's base unit and the factor to it. Longest suffix first.
_UNITS: Final = (
    ("_per_s", "_per_second", 1.0),
    ("_ms", "_seconds", 1e-3),
    ("_ns", "_seconds", 1e-9),
    ("_mb", "_bytes", 1e6),
    ("_s", "_seconds", 1.0),
    ("_days", "_day_seals", 1.0),
)


def _numbers(prefix: str, figures: Mapping[str, Any]) -> Iterator[Metric]:
    for key, value in figures.items():
        if isinstance(value, bool | int | float):
            name, factor = _in_base_units(_clean(str(key)))
            yield GaugeMetricFamily(f"{prefix}_{name}", f"Figure {key} of its component.", value=float(value) * factor)


def _in_base_units(name: str) -> tuple[str, float]:
    for suffix, unit, factor in _UNITS:
        if name.endswith(suffix):
            return name.removesuffix(suffix) + unit, factor
    return name, 1.0


def _clean(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("_").lower()
