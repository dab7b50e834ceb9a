"""What an answer means for the request that met it: did it happen, did it not, or is that not known?

A timeout, a reset or an unreadable answer after the first byte was sent is UNKNOWN whatever the table says; that is the caller's to
know, for it has no status and no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The classes of the adapter contract."""

    NOT_SENT = "not_sent"  # definitive: nothing happened
    UNKNOWN = "unknown"  # it may have happened: ask before anything else
    EXISTS = "exists"  # it happened before: query and adopt
    GONE = "gone"  # the venue does not find it; not final, query
    LATE = "late"  # taken for too old: the clock is asked, and it may be sent once more
    LIMITED = "limited"  # nothing happened; wait


_BY_CODE: Final[Mapping[int, Outcome]] = {
    50001: Outcome.UNKNOWN,  # service temporarily unavailable
    50004: Outcome.UNKNOWN,  # timeout; says neither success nor failure, in the venue's own words
    50005: Outcome.UNKNOWN,  # the interface is offline
    50011: Outcome.LIMITED,
    50013: Outcome.UNKNOWN,  # the system is busy
    50026: Outcome.UNKNOWN,  # system error
    50061: Outcome.LIMITED,
    50102: Outcome.LATE,
    51016: Outcome.EXISTS,
    51065: Outcome.EXISTS,  # of a conditional order
    51149: Outcome.LATE,  # its expTime had passed
    51400: Outcome.GONE,
    51401: Outcome.GONE,
    51402: Outcome.GONE,
    51410: Outcome.GONE,  # is being cancelled already
    51503: Outcome.GONE,
    51509: Outcome.GONE,
    51510: Outcome.GONE,
    51603: Outcome.GONE,
}


def outcome_of(status: int, code: int) -> Outcome:
    """Class an answer of the venue by its HTTP status and its code (of the whole, or of one order)."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == 429:
        return Outcome.LIMITED
    if status >= 500 or status == 408:
        return Outcome.UNKNOWN
    return Outcome.NOT_SENT
