"""TradingView's Universal Datafeed protocol, by its own names. Times are seconds and prices are numbers, as it demands."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quantservice.web.models.common import Answer


class UdfName(Answer):
    """A name and its value in a list of choices."""

    value: str = Field(examples=["binance"])
    name: str = Field(examples=["Binance"])
    desc: str = Field(default="", examples=[""])


class UdfConfig(Answer):
    """What the datafeed can do."""

    supports_search: bool
    supports_group_request: bool
    supports_marks: bool
    supports_timescale_marks: bool
    supports_time: bool
    exchanges: list[UdfName]
    symbols_types: list[UdfName]
    supported_resolutions: list[str] = Field(examples=[["1", "5", "60", "1D"]])


class UdfSymbol(Answer):
    """One symbol."""

    name: str = Field(examples=["BTCUSDT"])
    ticker: str = Field(description="Full name; pass it to /udf/history.", examples=["binance:um:BTC-USDT-PERP"])
    full_name: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    description: str = Field(examples=["BTC/USDT um"])
    type: str = Field(examples=["futures"])
    session: str = Field(examples=["24x7"])
    timezone: str = Field(examples=["Etc/UTC"])
    exchange: str = Field(examples=["binance"])
    listed_exchange: str = Field(examples=["binance"])
    minmov: int = Field(examples=[1])
    pricescale: int = Field(examples=[100])
    has_intraday: bool
    has_daily: bool
    has_weekly_and_monthly: bool
    visible_plots_set: str = Field(examples=["ohlcv"])
    supported_resolutions: list[str]
    intraday_multipliers: list[str] = Field(examples=[["1", "60"]])
    volume_precision: int = Field(examples=[3])
    data_status: str = Field(examples=["streaming"])


class UdfSearchRow(Answer):
    """One answer of the search."""

    symbol: str = Field(examples=["BTCUSDT"])
    full_name: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    description: str = Field(examples=["BTC/USDT um"])
    exchange: str = Field(examples=["binance"])
    ticker: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    type: str = Field(examples=["futures"])


class UdfHistory(Answer):
    """Bars as columns. `no_data` carries the time of the nearest earlier bar, if there is one."""

    s: Literal["ok", "no_data", "error"]
    t: list[int] | None = Field(default=None, description="Open times in seconds.")
    o: list[float] | None = None
    h: list[float] | None = None
    l: list[float] | None = None  # noqa: E741 - the protocol's own name
    c: list[float] | None = None
    v: list[float] | None = None
    nextTime: int | None = Field(default=None, description="Seconds.")  # noqa: N815 - the protocol's own name
    errmsg: str | None = None
