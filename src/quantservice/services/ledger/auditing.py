"""The audit: the chain against its head, every sealed day against its seal, the first bad row of each."""

from __future__ import annotations

from quantservice.core.digest import BadRow, Head, Seal, chain_fault, first_bad_row, head_of
from quantservice.ports import StateStore
from quantservice.services.ledger.reports import MOST_FINDINGS, AuditReport, Finding, Progress, no_progress
from quantservice.services.ledger.sealing import Anchor, LedgerStore, day_span, read_anchor

_CHUNK = 100
_WORDS = {
    "edited": "the row's values are not those that were sealed",
    "deleted": "the row is gone",
    "inserted": "the row was not there when the day was sealed",
    "cut_tail": "the day's last rows are gone, from here on",
    "swapped": "the row holds the values of another row of its day",
}


async def verify_chain(
    store: LedgerStore, state: StateStore, report: AuditReport, *, progress: Progress = no_progress
) -> list[Finding]:
    """Verify the log and all sealed days; counts go into ``report``."""
    newest = await store.last_seals()
    findings: list[Finding] = []
    before = Head()
    while len(findings) < MOST_FINDINGS:
        entries = await store.read_seals(after=before.sequence, limit=_CHUNK)
        if not entries:
            break
        for entry in entries:
            fault = chain_fault(entry, before)
            before = head_of(entry)
            report.sealed_days += 1
            if fault is not None:
                findings.append(_finding(entry, entry.open_times[0] if entry.open_times else entry.day_ms, fault))
            elif newest.get((entry.stream, entry.day_ms)) == entry.sequence:
                bad = await _check_day(store, entry, report)
                if bad is not None:
                    findings.append(_finding(entry, bad.open_time, _WORDS[bad.what]))
        progress(before.sequence, max(newest.values(), default=0), "verifying sealed days")
    report.head = before.link if before.sequence else ""
    if len(findings) < MOST_FINDINGS:
        findings.extend(await _check_head(store, state, before))
    return findings


async def _check_day(store: LedgerStore, entry: Seal, report: AuditReport) -> BadRow | None:
    rows = await store.revisions(entry.stream, day_span(entry.day_ms))
    report.checked_days += 1
    report.checked_rows += len(entry.open_times)
    return first_bad_row(entry, rows)


async def _check_head(store: LedgerStore, state: StateStore, end: Head) -> list[Finding]:
    """Compare the log with the head kept outside the store; seals added while the audit ran are not its business."""
    anchor = await read_anchor(state)
    planned = await read_anchor(state, "next")
    if anchor is None:
        if end.sequence == 0 or (planned is not None and planned.head == end):
            return []
        return [Finding(check="digest", stream="", detail=f"the log has {end.sequence} seals, the state store keeps no head")]
    at_head = await store.read_seals(after=anchor.sequence - 1, limit=1)
    if not at_head or at_head[0].sequence != anchor.sequence:
        return [await _cut_log(store, end, anchor)]
    if at_head[0].link != anchor.link:
        detail = f"seal {anchor.sequence} is not the one that the state store keeps as the head: the log was rewritten"
        return [Finding(check="digest", stream=anchor.stream, day_ms=anchor.day_ms, open_time=anchor.day_ms, detail=detail)]
    if end.sequence > anchor.sequence and (planned is None or planned.head != end):
        detail = f"the log goes on to seal {end.sequence}, its head is seal {anchor.sequence}: seals were added by someone else"
        return [Finding(check="digest", stream=anchor.stream, day_ms=anchor.day_ms, detail=detail)]
    return []


async def _cut_log(store: LedgerStore, end: Head, anchor: Anchor) -> Finding:
    """Name the first row that lost its seal: the oldest day with rows that no seal covers."""
    detail = f"the log ends at seal {end.sequence}, its head is seal {anchor.sequence}: the seals behind it were cut off"
    days = await store.unsealed_days(since_ms=0, before_ms=anchor.day_ms + 1)
    if not days:
        return Finding(check="digest", stream=anchor.stream, day_ms=anchor.day_ms, open_time=anchor.day_ms, detail=detail)
    first = days[0]
    rows = await store.revisions(first.stream, day_span(first.day_ms))
    open_time = rows[0]["open_time"] if rows else first.day_ms
    return Finding(check="digest", stream=str(first.stream), day_ms=first.day_ms, open_time=open_time, detail=detail)


def _finding(entry: Seal, open_time: int, detail: str) -> Finding:
    return Finding(check="digest", stream=str(entry.stream), day_ms=entry.day_ms, open_time=open_time, detail=detail)
