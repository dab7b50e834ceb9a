"""What an answer of HTX means for the request that it answers. HTTP says 200 of refusals too; the code is in the body.

HTX names no instant after which a request is taken no more (its stamp may be five minutes old), so what is unknown stays unknown
until it is found or its absence is shown by scans.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Outcome(StrEnum):
    """The classes of the adapter contract."""

    REFUSED = "refused"  # definitive: nothing happened
    UNKNOWN = "unknown"  # it may have happened: ask before anything else
    EXISTS = "exists"  # it happened before: query and adopt
    GONE = "gone"  # the venue does not find it; not final, query
    LIMITED = "limited"  # too many requests: not taken, later
    CLOCK = "clock"  # the stamp is off: not taken; ask the clock


class Said(msgspec.Struct):
    """The envelope of an answer, in all the forms that the venue uses."""

    status: str = ""
    err_code: int | str = ""
    dashed_code: int | str = msgspec.field(default="", name="err-code")
    code: int | str = ""
    err_msg: str | None = ""
    dashed_msg: str | None = msgspec.field(default="", name="err-msg")
    message: str | None = ""
    msg: str | None = ""

    @property
    def good(self) -> bool:
        """Whether it says yes."""
        return self.status == "ok" or (not self.status and self.code == 200)

    @property
    def reason_code(self) -> int | str:
        """The code of a no."""
        found = self.dashed_code or self.err_code or self.code
        return int(found) if isinstance(found, str) and found.isdigit() else found

    @property
    def reason(self) -> str:
        """The text of a no."""
        return self.dashed_msg or self.err_msg or self.message or self.msg or ""


_UNKNOWN: Final = frozenset(
    {
        "gateway-internal-error",
        "base-system-error",
        "order-update-error",
        "timeout",
        "system-maintenance",
        1000,  # system error
        1001,  # system not ready
        1002,  # query error
        1003,  # redis error
        1004,  # system busy
        1005,  # delayed
    }
)
_LIMITED: Final = frozenset({"rate-too-many-requests", "base-request-exceed-frequency-limit", "too-many-request", 1032})
_GONE_WORDS: Final = frozenset({"base-record-invalid", "order-queryorder-invalid", "order-orderstate-error"})
_GONE: Final = _GONE_WORDS | {1017, 1061, 1062, 1063, 1071}
_SIGNATURE: Final = frozenset({"api-signature-not-valid", "api-signature-check-failed", 403})
#: Of 1003, which is a fault of the venue's at its swaps, and at its accounts "who are you".
_NOT_YOU: Final = ("imestamp", "erification", "nauthorized", "ignature")


def outcome_of(status: int, code: int | str, reason: str = "") -> Outcome:
    """Class an answer by its HTTP status, code and text."""
    if status in (418, 429) or code in _LIMITED:
        return Outcome.LIMITED
    if status >= 500 or status == 408:
        return Outcome.UNKNOWN
    if code in _SIGNATURE or (code == 1003 and any(word in reason for word in _NOT_YOU)):
        return Outcome.CLOCK if "imestamp" in reason else Outcome.REFUSED
    if code in _UNKNOWN:
        return Outcome.UNKNOWN
    if code == 1050:
        return Outcome.EXISTS
    return Outcome.GONE if code in _GONE else Outcome.REFUSED
