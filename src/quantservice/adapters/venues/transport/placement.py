"""Which stream runs on which connection: stable, within the venue's limit per connection, one route per connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from quantservice.core.errors import InvalidValue
from quantservice.core.events import StreamId

DEFAULT_ROUTE = "main"


def place(
    streams: Sequence[StreamId],
    known: Mapping[str, Sequence[StreamId]],
    *,
    route_of: Callable[[StreamId], str],
    most: int,
) -> dict[str, list[StreamId]]:
    """Spread ``streams`` over connections named ``<route>-<number>``.

    A stream that is placed already stays where it is; a new one goes to the fullest connection of its route that has
    room, so that connections that empty can end.
    """
    if most < 1:
        raise InvalidValue("streams_per_connection", "must be at least 1")
    wanted = dict.fromkeys(streams)
    placed: dict[str, list[StreamId]] = {}
    seen: set[StreamId] = set()
    for connection, members in known.items():
        for stream in members:
            if stream not in wanted or stream in seen or _route_in(connection) != (route_of(stream) or DEFAULT_ROUTE):
                continue
            there = placed.setdefault(connection, [])
            if len(there) < most:
                there.append(stream)
                seen.add(stream)
    placed = {connection: members for connection, members in placed.items() if members}
    for stream in wanted:
        if stream in seen:
            continue
        route = route_of(stream) or DEFAULT_ROUTE
        open_ones = [name for name, members in placed.items() if _route_in(name) == route and len(members) < most]
        target = max(open_ones, key=lambda name: len(placed[name]), default=None) or _free_name(route, placed)
        placed.setdefault(target, []).append(stream)
    return placed


def route_of_connection(connection: str) -> str:
    """Return the route that a connection's name carries ("" for the only route)."""
    route = _route_in(connection)
    return "" if route == DEFAULT_ROUTE else route


def _route_in(connection: str) -> str:
    return connection.rpartition("-")[0]


def _free_name(route: str, placed: Mapping[str, object]) -> str:
    return next(name for number in count() if (name := f"{route}-{number}") not in placed)
