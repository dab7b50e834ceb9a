"""Stored margin tiers: list, keep, forget."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from quantservice.core.conversion import refusal
from quantservice.core.margin_tiers import Tier
from quantservice.services.backtests.margin_tiers import MarginTiers
from quantservice.web import models
from quantservice.web.context import WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes."""
    router, owner = readers(context, "instruments", guard), writers(context, "instruments", guard)
    tiers = MarginTiers(context.state_store, context.instruments)

    @router.get("/margin-tiers", response_model=models.MarginTierList, summary="Stored margin tiers")
    async def list_tiers(
        instrument: Annotated[
            str | None, Query(max_length=200, description="Full name.", examples=["binance:um:BTC-USDT-PERP"])
        ] = None,
    ) -> Response:
        """By instrument and date; nothing for one that has none."""
        found = await tiers.list(instrument)
        return reply({"data": [{"instrument": name, "tiers": rows} for name, rows in found.items()]})

    @owner.put("/margin-tiers", response_model=models.MarginTierList, summary="Keep margin tiers")
    async def keep(body: models.MarginTiersBody) -> Response:
        """Those of a date that is there already are replaced; other dates stay. Answers what the instruments have now."""
        wanted = dict[str, tuple[Tier, ...]]
        try:
            given = msgspec.convert({name: [row.model_dump() for row in rows] for name, rows in body.tiers.items()}, wanted)
        except msgspec.ValidationError as error:
            raise refusal(error, wanted, "tiers") from None
        kept = await tiers.keep(given, venue=body.venue, market=body.market)
        return reply({"data": [{"instrument": name, "tiers": rows} for name, rows in kept.items()]})

    @owner.delete("/margin-tiers/{instrument}", response_model=models.Removed, summary="Forget margin tiers")
    async def remove(
        instrument: Annotated[str, Path(min_length=1, max_length=200, examples=["binance:um:BTC-USDT-PERP"])],
    ) -> Response:
        """All dates of one instrument (full name)."""
        await tiers.remove(instrument)
        return reply({"removed": instrument})

    return [router, owner]
