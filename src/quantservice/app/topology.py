"""Who feeds whom: the graph that the services declare, its cycles, and its picture for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Protocol

import msgspec

from quantservice.core.messages import Topic

#: Topics that lead back on purpose, and why that does not run in circles.
FEEDBACK: Final[Mapping[str, str]] = {
    Topic.MARKET_STORED: "backfill only waits for it: a stored row never makes it fetch another",
    Topic.COMMAND: "a person stands in between",
    Topic.GAP: "backfill reads what the collector found and never answers its own messages",
}

#: Every service of the platform: where its class lives.
SERVICES: Final[tuple[tuple[str, str], ...]] = (
    ("quantservice.services.outbox.relay", "OutboxRelay"),
    ("quantservice.services.recorder", "RecorderService"),
    ("quantservice.services.ledger", "LedgerService"),
    ("quantservice.services.indicators", "IndicatorService"),
    ("quantservice.services.strategies", "StrategiesService"),
    ("quantservice.services.jobs", "JobsService"),
    ("quantservice.services.backfill", "BackfillService"),
    ("quantservice.services.retention", "RetentionService"),
    ("quantservice.services.polling", "PollingService"),
    ("quantservice.services.proxies.service", "EgressService"),
    ("quantservice.services.collector", "CollectorService"),
)


class Declares(Protocol):
    """What a node of the graph says of itself: a service, or its class."""

    @property
    def name(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def consumes(self) -> tuple[str, ...]: ...  # noqa: D102 - the class says it
    @property
    def produces(self) -> tuple[str, ...]: ...  # noqa: D102 - the class says it


class Node(msgspec.Struct, frozen=True):
    """One service and the topics it reads and writes."""

    name: str
    consumes: tuple[str, ...]
    produces: tuple[str, ...]


#: Parts that are no services of the runner but write or read topics.
EDGES_OF_THE_HOUSE: Final[tuple[Node, ...]] = (
    Node("web and cli", tuple(topic.value for topic in Topic), (Topic.COMMAND.value,)),
    Node("runner", (), (Topic.SYSTEM.value,)),
)


class Graph(msgspec.Struct, frozen=True):
    """Services as nodes, topics as labelled edges."""

    nodes: tuple[Node, ...]

    @property
    def topics(self) -> list[str]:
        """Every topic that somebody reads or writes."""
        return sorted({topic for node in self.nodes for topic in (*node.consumes, *node.produces)})

    def writers(self, topic: str) -> list[str]:
        """Names of the services that write ``topic``."""
        return [node.name for node in self.nodes if topic in node.produces]

    def readers(self, topic: str) -> list[str]:
        """Names of the services that read ``topic``."""
        return [node.name for node in self.nodes if topic in node.consumes]

    def orphans(self) -> list[str]:
        """Topics that are read by somebody and written by nobody."""
        return [topic for topic in self.topics if self.readers(topic) and not self.writers(topic)]

    def cycles(self, *, without: Iterable[str] = ()) -> list[list[str]]:
        """Return the cycles that remain when the topics in ``without`` are taken away, each as service names in order."""
        left_out = set(without)
        after = {
            node.name: sorted({reader for topic in node.produces if topic not in left_out for reader in self.readers(topic)})
            for node in self.nodes
        }
        found: dict[frozenset[str], list[str]] = {}
        for start in after:
            _walk(start, start, after, [start], found)
        return list(found.values())


def topology(services: Iterable[Declares]) -> Graph:
    """Build the graph of what ``services`` declare."""
    return Graph(tuple(Node(item.name, tuple(map(str, item.consumes)), tuple(map(str, item.produces))) for item in services))


def declared() -> Graph:
    """Build the graph of the whole platform from the service classes."""
    classes = [getattr(import_module(module), name) for module, name in SERVICES]
    return Graph(topology(classes).nodes + EDGES_OF_THE_HOUSE)


def topology_rows() -> list[dict[str, Any]]:
    """One row per service, for scripts."""
    return [msgspec.to_builtins(node) for node in declared().nodes]


def topology_text(graph: Graph | None = None) -> str:
    """Draw the graph as a tree of topics: who writes each, and who reads it."""
    graph = graph or declared()
    lines: list[str] = []
    for topic in graph.topics:
        mark = "  (feedback: " + FEEDBACK[topic] + ")" if topic in FEEDBACK else ""
        lines.append(f"{topic}{mark}")
        lines.extend(_branch("<-", graph.writers(topic), last=not graph.readers(topic)))
        lines.extend(_branch("->", graph.readers(topic), last=True))
        lines.append("")
    quiet = [node.name for node in graph.nodes if not node.consumes and not node.produces]
    if quiet:
        lines.append(f"on no topic: {', '.join(quiet)}")
    return "\n".join(lines).rstrip() + "\n"


def _branch(arrow: str, names: Sequence[str], *, last: bool) -> list[str]:
    return [f"  {'└' if last and position == len(names) - 1 else '├'}─{arrow} {name}" for position, name in enumerate(names)]


def _walk(
    start: str, here: str, after: Mapping[str, Sequence[str]], path: list[str], found: dict[frozenset[str], list[str]]
) -> None:
    for following in after[here]:
        if following == start:
            found.setdefault(frozenset(path), [*path])
        elif following not in path:
            _walk(start, following, after, [*path, following], found)
