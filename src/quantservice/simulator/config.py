"""What a simulator is told at its start: one frozen tree with the venue's own figures as defaults."""

from __future__ import annotations

from typing import Literal

import msgspec

from quantservice.core.periods import DAY_MS
from quantservice.simulator.htx.config import HtxConfig
from quantservice.simulator.okx.config import OkxConfig
from quantservice.simulator.private.config import TradingConfig

MarketName = Literal["spot", "um", "cm"]
MARKET_NAMES: tuple[MarketName, ...] = ("spot", "um", "cm")


class SymbolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol the simulated venue lists.

    Prices are whole ticks of ``10**-price_decimals * tick`` and quantities whole lots of ``10**-lot_decimals``;
    ``level`` is the typical price, ``minute_volume`` the typical base volume (cm: contracts) of a minute,
    ``minute_trades`` the mean number of trades of a minute, ``daily_volatility`` a fraction per day.
    """

    symbol: str
    base: str
    quote: str
    price_decimals: int = 2
    tick: int = 1
    lot_decimals: int = 3
    level: float = 100.0
    minute_volume: float = 100.0
    minute_trades: int = 24
    daily_volatility: float = 0.03
    contract_type: str = "PERPETUAL"
    delivery_ms: int = 4_133_404_800_000
    contract_size: int = 10
    listed_ms: int | None = None

    @property
    def pair(self) -> str:
        """The pair's name: the symbol without its delivery part."""
        return self.symbol.split("_", maxsplit=1)[0]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's rules for one market; every figure can be made small for a test.

    Times are wall-clock seconds: rules bind the client's real behaviour, whatever the market clock's speed.
    """

    weight_per_minute: int = 2_400
    weight_window_s: float = 60.0
    raw_requests_per_5m: int = 61_000
    ban_after_429: int = 5
    ban_s: float = 120.0
    messages_per_second: int = 10
    streams_per_connection: int = 1_024
    connections_per_5m: int = 300
    connection_window_s: float = 300.0
    ping_every_s: float = 180.0
    pong_within_s: float = 600.0
    connection_life_s: float = 86_400.0
    shutdown_notice_s: float = 10.0
    outbound_buffer_bytes: int = 64 * 1024 * 1024


class PushRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often streams push, in wall-clock milliseconds."""

    kline_ms: int = 250
    mark_price_ms: int = 3_000
    ticker_ms: int = 1_000
    depth_ms: int = 250
    unchanged_klines: bool = True


def venue_limits() -> dict[MarketName, Limits]:
    """Return the venue's published limits of the three markets."""
    spot = Limits(weight_per_minute=6_000, messages_per_second=5, ping_every_s=20.0, pong_within_s=60.0)
    return {"spot": spot, "um": Limits(), "cm": Limits()}


def venue_rates() -> dict[MarketName, PushRates]:
    """Return the venue's published push rates of the three markets."""
    return {"spot": PushRates(kline_ms=1_000, depth_ms=1_000), "um": PushRates(), "cm": PushRates()}


class ReplayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Real files to serve instead of generated markets.

    ``live_from_ms`` is where history ends and the live part begins; by default so late that at most
    ``live_wall_s`` seconds of wall time remain at the configured speed. ``market`` is taken from the folder's name
    (``binance_vision_um_1m``) when it is not given. At least one unclosed frame goes out before each closed one.
    """

    files: tuple[str, ...]
    market: MarketName | None = None
    live_from_ms: int | None = None
    live_wall_s: float = 120.0


class FirehoseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Closed klines as fast as ``rate`` a second (0: as fast as the client takes them), for benchmarks.

    Every kline stream of a connection gets consecutive bars from ``start_ms`` on, each open time once. It begins when
    the market's streams number ``wait_streams`` and ends after ``frames`` frames (0: never).
    """

    market: MarketName = "um"
    rate: int = 60_000
    start_ms: int = 1_700_000_040_000
    wait_streams: int = 1
    frames: int = 0


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a simulator is told.

    ``symbols`` absent means the default catalogue of each market. ``speed`` multiplies market time, not the rules'.
    Symbols without a listing day were listed at the start of the year that lies ``history_ms`` back.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 7
    speed: float = 1.0
    start_ms: int | None = None
    symbols: dict[MarketName, tuple[SymbolSpec, ...]] | None = None
    replay: ReplayConfig | None = None
    firehose: FirehoseConfig | None = None
    limits: dict[MarketName, Limits] = msgspec.field(default_factory=venue_limits)
    rates: dict[MarketName, PushRates] = msgspec.field(default_factory=venue_rates)
    tick_ms: int = 50
    history_ms: int = 400 * DAY_MS
    access_log_size: int = 400_000
    faults: tuple[dict[str, object], ...] = ()
    trading: TradingConfig | None = None
    okx: OkxConfig | None = None
    htx: HtxConfig = HtxConfig()

    def with_faces(self, *, trading: bool = False, okx: bool = False) -> SimulatorConfig:
        """Return it with the venues' private sides (``trading``), and with OKX, which that brings too; HTX is always there."""
        private = self.trading or (TradingConfig() if trading else None)
        return msgspec.structs.replace(self, trading=private, okx=self.okx or (OkxConfig() if okx or trading else None))
