"""What the queue and a worker say to each other.

A job of any kind is three steps, each a task:

``plan`` looks at the request and the data and cuts the work into items; ``work`` does one item; ``finish`` puts the items'
results together. The plan and each item's result are kept in the state store, so a job goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

import msgspec
import numpy as np

from quantservice.core.margin_tiers import Tier
from quantservice.ports import BacktestRecord, Trial

_T = TypeVar("_T")
Operation: TypeAlias = Literal["plan", "work", "finish"]

_LAST_MS: Final = 4_102_444_800_000  # 2100: later than anything that is stored
#: Chunk numbers of what is no item's result.
PLAN_CHUNK: Final = -1
FIRST_TABLE_CHUNK: Final = -2  # and downward


class DataRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bars a job reads: instruments by any of their names, one period, ``[start_ms, end_ms)`` (None: all that is stored).

    ``detail_period``: also a shorter period, for what happened inside the bars. ``margin_tiers``: by the instruments' names (empty:
    of every one), instead of those that are stored.
    """

    symbols: tuple[str, ...]
    market: str | None = None
    venue: str = "binance"
    period: str = "1h"
    start_ms: Annotated[int, msgspec.Meta(ge=0, le=_LAST_MS)] | None = None
    end_ms: Annotated[int, msgspec.Meta(ge=1, le=_LAST_MS)] | None = None
    detail_period: str = ""
    margin_tiers: dict[str, tuple[Tier, ...]] = {}


class Item(msgspec.Struct, frozen=True):
    """One part of the work: its content, which only the job's kind understands, and its share of the progress."""

    content: bytes
    weight: float = 1.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is cut. ``fingerprint`` is of the data that was looked at; ``unit`` names what the progress counts."""

    items: Sequence[Item]
    unit: str = ""
    fingerprint: str = ""
    note: str = ""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One task: ``manifest`` is the path of the exported data; ``parts`` are the results of all items, for ``finish``.

    ``folders`` are where a person's own strategies lie.
    """

    job_id: str
    kind: str
    operation: Operation
    request: dict[str, Any]
    manifest: str = ""
    folders: tuple[str, ...] = ()
    workers: int = 1
    number: int = 0
    attempt: int = 1
    item: bytes = b""
    parts: Sequence[bytes] = ()


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What ``work`` leaves: the item's result and the trials that it ran (the queue fills in run and time)."""

    content: bytes = b""
    trials: Sequence[Trial] = ()


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """A backtest to be kept, with its tables as Arrow bytes."""

    record: BacktestRecord
    parts: dict[str, bytes] = {}


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What ``finish`` leaves: a summary that is shown, tables (Arrow bytes by name), backtests to be kept, further trials."""

    summary: dict[str, Any]
    tables: dict[str, bytes] = {}
    backtests: Sequence[StoredRun] = ()
    trials: Sequence[Trial] = ()


def pack(value: msgspec.Struct) -> bytes:
    """Write one of the above."""
    return msgspec.msgpack.encode(value, enc_hook=_plain)


def unpack(content: bytes, kind: type[_T]) -> _T:
    """Read one of the above."""
    return msgspec.msgpack.decode(content, type=kind)


def _plain(value: Any) -> Any:
    """Return the Python number behind a numpy scalar."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a {type(value).__name__} cannot travel between worker and queue")
