"""HTX's public REST endpoints, of both hosts: what is listed, the venue's clock, klines, books, trades, tickers, funding."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from quantservice.core.periods import DAY_MS
from quantservice.simulator.exchange import Listing
from quantservice.simulator.htx.config import SPOT, SWAP
from quantservice.simulator.htx.market import PERIODS, Quotes
from quantservice.simulator.htx.requests import Endpoint, HtxCall
from quantservice.simulator.htx.rest import Endpoints, error_body
from quantservice.simulator.htx.wording import contract_code, contract_size, raw, spot_name
from quantservice.simulator.markets import figures
from quantservice.simulator.markets.bars import Bar
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rules.referee import Access, Referee

_MOST_KLINES: Final = 2_000
_LISTED: Final = {"TRADING": 1, "PENDING_TRADING": 0, "BREAK": 3}


class BadQuestion(Exception):
    """Market data's answer to what it cannot answer."""


class PublicApi:
    """What both markets have alike; ``field`` names the symbol in questions."""

    market = SPOT
    field = "symbol"

    def __init__(self, quotes: Quotes, referee: Referee, hidden: Callable[[str, str, str, Bar], Bar | None]) -> None:
        self._quotes = quotes
        self._state = quotes.state
        self._referee = referee
        self._hidden = hidden

    def guarded(self, run: Callable[[HtxCall], Any]) -> Endpoint:
        """Make an endpoint whose refusals have market data's own form."""

        async def guarded(call: HtxCall) -> bytes:
            try:
                value = run(call)
                found = await value if hasattr(value, "__await__") else value
                return to_json(found)
            except BadQuestion as error:
                return error_body(self.market, str(error), self.now())

        return Endpoint(guarded, "none", "v1", "market")

    def now(self) -> int:
        """The venue's time."""
        return self._state.clock.server_ms()

    def listing(self, call: HtxCall) -> Listing:
        """Return the symbol that a question names."""
        name = call.params.get(self.field, "")
        found = self._quotes.find(name)
        if found is None:
            raise BadQuestion("invalid symbol")
        return found

    def whole(self, call: HtxCall, name: str, default: int | None = None) -> int | None:
        """Read a whole number of a question."""
        text = call.params.get(name, "")
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise BadQuestion(f"invalid {name}")
        return int(text)

    def told(self, name: str, **fields: Any) -> dict[str, Any]:
        """An answer about a channel."""
        return {"ch": name, "status": "ok", "ts": self.now()} | fields

    async def klines(self, call: HtxCall) -> dict[str, Any]:
        """Return the newest klines, newest first; the swap's of a span, oldest first."""
        listing, word = self.listing(call), call.params.get("period", "")
        if word not in PERIODS:
            raise BadQuestion("invalid period")
        size, start, end = self.whole(call, "size"), self.whole(call, "from"), self.whole(call, "to")
        if size is not None and not 1 <= size <= _MOST_KLINES:
            raise BadQuestion("invalid size, valid range: [1,2000]")
        spanned = self._quotes.swap and start is not None and end is not None and size is None
        if spanned:
            await self._warm(listing, (start or 0) * 1_000, (end or 0) * 1_000)
            rows = self.span(listing, word, start or 0, end or 0)
            if len(rows) > _MOST_KLINES:
                raise BadQuestion("invalid from, to: more than 2000 klines")
        else:
            rows = self._served(listing, word, self._quotes.newest(listing, PERIODS[word], size or 150))[::-1]
        return self.told(f"market.{self._quotes.name(listing)}.kline.{word}", data=rows)

    def span(self, listing: Listing, word: str, start_s: int, end_s: int) -> list[dict[str, Any]]:
        """Return the klines that open within a span, both ends included, oldest first."""
        first = max(start_s * 1_000, listing.history.first_ms)
        if end_s * 1_000 < first:
            return []
        table = self._quotes.bars(listing, PERIODS[word], first, min(end_s * 1_000, self._state.clock.now_ms()) + 1)
        return self._served(listing, word, [row for row in table if row[0] >= start_s * 1_000])

    async def _warm(self, listing: Listing, start_ms: int, end_ms: int) -> None:
        first, last = max(start_ms, listing.history.first_ms), min(end_ms, self._state.clock.now_ms())
        if last - first > 30 * DAY_MS:
            await listing.history.warm(first, last)

    def _served(self, listing: Listing, word: str, table: Any) -> list[dict[str, Any]]:
        name = self._quotes.name(listing)
        bars = [self._hidden(self.market, name, word, Bar.of(row)) for row in table]
        shown = [bar for bar in bars if bar is not None]
        if shown:
            first, last = shown[0].open_time, shown[-1].open_time
            self._referee.served(Access("rest", "htx", self.market, name, word, first, last, len(shown)))
        return [self._quotes.kline(listing, bar) for bar in shown]

    def depth(self, call: HtxCall) -> dict[str, Any]:
        """Return the book."""
        listing, kind = self.listing(call), call.params.get("type", "step0")
        most = min(self.whole(call, "depth") or 150, 150)
        name = f"market.{self._quotes.name(listing)}.depth.{kind}"
        return self.told(name, tick=self._quotes.depth(listing, most))

    def merged(self, call: HtxCall) -> dict[str, Any]:
        """Return the last 24 hours and the best prices of one symbol."""
        listing = self.listing(call)
        ticker = self._quotes.ticker(listing)
        if not self._quotes.swap:
            ticker = {name: value for name, value in ticker.items() if name != "symbol"}
            ticker["bid"] = [ticker["bid"], ticker.pop("bidSize")]
            ticker["ask"] = [ticker["ask"], ticker.pop("askSize")]
            ticker |= {"id": self.now(), "version": self.now()}
        return self.told(f"market.{self._quotes.name(listing)}.detail.merged", tick=ticker)

    def trades(self, call: HtxCall) -> dict[str, Any]:
        """Return the newest trades."""
        listing = self.listing(call)
        size = self.whole(call, "size", 1) or 1
        data = self._quotes.trades(listing, min(size, _MOST_KLINES))
        return self.told(f"market.{self._quotes.name(listing)}.trade.detail", data=data)

    def last_trade(self, call: HtxCall) -> dict[str, Any]:
        """Return the last trade."""
        listing = self.listing(call)
        groups = self._quotes.trades(listing, 1)
        tick = groups[0] if groups else {"id": 0, "ts": self.now(), "data": []}
        return self.told(f"market.{self._quotes.name(listing)}.trade.detail", tick=tick)


class SpotPublic(PublicApi):
    """Spot's host."""

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        made = {
            "/v1/common/timestamp": lambda _: {"status": "ok", "data": self.now()},
            "/v1/common/symbols": self.symbols_old,
            "/v2/settings/common/symbols": self.symbols,
            "/v1/settings/common/market-symbols": self.market_symbols,
            "/v2/market-status": self.status,
            "/market/history/kline": self.klines,
            "/market/depth": self.depth,
            "/market/detail/merged": self.merged,
            "/market/tickers": self.tickers,
            "/market/trade": self.last_trade,
            "/market/history/trade": self.trades,
        }
        return {("GET", path): self.guarded(run) for path, run in made.items()}

    def _all(self) -> list[Listing]:
        return [listing for listing in self._state.listings.values() if not listing.delisted]

    def status(self, _: HtxCall) -> dict[str, Any]:
        """Return whether the market is open."""
        return {"code": 200, "message": "success", "data": {"marketStatus": 1}, "ok": True}

    def tickers(self, _: HtxCall) -> dict[str, Any]:
        """Return every symbol's last 24 hours."""
        return {"status": "ok", "ts": self.now(), "data": [self._quotes.ticker(listing) for listing in self._all()]}

    def market_symbols(self, _: HtxCall) -> dict[str, Any]:
        """Return every symbol's rules of trading."""
        return {"status": "ok", "data": [_rules(listing) for listing in self._all()], "ts": str(self.now()), "full": 1}

    def symbols(self, _: HtxCall) -> dict[str, Any]:
        """Return every symbol's description."""
        rows = []
        for listing in self._all():
            spec = listing.spec
            rows.append(
                {
                    "sc": spot_name(listing),
                    "dn": f"{spec.base}/{spec.quote}",
                    "bc": spec.base.lower(),
                    "qc": spec.quote.lower(),
                    "bcdn": spec.base,
                    "qcdn": spec.quote,
                    "state": _state(listing),
                    "te": listing.status == "TRADING",
                    "sp": "main",
                    "tpp": spec.price_decimals,
                    "tap": spec.lot_decimals,
                    "ttp": 8,
                    "fp": 8,
                    "toa": listing.history.first_ms,
                    "tags": "",
                    "w": 1,
                }
            )
        return {"status": "ok", "data": rows, "ts": str(self.now()), "full": 1}

    def symbols_old(self, _: HtxCall) -> dict[str, Any]:
        """Return the same in the venue's older words."""
        rows = []
        for listing in self._all():
            spec, rules = listing.spec, _rules(listing)
            limits = {f"limit-order-{what}-order-amt": rules[f"lo{what}oa"] for what in ("min", "max")}
            rows.append(
                {
                    "symbol": rules["symbol"],
                    "base-currency": spec.base.lower(),
                    "quote-currency": spec.quote.lower(),
                    "price-precision": spec.price_decimals,
                    "amount-precision": spec.lot_decimals,
                    "value-precision": 8,
                    "symbol-partition": "main",
                    "state": rules["state"],
                    "min-order-amt": rules["minoa"],
                    "max-order-amt": rules["maxoa"],
                    "min-order-value": rules["minov"],
                    "sell-market-min-order-amt": rules["minoa"],
                    "sell-market-max-order-amt": rules["maxoa"],
                    "buy-market-max-order-value": 10_000_000,
                    "api-trading": "enabled",
                    "tags": "",
                }
                | limits
            )
        return {"status": "ok", "data": rows}


class SwapPublic(PublicApi):
    """The contracts' host."""

    market = SWAP
    field = "contract_code"

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        one, data = "/linear-swap-api/v1", "/linear-swap-ex/market"
        made = {
            "/api/v1/timestamp": lambda _: {"status": "ok", "ts": self.now()},
            f"{one}/swap_contract_info": self.contracts,
            f"{one}/swap_funding_rate": self.funding_rate,
            f"{one}/swap_batch_funding_rate": self.funding_rate,
            f"{one}/swap_historical_funding_rate": self.funding_rates,
            f"{one}/swap_open_interest": self.open_interest,
            f"{data}/history/kline": self.klines,
            f"{data}/depth": self.depth,
            f"{data}/detail/merged": self.merged,
            f"{data}/trade": self.last_trade,
            f"{data}/history/trade": self.trades,
            "/v2/linear-swap-ex/market/detail/batch_merged": self.tickers,
        }
        return {("GET", path): self.guarded(run) for path, run in made.items()}

    def _some(self, call: HtxCall) -> list[Listing]:
        if call.params.get(self.field):
            return [self.listing(call)]
        return [listing for listing in self._state.listings.values() if not listing.delisted]

    def _ok(self, data: Any) -> dict[str, Any]:
        return {"status": "ok", "data": data, "ts": self.now()}

    def contracts(self, call: HtxCall) -> dict[str, Any]:
        """Return what is listed."""
        rows = []
        for listing in self._some(call):
            listed = dt.datetime.fromtimestamp(listing.history.first_ms / 1_000, tz=dt.UTC)
            rows.append(
                _names(listing)
                | {
                    "contract_size": raw(contract_size(listing)),
                    "price_tick": raw(listing.text.tick),
                    "delivery_date": "",
                    "delivery_time": "",
                    "create_date": f"{listed:%Y%m%d}",
                    "contract_status": _LISTED.get(listing.status, 3),
                    "settlement_date": str((self._state.clock.now_ms() // figures.FUNDING_MS + 1) * figures.FUNDING_MS),
                    "support_margin_mode": "all",
                }
            )
        return self._ok(rows)

    def funding_rate(self, call: HtxCall) -> dict[str, Any]:
        """Return the rate that is settled next."""
        rows = []
        for listing in self._some(call):
            *_, rate, due = figures.mark_price(self._state, listing)
            row: dict[str, Any] = {"contract_code": contract_code(listing), "symbol": listing.spec.base}
            more = {
                "funding_rate": rate,
                "funding_time": str(due),
                "fee_asset": "USDT",
                "estimated_rate": None,
                "next_funding_time": None,
            }
            rows.append(row | more)
        return self._ok(rows[0] if call.params.get(self.field) else rows)

    def funding_rates(self, call: HtxCall) -> dict[str, Any]:
        """Return settled rates, newest first, page by page."""
        listing = self.listing(call)
        size = min(self.whole(call, "page_size", 20) or 20, 50)
        page = max(1, self.whole(call, "page_index", 1) or 1)
        now = self._state.clock.now_ms()
        total = max(0, (now - listing.history.first_ms) // figures.FUNDING_MS - 1)
        newest = now // figures.FUNDING_MS - (page - 1) * size
        found = self._quotes.funding(listing, (newest - size + 1) * figures.FUNDING_MS, newest * figures.FUNDING_MS, size)
        rows = [
            {
                "contract_code": contract_code(listing),
                "symbol": listing.spec.base,
                "fee_asset": "USDT",
                "funding_rate": row["fundingRate"],
                "realized_rate": row["fundingRate"],
                "avg_premium_index": "0",
                "funding_time": str(row["fundingTime"]),
            }
            for row in reversed(found)
        ]
        pages = {"total_page": -(-total // size), "current_page": page, "total_size": total}
        return self._ok(pages | {"data": rows})

    def open_interest(self, call: HtxCall) -> dict[str, Any]:
        """Return open interest, in contracts and coins."""
        rows = []
        for listing in self._some(call):
            coins = figures.open_interest(self._state, listing)["openInterest"]
            volume = raw(coins.replace(".", "").lstrip("0") or "0")
            rows.append(_names(listing) | {"volume": volume, "amount": raw(coins), "value": 0, "trade_volume": 0})
        return self._ok(rows)

    def tickers(self, call: HtxCall) -> dict[str, Any]:
        """Return the last 24 hours of every contract."""
        ticks = [self._quotes.ticker(listing) for listing in self._some(call)]
        return {"status": "ok", "ticks": ticks, "ts": self.now()}


def _names(listing: Listing) -> dict[str, str]:
    code = contract_code(listing)
    return {
        "symbol": listing.spec.base,
        "contract_code": code,
        "pair": code,
        "contract_type": "swap",
        "business_type": "swap",
        "trade_partition": "USDT",
    }


def _state(listing: Listing) -> str:
    return {"TRADING": "online", "PENDING_TRADING": "pre-online"}.get(listing.status, "suspend")


def _rules(listing: Listing) -> dict[str, Any]:
    spec = listing.spec
    least, most = raw(contract_size(listing)), 9_000_000
    return {
        "symbol": spot_name(listing),
        "state": _state(listing),
        "bc": spec.base.lower(),
        "qc": spec.quote.lower(),
        "pp": spec.price_decimals,
        "ap": spec.lot_decimals,
        "vp": 8,
        "sp": "main",
        "minoa": least,
        "maxoa": most,
        "minov": 5,
        "lominoa": least,
        "lomaxoa": most,
        "lomaxba": most,
        "lomaxsa": most,
        "smminoa": least,
        "smmaxoa": most,
        "bmmaxov": 10_000_000,
        "blmlt": 5,
        "slmgt": 0.2,
        "at": "enabled",
        "tags": "",
    }
