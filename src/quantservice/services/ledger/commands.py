"""The ledger asked and answered: seal, audit, head, cross checks. For the web and the command line; no loop here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from quantservice.core.errors import QuantServiceError
from quantservice.core.events import Kind, StreamId
from quantservice.core.spans import Span
from quantservice.ports import Clock, History, StateStore
from quantservice.services.ledger.auditing import verify_chain
from quantservice.services.ledger.crossing import CrossResult, cross_period, cross_source, newest_ws_streams, period_pairs
from quantservice.services.ledger.reports import MOST_FINDINGS, AuditReport, Finding, Progress, no_progress
from quantservice.services.ledger.sealing import LedgerStore, SealRules, read_anchor, seal_days

_SCOPE: Final = "ledger"
_LAST: Final = "last_audit"
_SAMPLE_STREAMS: Final = 6
_SAMPLE_MS: Final = 6 * 3_600_000

#: (venue, market) -> its History, for the cross-source check.
Histories = Mapping[tuple[str, str], History]


async def seal(
    store: LedgerStore, state: StateStore, clock: Clock, *, progress: Progress = no_progress, rules: SealRules | None = None
) -> dict[str, Any]:
    """Seal every closed day that has no seal; returns counts and the chain's head."""
    result = await seal_days(store, state, clock, rules=rules or SealRules(), progress=progress)
    answer: dict[str, Any] = msgspec.to_builtins(result)
    return answer


async def digest(state: StateStore) -> dict[str, Any]:
    """The head of the chain as the state store keeps it."""
    anchor = await read_anchor(state)
    if anchor is None:
        return {"sequence": 0, "head": "", "stream": "", "day_ms": None}
    return {"sequence": anchor.sequence, "head": anchor.link, "stream": anchor.stream, "day_ms": anchor.day_ms}


async def audit(
    store: LedgerStore,
    state: StateStore,
    clock: Clock,
    *,
    histories: Histories | None = None,
    cross_days: int = 1,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Verify the chain and every sealed day, then the cross checks; the report is kept as the last one."""
    report = AuditReport(state="failed", started_ms=clock.now_ms())
    try:
        findings = await verify_chain(store, state, report, progress=progress)
        findings.extend(await _cross_periods(store, report, cross_days, progress))
        findings.extend(await _cross_sources(store, report, histories or {}, clock.now_ms(), progress))
        report.findings = findings[:MOST_FINDINGS]
        report.state = "unsound" if findings else "sound"
    except QuantServiceError as error:
        report.detail = str(error)
    report.finished_ms = clock.now_ms()
    answer = report.as_dict()
    async with state.transaction() as work:
        await work.values.put(_SCOPE, _LAST, answer)
    return answer


async def last_audit(state: StateStore) -> dict[str, Any] | None:
    """The report of the last audit, None when there was none."""
    async with state.transaction() as work:
        kept: dict[str, Any] | None = await work.values.get(_SCOPE, _LAST)
    return kept


async def cross_check(
    store: LedgerStore, stream: StreamId, span: Span, *, history: History | None = None, fine_period: str = "1m"
) -> dict[str, Any]:
    """Check one stream's span against its finer period and, with a ``history``, against REST; returns both results."""
    periods = CrossResult() if stream.period == fine_period else await cross_period(store, stream, span, fine_period=fine_period)
    sources = CrossResult() if history is None else await cross_source(store, history, stream, span)
    return {"stream": str(stream), "cross_period": msgspec.to_builtins(periods), "cross_source": msgspec.to_builtins(sources)}


async def _cross_periods(store: LedgerStore, report: AuditReport, days: int, progress: Progress) -> list[Finding]:
    findings: list[Finding] = []
    pairs = await period_pairs(store, days=days)
    for number, (stream, fine_period, span) in enumerate(pairs):
        progress(number, len(pairs), "comparing periods")
        result = await cross_period(store, stream, span, fine_period=fine_period)
        findings.extend(_differences("cross_period", result, report, ours=stream.period, theirs=f"from {fine_period}"))
    return findings


async def _cross_sources(
    store: LedgerStore, report: AuditReport, histories: Histories, now_ms: int, progress: Progress
) -> list[Finding]:
    findings: list[Finding] = []
    held = [row.stream for row in await store.streams() if row.stream.kind is Kind.KLINE] if histories else []
    reachable = [stream for stream in held if (stream.instrument.venue, stream.instrument.market) in histories]
    sample = newest_ws_streams(reachable, _SAMPLE_STREAMS)
    for number, stream in enumerate(sample):
        progress(number, len(sample), "comparing with REST")
        history = histories[stream.instrument.venue, stream.instrument.market]
        result = await cross_source(store, history, stream, Span(now_ms - _SAMPLE_MS, now_ms))
        findings.extend(_differences("cross_source", result, report, ours="ws", theirs="rest"))
    return findings


def _differences(check: str, result: CrossResult, report: AuditReport, *, ours: str, theirs: str) -> list[Finding]:
    report.compared_klines += result.compared
    return [
        Finding(
            check=check,
            stream=item.stream,
            open_time=item.open_time,
            detail=f"{item.field} differs: {ours} {item.ours}, {theirs} {item.theirs}",
        )
        for item in result.differences
    ]
