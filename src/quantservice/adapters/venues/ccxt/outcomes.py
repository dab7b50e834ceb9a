"""What an exception of the library means for the request that it came from.

The library's tree says what kind of trouble it was; the HTTP status says whether the exchange itself looked at the request. What
is neither a definite no nor a definite yes is unknown: the order is looked for, and never sent again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final


class Outcome(StrEnum):
    """The classes of the adapter contract."""

    REFUSED = "refused"  # definitive: nothing happened
    UNKNOWN = "unknown"  # it may have happened: ask before anything else
    EXISTS = "exists"  # it happened before: query and adopt
    GONE = "gone"  # the exchange does not find it; not final, query
    LIMITED = "limited"  # too many requests: not taken, later
    CLOCK = "clock"  # the stamp is off: not taken; ask the clock


#: By the names of the library's classes, the nearest ancestor counts.
_BY_CLASS: Final[dict[str, Outcome]] = {
    "DuplicateOrderId": Outcome.EXISTS,
    "OrderNotFound": Outcome.GONE,
    "RateLimitExceeded": Outcome.LIMITED,
    "InvalidNonce": Outcome.CLOCK,
    "ChecksumError": Outcome.UNKNOWN,
    "OnMaintenance": Outcome.REFUSED,
    "AuthenticationError": Outcome.REFUSED,
    "ArgumentsRequired": Outcome.REFUSED,
    "BadRequest": Outcome.REFUSED,
    "OperationRejected": Outcome.REFUSED,
    "InsufficientFunds": Outcome.REFUSED,
    "InvalidAddress": Outcome.REFUSED,
    "InvalidOrder": Outcome.REFUSED,
    "NotSupported": Outcome.REFUSED,
}
#: Codes that mean a definite no, for which the library has no word.
_BY_CODE: Final[dict[str, frozenset[str]]] = {
    "okx": frozenset({"51169"}),  # nothing to reduce
    "htx": frozenset({"order-orderamount-precision-error"}),
}
#: Refusals that are believed with a 5xx too: some exchanges answer so. Each is about the order or the key itself.
_CERTAIN: Final = frozenset({"InsufficientFunds", "InvalidOrder", "AuthenticationError", "RateLimitExceeded"})
#: What says that the exchange itself does not know, whatever the HTTP status.
_BUSY: Final = frozenset({"ExchangeNotAvailable", "RequestTimeout"})
_CODES: Final = ("sCode", "code", "retCode", "err-code", "err_code", "error_code", "errorCode", "errno", "error", "label", "status")
_GOOD: Final = frozenset({"", "0", "00000", "200", "200000", "ok", "None"})
_DEPTH: Final = 3


def outcome_of(exchange: str, error: Exception, status: int, answer: Any) -> Outcome:
    """Class an exception of the library by the HTTP ``status`` and the read ``answer`` (None: it was no JSON)."""
    names = [kind.__name__ for kind in type(error).__mro__]
    if status in (418, 429):
        return Outcome.UNKNOWN if _BUSY.intersection(names) else Outcome.LIMITED
    if answer is None or ((status >= 500 or status == 408) and not _CERTAIN.intersection(names)):
        return Outcome.UNKNOWN
    for name in names:
        found = _BY_CLASS.get(name)
        if found is not None:
            return found
    if status == 401:  # who asks is not known: binance's is called an overload once a key was taken
        return Outcome.REFUSED
    if names[0] == "DDoSProtection" and status in (403, 451):
        return Outcome.LIMITED
    # A no that the library has no word for: believed where HTTP says no as well, and where we know the code.
    known = str(code_of(error, answer)) in _BY_CODE.get(exchange, ())
    return Outcome.REFUSED if names[0] == "ExchangeError" and (known or 400 <= status < 500) else Outcome.UNKNOWN


def code_of(error: Exception, answer: Any) -> int | str:
    """Return the exchange's own code of a no; the library's word for it where the answer names none."""
    found = _search(answer, _DEPTH)
    if found is None:
        return type(error).__name__
    return int(found) if found.lstrip("-").isdigit() and len(found) < 16 else found


def _search(answer: Any, depth: int) -> str | None:
    """Look for a code in an answer: what lies deeper is about the order itself."""
    if depth == 0:
        return None
    if isinstance(answer, list):
        return next((found for item in answer[:5] if (found := _search(item, depth - 1)) is not None), None)
    if not isinstance(answer, dict):
        return None
    for value in answer.values():
        if isinstance(value, dict | list) and (found := _search(value, depth - 1)) is not None:
            return found
    for name in _CODES:
        value = answer.get(name)
        if isinstance(value, str | int) and str(value) not in _GOOD:
            return str(value)[:60]
    return None
