"""The venue's JSON envelope, taken apart: ``{"code": "0", "msg": "", "data": [...]}``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.okx.spec import VENUE
from quantservice.core.errors import MalformedFrame
from quantservice.core.money import ZERO


class Envelope(msgspec.Struct):
    """An answer. ``code`` is "0" where all went well, "1" and "2" where single orders say what went wrong."""

    code: str
    msg: str = ""
    data: list[Any] = []

    @property
    def number(self) -> int:
        """The code as a number; 0 where it is none."""
        return int(self.code) if self.code.isascii() and self.code.isdigit() else 0


_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


def envelope_of(body: bytes) -> Envelope | None:
    """Return an answer; None where it is not the venue's JSON."""
    try:
        return _ENVELOPE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def rows_of(body: bytes) -> list[Any]:
    """Return the rows of a good answer; MalformedFrame where it is none."""
    found = envelope_of(body)
    if found is None or found.code != "0":
        raise MalformedFrame("not_json" if found is None else "wrong_shape", venue=VENUE)
    return found.data


def decimal_of(value: Any) -> Decimal:
    """Return a number; what is missing or empty is zero. ValueError or ArithmeticError where it is none."""
    if value in (None, ""):
        return ZERO
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError("not a finite number")
    return found
