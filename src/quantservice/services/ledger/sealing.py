"""Sealing: closed days become entries of the digest chain.

The log is in the market store, its head in the state store. Before the log grows, the state store learns where it will
end (``next``); afterwards that becomes the head. A crash in between is told from a forged tail by that note.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import msgspec
import structlog

from quantservice.core.digest import Head, Seal, chain_fault, first_bad_row, head_of, seal
from quantservice.core.errors import IntegrityError
from quantservice.core.periods import DAY_MS, count_opens, floor_open, next_open
from quantservice.core.spans import Span
from quantservice.ports import Clock, MarketStore, SealLog, StateStore, UnsealedDay
from quantservice.services.ledger.reports import Progress, no_progress

_log = structlog.get_logger(__name__)

SCOPE: Final = "digest"
_FLUSH_SEALS: Final = 100
_MS: Final = 1_000_000


class LedgerStore(MarketStore, SealLog, Protocol):
    """A market store with its digest log."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The head as it is kept outside the market store, with what the last seal was about."""

    sequence: int = 0
    link: str = ""
    stream: str = ""
    day_ms: int = 0

    @property
    def head(self) -> Head:
        """The head alone."""
        return Head(sequence=self.sequence, link=self.link) if self.sequence else Head()


class SealResult(msgspec.Struct, kw_only=True):
    """What a sealing pass did. ``waiting`` days are closed but may still get rows; ``refused`` contradict their seal."""

    sealed_days: int = 0
    sealed_rows: int = 0
    waiting_days: int = 0
    refused: list[str] = []
    sequence: int = 0
    head: str = ""


class SealRules(msgspec.Struct, frozen=True, kw_only=True):
    """When a day is sealed: ``settle_s`` after its last bar closed; a day that lacks bars once it was quiet for ``quiet_s``."""

    settle_s: float = 900.0
    quiet_s: float = 3_600.0


async def read_anchor(state: StateStore, key: str = "head") -> Anchor | None:
    """Return the head (or the ``next`` note) that the state store keeps, None when it keeps none."""
    async with state.transaction() as work:
        kept = await work.values.get(SCOPE, key)
    return None if kept is None else msgspec.convert(kept, Anchor)


async def find_head(store: LedgerStore, state: StateStore) -> Head:
    """Return where the chain goes on; raises :class:`IntegrityError` when log and state store disagree."""
    anchor = await read_anchor(state)
    planned = await read_anchor(state, "next")
    before = anchor.head if anchor else Head()
    entry: Seal | None = None
    while entries := await store.read_seals(after=before.sequence):
        for entry in entries:
            fault = chain_fault(entry, before)
            if fault:
                raise IntegrityError(f"the digest log is broken ({fault}): run qs data audit")
            before = head_of(entry)
    if anchor is None:
        if entry is not None:
            _log.warning("ledger.head_adopted", sequence=before.sequence, reason="the state store keeps no head")
            await _keep(state, _anchor_of(entry))
        return before
    if before.sequence == anchor.sequence:
        last = await store.read_seals(after=anchor.sequence - 1, limit=1) if anchor.sequence else []
        if anchor.sequence and (not last or last[0].link != anchor.link):
            raise IntegrityError(f"the digest log ends before its head (seal {anchor.sequence}): run qs data audit")
        return before
    if planned is None or entry is None or planned.head != before:
        raise IntegrityError(f"the digest log goes on behind its head (seal {anchor.sequence}): run qs data audit")
    await _keep(state, _anchor_of(entry))
    return before


async def seal_days(
    store: LedgerStore,
    state: StateStore,
    clock: Clock,
    *,
    rules: SealRules,
    since_ms: int = 0,
    progress: Progress = no_progress,
) -> SealResult:
    """Seal every closed day that holds rows without a seal."""
    head = await find_head(store, state)
    now_ms = clock.now_ms()
    days = await store.unsealed_days(since_ms=since_ms, before_ms=now_ms)
    newest = await store.last_seals() if days else {}
    result = SealResult()
    waiting: list[Seal] = []
    for number, day in enumerate(days):
        progress(number, len(days), str(day.stream))
        if not _is_due(day, now_ms, rules):
            result.waiting_days += 1
            continue
        entry = await _seal_one(store, head, day, newest.get((day.stream, day.day_ms)), clock.now_ns(), result)
        if entry is None:
            continue
        head = head_of(entry)
        waiting.append(entry)
        result.sealed_days += 1
        result.sealed_rows += len(entry.open_times)
        if len(waiting) >= _FLUSH_SEALS:
            await _write(store, state, waiting)
            waiting = []
    if waiting:
        await _write(store, state, waiting)
    progress(len(days), len(days), "")
    result.sequence, result.head = head.sequence, head.link
    return result


async def _seal_one(
    store: LedgerStore, head: Head, day: UnsealedDay, before: int | None, now_ns: int, result: SealResult
) -> Seal | None:
    rows = await store.revisions(day.stream, day_span(day.day_ms))
    if before is not None:
        earlier = await store.read_seals(after=before - 1, limit=1)
        bad = first_bad_row(earlier[0], rows) if earlier else None
        if bad is not None:
            # A new seal would bless what contradicts the old one.
            result.refused.append(f"{day.stream} at {bad.open_time}: {bad.what}")
            return None
    return seal(head, day.stream, day.day_ms, rows, sealed_ns=now_ns)


async def _write(store: LedgerStore, state: StateStore, entries: list[Seal]) -> None:
    anchor = _anchor_of(entries[-1])
    await _keep(state, anchor, key="next")
    await store.append_seals(entries)
    await _keep(state, anchor)


async def _keep(state: StateStore, anchor: Anchor, key: str = "head") -> None:
    value: dict[str, Any] = msgspec.to_builtins(anchor)
    async with state.transaction() as work:
        await work.values.put(SCOPE, key, value)


def _anchor_of(entry: Seal) -> Anchor:
    return Anchor(sequence=entry.sequence, link=entry.link, stream=str(entry.stream), day_ms=entry.day_ms)


def day_span(day_ms: int) -> Span:
    """The day's milliseconds."""
    return Span(day_ms, day_ms + DAY_MS)


def _is_due(day: UnsealedDay, now_ms: int, rules: SealRules) -> bool:
    period = day.stream.period
    closed_ms = next_open(period, floor_open(period, day.day_ms + DAY_MS - 1))
    if closed_ms + rules.settle_s * 1_000 > now_ms:
        return False
    if day.klines >= count_opens(period, day.day_ms, day.day_ms + DAY_MS):
        return True
    return now_ms - day.newest_ns // _MS >= rules.quiet_s * 1_000
