"""Klines and every other kind of market data: JSON pages, CSV and Arrow streams."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kind, StreamId
from quantservice.web import models
from quantservice.web.context import WebContext
from quantservice.web.routes.arguments import AsKnownAt, Cursor, EndMs, Market, Period, StartMs, Symbol, Venue, readers
from quantservice.web.security import Guard
from quantservice.web.series import (
    FORMATS,
    Ask,
    arrow_chunks,
    check_format,
    csv_chunks,
    find_instrument,
    json_page,
    kline_stream,
    make_ask,
    tables,
)

_MOST_ROWS = 100_000_000
_ARROW = "application/vnd.apache.arrow.stream"
Limit = Annotated[
    int | None,
    Query(ge=1, le=_MOST_ROWS, description="Rows wanted: JSON gives at most 5,000 a page (default 1,000); CSV and Arrow give all."),
]
Format = Annotated[str, Query(max_length=80, description="json, csv or arrow.", json_schema_extra={"enum": list(FORMATS)})]
_DEFAULT_PAGE = 1_000


def _content(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    streams = {
        "text/csv": {"schema": {"type": "string", "description": "A header line, then a line per row."}},
        _ARROW: {"schema": {"type": "string", "format": "binary", "description": "An Arrow IPC stream; decimals exact."}},
    }
    return {200: {"model": model, "description": "A page (JSON), or all rows (CSV, Arrow).", "content": streams}}


def make_router(context: WebContext, guard: Guard) -> APIRouter:
    """Return the routes of market data."""
    router = readers(context, "market data", guard)

    @router.get("/klines", response_model=models.KlinePage, responses=_content(models.KlinePage), summary="Klines")
    async def klines(  # noqa: PLR0913, PLR0917 - a query argument each; FastAPI passes them by name
        symbol: Symbol,
        market: Market = None,
        venue: Venue = "binance",
        period: Period = "1m",
        start_ms: StartMs = None,
        end_ms: EndMs = None,
        limit: Limit = None,
        cursor: Cursor = None,
        format: Format = "json",  # noqa: A002 - the API's own word
        as_known_at: AsKnownAt = None,
        ledger: Annotated[bool, Query(description="Also source, revision, first_seen_ms and synthetic of each row.")] = False,
    ) -> Response:
        """Closed klines of one instrument and period, oldest first, in `[start_ms, end_ms)`.

        With `start_ms`, paging goes forward; without it, the newest rows before `end_ms` are answered and paging goes back.
        A forming kline is never here: it is on `/ws`.
        """
        check_format(format)
        instrument = find_instrument(context, symbol, market, venue)
        ask = make_ask(
            kline_stream(instrument, period),
            instrument,
            start_ms=start_ms,
            end_ms=end_ms,
            limit=_limit(context, limit, format),
            cursor=cursor,
            as_known_at=as_known_at,
            ledger=ledger,
        )
        return await _answer(context, ask, format)

    for path, kind, model, what in (
        ("trades", Kind.TRADE, models.TradePage, "Trades"),
        ("tickers", Kind.TICKER, models.TickerPage, "Rolling 24-hour statistics"),
        ("funding", Kind.FUNDING, models.FundingPage, "Funding settlements"),
        ("open_interest", Kind.OPEN_INTEREST, models.OpenInterestPage, "Open interest"),
        ("mark_price", Kind.MARK_PRICE, models.MarkPricePage, "Mark prices"),
        ("quotes", Kind.QUOTE, models.QuotePage, "Best bids and asks"),
        ("books", Kind.BOOK, models.BookPage, "Book snapshots"),
    ):
        _add_series(router, context, path, kind, model, what)
    return router


def _add_series(router: APIRouter, context: WebContext, path: str, kind: Kind, model: type[BaseModel], what: str) -> None:
    formats = _content(model) if kind is not Kind.BOOK else {}

    @router.get(f"/{path}", name=path, response_model=model, responses=formats, summary=what, description=f"{what}, oldest first.")
    async def series(
        symbol: Symbol,
        market: Market = None,
        venue: Venue = "binance",
        start_ms: StartMs = None,
        end_ms: EndMs = None,
        limit: Limit = None,
        cursor: Cursor = None,
        format: Format = "json",  # noqa: A002 - the API's own word
    ) -> Response:
        check_format(format)
        if kind is Kind.BOOK and format != "json":
            raise InvalidValue("format", "book snapshots are nested; they are served as json only")
        instrument = find_instrument(context, symbol, market, venue)
        ask = make_ask(
            StreamId(instrument.id, kind),
            instrument,
            start_ms=start_ms,
            end_ms=end_ms,
            limit=_limit(context, limit, format),
            cursor=cursor,
        )
        return await _answer(context, ask, format)


def _limit(context: WebContext, limit: int | None, form: str) -> int | None:
    if form != "json":
        return limit
    most = context.config.page_limit
    if limit is not None and limit > most:
        raise InvalidValue("limit", f"a JSON page has at most {most} rows; follow next_cursor, or ask for csv or arrow")
    return limit or min(_DEFAULT_PAGE, most)


async def _answer(context: WebContext, ask: Ask, form: str) -> Response:
    if form == "json":
        return Response(await json_page(context, ask), media_type="application/json")
    source = tables(context, ask)
    first = await anext(source)  # a store that is away must be a 503, not a cut answer

    async def whole() -> Any:
        yield first
        async for table in source:
            yield table

    name = f"{ask.instrument.venue_symbol}-{ask.instrument.id.market}-{ask.stream.period or ask.stream.kind}"
    safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in name)
    suffix = "csv" if form == "csv" else "arrows"
    headers = {"Content-Disposition": f'attachment; filename="{safe}.{suffix}"'}
    if form == "csv":
        return StreamingResponse(csv_chunks(whole(), ask.fields), media_type="text/csv", headers=headers)
    return StreamingResponse(arrow_chunks(whole()), media_type=_ARROW, headers=headers)
