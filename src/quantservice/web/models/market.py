"""Market data as it is served: one row model and one page model per kind."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quantservice.web.models.common import Answer, DecimalText, MarketName, Millis, PeriodName


class KlineRow(Answer):
    """One OHLCV row. The last four fields are present with ``ledger=true``."""

    open_time: Millis
    close_time: Millis
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText
    quote_volume: DecimalText
    count: int = Field(description="Trades in the bar.", examples=[89])
    taker_buy_base_volume: DecimalText
    taker_buy_quote_volume: DecimalText
    source: str | None = Field(default=None, description="ws, rest, archive, import or derived.", examples=["ws"])
    revision: int | None = Field(default=None, description="0 as first seen; counts up with each restatement.", examples=[0])
    first_seen_ms: Millis | None = None
    synthetic: bool | None = Field(default=None, description="Made by us, not by the venue.", examples=[False])


class TradeRow(Answer):
    """One trade, or the venue's aggregate of trades."""

    trade_id: int = Field(examples=[3142093])
    price: DecimalText
    quantity: DecimalText
    time: Millis
    buyer_is_maker: bool = Field(description="True when the seller was the taker.", examples=[True])


class TickerRow(Answer):
    """Rolling 24-hour statistics."""

    time: Millis
    last_price: DecimalText
    open_price: DecimalText
    high_price: DecimalText
    low_price: DecimalText
    volume: DecimalText
    quote_volume: DecimalText
    count: int = Field(examples=[120934])


class Funding(Answer):
    """A funding settlement."""

    time: Millis
    rate: DecimalText
    mark_price: DecimalText | None = Field(default=None, description="Absent where the venue left it out.")


class OpenInterestRow(Answer):
    """Open interest at an instant, in base units (um) or contracts (cm)."""

    time: Millis
    open_interest: DecimalText


class MarkPriceRow(Answer):
    """Mark and index price, with the expected funding rate."""

    time: Millis
    mark_price: DecimalText
    index_price: DecimalText | None = None
    funding_rate: DecimalText | None = None
    next_funding_time: int = Field(default=0, description="UTC milliseconds; 0 where there is none.", examples=[1748764800000])


class QuoteRow(Answer):
    """Best bid and ask."""

    time: Millis
    update_id: int = Field(examples=[400900217])
    bid_price: DecimalText
    bid_quantity: DecimalText
    ask_price: DecimalText
    ask_quantity: DecimalText


class Book(Answer):
    """A snapshot of the visible book; levels are [price, quantity], best first."""

    time: Millis
    update_id: int = Field(examples=[400900217])
    bids: list[list[DecimalText]] = Field(examples=[[["67123.10", "0.5"]]])
    asks: list[list[DecimalText]] = Field(examples=[[["67123.20", "1.2"]]])


class PageHead(Answer):
    """Which series a page is of, and how to get the rest."""

    instrument: str = Field(description="Full name.", examples=["binance:um:BTC-USDT-PERP"])
    venue: str = Field(examples=["binance"])
    market: MarketName
    symbol: str = Field(description="Canonical symbol.", examples=["BTC-USDT-PERP"])
    venue_symbol: str = Field(description="The venue's own symbol.", examples=["BTCUSDT"])
    has_more: bool = Field(description="More rows of the asked range exist.", examples=[False])
    next_cursor: str | None = Field(
        default=None, description="Pass as `cursor` to get the next page.", examples=["f1748736000000.0"]
    )


class KlinePage(PageHead):
    """Klines, oldest first."""

    period: PeriodName
    data: list[KlineRow]


class TradePage(PageHead):
    """Trades, oldest first."""

    data: list[TradeRow]


class TickerPage(PageHead):
    """24-hour statistics, oldest first."""

    data: list[TickerRow]


class FundingPage(PageHead):
    """Funding settlements, oldest first."""

    data: list[Funding]


class OpenInterestPage(PageHead):
    """Open interest, oldest first."""

    data: list[OpenInterestRow]


class MarkPricePage(PageHead):
    """Mark prices, oldest first."""

    data: list[MarkPriceRow]


class QuotePage(PageHead):
    """Best bids and asks, oldest first."""

    data: list[QuoteRow]


class BookPage(PageHead):
    """Book snapshots, oldest first."""

    data: list[Book]


class InstrumentRow(Answer):
    """An instrument with the rules of trading it, and whether we collect it."""

    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    venue: str = Field(examples=["binance"])
    market: MarketName
    symbol: str = Field(examples=["BTC-USDT-PERP"])
    venue_symbol: str = Field(examples=["BTCUSDT"])
    base: str = Field(examples=["BTC"])
    quote: str = Field(examples=["USDT"])
    settle: str = Field(examples=["USDT"])
    tick_size: DecimalText
    lot_size: DecimalText
    min_quantity: DecimalText
    min_notional: DecimalText
    contract_size: DecimalText
    inverse: bool = Field(examples=[False])
    status: Literal["trading", "break", "pre_trading", "delivering", "delisted"]
    price_digits: int = Field(description="Decimals to show a price with.", examples=[2])
    quantity_digits: int = Field(description="Decimals to show a quantity with.", examples=[3])
    listed_ms: int | None = Field(default=None, examples=[1567964400000])
    delisted_ms: int | None = Field(default=None, examples=[None])
    registered: bool = Field(description="A registered pair: it is collected.", examples=[True])
    periods: list[str] = Field(description="Periods that are collected.", examples=[["1m", "1h"]])
    last_price: DecimalText | None = Field(default=None, description="Newest price seen live.")
    change_24h_percent: float | None = Field(
        default=None, description="Change to the open of 24 hours ago, where known.", examples=[-1.25]
    )
    volume_24h: DecimalText | None = Field(default=None, description="24-hour volume in base units, where known.")
    quote_volume_24h: DecimalText | None = Field(default=None, description="24-hour volume in quote units, where known.")
    updated_ms: int | None = Field(default=None, description="When the price was seen.", examples=[1748736000000])


class InstrumentPage(Answer):
    """Instruments by full name, registered ones first."""

    total: int = Field(description="Instruments that match.", examples=[512])
    has_more: bool = Field(examples=[False])
    next_cursor: str | None = Field(default=None, examples=["100"])
    data: list[InstrumentRow]
