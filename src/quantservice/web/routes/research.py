"""Strategies and indicators: the registries, and an indicator's values over stored klines."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from quantservice.core.errors import InvalidValue
from quantservice.core.periods import floor_open
from quantservice.core.spans import Span
from quantservice.web import models
from quantservice.web.context import Research, WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import EndMs, Market, Period, StartMs, Symbol, Venue, readers
from quantservice.web.security import Guard
from quantservice.web.series import END_MS, find_instrument, kline_stream

_MOST_BARS = 20_000
#: A recursive indicator is computed over so many times its warm-up before the first bar that is answered.
_RUN_IN = 10


def make_router(context: WebContext, guard: Guard) -> APIRouter:
    """Return the routes; none where the process does no research."""
    router = readers(context, "research", guard)
    if context.research is not None:
        _add_registries(router, context.research)
        _add_values(router, context, context.research)
    return router


def _add_registries(router: APIRouter, research: Research) -> None:
    @router.get("/strategies", response_model=models.StrategyList, summary="Registered strategies")
    async def strategies() -> Response:
        """Those that come with the platform, of plugins, and of your own folder."""
        return reply({"data": await asyncio.to_thread(research.strategies)})

    @router.get("/strategies/{name}", response_model=models.StrategyRow, summary="One strategy")
    async def strategy(name: Annotated[str, Path(max_length=100, examples=["ma_cross"])]) -> Response:
        """Its parameters as a JSON Schema."""
        return reply(await asyncio.to_thread(research.strategy, name))

    @router.get("/backtest-metrics", response_model=models.MetricList, summary="Figures of a backtest")
    async def metrics() -> Response:
        """Each with its unit, its formula, and what one observation is."""
        return reply({"data": await asyncio.to_thread(research.metrics)})

    @router.get("/indicators", response_model=models.IndicatorList, summary="Registered indicators")
    async def indicators(group: Annotated[str | None, Query(max_length=40, examples=["overlap"])] = None) -> Response:
        """Inputs, parameters, outputs, warm-up and source of each."""
        return reply({"data": await asyncio.to_thread(research.indicators, group)})


def _add_values(router: APIRouter, context: WebContext, research: Research) -> None:
    @router.get("/indicators/values", response_model=models.IndicatorSeries, summary="An indicator over stored klines")
    async def values(
        symbol: Symbol,
        indicator: Annotated[
            str,
            Query(min_length=1, max_length=200, description="A key: `sma(20)`, `bbands(20,2,2,0).upper`.", examples=["sma(20)"]),
        ],
        market: Market = None,
        venue: Venue = "binance",
        period: Period = "1m",
        start_ms: StartMs = None,
        end_ms: EndMs = None,
        limit: Annotated[int, Query(ge=1, le=_MOST_BARS)] = 1_000,
    ) -> Response:
        """The newest `limit` bars before `end_ms`, or those from `start_ms` on; earlier bars are read for the warm-up."""
        instrument = find_instrument(context, symbol, market, venue)
        stream = kline_stream(instrument, period)
        key, warm_up = await asyncio.to_thread(research.warm_up, indicator)
        end = END_MS if end_ms is None else end_ms
        if start_ms is not None and start_ms >= end:
            raise InvalidValue("start_ms", "must lie before end_ms")
        before = warm_up * _RUN_IN + 1
        if start_ms is None:
            columns = await context.market_store.read(stream, Span(0, max(end, 1)), limit=limit + before, newest=True)
            first = max(0, len(columns["open_time"]) - limit)
        else:
            run_in = await context.market_store.read(stream, Span(0, max(start_ms, 1)), limit=before, newest=True)
            begin = int(run_in["open_time"][0]) if len(run_in["open_time"]) else floor_open(period, start_ms)
            columns = await context.market_store.read(stream, Span(begin, end), limit=before + limit)
            first = int((columns["open_time"] < start_ms).sum())
        outputs = await asyncio.to_thread(research.compute, key, columns) if len(columns["open_time"]) else {}
        shown = slice(first, first + limit)
        given = len(columns["open_time"])
        short = f"{key} needs {warm_up + 1:,} bars, {given:,} given: it has no value at any of them" if warm_up >= given else ""
        answer: dict[str, Any] = {
            "instrument": str(instrument.id),
            "period": period,
            "indicator": key,
            "open_times": columns["open_time"][shown].tolist(),
            "outputs": {name: [_number(value) for value in array[shown].tolist()] for name, array in outputs.items()},
            "note": short,
        }
        return reply(answer)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
