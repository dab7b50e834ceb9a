"""Data quality: coverage with its heat map, gaps and healing, revisions, the audit, stream health."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import InstrumentBook, check_market
from quantservice.core.messages import heal_command, new_event_id
from quantservice.core.periods import DAY_MS, check_period, count_opens, floor_open, next_open
from quantservice.core.spans import Span
from quantservice.ports import StreamCoverage
from quantservice.web import figures, models
from quantservice.web.context import WebContext
from quantservice.web.errors import Missing, reply
from quantservice.web.projections import CommandLife
from quantservice.web.routes.arguments import EndMs, Market, Period, StartMs, Venue, readers, writers
from quantservice.web.routes.instruments import registered_pairs
from quantservice.web.security import Guard
from quantservice.web.series import END_MS, find_instrument

_STATES = ("found", "healing", "healed", "failed", "closed", "open")
_MOST_HEAL_ROWS = 5_000_000
_MOST_HEAT_STREAMS = 200
_AUDIT_TIMEOUT_S = 600.0


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes of data quality."""
    router, owner = readers(context, "data quality", guard), writers(context, "data quality", guard)
    _add_coverage(router, context)
    _add_gaps(router, owner, context)
    _add_revisions(router, context)
    _add_audit(router, owner, context)
    _add_streams(router, context)
    return [router, owner]


def _add_coverage(router: APIRouter, context: WebContext) -> None:
    @router.get("/coverage", response_model=models.CoverageList, summary="Coverage of the stored streams")
    async def coverage(
        symbol: Annotated[str | None, Query(min_length=1, max_length=200, examples=["BTCUSDT"])] = None,
        market: Market = None,
        venue: Annotated[str | None, Query(max_length=32, examples=["binance"])] = None,
        kind: Annotated[
            str | None, Query(max_length=80, json_schema_extra={"enum": [*(item.value for item in Kind), None]})
        ] = None,
        period: Annotated[str | None, Query(max_length=80, examples=["1m"])] = None,
        days: Annotated[int, Query(ge=0, le=400, description="Also a heat map of so many days, the newest last.")] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    ) -> Response:
        """Per stream: first and last row, rows, percentage of the klines that should exist, and on demand a heat map by day."""
        _check_filter(context, market, venue, kind, period)
        wanted = find_instrument(context, symbol, market, venue).id if symbol is not None else None
        known = {row.stream: row for row in await context.market_store.streams()}
        for pair in await registered_pairs(context):
            for name in pair.periods if "kline" in pair.kinds else ():
                stream = StreamId.kline(pair.instrument, name)
                known.setdefault(stream, StreamCoverage(stream=stream, first_ms=0, last_ms=0, rows=0))
        found = [
            row
            for stream, row in sorted(known.items())
            if (wanted is None or stream.instrument == wanted)
            and (market is None or stream.instrument.market == market)
            and (venue is None or stream.instrument.venue == venue)
            and (kind is None or stream.kind == kind)
            and (period is None or stream.period == period)
        ]
        now_ms = context.clock.now_ms()
        rows = []
        for place, row in enumerate(found[:limit]):
            heat = days if place < _MOST_HEAT_STREAMS else 0
            rows.append(await _coverage_row(context, row, heat, now_ms))
        return reply({"now_ms": now_ms, "total": len(found), "data": rows})


def _check_filter(context: WebContext, market: str | None, venue: str | None, kind: str | None, period: str | None) -> None:
    if market is not None:
        check_market(market)
    if venue is not None and venue not in context.venues:
        raise UnknownName("venue", venue, context.venues)
    if kind is not None and kind not in {item.value for item in Kind}:
        raise UnknownName("kind", kind, [item.value for item in Kind])
    if period is not None:
        check_period(period)


async def _coverage_row(context: WebContext, row: StreamCoverage, days: int, now_ms: int) -> dict[str, Any]:
    stream, empty = row.stream, row.rows == 0
    is_kline = stream.kind is Kind.KLINE
    expected = None
    if is_kline:
        expected = 0 if empty else count_opens(stream.period, row.first_ms, row.last_ms + 1)
    heat: list[dict[str, int]] = []
    if days and not empty:
        heat = await _heat_map(context, row, days, now_ms)
    return {
        **figures.stream_parts(context, stream),
        "first_ms": None if empty else row.first_ms,
        "last_ms": None if empty else row.last_ms,
        "rows": row.rows,
        "expected": expected,
        "coverage_percent": round(min(100.0, 100 * row.rows / expected), 4) if expected else (0.0 if is_kline else None),
        "revised_rows": row.revised_rows,
        "synthetic_rows": row.synthetic_rows,
        "days": heat,
    }


async def _heat_map(context: WebContext, row: StreamCoverage, days: int, now_ms: int) -> list[dict[str, int]]:
    today = floor_open("1d", max(now_ms, row.last_ms))
    first = today - (days - 1) * DAY_MS
    counts = await context.market_store.day_counts(row.stream, Span(first, today + DAY_MS))
    known = context.instruments().get(row.stream.instrument)
    begin = max(first, (known.listed_ms if known and known.listed_ms else 0), row.first_ms)
    end = min(known.delisted_ms if known and known.delisted_ms else END_MS, max(now_ms, row.last_ms + 1))
    cells = []
    for day in range(first, today + DAY_MS, DAY_MS):
        low, high = max(day, begin), min(day + DAY_MS, end)
        should = 0
        if row.stream.kind is Kind.KLINE and low < high:
            should = count_opens(row.stream.period, low, high)
            if high == end and should and next_open(row.stream.period, floor_open(row.stream.period, high - 1)) > end:
                should -= 1  # the bar that is still forming
        rows = counts.get(day, 0)
        cells.append({"day_ms": day, "rows": rows, "expected": max(should, 0)})
    return cells


def _add_gaps(router: APIRouter, owner: APIRouter, context: WebContext) -> None:
    projections = context.projections

    @router.get("/gaps", response_model=models.GapList, summary="Gaps")
    async def gaps(
        state: Annotated[str | None, Query(max_length=80, json_schema_extra={"enum": [*_STATES, None]})] = None,
        limit: Annotated[int, Query(ge=1, le=2_000)] = 200,
    ) -> Response:
        """Gaps that are open now, and the recent life of those healed or explained, newest change first."""
        if state is not None and state not in _STATES:
            raise UnknownName("state", state, _STATES)
        rows = [figures.gap_row(context, gap) for gap in reversed(projections.gaps.values())]
        if state == "open":
            rows = [row for row in rows if row["state"] in ("found", "healing", "failed")]
        elif state is not None:
            rows = [row for row in rows if row["state"] == state]
        return reply({"open": projections.gaps_open(), "healed": projections.healed, "data": rows[:limit]})

    @owner.post(
        "/gaps/heal",
        response_model=models.HealAnswer,
        responses={202: {"model": models.HealAnswer, "description": "Taken, not yet answered; ask `location` again."}},
        summary="Heal a range now",
    )
    async def heal(body: models.HealRequest) -> Response:
        """Fetch a range of klines again. Waits 2 s for the fact; then answers 202 with the place to ask again."""
        instrument = find_instrument(context, body.symbol, body.market, body.venue)
        check_period(body.period)
        if body.end_ms <= body.start_ms:
            raise InvalidValue("end_ms", f"{body.end_ms} must lie after start_ms {body.start_ms}")
        stream, span = StreamId.kline(instrument.id, body.period), Span(body.start_ms, body.end_ms)
        if count_opens(body.period, span.start_ms, span.end_ms) > _MOST_HEAL_ROWS:
            raise InvalidValue("end_ms", f"at most {_MOST_HEAL_ROWS} klines are healed by one command")
        command_id = new_event_id()
        message = heal_command(str(stream), span, command_id=command_id)
        life = CommandLife(command_id, message.event_id, stream, span)
        projections.expect(life)
        await context.bus.publish([message])
        try:
            async with asyncio.timeout(context.config.answer_wait_s):
                await life.done.wait()
        except TimeoutError:
            return reply(_heal_row(life), 202, {"Location": _heal_row(life)["location"]})
        return reply(_heal_row(life))

    @router.get("/gaps/commands/{command_id}", response_model=models.HealAnswer, summary="What became of a heal command")
    async def heal_state(command_id: str) -> Response:
        """The state of a command that was answered with 202."""
        life = projections.commands.get(command_id)
        if life is None:
            raise Missing("unknown_command", "no such command, or it is too old to be remembered")
        return reply(_heal_row(life))


def _heal_row(life: CommandLife) -> dict[str, Any]:
    return {
        "command_id": life.command_id,
        "stream": str(life.stream),
        "start_ms": life.span.start_ms,
        "end_ms": life.span.end_ms,
        "state": life.state,
        "rows": life.rows,
        "detail": life.detail,
        "location": f"/api/v1/gaps/commands/{life.command_id}",
    }


def _add_revisions(router: APIRouter, context: WebContext) -> None:
    @router.get("/revisions", response_model=models.RevisionList, summary="Restated klines")
    async def revisions(
        symbol: Annotated[str | None, Query(min_length=1, max_length=200, examples=["BTCUSDT"])] = None,
        market: Market = None,
        venue: Venue = "binance",
        period: Period = "1m",
        start_ms: StartMs = None,
        end_ms: EndMs = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    ) -> Response:
        """With a symbol: every stored revision of its restated klines. Without: those seen since the process started."""
        if symbol is None:
            recent = list(context.projections.revisions)[-limit:]
            return reply({"data": [figures.revision_row(context, kline, number) for kline, number in reversed(recent)]})
        instrument = find_instrument(context, symbol, market, venue)
        stream = StreamId.kline(instrument.id, check_period(period))
        end = END_MS if end_ms is None else end_ms
        if end <= (start_ms or 0):
            raise InvalidValue("end_ms", f"{end} must lie after start_ms {start_ms or 0}")
        rows = await context.market_store.revisions(stream, Span(start_ms or 0, end))
        restated = {row["open_time"] for row in rows if row.get("revision", 0) > 0}
        chosen = [row for row in rows if row["open_time"] in restated]
        chosen.sort(key=lambda row: (row["open_time"], row["revision"]), reverse=True)
        parts = figures.stream_parts(context, stream)
        names = ("open_time", "revision", "source", "synthetic", "first_seen_ms", "open", "high", "low", "close", "volume")
        return reply({"data": [{**parts, **{name: row.get(name) for name in names}} for row in chosen[:limit]]})


def _add_audit(router: APIRouter, owner: APIRouter, context: WebContext) -> None:
    running = asyncio.Lock()

    @router.get("/audit", response_model=models.AuditReport, summary="The last audit")
    async def audit() -> Response:
        """The report of the last audit of the integrity ledger."""
        if running.locked():
            return reply({"state": "running"})
        found = await context.audit_report() if context.audit_report is not None else None
        return reply(models.AuditReport.model_validate(found or {"state": "never"}).model_dump())

    @owner.post("/audit", response_model=models.AuditReport, summary="Run an audit")
    async def run(request: Request) -> Response:
        """Check the digest chain against the stored rows, and the cross checks; answers when it is done."""
        if context.run_audit is None:
            raise Missing("no_ledger", "the ledger does not run in this process; start it with qs up")
        if running.locked():
            return reply({"state": "running"}, 202)
        async with running, asyncio.timeout(_AUDIT_TIMEOUT_S):
            found = await context.run_audit()
        return reply(models.AuditReport.model_validate(found).model_dump())


def _add_streams(router: APIRouter, context: WebContext) -> None:
    @router.get("/streams", response_model=models.StreamList, summary="Live health of streams")
    async def streams() -> Response:
        """Every stream that is wanted or was seen: its state, its connection, the age of its last event."""
        now_ms = context.clock.now_ms()
        projections = context.projections
        names = set(projections.streams) | set(projections.placed) | await _wanted_streams(context, context.instruments())
        rows = []
        for stream in sorted(names):
            connection, state = projections.placed.get(stream, ("", "unknown"))
            life = projections.streams.get(stream)
            if state == "unknown" and life is not None:
                state = "live"
            rows.append(
                {
                    **figures.stream_parts(context, stream),
                    "state": state,
                    "connection": connection,
                    "last_event_ms": life.last_ms if life else None,
                    "age_s": max(0, now_ms - life.last_ms) / 1000 if life else None,
                    "events": life.events if life else 0,
                }
            )
        live = sum(1 for row in rows if row["state"] == "live")
        return reply({"now_ms": now_ms, "live": live, "total": len(rows), "data": rows})


async def _wanted_streams(context: WebContext, book: InstrumentBook) -> set[StreamId]:
    wanted = set()
    for pair in await registered_pairs(context):
        if pair.enabled and "kline" in pair.kinds and book.get(pair.instrument) is not None:
            wanted |= {StreamId.kline(pair.instrument, period) for period in pair.periods}
    return wanted
