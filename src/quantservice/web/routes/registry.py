"""Pairs, proxies and access keys: lists for readers of this machine, changes for the owner."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kind
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import check_period
from quantservice.ports import AccessKey, ProxyRecord, TradingPair
from quantservice.web import models
from quantservice.web.context import WebContext
from quantservice.web.errors import Missing, reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard
from quantservice.web.series import find_instrument

_MOST_ID = 2**31 - 1
RowId = Annotated[int, Path(ge=1, le=_MOST_ID, examples=[1])]


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes of registered state."""
    router, owner = readers(context, "settings", guard), writers(context, "settings", guard)
    _add_pairs(router, owner, context)
    _add_proxies(router, owner, context)
    _add_access_keys(router, owner, context)
    return [router, owner]


def _add_pairs(router: APIRouter, owner: APIRouter, context: WebContext) -> None:
    @router.get("/pairs", response_model=models.PairList, summary="Registered pairs")
    async def pairs() -> Response:
        """What is collected."""
        return reply({"data": [_pair_row(pair) for pair in await context.pairs.list()]})

    @owner.post("/pairs", response_model=models.PairRow, status_code=201, summary="Register or change a pair")
    async def add_pair(body: models.PairRequest) -> Response:
        """Collect an instrument from now on; its history is fetched too."""
        instrument = find_instrument(context, body.symbol, body.market, body.venue)
        periods = body.periods if body.periods is not None else list(context.config.default_periods)
        kinds = body.kinds if body.kinds is not None else list(context.config.default_kinds)
        for period in periods:
            check_period(period)
        for kind in kinds:
            if kind not in {item.value for item in Kind}:
                raise UnknownName("kind", kind[:80], [item.value for item in Kind])
        if not kinds or ("kline" in kinds and not periods):
            raise InvalidValue("periods", "at least one kind is needed, and for klines at least one period")
        pair = TradingPair(
            venue=instrument.id.venue,
            market=instrument.id.market,
            symbol=instrument.id.symbol,
            venue_symbol=instrument.venue_symbol,
            periods=tuple(dict.fromkeys(periods)),
            kinds=tuple(dict.fromkeys(kinds)),
            enabled=body.enabled,
            history_start_ms=body.history_start_ms,
        )
        return reply(_pair_row(await context.pairs.add(pair)), 201)

    @owner.delete("/pairs/{instrument}", response_model=models.Removed, summary="Stop collecting a pair")
    async def remove_pair(instrument: Annotated[str, Path(max_length=200, examples=["binance:um:BTC-USDT-PERP"])]) -> Response:
        """What is stored stays; nothing new is collected."""
        name = str(InstrumentId.parse(instrument))
        if not await context.pairs.remove(name):
            known = [str(pair.instrument) for pair in await context.pairs.list()]
            raise UnknownName("pair", name, known)
        return reply({"removed": name})


def _pair_row(pair: TradingPair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "instrument": str(pair.instrument),
        "venue": pair.venue,
        "market": pair.market,
        "symbol": pair.symbol,
        "venue_symbol": pair.venue_symbol,
        "periods": list(pair.periods),
        "kinds": list(pair.kinds),
        "enabled": pair.enabled,
        "history_start_ms": pair.history_start_ms,
    }


def _add_proxies(router: APIRouter, owner: APIRouter, context: WebContext) -> None:
    @router.get("/proxies", response_model=models.ProxyList, summary="Egress proxies")
    async def proxies() -> Response:
        """The proxies that REST and WebSocket may go through. Passwords are never shown."""
        return reply({"data": [_proxy_row(proxy) for proxy in await context.proxies.list()]})

    @owner.post("/proxies", response_model=models.ProxyRow, status_code=201, summary="Register a proxy")
    async def add_proxy(body: models.ProxyRequest) -> Response:
        """Its password is sealed before it is stored."""
        proxy = ProxyRecord(
            scheme=body.scheme,
            host=body.host,
            port=body.port,
            username=body.username,
            password=body.password,
            enabled=body.enabled,
        )
        return reply(_proxy_row(await context.proxies.add(proxy)), 201)

    @owner.delete("/proxies/{proxy_id}", response_model=models.Removed, summary="Forget a proxy")
    async def remove_proxy(proxy_id: RowId) -> Response:
        """Connections that go through it move to another egress."""
        if not await context.proxies.remove(proxy_id):
            raise Missing("unknown_proxy", f"no proxy has the id {proxy_id}")
        return reply({"removed": str(proxy_id)})


def _proxy_row(proxy: ProxyRecord) -> dict[str, Any]:
    return {
        "id": proxy.id,
        "scheme": proxy.scheme,
        "host": proxy.host,
        "port": proxy.port,
        "username": proxy.username,
        "has_password": bool(proxy.password),
        "enabled": proxy.enabled,
        "failures": proxy.failures,
        "cooldown_until_ms": proxy.cooldown_until_ms,
    }


def _add_access_keys(router: APIRouter, owner: APIRouter, context: WebContext) -> None:
    @router.get("/access-keys", response_model=models.AccessKeyList, summary="Access keys")
    async def access_keys() -> Response:
        """The keys that we gave to clients, by name and prefix."""
        return reply({"data": [_key_row(key) for key in await context.access_keys.list()]})

    @owner.post("/access-keys", response_model=models.AccessKeyCreated, status_code=201, summary="Make an access key")
    async def create_access_key(body: models.AccessKeyRequest) -> Response:
        """The clear text is in this answer and nowhere else."""
        clear, key = await context.access_keys.create(body.name, body.qps_limit)
        return reply({"key": clear, "access_key": _key_row(key)}, 201)

    @owner.delete("/access-keys/{key_id}", response_model=models.Removed, summary="Revoke an access key")
    async def remove_access_key(key_id: RowId) -> Response:
        """It is refused from now on."""
        if not await context.access_keys.remove(key_id):
            raise Missing("unknown_access_key", f"no access key has the id {key_id}")
        return reply({"removed": str(key_id)})


def _key_row(key: AccessKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "qps_limit": key.qps_limit,
        "enabled": key.enabled,
        "created_ms": key.created_ms,
    }
