"""Ids that survive a replay."""

from __future__ import annotations

import pytest

from quantservice.core.errors import InvalidValue
from quantservice.core.ids import client_order_id, deterministic_id, integer_id, is_client_id


def test_ids_are_the_same_in_every_process_and_version() -> None:
    """Pinned: if these change, orders in flight over an upgrade are no longer recognised."""
    assert client_order_id("main", "intent-1") == client_order_id("main", "intent-1")
    assert deterministic_id("order", "main", "intent-1", 0) == "JD7OP5WZU5IUMZTQNEJ4QTZRBI"
    assert integer_id("order", "main", "intent-1", 0) == 2629948231107455139


def test_where_a_part_ends_matters() -> None:
    ids = {
        deterministic_id("k", "ab", "c"),
        deterministic_id("k", "a", "bc"),
        deterministic_id("k", "abc"),
        deterministic_id("k", "abc", ""),
        deterministic_id("ka", "bc"),
        deterministic_id("k", 1),
        deterministic_id("k", "1"),
    }
    assert len(ids) == 7


def test_an_attempt_has_its_own_id() -> None:
    assert client_order_id("a", "i", 0) != client_order_id("a", "i", 1)


def test_client_ids_fit_every_venue() -> None:
    assert all(is_client_id(client_order_id("a", str(number))) for number in range(200))
    assert not is_client_id("short")
    assert not is_client_id("has-a-dash-in-the-middle-of")
    assert not is_client_id("A" * 33)
    assert not is_client_id("A" * 26 + "\n")


def test_integers_are_positive_and_fit_64_bits() -> None:
    assert all(0 < integer_id("o", number) < 2**63 for number in range(1000))


def test_an_id_is_of_something() -> None:
    with pytest.raises(InvalidValue):
        deterministic_id("", "x")
