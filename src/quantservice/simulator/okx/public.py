"""Market data over REST: instruments, candles, books, trades, tickers, funding, open interest."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from quantservice.core.money import exact
from quantservice.core.periods import DAY_MS, HOUR_MS, period_ms
from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.exchange import Listing
from quantservice.simulator.faults.overlay import KlineOverlay
from quantservice.simulator.markets import figures
from quantservice.simulator.markets.bars import Bar, Trades, aggregate
from quantservice.simulator.okx.config import OkxMarketName
from quantservice.simulator.okx.counter import Call, Endpoint, Endpoints
from quantservice.simulator.okx.market import OkxMarket, tick
from quantservice.simulator.okx.words import OkxRefusal, integer, limit, text
from quantservice.simulator.private.text import plain

Row = dict[str, Any]
#: the venue's bars whose borders are UTC's, and our periods
UTC_BARS: Final[dict[str, str]] = {
    "1m": "1m",
    "3m": "3m",
    "5m": "5m",
    "15m": "15m",
    "30m": "30m",
    "1H": "1h",
    "2H": "2h",
    "4H": "4h",
    "6Hutc": "6h",
    "12Hutc": "12h",
    "1Dutc": "1d",
    "1Wutc": "1w",
    "1Mutc": "1mo",
}
#: those whose borders are Hong Kong's, eight hours earlier
HONG_KONG_BARS: Final[dict[str, str]] = {"6H": "6h", "12H": "12h", "1D": "1d", "1W": "1w", "1M": "1mo"}
_EAST_MS: Final = 8 * HOUR_MS
_STATES: Final = {"TRADING": "live", "BREAK": "suspend", "PENDING_TRADING": "preopen"}
_SETTLED: Final = Decimal("0.00000001")


class PublicApi:
    """The public endpoints of both markets."""

    def __init__(self, markets: Mapping[OkxMarketName, OkxMarket], clock: SimulatorClock, overlay: KlineOverlay) -> None:
        self._markets = markets
        self._clock = clock
        self._overlay = overlay

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        base = "/api/v5"
        return {
            ("GET", f"{base}/public/time"): Endpoint(lambda _: [{"ts": str(self._clock.server_ms())}], "none", 10),
            ("GET", f"{base}/system/status"): Endpoint(lambda _: [], "none", 1, 5.0),
            ("GET", f"{base}/public/instruments"): Endpoint(self.instruments, "none", 20),
            ("GET", f"{base}/public/funding-rate"): Endpoint(self.funding, "none", 10, by_instrument=True),
            ("GET", f"{base}/public/funding-rate-history"): Endpoint(self.funding_history, "none", 10, by_instrument=True),
            ("GET", f"{base}/public/open-interest"): Endpoint(self.open_interest, "none", 20),
            ("GET", f"{base}/rubik/stat/contracts/open-interest-history"): Endpoint(self.interest_history, "none", 10),
            ("GET", f"{base}/public/mark-price"): Endpoint(self.mark_price, "none", 10),
            ("GET", f"{base}/market/candles"): Endpoint(lambda call: self.candles(call, most=300), "none", 40),
            ("GET", f"{base}/market/history-candles"): Endpoint(lambda call: self.candles(call, most=100), "none", 20),
            ("GET", f"{base}/market/ticker"): Endpoint(self.ticker, "none", 20),
            ("GET", f"{base}/market/tickers"): Endpoint(self.tickers, "none", 20),
            ("GET", f"{base}/market/trades"): Endpoint(self.trades, "none", 100),
            ("GET", f"{base}/market/history-trades"): Endpoint(self.history_trades, "none", 20),
            ("GET", f"{base}/market/books"): Endpoint(self.books, "none", 40),
        }

    # --- which ---------------------------------------------------------------------------------------------------------

    def _market(self, call: Call) -> OkxMarket:
        kind = text(call.params, "instType")
        for market in self._markets.values():
            if market.inst_type == kind:
                return market
        if kind in ("MARGIN", "FUTURES", "OPTION"):
            raise OkxRefusal("51001", f"Instrument ID does not exist: this venue lists no {kind}.", status=400)
        raise OkxRefusal("51000", "Parameter instType error", status=400)

    def _one(self, call: Call) -> tuple[OkxMarket, Listing]:
        inst_id = text(call.params, "instId")
        for market in self._markets.values():
            if market.state.find(inst_id) is not None:
                return market, market.listing(inst_id)
        raise OkxRefusal("51001", "Instrument ID or Spread ID doesn't exist.", status=400)

    def _swap(self, call: Call) -> tuple[OkxMarket, Listing]:
        market, listing = self._one(call)
        if not market.swap:
            raise OkxRefusal("51000", "Parameter instId error", status=400)
        return market, listing

    # --- instruments -----------------------------------------------------------------------------------------------------

    def instruments(self, call: Call) -> list[Row]:
        """Return the instruments of a kind."""
        market, wanted = self._market(call), text(call.params, "instId", "")
        return [instrument(market, one) for one in market.listings() if wanted in ("", one.spec.symbol)]

    # --- candles ---------------------------------------------------------------------------------------------------------

    def candles(self, call: Call, *, most: int) -> list[list[str]]:
        """Return candles, newest first: ``after`` and ``before`` bound their opening times from above and below."""
        market, listing = self._one(call)
        bar = text(call.params, "bar", "1m")
        period, shift = UTC_BARS.get(bar, ""), 0
        if not period:
            period, shift = HONG_KONG_BARS.get(bar, ""), _EAST_MS
        if not period:
            raise OkxRefusal("51000", "Parameter bar error", status=400)
        now_ms, count = self._clock.now_ms(), limit(call.params, 100, most)
        after, before = integer(call.params, "after"), integer(call.params, "before")
        length = period_ms(period) if period != "1mo" else 31 * DAY_MS
        end = min(after if after is not None else now_ms + 1, now_ms + 1)
        start = before + 1 if before is not None else end - (count + 1) * length
        start = max(start, end - (count + 2) * length, listing.history.first_ms - length)
        table = market.state.bars(listing, period, start, end) if not shift else self._shifted(market, listing, period, start, end)
        rows = []
        for row in table[-count:]:
            changed = self._overlay.rest(market.fault_name, listing.spec.symbol, bar, Bar.of(row))
            if changed is not None and start <= changed.open_time < end:
                closed = changed.open_time + length <= now_ms
                rows.append(candle(market, listing, changed, closed=closed))
        return rows[::-1]

    @staticmethod
    def _shifted(market: OkxMarket, listing: Listing, period: str, start: int, end: int) -> Any:
        """Bars whose borders are Hong Kong's: the same minutes, folded by another calendar."""
        length = period_ms(period) if period != "1mo" else 31 * DAY_MS
        rows = market.state.bars(listing, "1h", start - length, end).copy()
        rows[:, 0] += _EAST_MS
        folded = aggregate(rows, period)
        folded[:, 0] -= _EAST_MS
        return folded[(folded[:, 0] >= start) & (folded[:, 0] < end)]

    # --- the market now --------------------------------------------------------------------------------------------------

    def books(self, call: Call) -> list[Row]:
        """Return the book's best levels."""
        market, listing = self._one(call)
        depth = min(integer(call.params, "sz", 1) or 1, 400)
        bids, asks = market.state.book_of(listing.spec.symbol).snapshot(depth)
        return [
            {
                "asks": [level(market, listing, *row) for row in asks],
                "bids": [level(market, listing, *row) for row in bids],
                "ts": str(self._clock.server_ms()),
            }
        ]

    def trades(self, call: Call) -> list[Row]:
        """Return the newest trades, newest first."""
        market, listing = self._one(call)
        count, now_ms = limit(call.params, 100, 500), self._clock.now_ms()
        reach = max(1, count // max(1, listing.spec.minute_trades) + 2) * 60_000
        found = listing.history.trades(max(listing.history.first_ms, now_ms - reach), now_ms + 1)
        first = max(0, len(found.times) - count)
        return [trade(market, listing, found, index) for index in range(len(found.times) - 1, first - 1, -1)]

    def history_trades(self, call: Call) -> list[Row]:
        """Return older trades, newest first: ``after`` is a trade id (type 1) or a time (type 2)."""
        market, listing = self._one(call)
        count, by_time = limit(call.params, 100, 100), text(call.params, "type", "1") == "2"
        after, now_ms = integer(call.params, "after"), self._clock.now_ms()
        end = min(after, now_ms + 1) if by_time and after is not None else now_ms + 1
        history, step = listing.history, 60_000
        rows: list[Row] = []
        while end > history.first_ms and len(rows) < count:
            found = history.trades(max(history.first_ms, end - step), end)
            rows += [
                trade(market, listing, found, index)
                for index in range(len(found.times) - 1, -1, -1)
                if by_time or after is None or found.ids[index] < after
            ]
            if not by_time and after is not None and found.ids and found.ids[0] > after + 10_000:
                step = min(step * 2, DAY_MS)
            end -= step if end - step > history.first_ms else end - history.first_ms
        return rows[:count]

    def ticker(self, call: Call) -> list[Row]:
        """Return one ticker."""
        return [ticker(*self._one(call))]

    def tickers(self, call: Call) -> list[Row]:
        """Return the tickers of a kind of instruments."""
        market = self._market(call)
        return [ticker(market, listing) for listing in market.listings()]

    def mark_price(self, call: Call) -> list[Row]:
        """Return mark prices."""
        market, wanted = self._market(call), text(call.params, "instId", "")
        return [mark(market, listing) for listing in market.listings() if wanted in ("", listing.spec.symbol)]

    # --- funding and open interest ---------------------------------------------------------------------------------------

    def funding(self, call: Call) -> list[Row]:
        """Return the rate of the period that runs, and when it is settled."""
        return [funding(*self._swap(call))]

    def funding_history(self, call: Call) -> list[Row]:
        """Return settled rates, newest first."""
        market, listing = self._swap(call)
        count = limit(call.params, 100, 400)
        after, before = integer(call.params, "after"), integer(call.params, "before")
        end = after - 1 if after is not None else None
        start = before + 1 if before is not None else None
        rows = figures.funding_rates(market.state, listing, start, end, 100_000 if start is not None else count)
        return [
            {
                "instType": "SWAP",
                "instId": listing.spec.symbol,
                "fundingRate": plain(Decimal(row["fundingRate"])),
                "realizedRate": plain(Decimal(row["fundingRate"])),
                "fundingTime": str(row["fundingTime"]),
                "method": "current_period",
                "formulaType": "noRate",
            }
            for row in rows[-count:]
        ][::-1]

    def open_interest(self, call: Call) -> list[Row]:
        """Return the open interest of swaps."""
        market, wanted = self._market(call), text(call.params, "instId", "")
        if not market.swap:
            raise OkxRefusal("51000", "Parameter instType error", status=400)
        return [interest(market, listing) for listing in market.listings() if wanted in ("", listing.spec.symbol)]

    def interest_history(self, call: Call) -> list[list[str]]:
        """Return the open interest at the period's borders, newest first: time, contracts, base currency, US dollars."""
        market, listing = self._swap(call)
        period = {"5m": "5m", "1H": "1h", "1D": "1d", "1Dutc": "1d", "4H": "4h", "15m": "15m"}.get(
            text(call.params, "period", "5m")
        )
        if period is None:
            raise OkxRefusal("51000", "Parameter period error", status=400)
        begin, end = integer(call.params, "begin"), integer(call.params, "end")
        count = limit(call.params, 100, 100)
        points = figures.open_interest_history(market.state, listing, period, (begin, end, 100_000 if begin else count))
        return [
            [
                str(point["timestamp"]),
                market.contracts(listing.spec.symbol, Decimal(point["sumOpenInterest"])),
                plain(Decimal(point["sumOpenInterest"])),
                plain(Decimal(point["sumOpenInterestValue"])),
            ]
            for point in points[-count:]
        ][::-1]


# --- shapes that the streams share ---------------------------------------------------------------------------------------


def instrument(market: OkxMarket, listing: Listing) -> Row:
    """One row of the list of instruments."""
    spec, rule = listing.spec, market.rule(listing.spec.symbol)
    return {
        "instType": market.inst_type,
        "instId": spec.symbol,
        "uly": spec.symbol.removesuffix("-SWAP") if market.swap else "",
        "instFamily": spec.symbol.removesuffix("-SWAP") if market.swap else "",
        "category": "1",
        "baseCcy": "" if market.swap else spec.base,
        "quoteCcy": "" if market.swap else spec.quote,
        "settleCcy": spec.quote if market.swap else "",
        "ctVal": rule.contract,
        "ctMult": "1" if market.swap else "",
        "ctValCcy": spec.base if market.swap else "",
        "ctType": "linear" if market.swap else "",
        "optType": "",
        "stk": "",
        "listTime": str(listing.history.first_ms),
        "expTime": "",
        "lever": "125" if market.swap else "10",
        "tickSz": plain(tick(spec)),
        "lotSz": rule.lot,
        "minSz": rule.smallest,
        "alias": "",
        "state": _STATES.get(listing.status, "suspend"),
        "maxLmtSz": "100000000",
        "maxMktSz": "1000000",
        "maxTriggerSz": "100000000",
        "maxStopSz": "1000000",
        "ruleType": "normal",
    }


def candle(market: OkxMarket, listing: Listing, bar: Bar, *, closed: bool) -> list[str]:
    """A candle: time, prices, volume (contracts on swaps), in currency, in quote currency, and whether it is final."""
    price = [market.price(listing, units) for units in (bar.open, bar.high, bar.low, bar.close)]
    quote = market.quote(listing, bar.quote)
    in_currency = market.base(listing, bar.volume) if market.swap else quote
    return [str(bar.open_time), *price, market.size(listing, bar.volume), in_currency, quote, "1" if closed else "0"]


def level(market: OkxMarket, listing: Listing, price: int, size: int) -> list[str]:
    """A level of a book: price, size, nothing, number of orders."""
    return [market.price(listing, price), market.size(listing, size) if size else "0", "0", "1" if size else "0"]


def trade(market: OkxMarket, listing: Listing, trades: Trades, index: int) -> Row:
    """A trade; its side is the taker's."""
    return {
        "instId": listing.spec.symbol,
        "tradeId": str(trades.ids[index]),
        "px": market.price(listing, trades.prices[index]),
        "sz": market.size(listing, trades.quantities[index]),
        "side": "sell" if trades.sells[index] else "buy",
        "ts": str(trades.times[index]),
    }


@exact
def ticker(market: OkxMarket, listing: Listing) -> Row:
    """A ticker of 24 hours."""
    day, spec = figures.day_ticker(market.state, listing), listing.spec
    bid, bid_size, ask, ask_size = market.state.book_of(spec.symbol).top()
    number = {
        name: plain(Decimal(day[name])) for name in ("lastPrice", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume")
    }
    return {
        "instType": market.inst_type,
        "instId": spec.symbol,
        "last": number["lastPrice"],
        "lastSz": market.size(listing, 1),
        "askPx": market.price(listing, ask),
        "askSz": market.size(listing, ask_size),
        "bidPx": market.price(listing, bid),
        "bidSz": market.size(listing, bid_size),
        "open24h": number["openPrice"],
        "high24h": number["highPrice"],
        "low24h": number["lowPrice"],
        "volCcy24h": number["volume"] if market.swap else number["quoteVolume"],
        "vol24h": market.contracts(spec.symbol, Decimal(day["volume"])),
        "sodUtc0": number["openPrice"],
        "sodUtc8": number["openPrice"],
        "ts": str(market.state.clock.server_ms()),
    }


def mark(market: OkxMarket, listing: Listing) -> Row:
    """A mark price."""
    price = figures.mark_price(market.state, listing)[0]
    return {
        "instType": market.inst_type,
        "instId": listing.spec.symbol,
        "markPx": plain(Decimal(price)),
        "ts": str(market.state.clock.server_ms()),
    }


def funding(market: OkxMarket, listing: Listing) -> Row:
    """The funding rate of the period that runs."""
    now_ms = market.state.clock.now_ms()
    rate, due = figures.mark_price(market.state, listing)[3:5]
    settled = figures.funding_rates(market.state, listing, None, None, 1)
    return {
        "instType": "SWAP",
        "instId": listing.spec.symbol,
        "method": "current_period",
        "formulaType": "noRate",
        "fundingRate": plain(Decimal(rate)),
        "nextFundingRate": "",
        "fundingTime": str(due),
        "nextFundingTime": str(due + figures.FUNDING_MS),
        "minFundingRate": "-0.015",
        "maxFundingRate": "0.015",
        "settState": "settled",
        "settFundingRate": plain(Decimal(settled[-1]["fundingRate"])) if settled else "",
        "premium": "0",
        "ts": str(now_ms),
    }


@exact
def interest(market: OkxMarket, listing: Listing) -> Row:
    """The open interest now."""
    found, price = figures.open_interest(market.state, listing), figures.mark_price(market.state, listing)[0]
    base = Decimal(found["openInterest"])
    return {
        "instType": "SWAP",
        "instId": listing.spec.symbol,
        "oi": market.contracts(listing.spec.symbol, base),
        "oiCcy": plain(base),
        "oiUsd": plain((base * Decimal(price)).quantize(_SETTLED)),
        "ts": str(found["time"]),
    }
