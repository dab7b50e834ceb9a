"""Figures derived from a symbol's market: tickers, averages, trades, funding, mark price, open interest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from quantservice.core.periods import DAY_MS, FIXED_MS, HOUR_MS, MINUTE_MS, period_ms
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.markets.bars import Bar, History, Trades, aggregate
from quantservice.simulator.protocol.text import decimal_writer

Figure = Callable[[MarketState, Listing], dict[str, Any]]
FUNDING_MS: Final = 8 * HOUR_MS
_EIGHT = decimal_writer(8)


def can_serve(history: History, period: str) -> bool:
    """Tell whether a history's base bars add up to ``period``."""
    length = FIXED_MS.get(period)
    return length is None or (length >= history.base_ms and length % history.base_ms == 0)


def last_bar(state: MarketState, listing: Listing) -> Bar | None:
    """Return the newest base bar, unclosed included."""
    history, now = listing.history, state.clock.now_ms()
    rows = state.bars(listing, _base_period(history), (now // history.base_ms - 1) * history.base_ms, now + 1)
    return Bar.of(rows[-1]) if len(rows) else None


def day_ticker(state: MarketState, listing: Listing) -> dict[str, Any]:
    """Return the 24-hour ticker."""
    now, text, history = state.clock.now_ms(), listing.text, listing.history
    start = (now - DAY_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS
    rows = history.rows(max(start, history.first_ms), now // history.base_ms * history.base_ms)
    total = Bar.of(rows[0]) if len(rows) else Bar(start, 1, 1, 1, 1)
    if len(rows):
        whole = aggregate(rows, "1mo")
        for index, row in enumerate(whole):
            total = Bar.of(row) if index == 0 else _folded(total, Bar.of(row))
    change = total.close - total.open
    percent = change / total.open * 100
    weighted = total.quote / max(1, total.volume) / 10 ** (text.quote_decimals - listing.spec.lot_decimals)
    if state.market == "cm":
        weighted = total.close / 10**listing.spec.price_decimals
    ticker: dict[str, Any] = {"symbol": listing.spec.symbol}
    if state.market == "cm":
        ticker["pair"] = listing.spec.pair
    sign = "-" if change < 0 else ""
    ticker |= {
        "priceChange": sign + text.price(abs(change)),
        "priceChangePercent": f"{percent:.3f}",
        "weightedAvgPrice": f"{weighted:.{8 if state.market == 'spot' else listing.spec.price_decimals}f}",
    }
    if state.market == "spot":
        ticker["prevClosePrice"] = text.price(total.open)
    ticker |= {"lastPrice": text.price(total.close), "lastQty": text.quantity(1)}
    if state.market == "spot":
        bid, bid_size, ask, ask_size = state.book_of(listing.spec.symbol).top()
        ticker |= {
            "bidPrice": text.price(bid),
            "bidQty": text.quantity(bid_size),
            "askPrice": text.price(ask),
            "askQty": text.quantity(ask_size),
        }
    return ticker | {
        "openPrice": text.price(total.open),
        "highPrice": text.price(total.high),
        "lowPrice": text.price(total.low),
        "volume": text.quantity(total.volume),
        "baseVolume" if state.market == "cm" else "quoteVolume": text.quote(total.quote),
        "openTime": start,
        "closeTime": now,
        "firstId": total.first_id,
        "lastId": total.first_id + total.count - 1,
        "count": total.count,
    }


def last_price(state: MarketState, listing: Listing) -> dict[str, Any]:
    """Return the last price."""
    bar = last_bar(state, listing)
    price: dict[str, Any] = {"symbol": listing.spec.symbol}
    if state.market == "cm":
        price["ps"] = listing.spec.pair
    price["price"] = listing.text.price(bar.close if bar else 0)
    if state.market != "spot":
        price["time"] = state.clock.server_ms()
    return price


def best(state: MarketState, listing: Listing) -> dict[str, Any]:
    """Return the best bid and ask."""
    text, book = listing.text, state.book_of(listing.spec.symbol)
    bid, bid_size, ask, ask_size = book.top()
    ticker: dict[str, Any] = {"symbol": listing.spec.symbol}
    if state.market != "spot":
        ticker = {"lastUpdateId": book.update_id} | ticker
    if state.market == "cm":
        ticker["pair"] = listing.spec.pair
    ticker |= {
        "bidPrice": text.price(bid),
        "bidQty": text.quantity(bid_size),
        "askPrice": text.price(ask),
        "askQty": text.quantity(ask_size),
    }
    if state.market != "spot":
        ticker["time"] = state.clock.server_ms()
    return ticker


def average_price(state: MarketState, listing: Listing) -> dict[str, Any]:
    """Return the average price of five minutes."""
    now = state.clock.now_ms()
    rows = listing.history.rows(now - 5 * MINUTE_MS, now // MINUTE_MS * MINUTE_MS)
    closes = [int(row[4]) for row in rows] or [1]
    return {"mins": 5, "price": listing.text.price(sum(closes) // len(closes)), "closeTime": now}


def mark_price(state: MarketState, listing: Listing) -> tuple[str, str, str, str, int]:
    """Return mark, index and settle price, the funding rate and the next funding time."""
    bar = last_bar(state, listing)
    unit = 10 ** (8 - listing.spec.price_decimals)
    price = (bar.close if bar else 1) * unit
    index = price - price // 25_000
    now = state.clock.now_ms()
    perpetual = listing.spec.contract_type == "PERPETUAL"
    rate = _EIGHT(_rate(listing, now // FUNDING_MS)) if perpetual else ""
    if rate and _rate(listing, now // FUNDING_MS) < 0:
        rate = "-" + _EIGHT(-_rate(listing, now // FUNDING_MS))
    next_funding = (now // FUNDING_MS + 1) * FUNDING_MS if perpetual else 0
    return _EIGHT(price - price // 40_000), _EIGHT(index), _EIGHT(index), rate, next_funding


def premium_index(state: MarketState, listing: Listing) -> dict[str, Any]:
    """Return the mark price and funding of one symbol."""
    mark, index, settle, rate, next_funding = mark_price(state, listing)
    answer: dict[str, Any] = {"symbol": listing.spec.symbol}
    if state.market == "cm":
        answer["pair"] = listing.spec.pair
    return answer | {
        "markPrice": mark,
        "indexPrice": index,
        "estimatedSettlePrice": settle,
        "lastFundingRate": rate,
        "interestRate": "0.00010000" if rate else "",
        "nextFundingTime": next_funding,
        "time": state.clock.server_ms(),
    }


def funding_rates(state: MarketState, listing: Listing, start: int | None, end: int | None, limit: int) -> list[dict[str, Any]]:
    """Return settled funding rates, oldest first: from ``start``, or the newest ``limit``."""
    if listing.spec.contract_type != "PERPETUAL":
        return []
    now, history = state.clock.now_ms(), listing.history
    last = min(end if end is not None else now, now) // FUNDING_MS
    floor = -(-history.first_ms // FUNDING_MS) + 1
    first = max(floor, -(-start // FUNDING_MS) if start is not None else last - limit + 1)
    rates: list[dict[str, Any]] = []
    for index in range(first, min(last + 1, first + limit)):
        price = history.price_before(index * FUNDING_MS) * 10 ** (8 - listing.spec.price_decimals)
        value = _rate(listing, index)
        rates.append(
            {
                "symbol": listing.spec.symbol,
                "fundingTime": index * FUNDING_MS,
                "fundingRate": ("-" if value < 0 else "") + _EIGHT(abs(value)),
                "markPrice": _EIGHT(price),
            }
        )
    return rates


def funding_info(state: MarketState) -> list[dict[str, Any]]:
    """Return the funding rules of the perpetuals."""
    return [
        {
            "symbol": listing.spec.symbol,
            "adjustedFundingRateCap": "0.02500000",
            "adjustedFundingRateFloor": "-0.02500000",
            "fundingIntervalHours": 8,
            "disclaimer": False,
        }
        for listing in state.listings.values()
        if listing.spec.contract_type == "PERPETUAL" and not listing.delisted
    ]


def open_interest(state: MarketState, listing: Listing) -> dict[str, Any]:
    """Return the open interest now."""
    answer: dict[str, Any] = {
        "symbol": listing.spec.symbol,
        "openInterest": listing.text.quantity(_interest(listing, state.clock.now_ms())),
        "time": state.clock.server_ms(),
    }
    if state.market == "cm":
        answer |= {"pair": listing.spec.pair, "contractType": listing.spec.contract_type}
    return answer


def open_interest_history(
    state: MarketState, listing: Listing, period: str, wanted: tuple[int | None, int | None, int]
) -> list[dict[str, Any]]:
    """Return the open interest at the period's borders, oldest first."""
    start, end, limit = wanted
    step, now = period_ms(period), state.clock.now_ms()
    last = min(end if end is not None else now, now) // step
    first = -(-start // step) if start is not None else last - limit + 1
    points: list[dict[str, Any]] = []
    for index in range(max(first, listing.history.first_ms // step + 1), min(last + 1, first + limit)):
        interest = _interest(listing, index * step)
        rows = listing.history.rows(index * step - listing.history.base_ms, index * step)
        price = int(rows[-1][4]) / 10**listing.spec.price_decimals if len(rows) else 0.0
        value = interest / 10**listing.spec.lot_decimals * price
        name: dict[str, Any] = {"symbol": listing.spec.symbol}
        if state.market == "cm":
            name = {"pair": listing.spec.pair, "contractType": listing.spec.contract_type}
        points.append(
            name
            | {
                "sumOpenInterest": listing.text.quantity(interest),
                "sumOpenInterestValue": f"{value:.8f}",
                "timestamp": index * step,
            }
        )
    return points


def recent_trades(state: MarketState, listing: Listing, limit: int) -> list[dict[str, Any]]:
    """Return the newest trades, oldest first."""
    trades, text = _newest(state, listing, limit), listing.text
    rows: list[dict[str, Any]] = []
    for index in range(max(0, len(trades.times) - limit), len(trades.times)):
        row: dict[str, Any] = {
            "id": trades.ids[index],
            "price": text.price(trades.prices[index]),
            "qty": text.quantity(trades.quantities[index]),
            "baseQty" if state.market == "cm" else "quoteQty": text.quote(trades.quotes[index]),
            "time": trades.times[index],
            "isBuyerMaker": trades.sells[index],
        }
        if state.market == "spot":
            row["isBestMatch"] = True
        rows.append(row)
    return rows


def agg_trades(state: MarketState, listing: Listing, span: tuple[int | None, int | None], limit: int) -> list[dict[str, Any]]:
    """Return aggregate trades: from startTime on, or the newest."""
    start, end = span
    now = state.clock.now_ms()
    if start is None:
        trades = _newest(state, listing, limit)
        indexes = range(max(0, len(trades.times) - limit), len(trades.times))
    else:
        stop = min(now + 1, end + 1 if end is not None else start + HOUR_MS)
        trades = listing.history.trades(start, max(start + 1, stop))
        indexes = range(min(limit, len(trades.times)))
    text = listing.text
    rows: list[dict[str, Any]] = []
    for index in indexes:
        row: dict[str, Any] = {
            "a": trades.ids[index],
            "p": text.price(trades.prices[index]),
            "q": text.quantity(trades.quantities[index]),
            "f": trades.first_ids[index],
            "l": trades.ids[index],
            "T": trades.times[index],
            "m": trades.sells[index],
        }
        if state.market == "spot":
            row["M"] = True
        rows.append(row)
    return rows


def _newest(state: MarketState, listing: Listing, limit: int) -> Trades:
    now = state.clock.now_ms()
    reach = max(1, limit // max(1, listing.spec.minute_trades) + 2) * MINUTE_MS
    return listing.history.trades(max(listing.history.first_ms, now - reach), now + 1)


def _base_period(history: History) -> str:
    return next(name for name, length in FIXED_MS.items() if length == history.base_ms)


def _folded(total: Bar, other: Bar) -> Bar:
    total.fold(other)
    return total


def _rate(listing: Listing, index: int) -> int:
    """Return a funding rate in units of 1e-8: slow, small, now and then negative; a function of the period alone."""
    phase = sum(listing.spec.symbol.encode()) % 97
    return round(8_000 + 9_000 * math.sin((index + phase) / 17) + 3_000 * math.sin((index * 7 + phase) / 5))


def _interest(listing: Listing, time_ms: int) -> int:
    phase = sum(listing.spec.symbol.encode()) % 89
    base = listing.spec.minute_volume * 900 * 10**listing.spec.lot_decimals
    return int(base * (1 + 0.15 * math.sin(time_ms / DAY_MS / 3 + phase) + 0.02 * math.sin(time_ms / HOUR_MS + phase)))
