"""``qs pairs``, ``qs proxies``, ``qs keys``: what is collected, through which proxies, and who may ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, show, show_one, utc, write
from quantservice.core.errors import InvalidValue, UnknownName


def register(app: typer.Typer) -> None:
    """Add the commands."""
    pairs = _group("Registered pairs: what is collected.")
    pairs.command("list", help="List the registered pairs.")(pairs_list)
    pairs.command("add", help="Collect a pair from now on.")(pairs_add)
    pairs.command("remove", help="Stop collecting a pair; what is stored stays.")(pairs_remove)
    app.add_typer(pairs, name="pairs")
    proxies = _group("Egress proxies for REST and WebSocket.")
    proxies.command("list", help="List the proxies.")(proxies_list)
    proxies.command("add", help="Register a proxy; its password is sealed.")(proxies_add)
    proxies.command("remove", help="Remove a proxy.")(proxies_remove)
    app.add_typer(proxies, name="proxies")
    keys = _group("Access keys that we give to clients.")
    keys.command("list", help="List the access keys.")(keys_list)
    keys.command("add", help="Make an access key; it is shown once.")(keys_add)
    keys.command("remove", help="Revoke an access key.")(keys_remove)
    app.add_typer(keys, name="keys")


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)


@options.takes_where
def pairs_list(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List the registered pairs."""
    with where.client() as client:
        rows = client.get("/api/v1/pairs")["data"]
    show(
        rows if json else [_pair(row) for row in rows],
        json=json,
        empty="no pair is registered; add one: qs pairs add BTCUSDT --market um",
    )


@options.takes_where
def pairs_add(
    symbol: Annotated[str, typer.Argument(help="BTCUSDT, BTC-USDT or the full name")],
    market: options.Market = None,
    venue: options.Venue = "binance",
    periods: Annotated[str, typer.Option("--periods", help="kline periods, comma separated")] = "",
    kinds: Annotated[str, typer.Option("--kinds", help="kline,trade,quote,book,ticker,funding,mark_price,open_interest")] = "",
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Collect a pair from now on."""
    from quantservice.app.client import platform_client

    body: dict[str, Any] = {"symbol": symbol, "market": market, "venue": venue}
    if periods:
        body["periods"] = [item.strip() for item in periods.split(",") if item.strip()]
    if kinds:
        body["kinds"] = [item.strip() for item in kinds.split(",") if item.strip()]
    with platform_client(where.load(), venues=True) as client:
        row = client.post("/api/v1/pairs", body)
    show_one(row if json else _pair(row), json=json)


@options.takes_where
def pairs_remove(
    symbol: Annotated[str, typer.Argument(help="BTCUSDT, BTC-USDT or the full name")],
    market: options.Market = None,
    venue: options.Venue = "binance",
    where: options.Where = options.HERE,
) -> None:
    """Stop collecting a pair; what is stored stays."""
    with where.client() as client:
        name = _registered(client.get("/api/v1/pairs")["data"], symbol, market, venue)
        row = client.delete(f"/api/v1/pairs/{quote(name)}")
    note(f"removed {row['removed']}; its klines stay in the store")


def _registered(rows: Iterable[Mapping[str, Any]], symbol: str, market: str | None, venue: str) -> str:
    """Find the one registered pair that is meant: also one that its venue no longer lists."""
    wanted = symbol.strip().upper()
    rows = [row for row in rows if row["venue"] == venue and market in (None, row["market"])]
    found = [
        row["instrument"] for row in rows if wanted in {row[name].upper() for name in ("instrument", "symbol", "venue_symbol")}
    ]
    if not found:
        raise UnknownName("pair", symbol, [row["instrument"] for row in rows])
    if len(found) > 1:
        raise InvalidValue("symbol", f"{symbol} is registered as {' and '.join(found)}; give one of these names")
    return str(found[0])


@options.takes_where
def proxies_list(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List the proxies."""
    with where.client() as client:
        show(
            client.get("/api/v1/proxies")["data"],
            json=json,
            empty="no proxy is registered; add one: qs proxies add socks5://host:1080",
        )


@options.takes_where
def proxies_add(
    url: Annotated[str, typer.Argument(help="socks5://user@host:1080 or http://host:3128")],
    ask_password: Annotated[
        bool, typer.Option("--ask-password", help="ask for the password instead of taking it from the URL")
    ] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Register a proxy; its password is sealed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("socks5", "socks5h", "http") or not parts.hostname or not port:
        raise InvalidValue("url", "a proxy is written socks5://user:password@host:port or http://host:port")
    password = typer.prompt("Proxy password", hide_input=True) if ask_password else unquote(parts.password or "")
    body = {
        "scheme": "http" if parts.scheme == "http" else "socks5",
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username or ""),
        "password": password,
    }
    with where.client() as client:
        show_one(client.post("/api/v1/proxies", body), json=json)


@options.takes_where
def proxies_remove(
    proxy_id: Annotated[int, typer.Argument(help="its id (qs proxies list)")],
    where: options.Where = options.HERE,
) -> None:
    """Remove a proxy."""
    with where.client() as client:
        note(f"removed proxy {client.delete(f'/api/v1/proxies/{proxy_id}')['removed']}")


@options.takes_where
def keys_list(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List the access keys."""
    with where.client() as client:
        rows = client.get("/api/v1/access-keys")["data"]
    shown = [{**row, "created_ms": utc(row["created_ms"])} for row in rows]
    show(rows if json else shown, json=json, empty="no access key yet; make one: qs keys add notebook")


@options.takes_where
def keys_add(
    name: Annotated[str, typer.Argument(help="what the key is for")],
    qps: Annotated[int, typer.Option("--qps", help="queries per second allowed")] = 20,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Make an access key; it is shown once."""
    with where.client() as client:
        made = client.post("/api/v1/access-keys", {"name": name, "qps_limit": qps})
    if json:
        show_one(made, json=True)
        return
    write(made["key"])
    note("keep it: only its hash is stored and it cannot be shown again")


@options.takes_where
def keys_remove(
    key_id: Annotated[int, typer.Argument(help="its id (qs keys list)")],
    where: options.Where = options.HERE,
) -> None:
    """Revoke an access key."""
    with where.client() as client:
        note(f"revoked {client.delete(f'/api/v1/access-keys/{key_id}')['removed']}")


def _pair(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "instrument": row["instrument"],
        "symbol": row["venue_symbol"],
        "periods": row["periods"],
        "kinds": row["kinds"],
        "enabled": row["enabled"],
    }
