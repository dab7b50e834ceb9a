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


SORTS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "truncated": lambda good: good[: len(good) // 2],
    "nan": _first_number_as("NaN"),
    "infinity": _first_number_as("1e999"),
    "huge_integer": _first_number_as("9" * 5_000),
    "deep": lambda good: b"[" * 100_000 + good[:0] + b"]" * 100_000,
    "wrong_types": lambda good: (
        good.replace(b'"s":"', b'"s":[1,"').replace(b'","k"', b'"],"k"') if b'","k"' in good else b'{"e":7,"s":[]}'
    ),
    "not_json": lambda good: b"\x00\xff" + good[:20],
    "empty": lambda good: good[:0],
    "high_below_low": lambda good: good.replace(b'"h":"', b'"h":"-'),
    "duplicate_keys": lambda good: good.replace(b'"E":', b'"E":1,"E":', 1) if b'"E":' in good else b'{"u":1,"u":2}',
}
_NAMES: Final = tuple(SORTS)


def spoil(sort: str, good: bytes, turn: int) -> bytes:
    """Return a spoilt copy of ``good``; without a sort, each turn another one."""
    return SORTS[sort or _NAMES[turn % len(_NAMES)]](good)
