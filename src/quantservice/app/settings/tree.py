"""The settings: one frozen typed tree. Every field has a default that works and a line that says what it means.

A field's dotted path is its key in ``config/app.yaml`` (``clientserver.qps``), its environment name is
``QS_`` + the path in capitals with ``__`` between levels (``QS_CLIENTSERVER__QPS``), and its flag, where a command has one,
is its last word.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, le=1)]


def doc(text: str) -> Meta:
    """Attach the line that ``qs settings`` and the documentation print."""
    return Meta(description=text)


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged, how and where."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], doc("least level that is written")] = "INFO"
    format: Annotated[
        Literal["auto", "console", "json"], doc("console for people, json for machines; auto: console, coloured on a terminal")
    ] = "auto"
    rotate_mb: Annotated[Count, doc("a log file is rotated at this size")] = 20
    rotate_hours: Annotated[Count, doc("a log file is rotated at this age")] = 24
    keep_files: Annotated[Count, doc("rotated log files kept")] = 10


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where state lives: the URL scheme is the whole switch."""

    market_url: Annotated[
        str, doc("market store: chdb:// (in the data directory) or clickhouse://user:password@host:8123/database")
    ] = "chdb://"
    state_url: Annotated[str, doc("state store: sqlite:// (in the data directory) or postgresql://user:password@host/database")] = (
        "sqlite://"
    )
    bus_url: Annotated[str, doc("event bus: memory://")] = "memory://"
    cache_url: Annotated[str, doc("cache: memory://")] = "memory://"
    database: Annotated[str, doc("database name in the market store")] = "quantservice"
    cluster: Annotated[str, doc("ClickHouse cluster name: makes tables Replicated and Distributed; empty for one server")] = ""


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page and the HTTP API."""

    host: Annotated[str, doc("address to bind; anything but loopback asks for TLS or web.insecure")] = "127.0.0.1"
    port: Annotated[Port, doc("port of the page and the API; 0 takes a free one")] = 8080
    tls_cert: Annotated[str, doc("PEM certificate chain; with tls_key the page is served over HTTPS")] = ""
    tls_key: Annotated[str, doc("PEM private key of tls_cert")] = ""
    insecure: Annotated[bool, doc("allow a non-loopback address without TLS")] = False
    allowed_hosts: Annotated[
        tuple[str, ...], doc("further names the page answers to, such as that of a TLS proxy in front of it")
    ] = ()
    open_browser: Annotated[bool, doc("open the page in the browser at start")] = True


class ClientServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The WebSocket server for client programs."""

    enabled: Annotated[bool, doc("run it inside qs up and qs demo")] = True
    host: Annotated[str, doc("address to bind; anything but loopback asks for TLS or clientserver.insecure")] = "127.0.0.1"
    port: Annotated[Port, doc("port; 0 takes a free one")] = 8765
    tls_cert: Annotated[str, doc("PEM certificate chain; with tls_key clients connect over wss://")] = ""
    tls_key: Annotated[str, doc("PEM private key of tls_cert")] = ""
    insecure: Annotated[bool, doc("allow a non-loopback address without TLS")] = False
    qps: Annotated[Positive, doc("queries per second allowed to a client without an access key")] = 20.0
    hot_hours: Annotated[Positive, doc("hours of recent klines kept in the hot cache")] = 6.0
    cache_ttl_s: Annotated[Positive, doc("seconds a cached answer lives")] = 5.0
    queue: Annotated[Count, doc("messages that may wait for a slow client before klines are conflated and it is dropped")] = 100
    require_key: Annotated[bool, doc("refuse clients without an access key, also on loopback")] = False
    allow_anonymous: Annotated[bool, doc("let clients of other machines in without an access key")] = False
    allowed_origins: Annotated[
        tuple[str, ...], doc("web pages that may connect, such as https://chart.example, besides those of this machine")
    ] = ()


class MarketSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of Binance's markets."""

    enabled: Annotated[bool, doc("connect to this market")] = True
    ws_url: Annotated[str, doc("WebSocket address; empty takes the venue's own of today")] = ""
    rest_url: Annotated[str, doc("REST address; empty takes the venue's own of today")] = ""


class BinanceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Binance: three markets, one implementation."""

    spot: MarketSettings = MarketSettings()
    um: MarketSettings = MarketSettings()
    cm: MarketSettings = MarketSettings()
    requests_per_second: Annotated[
        Annotated[float, Meta(ge=0)],
        doc("most REST requests per second to one market; 0: as many as the venue's weight limit allows"),
    ] = 0.0
    archive_url: Annotated[str, doc("address of the venue's bulk archive, for qs data fetch")] = "https://data.binance.vision/data"
    streams_per_connection: Annotated[
        Annotated[int, Meta(ge=1, le=1024)], doc("streams placed on one WebSocket connection (the venue allows 1,024)")
    ] = 200


class OkxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """OKX: spot and USDT-margined perpetual swaps; one key with its passphrase trades both."""

    enabled: Annotated[bool, doc("connect to OKX")] = False
    markets: Annotated[tuple[Literal["spot", "um"], ...], doc("which of its markets")] = ("spot", "um")
    rest_url: Annotated[str, doc("REST address; empty takes the venue's own of today")] = ""
    ws_url: Annotated[str, doc("WebSocket address; empty takes the venue's own of today")] = ""
    requests_per_second: Annotated[
        Annotated[float, Meta(ge=0)],
        doc("most REST requests per second to one endpoint; 0: as many as the venue's limit of that endpoint allows"),
    ] = 0.0
    streams_per_connection: Annotated[Annotated[int, Meta(ge=1, le=1000)], doc("streams placed on one WebSocket connection")] = 200


class HtxMarketSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one of HTX's markets is."""

    rest_url: Annotated[str, doc("REST address; empty takes the venue's own of today")] = ""
    ws_url: Annotated[str, doc("WebSocket address; empty takes the venue's own of today")] = ""


class HtxSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """HTX: spot and USDT-margined swaps (cross margin), on hosts of their own."""

    enabled: Annotated[bool, doc("connect to HTX")] = False
    markets: Annotated[tuple[Literal["spot", "um"], ...], doc("which of its markets")] = ("spot", "um")
    spot: HtxMarketSettings = HtxMarketSettings()
    um: HtxMarketSettings = HtxMarketSettings()
    requests_per_second: Annotated[
        Annotated[float, Meta(ge=0)],
        doc("most REST requests per second to one endpoint; 0: as many as the venue's limit of that endpoint allows"),
    ] = 0.0
    streams_per_connection: Annotated[Annotated[int, Meta(ge=1, le=300)], doc("streams placed on one WebSocket connection")] = 100


class CcxtSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Any exchange that ccxt knows (pip install 'quantservice[ccxt]'): each is a venue of its own, such as ccxtkraken."""

    markets: Annotated[
        tuple[str, ...], doc("exchanges, as ccxt calls them, and their markets (spot, um or cm), such as kraken:spot or bybit:um")
    ] = ()
    urls: Annotated[
        tuple[str, ...],
        doc("where requests go in the place of an exchange, for a rehearsal, such as binance=http://127.0.0.1:9100"),
    ] = ()
    requests_per_second: Annotated[
        Annotated[float, Meta(ge=0)],
        doc("most of the cheapest REST requests per second to one market; 0: as many as ccxt says that the exchange allows"),
    ] = 0.0
    orders_every_s: Annotated[Positive, doc("seconds between two looks at an account's open orders and fills")] = 2.0
    klines_every_s: Annotated[Positive, doc("seconds between two looks at a bar that still runs")] = 5.0
    client_id_length: Annotated[
        Annotated[int, Meta(ge=16, le=36)], doc("longest client id of an order where the exchange's own rule is not known here")
    ] = 32


class CollectSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is collected when no pair is registered yet, and defaults of new pairs."""

    pairs: Annotated[tuple[str, ...], doc("pairs registered at the first start, by full name")] = (
        "binance:spot:BTC-USDT",
        "binance:spot:ETH-USDT",
        "binance:um:BTC-USDT-PERP",
        "binance:um:ETH-USDT-PERP",
        "binance:cm:BTC-USD-PERP",
    )
    periods: Annotated[tuple[str, ...], doc("kline periods of a new pair")] = ("1m", "1h")
    kinds: Annotated[tuple[str, ...], doc("kinds of data of a new pair")] = ("kline",)
    history_days: Annotated[Positive, doc("days of kline history fetched for a new pair")] = 30.0
    instruments_refresh_minutes: Annotated[Positive, doc("how often the venue's instrument list is replaced")] = 60.0
    stale_after_s: Annotated[Positive, doc("a kline stream without a frame for so long is stale")] = 8.0
    heartbeat_timeout_ms: Annotated[Count, doc("a connection without any frame for so long is replaced")] = 8_000
    initial_backoff_ms: Annotated[Count, doc("first wait before a reconnect")] = 500
    max_backoff_ms: Annotated[Count, doc("longest wait before a reconnect")] = 30_000
    tickers_every_s: Annotated[Positive, doc("how often 24-hour tickers are polled")] = 60.0
    open_interest_every_s: Annotated[Positive, doc("how often open interest is polled")] = 300.0
    funding_every_s: Annotated[Positive, doc("how often settled funding rates are polled")] = 900.0


class RecorderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How events become rows."""

    batch_rows: Annotated[Count, doc("rows that are written together")] = 5_000
    flush_ms: Annotated[Count, doc("longest wait of a row before it is written")] = 250
    spill_mb: Annotated[Count, doc("bound of the disk file that takes rows while the store is away")] = 1_024


class BackfillSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How history is fetched and gaps are healed."""

    concurrency_windows: Annotated[Count, doc("windows fetched at the same time")] = 8
    scan_1m_s: Annotated[Positive, doc("seconds between gap scans of 1m klines")] = 30.0
    scan_1h_s: Annotated[Positive, doc("seconds between gap scans of 1h klines")] = 300.0
    grace_s: Annotated[Positive, doc("seconds after its close before a missing kline counts as a gap")] = 5.0
    ask_again_s: Annotated[
        Positive, doc("seconds before a venue that returned nothing is asked again, to tell a gap from maintenance")
    ] = 60.0
    verify_every_minutes: Annotated[Positive, doc("how often recent WS-built klines are compared with REST")] = 60.0
    statistics_every_s: Annotated[Positive, doc("seconds between the lines `Metrics: req=… ok=… fail=… rows=…`")] = 60.0


class ProxySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Egress proxies besides those registered with qs proxies."""

    urls: Annotated[tuple[str, ...], doc("socks5://user:password@host:port or http://…, used beside the registered ones")] = ()
    use_environment: Annotated[bool, doc("honour HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY")] = True
    always: Annotated[bool, doc("never connect directly")] = False


class RetentionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days that each kind is kept; 0 keeps for ever. Klines, funding and instruments are kept for ever."""

    trade_days: Annotated[int, Meta(ge=0), doc("days trades are kept")] = 30
    quote_days: Annotated[int, Meta(ge=0), doc("days best bids and asks are kept")] = 7
    book_days: Annotated[int, Meta(ge=0), doc("days book snapshots are kept")] = 7
    ticker_days: Annotated[int, Meta(ge=0), doc("days 24-hour tickers are kept")] = 90
    mark_price_days: Annotated[int, Meta(ge=0), doc("days mark prices are kept")] = 90
    open_interest_days: Annotated[int, Meta(ge=0), doc("days open interest is kept")] = 0


class LedgerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The integrity ledger."""

    seal_every_minutes: Annotated[Positive, doc("how often complete days are sealed into the digest chain")] = 10.0


class IndicatorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Indicators computed as klines close, for every registered pair and period, and stored."""

    enabled: Annotated[bool, doc("compute them inside qs up and qs demo")] = True
    online: Annotated[tuple[str, ...], doc("indicators by key, as qs indicators list names them")] = ("sma(20)", "sma(50)")


class StrategySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Deployments: strategies hosted on live klines, each in a process of its own."""

    answer_s: Annotated[Positive, doc("a strategy that does not answer a kline in so many seconds is stopped")] = 5.0
    memory_mb: Annotated[Count, doc("a strategy that holds more memory of its own is stopped")] = 512
    warm_up_bars: Annotated[Count, doc("past klines given to a strategy before its first live one")] = 2_000
    together_s: Annotated[Positive, doc("longest wait for the klines of other instruments that closed at the same time")] = 2.0
    snapshot_s: Annotated[Positive, doc("least time between two saves of what a strategy remembers")] = 60.0


class JobSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Heavy work: sweeps, optimisation, walk-forward, Monte-Carlo, in worker processes at low priority."""

    workers: Annotated[int, Meta(ge=0, le=1024), doc("most worker processes of all jobs together; 0: one per core")] = 0
    concurrent: Annotated[Count, doc("jobs worked off at the same time; they share the workers")] = 2
    nice: Annotated[int, Meta(ge=0, le=19), doc("niceness of a worker: the higher, the sooner it gives way to live work")] = 10
    keep_exports_hours: Annotated[Positive, doc("hours that exported bars are kept for the next job that reads the same")] = 24.0
    ray_address: Annotated[
        str, doc("address of a Ray cluster for --engine ray (auto, ray://head:10001); empty starts one on this machine")
    ] = ""


class AlertSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Alerts that leave the house: webhook, Telegram, e-mail and whatever else apprise knows."""

    urls: Annotated[
        tuple[str, ...], doc("apprise addresses, such as json://host/path, tgram://token/chat, mailtos://user:password@host")
    ] = ()
    level: Annotated[Literal["info", "warning", "critical"], doc("from which level on they are sent")] = "warning"
    again_after_s: Annotated[Positive, doc("seconds before the same alert is sent again")] = 600.0
    most_per_minute: Annotated[Count, doc("most alerts in a minute; the rest is held back and counted")] = 20
    watchdog_url: Annotated[
        str, doc("called (GET) at an interval while every service is well, such as https://hc-ping.com/id; empty: nobody is")
    ] = ""
    watchdog_every_s: Annotated[Positive, doc("seconds between two calls of the watchdog")] = 60.0


class SecretSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Secrets that may come from outside."""

    owner_token: Annotated[str, doc("owner token for writes; empty: made at first start and kept in the data directory")] = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The root of the tree."""

    environment: Annotated[Literal["live", "demo"], doc("what the page shows in its badge; qs demo sets demo")] = "live"
    data_dir: Annotated[str, doc("where embedded stores, logs, keys and spill files live; empty: data/live or data/demo")] = ""
    plugins_dir: Annotated[
        str, doc("folder of your own indicators and strategies; empty: plugins/ in the working directory, beside config/")
    ] = ""
    log: LogSettings = LogSettings()
    stores: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    clientserver: ClientServerSettings = ClientServerSettings()
    binance: BinanceSettings = BinanceSettings()
    okx: OkxSettings = OkxSettings()
    htx: HtxSettings = HtxSettings()
    ccxt: CcxtSettings = CcxtSettings()
    collect: CollectSettings = CollectSettings()
    recorder: RecorderSettings = RecorderSettings()
    backfill: BackfillSettings = BackfillSettings()
    proxies: ProxySettings = ProxySettings()
    retention: RetentionSettings = RetentionSettings()
    ledger: LedgerSettings = LedgerSettings()
    indicators: IndicatorSettings = IndicatorSettings()
    strategies: StrategySettings = StrategySettings()
    jobs: JobSettings = JobSettings()
    alerts: AlertSettings = AlertSettings()
    secrets: SecretSettings = SecretSettings()
