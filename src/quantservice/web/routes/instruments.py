"""Instruments: search and paging, with what is collected and the newest price."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import Instrument, check_market
from quantservice.ports import TradingPair
from quantservice.web import figures, models
from quantservice.web.context import WebContext
from quantservice.web.encode import plain
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import Market, readers
from quantservice.web.security import Guard

_LIMIT = 1_000


def make_router(context: WebContext, guard: Guard) -> APIRouter:
    """Return the routes of instruments."""
    router = readers(context, "instruments", guard)

    @router.get("/instruments", response_model=models.InstrumentPage, summary="Instruments")
    async def instruments(
        q: Annotated[str, Query(max_length=100, description="Part of a symbol or name.", examples=["btc"])] = "",
        market: Market = None,
        venue: Annotated[str | None, Query(max_length=32, examples=["binance"])] = None,
        registered: Annotated[bool | None, Query(description="Only those that are (not) collected.")] = None,
        limit: Annotated[int, Query(ge=1, le=_LIMIT)] = 100,
        cursor: Annotated[str | None, Query(max_length=16, description="`next_cursor` of the page before.")] = None,
    ) -> Response:
        """Search the known instruments. Registered ones come first, then by how well the name fits."""
        if market is not None:
            check_market(market)
        if venue is not None and venue not in context.venues:
            raise UnknownName("venue", venue, context.venues)
        if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
            raise InvalidValue("cursor", "is not one of ours; take next_cursor of the page before")
        start = int(cursor or 0)
        pairs = {pair.instrument: pair for pair in await registered_pairs(context)}
        found = [
            item
            for item in context.instruments()
            if (market is None or item.id.market == market)
            and (venue is None or item.id.venue == venue)
            and (registered is None or registered == (item.id in pairs))
            and match(item, q) is not None
        ]
        found.sort(key=lambda item: (item.id not in pairs, match(item, q), str(item.id)))
        page = found[start : start + limit]
        more = start + limit < len(found)
        rows = [row(context, item, pairs.get(item.id)) for item in page]
        return reply({"total": len(found), "has_more": more, "next_cursor": str(start + limit) if more else None, "data": rows})

    return router


async def registered_pairs(context: WebContext) -> list[TradingPair]:
    """Return the registered pairs, enabled or not."""
    async with context.state_store.transaction() as work:
        return await work.pairs.list()


def match(item: Instrument, text: str) -> int | None:
    """Say how well an instrument fits what was typed: 0 the very name, then beginnings, then parts; None not at all."""
    wanted = text.strip().upper()
    if not wanted:
        return 2
    names = (item.venue_symbol.upper(), item.id.symbol.upper(), str(item.id).upper())
    squeezed = wanted.replace("/", "").replace("-", "").replace(" ", "")
    if wanted in names or squeezed == item.venue_symbol.upper():
        return 0
    if any(name.startswith(wanted) for name in names[:2]) or (squeezed and names[0].startswith(squeezed)):
        return 1
    if any(wanted in name for name in names) or (squeezed and squeezed in names[0]):
        return 2
    return None


def row(context: WebContext, item: Instrument, pair: TradingPair | None) -> dict[str, Any]:
    """Return an instrument as the API shows it."""
    return {
        "instrument": str(item.id),
        "venue": item.id.venue,
        "market": item.id.market,
        "symbol": item.id.symbol,
        "venue_symbol": item.venue_symbol,
        "base": item.base,
        "quote": item.quote,
        "settle": item.settle,
        "tick_size": plain(item.tick_size),
        "lot_size": plain(item.lot_size),
        "min_quantity": plain(item.min_quantity),
        "min_notional": plain(item.min_notional),
        "contract_size": plain(item.contract_size),
        "inverse": item.inverse,
        "status": item.status,
        "price_digits": item.price_digits,
        "quantity_digits": item.quantity_digits,
        "listed_ms": item.listed_ms,
        "delisted_ms": item.delisted_ms,
        "registered": pair is not None,
        "periods": list(pair.periods) if pair else [],
        **figures.price_parts(context.projections.prices.get(item.id)),
    }
