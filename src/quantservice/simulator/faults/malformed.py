"""Spoilt messages, several sorts, made from a good one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


def _first_number_as(text: str) -> Callable[[bytes], bytes]:
    def change(good: bytes) -> bytes:
        head, mark, rest = good.partition(b'"E":')
        if not mark:
            return b'{"E":' + text.encode() + b"}"
        digits = len(rest) - len(rest.lstrip(b"0123456789"))
        return head + mark + text.encode() + rest[digits:]

    return change


def _truncated(good: bytes) -> bytes:
    return good[: len(good) // 2]


def _wrong_types(good: bytes) -> bytes:
    return good.replace(b'"s":"', b'"s":7,"was":"')


def _low_above_high(good: bytes) -> bytes:
    return good.replace(b'"h":"', b'"h":"-') if b'"h":"' in good else b'{"e":"kline"}'


def _key_twice(good: bytes) -> bytes:
    return good.replace(b'"E":', b'"E":1,"E":', 1) if b'"E":' in good else b'{"u":1,"u":2}'


_SPOILERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "truncated": _truncated,
    "nan": _first_number_as("NaN"),
    "infinity": _first_number_as("1e999"),
    "huge_integer": _first_number_as("9" * 5_000),
    "deep": lambda _: b"[" * 100_000 + b"]" * 100_000,
    "wrong_types": _wrong_types,
    "not_json": lambda good: b"<html>" + good[:20],
    "empty": lambda _: b"",
    "high_below_low": _low_above_high,
    "duplicate_keys": _key_twice,
    "binary": lambda good: b"\x00\xff" + good[:20],
}
#: The sorts of spoilt message; ``binary`` goes out as a binary frame. None of them breaks the WebSocket protocol itself.
SORTS: Final[tuple[str, ...]] = tuple(_SPOILERS)


def spoil(sort: str, good: bytes) -> bytes:
    """Return a spoilt copy of ``good``."""
    return _SPOILERS[sort](good)
