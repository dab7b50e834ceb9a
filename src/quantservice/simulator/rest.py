"""The venue's REST endpoints: the same questions, limits, paging and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from quantservice.core.periods import DAY_MS, close_of, floor_open, next_open, period_ms
from quantservice.simulator.config import Limits, MarketName
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.faults.overlay import KlineOverlay
from quantservice.simulator.markets import figures
from quantservice.simulator.markets.bars import Bar
from quantservice.simulator.protocol import answers
from quantservice.simulator.protocol.frames import kline_values
from quantservice.simulator.protocol.streams import VENUE_PERIODS
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rules.referee import Access, Referee

#: default and largest ``limit`` per endpoint
_LIMITS: Final[dict[tuple[str, str], tuple[int, int]]] = {
    ("spot", "klines"): (500, 1_000),
    ("um", "klines"): (500, 1_500),
    ("cm", "klines"): (500, 1_500),
    ("spot", "depth"): (100, 5_000),
    ("um", "depth"): (500, 1_000),
    ("cm", "depth"): (500, 1_000),
}
_FUTURES_DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1_000)


class VenueRefusal(Exception):  # it is the venue's answer, not our error
    """An answer with the venue's own code."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        self.code = code
        self.status = status
        super().__init__(message)

    @property
    def body(self) -> bytes:
        """The answer's JSON."""
        return to_json({"code": self.code, "msg": str(self)})


class Query:
    """A request's parameters, read the way the venue reads them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def symbol(self, market: MarketState) -> Listing:
        """Return the symbol asked for, or refuse."""
        name = self._values.get("symbol", "")
        if not name:
            raise VenueRefusal(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        listing = market.find(name)
        if listing is None:
            raise VenueRefusal(-1121, "Invalid symbol.")
        return listing

    def has(self, name: str) -> bool:
        """Tell whether a parameter was sent."""
        return bool(self._values.get(name))

    def text(self, name: str) -> str:
        """Return a mandatory parameter."""
        value = self._values.get(name, "")
        if not value:
            raise VenueRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value

    def integer(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number, or refuse what is not one."""
        value = self._values.get(name)
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 18:
            raise VenueRefusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """Return ``limit``; the venue refuses zero and cuts what is too large."""
        value = self.integer("limit", default)
        if value is None or value < 1:
            raise VenueRefusal(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(value, most)


class RestApi:
    """One market's endpoints."""

    def __init__(
        self, state: MarketState, limits: Limits, orders: list[dict[str, Any]], overlay: KlineOverlay, referee: Referee
    ) -> None:
        self._state = state
        self._market: MarketName = state.market
        self._limits = limits
        self._order_limits = orders
        self._overlay = overlay
        self._referee = referee

    def weight_limit(self, endpoint: str, values: Mapping[str, str]) -> int:
        """Return the ``limit`` that decides a request's weight."""
        default, most = _LIMITS.get((self._market, endpoint), (500, 1_000))
        value = values.get("limit", "")
        return min(int(value), most) if value.isascii() and value.isdigit() and len(value) < 9 else default

    async def answer(self, endpoint: str, values: Mapping[str, str], who: str) -> bytes:
        """Return the JSON answer of one request, or raise the venue's refusal."""
        query = Query(values)
        match endpoint:
            case "ping":
                return b"{}"
            case "time":
                return to_json({"serverTime": self._state.clock.server_ms()})
            case "exchangeInfo":
                return self._exchange_info(query)
            case "klines" | "uiKlines":
                return await self._klines(query, who)
            case "depth":
                return self._depth(query)
            case "trades" | "historicalTrades":
                return self._trades(query)
            case "aggTrades":
                return self._agg_trades(query)
            case "avgPrice" if self._market == "spot":
                return self._of_one(query, figures.average_price)
            case "ticker/24hr":
                one = query.has("symbol")
                return self._of_one_or_all(query, figures.day_ticker) if one else await self._all_day_tickers()
            case "ticker/price":
                return self._of_one_or_all(query, figures.last_price)
            case "ticker/bookTicker":
                return self._of_one_or_all(query, figures.best)
            case _ if self._market != "spot":
                return self._futures(endpoint, query)
            case _:
                raise VenueRefusal(-1, "Not found.", status=404)

    def _futures(self, endpoint: str, query: Query) -> bytes:
        match endpoint:
            case "premiumIndex":
                return self._of_one_or_all(query, figures.premium_index)
            case "openInterest":
                return self._of_one(query, figures.open_interest)
            case "openInterestHist":
                listing = self._open_interest_listing(query)
                period = self._period(query, name="period")
                start, end, limit = query.integer("startTime"), query.integer("endTime"), query.limit(30, 500)
                return to_json(figures.open_interest_history(self._state, listing, period, (start, end, limit)))
            case "fundingRate":
                listing = query.symbol(self._state)
                return to_json(
                    figures.funding_rates(
                        self._state, listing, query.integer("startTime"), query.integer("endTime"), query.limit(100, 1_000)
                    )
                )
            case "fundingInfo":
                return to_json(figures.funding_info(self._state))
            case _:
                raise VenueRefusal(-5000, f"Path /{endpoint}, Method GET is invalid", status=404)

    def _exchange_info(self, query: Query) -> bytes:
        listings = [query.symbol(self._state)] if query.has("symbol") else list(self._state.listings.values())
        return to_json(
            answers.exchange_info(self._market, listings, self._limits, self._order_limits, self._state.clock.server_ms())
        )

    def _open_interest_listing(self, query: Query) -> Listing:
        if self._market == "um":
            return query.symbol(self._state)
        pair, contract = query.text("pair"), query.text("contractType")
        for listing in self._state.listings.values():
            if listing.spec.pair == pair and listing.spec.contract_type == contract:
                return listing
        raise VenueRefusal(-1121, "Invalid symbol.")

    def _period(self, query: Query, *, name: str = "interval") -> str:
        sent = query.text(name)
        if sent not in VENUE_PERIODS or (sent == "1s" and self._market != "spot"):
            raise VenueRefusal(-1120, "Invalid interval.")
        return VENUE_PERIODS[sent]

    async def _klines(self, query: Query, who: str) -> bytes:
        listing = query.symbol(self._state)
        period = self._period(query)
        if not figures.can_serve(listing.history, period):
            return b"[]"
        default, most = _LIMITS[self._market, "klines"]
        limit = query.limit(default, most)
        start, end = query.integer("startTime"), query.integer("endTime")
        if start is not None and end is not None:
            if start > end:
                raise VenueRefusal(-1023, "Start time is greater than end time.")
            if self._market == "cm" and end - start > 200 * DAY_MS:
                raise VenueRefusal(-4084, "The time interval between startTime and endTime exceeds 200 days.")
        first_open, end_open = _kline_window(period, (start, end, limit), self._state.clock.now_ms(), listing.history.first_ms)
        if end_open - first_open > 30 * DAY_MS:
            await listing.history.warm(first_open, min(end_open, self._state.clock.now_ms()))
        table = self._state.bars(listing, period, first_open, end_open)
        table = table[:limit] if start is not None else table[-limit:]
        rows: list[bytes] = []
        opens: list[int] = []
        for row in table:
            bar = Bar.of(row)
            changed = self._overlay.rest(self._market, listing.spec.symbol, query.text("interval"), bar)
            if changed is None:
                continue
            values = listing.history.exact_text(period, bar.open_time) if changed is bar else None
            rows.append(_kline_row(values or kline_values(listing.text, changed), bar.open_time, close_of(period, bar.open_time)))
            opens.append(bar.open_time)
        if opens:
            self._referee.served(
                Access("rest", who, self._market, listing.spec.symbol, query.text("interval"), opens[0], opens[-1], len(opens))
            )
        return b"[" + b",".join(rows) + b"]"

    def _depth(self, query: Query) -> bytes:
        listing = query.symbol(self._state)
        default, most = _LIMITS[self._market, "depth"]
        limit = query.limit(default, most)
        if self._market != "spot" and limit not in _FUTURES_DEPTHS:
            raise VenueRefusal(-4021, "Invalid depth limit.")
        book = self._state.book_of(listing.spec.symbol)
        bids, asks = book.snapshot(limit)
        text, now = listing.text, self._state.clock.server_ms()
        answer: dict[str, Any] = {"lastUpdateId": book.update_id}
        if self._market != "spot":
            answer |= {"E": now, "T": now - 2}
        if self._market == "cm":
            answer |= {"symbol": listing.spec.symbol, "pair": listing.spec.pair}
        answer["bids"] = [[text.price(price), text.quantity(size)] for price, size in bids]
        answer["asks"] = [[text.price(price), text.quantity(size)] for price, size in asks]
        return to_json(answer)

    def _trades(self, query: Query) -> bytes:
        listing = query.symbol(self._state)
        limit = query.limit(500, 1_000)
        return to_json(figures.recent_trades(self._state, listing, limit))

    def _agg_trades(self, query: Query) -> bytes:
        listing = query.symbol(self._state)
        limit = query.limit(500, 1_000)
        return to_json(figures.agg_trades(self._state, listing, (query.integer("startTime"), query.integer("endTime")), limit))

    def _of_one(self, query: Query, figure: figures.Figure) -> bytes:
        return to_json(figure(self._state, query.symbol(self._state)))

    async def _all_day_tickers(self) -> bytes:
        """Return every symbol's 24-hour ticker. A day of each is made for it, so others are served in between."""
        tickers = []
        for listing in [one for one in self._state.listings.values() if not one.delisted]:
            now_ms = self._state.clock.now_ms()
            await listing.history.warm(now_ms - DAY_MS, now_ms)
            tickers.append(figures.day_ticker(self._state, listing))
        return to_json(tickers)

    def _of_one_or_all(self, query: Query, figure: figures.Figure) -> bytes:
        if query.has("symbol"):
            value = figure(self._state, query.symbol(self._state))
            # coin-margined answers are lists even for one symbol
            return to_json([value] if self._market == "cm" else value)
        return to_json([figure(self._state, listing) for listing in self._state.listings.values() if not listing.delisted])


def _kline_window(period: str, wanted: tuple[int | None, int | None, int], now_ms: int, first_ms: int) -> tuple[int, int]:
    """Return ``[first, end)`` of the open times that answer startTime, endTime and limit."""
    start, end, limit = wanted
    length = period_ms(period) if period != "1mo" else 31 * DAY_MS
    last_open = floor_open(period, min(end, now_ms) if end is not None else now_ms)
    if start is not None:
        first = floor_open(period, max(start, first_ms - length))
        if first < start:
            first = next_open(period, first)
        reach = next_open(period, last_open)
        return first, max(first, min(reach, first + (limit + 1) * length))
    return max(floor_open(period, last_open - limit * length), floor_open(period, first_ms)), next_open(period, last_open)


def _kline_row(values: tuple[str, ...], open_time: int, close_time: int) -> bytes:
    o, h, low, c, v, q, n, taker, taker_quote, _ = values
    return f'[{open_time},"{o}","{h}","{low}","{c}","{v}",{close_time},"{q}",{n},"{taker}","{taker_quote}","0"]'.encode()


def parse_json(body: bytes) -> Any:
    """Return a request body's JSON, or refuse it."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise VenueRefusal(-1100, f"Illegal JSON: {error}") from None
