"""What an error means for the request that met it: did it happen, did it not, or is that not known?

A timeout, a reset or an unreadable answer after the first byte was sent is UNKNOWN whatever the table says; that is the
caller's to know, for it has no status and no code.
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
    PARTIAL = "partial"  # legs ended differently: resolve each


_BY_CODE: Final[Mapping[int, Outcome]] = {
    -1006: Outcome.UNKNOWN,  # unexpected response from the message bus; execution status unknown
    -1007: Outcome.UNKNOWN,  # timeout waiting for the backend; send status unknown
    -2011: Outcome.GONE,
    -2013: Outcome.GONE,
    -2021: Outcome.PARTIAL,
    -2022: Outcome.NOT_SENT,  # cancel-replace failed as a whole
    -4116: Outcome.EXISTS,
}


def outcome_of(market: str, status: int, code: int = 0, message: str = "") -> Outcome:
    """Class an answer of the venue by its HTTP status, error code and text."""
    if code == -2010:
        return Outcome.EXISTS if "duplicate" in message.lower() else Outcome.NOT_SENT
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status == 409:
        return Outcome.PARTIAL
    if status == 408 or (status >= 500 and market == "spot"):
        return Outcome.UNKNOWN
    if status >= 500:
        definitive = code == -1008 or "service unavailable" in message.lower()
        return Outcome.NOT_SENT if status == 503 and definitive else Outcome.UNKNOWN
    return Outcome.NOT_SENT
