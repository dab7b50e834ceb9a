"""Who feeds whom: no circle but the declared ones, every topic that is read is written, and the picture shows it."""

from __future__ import annotations

import pytest

from quantservice.app.topology import FEEDBACK, Graph, Node, declared, topology, topology_rows, topology_text
from quantservice.core.messages import Topic


@pytest.fixture(scope="module")
def graph() -> Graph:
    return declared()


def test_no_circle_but_through_declared_feedback(graph: Graph) -> None:
    assert graph.cycles(without=FEEDBACK) == []


def test_each_declared_feedback_is_needed(graph: Graph) -> None:
    for topic in FEEDBACK:
        others = set(FEEDBACK) - {topic}
        assert graph.cycles(without=others), f"{topic} closes no circle: take it off the list"


def test_whatever_is_read_is_written_by_somebody(graph: Graph) -> None:
    assert graph.orphans() == []


def test_only_known_topics_are_named(graph: Graph) -> None:
    assert set(graph.topics) <= {topic.value for topic in Topic}


def test_the_market_line_is_a_straight_line(graph: Graph) -> None:
    assert "collector" in graph.writers(Topic.MARKET_LIVE)
    assert "backfill" in graph.writers(Topic.MARKET_HISTORY)
    assert "recorder" in graph.readers(Topic.MARKET_LIVE)
    assert "recorder" in graph.readers(Topic.MARKET_HISTORY)
    assert graph.writers(Topic.MARKET_STORED) == ["recorder"]
    assert graph.writers(Topic.FEED_STATUS) == ["collector"]


def test_circles_are_found_however_long() -> None:
    ring = Graph((Node("a", ("z",), ("x",)), Node("b", ("x",), ("y",)), Node("c", ("y",), ("z",)), Node("d", ("x",), ())))
    assert [sorted(cycle) for cycle in ring.cycles()] == [["a", "b", "c"]]
    assert ring.cycles(without=["y"]) == []
    assert Graph((Node("self", ("x",), ("x",)),)).cycles() == [["self"]]


def test_the_picture_names_every_service_and_topic(graph: Graph) -> None:
    text = topology_text(graph)
    assert all(topic in text for topic in graph.topics)
    assert all(node.name in text for node in graph.nodes)
    small = topology_text(topology([Node("a", (), ("t",)), Node("b", ("t",), ())]))
    assert small == "t\n  ├─<- a\n  └─-> b\n"
    assert {row["name"] for row in topology_rows()} == {node.name for node in graph.nodes}
