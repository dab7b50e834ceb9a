"""The venues as a table: their markets, how their adapters are made, where they are reached. A new venue is a new row."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from quantservice.app.settings import Settings
from quantservice.core.errors import SettingsError, UnknownName
from quantservice.ports import Clock, History, MarketFeed, ProxyRecord, StateStore, TradingAccount, Venue
from quantservice.ports.keeping import VenueSecret
from quantservice.ports.trading import Trading

if TYPE_CHECKING:
    from quantservice.adapters.venues.transport.http import HttpSettings
    from quantservice.adapters.venues.transport.proxies import ProxyPool, ProxySettings
    from quantservice.adapters.venues.transport.raw_tap import RawTap
    from quantservice.adapters.venues.transport.reachability import Reachability
    from quantservice.adapters.venues.transport.ws import WsSettings

#: every venue's addresses by its name, each in its own adapter's form
Addresses = Mapping[str, Any]


class LiveHistory(History, Protocol):
    """Past data, and how far the venue's clock is off."""

    @property
    def offset_ms(self) -> int:
        """The venue's clock minus ours."""
        ...


class LiveFeed(MarketFeed, Protocol):
    """Live data, and how it goes."""

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        ...


class LiveVenue(Venue, Protocol):
    """A venue's market as the platform holds it: what doctor, proxies and downloads use beside ``ports.Venue``."""

    @property
    def history(self) -> LiveHistory:
        """Past data."""
        ...

    @property
    def feed(self) -> LiveFeed:
        """Live data."""
        ...

    @property
    def pool(self) -> ProxyPool:
        """The ways to it."""
        ...

    def set_proxies(self, proxies: Iterable[ProxyRecord]) -> None:
        """Take the registry's proxies as they are now."""
        ...

    async def check_reachable(self) -> Reachability:
        """Ask the venue for its time once and say in a sentence how that went."""
        ...


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """What every data adapter is made with."""

    settings: Settings
    addresses: Addresses
    clock: Clock
    state_store: StateStore | None
    proxies: tuple[ProxyRecord, ...] = ()
    tap: RawTap | None = None


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What every trading adapter is made with. ``sent`` names the client ids of the account's orders, as the store knows them."""

    account: TradingAccount
    secret: VenueSecret
    venue: LiveVenue
    clock: Clock
    addresses: Any
    settings: Settings
    sent: Callable[[], Awaitable[Iterable[str]]]


class VenueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One venue. ``enabled``: its markets that the settings want; ``addresses``: where the settings say that it is.

    ``signed``: the settings that say where a market's signed requests go, those that ask for a key's rights included;
    ``domains``: the venue's own.
    """

    markets: tuple[str, ...]
    enabled: Callable[[Settings], tuple[str, ...]]
    addresses: Callable[[Settings], Any]
    data: Callable[[Making, str], LiveVenue]
    trading: Callable[[Access], Trading]
    signed: Callable[[str], tuple[str, ...]] = lambda _market: ()
    domains: tuple[str, ...] = ()


# --- Binance -----------------------------------------------------------------------------------------------------------------


def _binance_enabled(settings: Settings) -> tuple[str, ...]:
    return tuple(market for market in VENUES["binance"].markets if getattr(settings.binance, market).enabled)


def _binance_addresses(settings: Settings) -> Any:
    from quantservice.adapters.venues.binance.spec import BinanceEndpoints

    endpoints = BinanceEndpoints()
    for market in VENUES["binance"].markets:
        chosen = getattr(settings.binance, market)
        endpoints = endpoints.with_urls(market, rest_url=chosen.rest_url or None, ws_url=chosen.ws_url or None)
    return endpoints


def _signed_of_market(venue: str, market: str) -> tuple[str, ...]:
    return f"{venue}.{market}.rest_url", f"{venue}.{market}.ws_url"


def _binance_data(making: Making, market: str) -> LiveVenue:
    from quantservice.adapters.venues.binance.venue import BinanceSettings, BinanceVenue
    from quantservice.adapters.venues.transport.feed import FeedSettings

    settings = making.settings
    return BinanceVenue(
        market,
        making.addresses["binance"],
        clock=making.clock,
        state_store=making.state_store,
        proxies=making.proxies,
        tap=making.tap,
        settings=BinanceSettings(
            http=_http(settings.binance.requests_per_second),
            proxies=_proxies(settings),
            feed=FeedSettings(
                streams_per_connection=settings.binance.streams_per_connection, stale_s=settings.collect.stale_after_s
            ),
            ws=_ws(settings),
        ),
    )


def _binance_trading(access: Access) -> Trading:
    from quantservice.adapters.venues.binance.trading.adapter import BinanceTrading
    from quantservice.adapters.venues.binance.trading.signer import VenueCredentials
    from quantservice.adapters.venues.binance.venue import BinanceVenue

    assert isinstance(access.venue, BinanceVenue)  # noqa: S101 - the table's own row made it
    credentials = VenueCredentials(access.secret.key, access.secret.secret)
    endpoints = binance_trading_endpoints(access.addresses)
    return BinanceTrading(access.account.name, credentials, venue=access.venue, clock=access.clock, endpoints=endpoints)


def binance_trading_endpoints(data: Any) -> Any:
    """Return the private side's addresses: Binance's, or a simulator's for a market whose data comes from one."""
    from quantservice.adapters.venues.binance.spec import BinanceEndpoints
    from quantservice.adapters.venues.binance.trading.table import TradingEndpoints

    real, found = BinanceEndpoints(), TradingEndpoints()
    for market in VENUES["binance"].markets:
        base = data.rest_bases(market)[0]
        if base not in real.rest_bases(market):
            there = TradingEndpoints.simulator(base)
            rest, stream = {**found.rest, market: there.rest[market]}, {**found.stream, market: there.stream[market]}
            found = msgspec.structs.replace(found, rest=rest, stream=stream, wallet=there.wallet)
    return found


# --- OKX ---------------------------------------------------------------------------------------------------------------------


def _okx_enabled(settings: Settings) -> tuple[str, ...]:
    return settings.okx.markets if settings.okx.enabled else ()


def _okx_addresses(settings: Settings) -> Any:
    from quantservice.adapters.venues.okx.spec import OkxEndpoints

    return OkxEndpoints().with_urls(rest_url=settings.okx.rest_url or None, ws_url=settings.okx.ws_url or None)


def _okx_data(making: Making, market: str) -> LiveVenue:
    from quantservice.adapters.venues.okx.venue import OkxSettings, OkxVenue
    from quantservice.adapters.venues.transport.feed import FeedSettings

    settings = making.settings
    return OkxVenue(
        market,
        making.addresses["okx"],
        clock=making.clock,
        state_store=making.state_store,
        proxies=making.proxies,
        tap=making.tap,
        settings=OkxSettings(
            http=_http(settings.okx.requests_per_second),
            proxies=_proxies(settings),
            feed=FeedSettings(streams_per_connection=settings.okx.streams_per_connection, stale_s=settings.collect.stale_after_s),
            ws=_ws(settings),
        ),
    )


def _okx_trading(access: Access) -> Trading:
    from quantservice.adapters.venues.okx.trading.adapter import OkxTrading
    from quantservice.adapters.venues.okx.trading.signer import OkxCredentials

    account, secret = access.account, access.secret
    credentials = OkxCredentials(secret.key, secret.secret, secret.passphrase)
    return OkxTrading(
        account.name,
        credentials,
        market=account.market,
        pool=access.venue.pool,
        clock=access.clock,
        endpoints=access.addresses,
    )


# --- HTX ---------------------------------------------------------------------------------------------------------------------


def _htx_enabled(settings: Settings) -> tuple[str, ...]:
    return settings.htx.markets if settings.htx.enabled else ()


def _htx_addresses(settings: Settings) -> Any:
    from quantservice.adapters.venues.htx.spec import HtxEndpoints

    endpoints = HtxEndpoints()
    for market in VENUES["htx"].markets:
        chosen = getattr(settings.htx, market)
        endpoints = endpoints.with_urls(market, rest_url=chosen.rest_url or None, ws_url=chosen.ws_url or None)
    if settings.htx.spot.rest_url:  # a key's rights are asked for where spot is
        endpoints = msgspec.structs.replace(endpoints, wallet=endpoints.rest["spot"])
    return endpoints


def _htx_data(making: Making, market: str) -> LiveVenue:
    from quantservice.adapters.venues.htx.venue import HtxSettings, HtxVenue
    from quantservice.adapters.venues.transport.feed import FeedSettings

    settings = making.settings
    return HtxVenue(
        market,
        making.addresses["htx"],
        clock=making.clock,
        state_store=making.state_store,
        proxies=making.proxies,
        tap=making.tap,
        settings=HtxSettings(
            http=_http(settings.htx.requests_per_second),
            proxies=_proxies(settings),
            feed=FeedSettings(streams_per_connection=settings.htx.streams_per_connection, stale_s=settings.collect.stale_after_s),
            ws=msgspec.structs.replace(_ws(settings), messages_per_second=20),
        ),
    )


def _htx_trading(access: Access) -> Trading:
    from quantservice.adapters.venues.htx.trading.adapter import HtxTrading
    from quantservice.adapters.venues.htx.trading.signer import HtxCredentials
    from quantservice.adapters.venues.htx.venue import HtxVenue

    assert isinstance(access.venue, HtxVenue)  # noqa: S101 - the table's own row made it
    return HtxTrading(
        access.account.name,
        HtxCredentials(access.secret.key, access.secret.secret),
        access=access.venue.access,
        clock=access.clock,
        endpoints=access.addresses,
        known=access.sent,
    )


# --- the table ---------------------------------------------------------------------------------------------------------------

VENUES: Final[dict[str, VenueRow]] = {
    "binance": VenueRow(
        markets=("spot", "um", "cm"),
        enabled=_binance_enabled,
        addresses=_binance_addresses,
        data=_binance_data,
        trading=_binance_trading,
        signed=lambda market: _signed_of_market("binance", market),
        domains=("binance.com",),
    ),
    "okx": VenueRow(
        markets=("spot", "um"),
        enabled=_okx_enabled,
        addresses=_okx_addresses,
        data=_okx_data,
        trading=_okx_trading,
        signed=lambda _market: ("okx.rest_url", "okx.ws_url"),
        domains=("okx.com",),
    ),
    "htx": VenueRow(
        markets=("spot", "um"),
        enabled=_htx_enabled,
        addresses=_htx_addresses,
        data=_htx_data,
        trading=_htx_trading,
        signed=lambda market: (*_signed_of_market("htx", market), "htx.spot.rest_url"),  # rights are asked for where spot is
        domains=("huobi.pro", "hbdm.com", "htx.com"),
    ),
}


def check_redirected(settings: Settings, venue: str, market: str) -> None:
    """Raise SettingsError where some of a venue's addresses lead elsewhere, and one that a market's account needs does not.

    A key that is meant for a simulator would be shown to the exchange, or the other way round.
    """
    row = row_of(venue)
    of_venue = dict.fromkeys(name for each in row.markets for name in row.signed(each))
    led = [name for name in of_venue if _leads_elsewhere(row, functools.reduce(getattr, name.split("."), settings))]
    missing = [name for name in dict.fromkeys(row.signed(market)) if name not in led]
    if led and missing:
        do, them = ("does", "it") if len(missing) == 1 else ("do", "them")
        raise SettingsError(
            f"{led[0]} leads elsewhere and {' and '.join(missing)} {do} not: accounts of {venue} {market} would show their keys "
            f"to the exchange itself; set {them} too, or none"
        )


# --- ccxt: one venue of its own for each exchange that the settings name -----------------------------------------------------


def _ccxt_markets(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the markets that are wanted of each exchange; SettingsError for what names none."""
    from quantservice.adapters.venues.ccxt.library import MARKETS

    found: dict[str, tuple[str, ...]] = {}
    for text in settings.ccxt.markets:
        exchange, _, market = text.strip().partition(":")
        if not exchange.isidentifier() or market not in MARKETS:
            raise SettingsError(f"ccxt.markets: {text!r} is not an exchange and a market, such as kraken:spot or bybit:um")
        found[exchange] = tuple(dict.fromkeys((*found.get(exchange, ()), market)))
    return found


def _ccxt_url(settings: Settings, exchange: str) -> str:
    """Return where an exchange's requests go in its place; empty: to the exchange."""
    for text in settings.ccxt.urls:
        name, _, url = text.strip().partition("=")
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"ccxt.urls: {text!r} is not an exchange and an address, such as binance=http://127.0.0.1:9100")
        if name == exchange:
            return url
    return ""


def _ccxt_row(exchange: str) -> VenueRow:
    return VenueRow(
        markets=("spot", "um", "cm"),
        enabled=lambda settings: _ccxt_markets(settings).get(exchange, ()),
        addresses=lambda settings: _ccxt_url(settings, exchange),
        data=lambda making, market: _ccxt_data(making, exchange, market),
        trading=_ccxt_trading,
    )


def _ccxt_data(making: Making, exchange: str, market: str) -> LiveVenue:
    from quantservice.adapters.venues.ccxt.access import AccessSettings
    from quantservice.adapters.venues.ccxt.library import exchange_class, venue_name

    exchange_class(exchange)  # says in a sentence what is missing: the library, or an exchange of that name
    from quantservice.adapters.venues.ccxt.feed import FeedSettings
    from quantservice.adapters.venues.ccxt.venue import CcxtSettings, CcxtVenue

    settings = making.settings
    per_second = settings.ccxt.requests_per_second
    access = AccessSettings(
        base_url=making.addresses[venue_name(exchange)],
        rate_limit_ms=1_000 / per_second if per_second else 0.0,
        proxies=_proxies(settings),
    )
    return CcxtVenue(
        exchange,
        market,
        clock=making.clock,
        state_store=making.state_store,
        proxies=making.proxies,
        settings=CcxtSettings(
            access=access,
            feed=FeedSettings(every_s=settings.ccxt.klines_every_s),
        ),
    )


def _ccxt_trading(access: Access) -> Trading:
    from quantservice.adapters.venues.ccxt.client import Keys
    from quantservice.adapters.venues.ccxt.trading.adapter import CcxtTrading, TradingSettings
    from quantservice.adapters.venues.ccxt.trading.polling import PollSettings
    from quantservice.adapters.venues.ccxt.venue import CcxtVenue

    assert isinstance(access.venue, CcxtVenue)  # noqa: S101 - the table's own row made it
    secret, wanted = access.secret, access.settings.ccxt
    return CcxtTrading(
        access.account.name,
        Keys(secret.key, secret.secret, secret.passphrase),
        access=access.venue.access,
        clock=access.clock,
        settings=TradingSettings(polls=PollSettings(every_s=wanted.orders_every_s), client_id_length=wanted.client_id_length),
        known=access.sent,
    )


def rows_of(settings: Settings) -> dict[str, VenueRow]:
    """Return the table with the exchanges that the settings name."""
    return {**VENUES, **{f"ccxt{exchange}": _ccxt_row(exchange) for exchange in _ccxt_markets(settings)}}


def row_of(venue: str) -> VenueRow:
    """Return a venue's row; UnknownName for one that there is not."""
    if venue.startswith("ccxt"):
        return _ccxt_row(venue.removeprefix("ccxt"))
    found = VENUES.get(venue)
    if found is None:
        raise UnknownName("venue", venue, VENUES)
    return found


def addresses_of(settings: Settings, **given: Any) -> Addresses:
    """Return every venue's addresses: those given by the venue's name, else those of the settings."""
    return {name: given.get(name) or row.addresses(settings) for name, row in rows_of(settings).items()}


def _leads_elsewhere(row: VenueRow, url: Any) -> bool:
    host = urlsplit(url).hostname or ""
    return bool(url) and not any(host == domain or host.endswith(f".{domain}") for domain in row.domains)


def make_venues(making: Making) -> dict[tuple[str, str], LiveVenue]:
    """Make every enabled venue's markets."""
    rows = rows_of(making.settings)
    return {(name, market): row.data(making, market) for name, row in rows.items() for market in row.enabled(making.settings)}


def _http(requests_per_second: float) -> HttpSettings:
    from quantservice.adapters.venues.transport.http import HttpSettings

    return HttpSettings(requests_per_second=requests_per_second or None)


def _proxies(settings: Settings) -> ProxySettings:
    from quantservice.adapters.venues.transport.proxies import ProxySettings

    return ProxySettings(
        prefer="proxy_only" if settings.proxies.always else "direct", trust_environment=settings.proxies.use_environment
    )


def _ws(settings: Settings) -> WsSettings:
    from quantservice.adapters.venues.transport.ws import WsSettings

    collect = settings.collect
    return WsSettings(
        silence_s=collect.heartbeat_timeout_ms / 1000,
        back_off_s=collect.initial_backoff_ms / 1000,
        back_off_most_s=collect.max_backoff_ms / 1000,
    )
