"""TradingView's Universal Datafeed: config, symbols, search, history, time. Its errors are its own shape (``s: error``)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import PlainTextResponse, Response

from quantservice.core.errors import UserError
from quantservice.core.events import StreamId
from quantservice.core.instruments import MARKETS, Instrument
from quantservice.core.periods import floor_open, period_ms
from quantservice.core.spans import Span
from quantservice.web import models
from quantservice.web.context import WebContext
from quantservice.web.errors import Missing, reply
from quantservice.web.routes.arguments import ERRORS
from quantservice.web.routes.instruments import match
from quantservice.web.security import Guard
from quantservice.web.series import END_MS, find_instrument

#: TradingView's resolution -> our period. Minutes are plain numbers.
RESOLUTIONS = {
    "1S": "1s",
    "1": "1m",
    "3": "3m",
    "5": "5m",
    "15": "15m",
    "30": "30m",
    "60": "1h",
    "120": "2h",
    "240": "4h",
    "360": "6h",
    "480": "8h",
    "720": "12h",
    "1D": "1d",
    "3D": "3d",
    "1W": "1w",
    "1M": "1mo",
}
_SHORT = {"D": "1D", "W": "1W", "M": "1M", "S": "1S"}
_FAR_S = 10**12  # charts ask far beyond both ends of time
_MOST_BARS = 20_000
_NAMES = {"spot": "spot", "um": "futures", "cm": "futures", "dex": "spot"}


def make_router(context: WebContext, guard: Guard) -> APIRouter:
    """Return the datafeed's routes."""

    async def may_read(request: Request) -> None:
        await guard.require_read(request)

    router = APIRouter(prefix="/udf", tags=["tradingview udf"], responses=ERRORS, dependencies=[Depends(may_read)])

    @router.get("/config", response_model=models.UdfConfig, summary="What the datafeed can do")
    async def config() -> Response:
        """The first call of a TradingView chart."""
        exchanges = [{"value": "", "name": "All", "desc": ""}] + [
            {"value": venue, "name": venue.capitalize(), "desc": ""} for venue in context.venues
        ]
        return reply(
            {
                "supports_search": True,
                "supports_group_request": False,
                "supports_marks": False,
                "supports_timescale_marks": False,
                "supports_time": True,
                "exchanges": exchanges,
                "symbols_types": [{"value": "", "name": "All", "desc": ""}]
                + [{"value": market, "name": market, "desc": ""} for market in MARKETS],
                "supported_resolutions": list(RESOLUTIONS),
            }
        )

    @router.get("/time", summary="The server's time", response_class=PlainTextResponse)
    async def time() -> Response:
        """Seconds since 1970, as plain text."""
        return PlainTextResponse(str(context.clock.now_ms() // 1000))

    @router.get("/symbols", response_model=models.UdfSymbol, summary="One symbol")
    async def symbols(symbol: Annotated[str, Query(min_length=1, max_length=200, examples=["BTCUSDT"])]) -> Response:
        """Resolve a symbol: a full name, `BINANCE:BTCUSDT`, or the venue's own."""
        return reply(_symbol(_resolve(context, symbol)))

    @router.get("/search", response_model=list[models.UdfSearchRow], summary="Search")
    async def search(
        query: Annotated[str, Query(max_length=100)] = "",
        type: Annotated[str, Query(max_length=32)] = "",  # noqa: A002 - the protocol's own word
        exchange: Annotated[str, Query(max_length=32)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 30,
    ) -> Response:
        """Symbols whose name fits what was typed."""
        found = [
            item
            for item in context.instruments()
            if (not exchange or item.id.venue == exchange.lower())
            and (not type or type in (item.id.market, _NAMES.get(item.id.market)))
            and match(item, query) is not None
        ]
        found.sort(key=lambda item: (match(item, query), str(item.id)))
        return reply(
            [
                {
                    "symbol": item.venue_symbol,
                    "full_name": str(item.id),
                    "description": _description(item),
                    "exchange": item.id.venue,
                    "ticker": str(item.id),
                    "type": _NAMES.get(item.id.market, "spot"),
                }
                for item in found[:limit]
            ]
        )

    @router.get("/history", response_model=models.UdfHistory, response_model_exclude_none=True, summary="Bars")
    async def history(
        symbol: Annotated[str, Query(min_length=1, max_length=200, examples=["binance:um:BTC-USDT-PERP"])],
        to: Annotated[int, Query(ge=-_FAR_S, le=_FAR_S, description="Seconds, exclusive.")],
        resolution: Annotated[str, Query(max_length=8, examples=["1"])] = "1",
        from_s: Annotated[int, Query(alias="from", ge=-_FAR_S, le=_FAR_S, description="Seconds, inclusive.")] = 0,
        countback: Annotated[
            int | None, Query(ge=0, le=_MOST_BARS, description="Bars wanted before `to`; wins over `from`.")
        ] = None,
    ) -> Response:
        """Bars of `[from, to)`; `no_data` with `nextTime` where the range is empty but earlier bars exist."""
        period = RESOLUTIONS.get(_SHORT.get(resolution, resolution))
        if period is None:
            return reply({"s": "error", "errmsg": f"unknown resolution {resolution!r}; known are {', '.join(RESOLUTIONS)}"})
        try:
            instrument = _resolve(context, symbol)
        except UserError as error:
            return reply({"s": "error", "errmsg": str(error)})
        stream = StreamId.kline(instrument.id, period)
        return reply(await _bars(context, stream, _clamped_ms(from_s), _clamped_ms(to), countback))

    return router


def _clamped_ms(seconds: int) -> int:
    return min(max(seconds * 1000, 0), END_MS)


async def _bars(context: WebContext, stream: StreamId, start_ms: int, end_ms: int, countback: int | None) -> dict[str, Any]:
    if end_ms <= 0 or (end_ms <= start_ms and not countback):
        return {"s": "no_data"}
    if countback:
        span = Span(0, end_ms)
        columns = await context.market_store.read(stream, span, limit=countback, newest=True)
    else:
        columns = await context.market_store.read(stream, Span(start_ms, end_ms), limit=_MOST_BARS, newest=True)
    times = [int(value) // 1000 for value in columns["open_time"]]
    forming = _forming(context, stream, start_ms, end_ms)
    series = {key: [float(value) for value in columns[name]] for key, name in _COLUMNS.items()}
    if forming is not None and (not times or forming["t"] > times[-1]):
        times.append(int(forming["t"]))
        for key, values in series.items():
            values.append(forming[key])
    if times:
        return {"s": "ok", "t": times, **series}
    before = await context.market_store.read(stream, Span(0, max(1, start_ms)), limit=1, newest=True)
    if len(before["open_time"]):
        return {"s": "no_data", "nextTime": int(before["open_time"][-1]) // 1000}
    return {"s": "no_data"}


_COLUMNS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}


def _forming(context: WebContext, stream: StreamId, start_ms: int, end_ms: int) -> dict[str, float] | None:
    """Return the bar that is forming now, so that a polling chart lives too."""
    kline = context.projections.latest.get(stream)
    now_ms = context.clock.now_ms()
    if kline is None or not start_ms <= kline.open_time < end_ms:
        return None
    if kline.open_time < floor_open(stream.period, now_ms) - period_ms(stream.period):
        return None
    return {"t": kline.open_time // 1000, **{key: float(getattr(kline, name)) for key, name in _COLUMNS.items()}}


def _resolve(context: WebContext, text: str) -> Instrument:
    venue, market, name = None, None, text
    parts = text.split(":")
    if len(parts) == 2:  # TradingView writes EXCHANGE:SYMBOL
        head = parts[0].lower()
        venue, market, name = (head, None, parts[1]) if head in context.venues else (None, head, parts[1])
    found = _first_market(context, name, market, venue)
    if found is None:
        raise Missing("unknown_symbol", f"unknown symbol {text!r}; search knows what there is")
    return found


def _first_market(context: WebContext, name: str, market: str | None, venue: str | None) -> Instrument | None:
    """Resolve; where a short symbol lives in several markets take spot before futures, as charts expect one answer."""
    for choice in (market,) if market else (None, *MARKETS):
        try:
            return find_instrument(context, name, choice, venue)
        except UserError:
            continue
    return None


def _description(item: Instrument) -> str:
    return f"{item.base}/{item.quote} {item.id.market} ({item.id.symbol})"


def _symbol(item: Instrument) -> dict[str, Any]:
    scale = 10**item.price_digits
    return {
        "name": item.venue_symbol,
        "ticker": str(item.id),
        "full_name": str(item.id),
        "description": _description(item),
        "type": _NAMES.get(item.id.market, "spot"),
        "session": "24x7",
        "timezone": "Etc/UTC",
        "exchange": item.id.venue,
        "listed_exchange": item.id.venue,
        "minmov": max(1, round(float(item.tick_size) * scale)),
        "pricescale": scale,
        "has_intraday": True,
        "has_daily": True,
        "has_weekly_and_monthly": True,
        "visible_plots_set": "ohlcv",
        "supported_resolutions": list(RESOLUTIONS),
        "intraday_multipliers": [key for key in RESOLUTIONS if key.isdigit()],
        "volume_precision": item.quantity_digits,
        "data_status": "streaming",
    }
