"""Ids that survive a replay: pure functions of what they stand for, never random, never of the time of making.

One portable client id fits every venue: 26 characters of ``[A-Z2-7]`` (base32 of 128 bits), within ``^[A-Za-z0-9]{20,32}$``.
Venues that want an integer get 63 bits of the same digest.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from quantservice.core.errors import InvalidValue

CLIENT_ID: Final = re.compile(r"[A-Za-z0-9]{20,32}")
_BYTES: Final = 16


def digest(kind: str, *parts: str | int) -> bytes:
    """Return 128 bits that depend on the kind, on every part and on where one part ends and the next begins."""
    if not kind:
        raise InvalidValue("kind", "an id says what it is of")
    hasher = hashlib.blake2b(digest_size=_BYTES, person=b"quantservice.id")
    for part in (kind, *parts):
        data = (f"i{part}" if isinstance(part, int) else f"s{part}").encode()
        hasher.update(len(data).to_bytes(4, "big"))
        hasher.update(data)
    return hasher.digest()


def deterministic_id(kind: str, *parts: str | int) -> str:
    """Return the id of a thing: 26 characters of base32, the same for the same parts in every process and version."""
    return base64.b32encode(digest(kind, *parts)).decode().rstrip("=")


def client_order_id(account: str, intent_id: str, attempt: int = 0) -> str:
    """Return the client id of an order: one per intent and attempt, accepted by every venue we know."""
    return deterministic_id("order", account, intent_id, attempt)


def integer_id(kind: str, *parts: str | int) -> int:
    """Return a positive 63-bit integer id, for venues whose client ids are integers."""
    return (int.from_bytes(digest(kind, *parts)[:8], "big") >> 1) or 1


def is_client_id(text: str) -> bool:
    """Say whether ``text`` is accepted as a client id by every venue."""
    return CLIENT_ID.fullmatch(text) is not None
