"""What the ledger says: findings, differences, the report of an audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

#: done, total (None: not known), text
Progress: TypeAlias = Callable[[float, float | None, str], None]
#: An audit that finds this much stops looking for more of the same.
MOST_FINDINGS: Final = 1_000


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. ``check``: digest, cross_period or cross_source; ``open_time`` is the first bad row."""

    check: str
    stream: str
    detail: str
    day_ms: int | None = None
    open_time: int | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two klines of one open time that should be equal: the field and its two values."""

    stream: str
    open_time: int
    field: str
    ours: str
    theirs: str


class AuditReport(msgspec.Struct, kw_only=True):
    """An audit: ``state`` is sound, unsound or failed (then ``detail`` says why it could not be done)."""

    state: str
    started_ms: int
    finished_ms: int = 0
    sealed_days: int = 0
    checked_days: int = 0
    checked_rows: int = 0
    compared_klines: int = 0
    head: str = ""
    detail: str = ""
    findings: Sequence[Finding] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the API and the state store."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def no_progress(_done: float, _total: float | None, _text: str) -> None:
    """Tell nobody."""
