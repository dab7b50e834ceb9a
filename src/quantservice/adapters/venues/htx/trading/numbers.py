"""The swap's client ids are integers of 63 bits: ours, hashed. The way back is the same computation over the ids that are known.

Nothing of it needs to be kept: whoever knows our client ids (the store of orders does) can make the map again, after a crash too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from quantservice.core.ids import integer_id

#: Gives the client ids of the account's orders that the venue may still tell of.
KnownIds: TypeAlias = Callable[[], Awaitable[Iterable[str]]]


def number_of(client_id: str) -> int:
    """Return the integer that stands for a client id: the same in every process."""
    return integer_id("htx", client_id)


class Numbers:
    """The map from integers to client ids of one account. What this process sends is in it before it leaves."""

    def __init__(self, known: KnownIds | None = None) -> None:
        self._known = known
        self._names: dict[int, str] = {}

    def note(self, client_id: str) -> int:
        """Learn one id; return its integer."""
        number = number_of(client_id)
        self._names[number] = client_id
        return number

    async def refresh(self) -> None:
        """Learn all ids that the store knows."""
        if self._known is not None:
            for client_id in await self._known():
                self.note(client_id)

    def name(self, number: int) -> str:
        """Return the client id of an integer; the integer as text where it is none of ours."""
        return self._names.get(number) or str(number)
