"""``qs accounts …`` and ``qs orders …``: paper accounts, and orders as a person places them."""

from __future__ import annotations

import math
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from typer.core import TyperCommand

from quantservice.app.cli import options
from quantservice.app.cli.console import brief, note, show, show_one, utc
from quantservice.core.errors import InvalidNumber, InvalidValue
from quantservice.core.money import POSITIVE, amount_of

Account = Annotated[str, typer.Option("--account", help="account (qs accounts list)")]
_NEGATIVE: Final = re.compile(r"-(\d.*|\.\d.*|inf(inity)?|nan)", re.IGNORECASE)
_QUOTIENTS: Final = frozenset({"average_entry", "average_price", "realised"})
MaybeAccount = Annotated[str | None, typer.Option("--account", help="of one account only")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    accounts = typer.Typer(help="Trading accounts: list, add.", no_args_is_help=True, rich_markup_mode=None)
    accounts.command("list", help="List the accounts with their wallets by the books.")(list_accounts)
    accounts.command("add", help="Add an account: on paper, or with --live one that trades with a venue key.")(add_account)
    app.command("preflight", help="Say what is wrong with an account before it trades for real.")(preflight)
    accounts.command("key", help="Give a live account its venue key; it is asked for, never typed on the command line.")(give_key)
    accounts.command("keys", help="List the venue keys: their beginnings and rights.")(list_keys)
    accounts.command("rotate-master", help="Make a new master key and seal every venue key under it.")(rotate_master)
    accounts.command("forget-key", help="Forget an account's venue key.")(forget_key)
    app.add_typer(accounts, name="accounts")
    orders = typer.Typer(
        help="Orders: list, place, cancel; fills, positions, denials.", no_args_is_help=True, rich_markup_mode=None
    )
    orders.command("list", help="List orders, newest first.")(list_orders)
    orders.command("chain", help="Show an order's way from the exchange's frame to the books, step by step.")(chain)
    orders.command("place", cls=_TakesNumbers, help="Place an order through risk control.")(place)
    orders.command("route", cls=_TakesNumbers, help="Say what an order would cost at each account; nothing is placed.")(route_order)
    orders.command("modify", help="Change the quantity or limit price of an open limit order.")(modify)
    orders.command("cancel", help="Cancel an order.")(cancel)
    orders.command("algorithms", help="List orders that are worked off in parts, newest first.")(
        _lister("/api/v1/algorithms", "no algorithm yet; qs orders place --algo makes one")
    )
    orders.command("cancel-algorithm", help="End an algorithm: no more parts, and the open one is cancelled.")(cancel_algorithm)
    orders.command("cancel-all", help="Cancel every open order of an account.")(cancel_all)
    orders.command("close-all", help="Close everything that an account holds, at the market.")(close_all)
    orders.command("fills", help="List fills, newest first.")(_lister("/api/v1/fills", "no fill yet"))
    orders.command("positions", help="List what accounts and deployments hold.")(_lister("/api/v1/positions", "nothing is held"))
    orders.command("denials", help="List what risk control denied.")(_lister("/api/v1/denials", "nothing was denied"))
    app.add_typer(orders, name="orders")


@options.takes_where
def preflight(
    name: Annotated[str, typer.Argument(help="the account (qs accounts list)")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Look at an account; exit status 1 where something failed."""
    with where.client() as client:
        report = client.post(f"/api/v1/accounts/{_part('name', name)}/preflight", {})
    if json:
        show_one(report, json=True)
    else:
        show(
            [{"outcome": item["outcome"], "check": item["check"], "what": item["sentence"]} for item in report["findings"]],
            json=False,
        )
    if report["outcome"] == "failed":
        raise typer.Exit(1)


@options.takes_where
def list_accounts(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List the accounts."""
    with where.client() as client:
        rows = client.get("/api/v1/accounts")["data"]
    shown = [
        {
            **row,
            "balances": " ".join(f"{amount} {name}" for name, amount in row["balances"].items()),
            "fees": f"maker {_rate(row['fees']['maker'])} taker {_rate(row['fees']['taker'])}" if row["fees"] else "not read yet",
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="no account yet; qs accounts add makes one")


def _rate(fraction: str) -> str:
    return f"{(Decimal(fraction) * 100).normalize():f} %"


@options.takes_where
def add_account(
    name: Annotated[str, typer.Argument(help="what it is called")],
    market: options.Market = None,
    venue: options.Venue = "binance",
    balance: Annotated[list[str] | None, typer.Option("--balance", help="USDT=50000: what it begins with; again for more")] = None,
    currency: Annotated[str, typer.Option("--currency", help="what it is reported in")] = "USDT",
    live: Annotated[bool, typer.Option("--live", help="trades at the venue, once it has a key (qs accounts key)")] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Add an account."""
    balances = options.named_texts("balance", balance)
    body = {"name": name, "venue": venue, "market": market or "um", "currency": currency, "balances": balances}
    body["mode"] = "live" if live else "paper"
    with where.client() as client:
        show_one(client.post("/api/v1/accounts", body), json=json)


@options.takes_where
def give_key(
    name: Annotated[str, typer.Argument(help="the account (qs accounts list)")],
    file: Annotated[
        Path | None, typer.Option("--file", help="key, secret and passphrase in lines of a file; - is standard input")
    ] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Give a live account its key."""
    if file is None:
        key, secret = typer.prompt("Key"), typer.prompt("Secret", hide_input=True)
        passphrase = typer.prompt("Passphrase (empty where the venue has none)", hide_input=True, default="", show_default=False)
    else:
        lines = [*_read(file).split("\n"), "", ""]
        key, secret, passphrase = (line.strip() for line in lines[:3])
    body = {"key": key, "secret": secret, "passphrase": passphrase}
    with where.client() as client:
        made = client.post(f"/api/v1/accounts/{_part('name', name)}/key", body)
    show_one(made if json else _key_shown(made), json=json)


def _key_shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a key as a person reads it: its rights in words."""
    given = row["permissions"]
    rights = [name for name in ("read", "trade", "withdraw") if given.get(name)]
    words = [f"may {' and '.join(rights) or 'nothing'}"]
    if given.get("ip_bound"):
        words.append("bound to an address")
    if given.get("expires_ms"):
        words.append(f"ends {utc(given['expires_ms'])}")
    if given.get("detail"):
        words.append(given["detail"])
    return {**row, "permissions": ", ".join(words), **{name: utc(row[name]) for name in ("created_ms", "checked_ms")}}


@options.takes_where
def list_keys(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List keys."""
    with where.client() as client:
        rows = client.get("/api/v1/venue-keys")["data"]
    shown = [_key_shown(row) for row in rows]
    show(rows if json else shown, json=json, empty="no venue key yet; qs accounts key gives a live account its own")


@options.takes_where
def rotate_master(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """Rotate the master key."""
    with where.client() as client:
        made = client.post("/api/v1/venue-keys/rotate", {})
    show_one(made, json=json)
    if not json:
        note("the master key before is gone from the key file: back the new one up")


@options.takes_where
def forget_key(
    name: Annotated[str, typer.Argument(help="the account (qs accounts list)")],
    force: Annotated[bool, typer.Option("--force", help="also while its orders are open: nobody watches them then")] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Forget a key."""
    with where.client() as client:
        show_one(client.delete(f"/api/v1/accounts/{_part('name', name)}/key", {"force": str(force).lower()}), json=json)


@options.takes_where
def list_orders(
    account: MaybeAccount = None,
    only_open: Annotated[bool, typer.Option("--open", help="those only that have not ended")] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """List orders."""
    with where.client() as client:
        rows = client.get("/api/v1/orders", {"open": str(only_open).lower(), "account": account})["data"]
    shown = [
        {
            "time": utc(row["created_ms"]),
            **{
                name: row[name]
                for name in ("order_id", "account", "instrument", "side", "type", "quantity", "limit_price", "state", "filled")
            },
            "reason": row["reason"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="no order yet; qs orders place makes one")


@options.takes_where
def chain(
    order_id: Annotated[str, typer.Argument(help="id of the order (qs orders list)")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show an order's chain."""
    with where.client() as client:
        found = client.get(f"/api/v1/orders/{_part('order_id', order_id)}/chain")
    if json:
        show_one(found, json=True)
        return
    by = " ".join(part for part in (found["origin"], found["strategy"], found["deployment"]) if part)
    note(f"{found['instrument']}, {found['state']}; by: {by}")
    show(
        [
            {
                "time": "" if step["time_us"] is None else f"{utc(step['time_us'] // 1_000)}.{step['time_us'] % 1_000_000:06d}",
                "after": "" if step["gap_us"] is None else f"{step['gap_us'] / 1_000:,.3f} ms",
                "step": step["step"],
                "what": step["sentence"],
                "facts": ", ".join(f"{name} {value}" for name, value in step["facts"].items()),
            }
            for step in found["steps"]
        ],
        json=False,
    )
    for item in found["missing"]:
        note(item["sentence"])


@options.takes_where
def place(
    side: Annotated[str, typer.Argument(help="buy or sell")],
    quantity: Annotated[str, typer.Argument(help="how much, in units of the base (contracts for coin-margined)")],
    symbol: Annotated[str, typer.Argument(help="BTCUSDT, BTC-USDT-PERP or the full name")],
    account: Annotated[
        list[str] | None, typer.Option("--account", help="account (qs accounts list); paper otherwise; several with --route")
    ] = None,
    route: Annotated[
        bool, typer.Option("--route", help="at the account that takes it at the least cost, of all or those named")
    ] = False,
    market: options.Market = None,
    type: Annotated[str, typer.Option("--type", help="market, limit, stop, stop_limit or take_profit")] = "market",  # noqa: A002 - the flag's word
    limit: Annotated[str | None, typer.Option("--limit", help="limit price")] = None,
    stop: Annotated[str | None, typer.Option("--stop", help="price at which it wakes")] = None,
    time_in_force: Annotated[str, typer.Option("--time-in-force", help="GTC, IOC or FOK")] = "GTC",
    post_only: Annotated[bool, typer.Option("--post-only", help="only if it rests")] = False,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="only if it makes a position smaller")] = False,
    deadline: Annotated[
        float | None, typer.Option("--deadline", help="seconds after which what is left of an order that rests is cancelled")
    ] = None,
    algo: Annotated[str, typer.Option("--algo", help="work it off in parts: twap, vwap, iceberg, or limit (it follows)")] = "",
    minutes: Annotated[float, typer.Option("--minutes", help="with --algo: its time; 0 is no end")] = 0.0,
    slices: Annotated[int, typer.Option("--slices", help="with --algo: parts of its time; 0 is one a minute")] = 0,
    shown: Annotated[str | None, typer.Option("--shown", help="of an iceberg: what the market sees at once")] = None,
    key: Annotated[str | None, typer.Option("--key", help="idempotency key: the same again sends nothing new")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Place an order."""
    _check_amounts(("quantity", quantity), ("--limit", limit), ("--stop", stop), ("--shown", shown))
    if deadline is not None and not (math.isfinite(deadline) and deadline > 0):
        raise InvalidNumber("--deadline", "a number of seconds above 0", deadline)
    if not (math.isfinite(minutes) and minutes >= 0):
        raise InvalidNumber("--minutes", "a number of zero or more", minutes)
    if algo and deadline is not None:
        raise typer.BadParameter("an --algo has --minutes: nothing of it is open after them", param_hint="--deadline")
    if not algo and (minutes or slices or shown):
        raise typer.BadParameter("--minutes, --slices and --shown are of an --algo", param_hint="--algo")
    if route and algo:
        raise typer.BadParameter("an --algo names its account", param_hint="--route")
    if account and len(account) > 1 and not route:
        raise typer.BadParameter("several accounts are for --route", param_hint="--account")
    to: dict[str, Any] = {"route": True, "accounts": account or []} if route else {"account": account[0] if account else "paper"}
    body: dict[str, Any] = {
        **to,
        "symbol": symbol,
        "market": market,
        "side": side,
        "quantity": quantity,
        "type": "limit" if limit and type == "market" else type,
        "limit_price": limit,
        "stop_price": stop,
        "time_in_force": time_in_force,
        "post_only": post_only,
        "reduce_only": reduce_only,
        "deadline_s": deadline,
    }
    with where.client() as client:
        if algo:
            body |= {"algorithm": algo, "minutes": minutes, "slices": slices, "shown": shown}
        made = client.post("/api/v1/algorithms" if algo else "/api/v1/orders", body, headers=_headers(key))
    offers = None if json else made.pop("route", None)
    show_one(made, json=json)
    for offer in offers or ():
        note(f"{offer['account']}{' (chosen)' if offer['chosen'] else ''}: {offer['sentence']}")
    if made["state"] in ("rejected", "not_sent"):
        note(f"the order is {made['state'].replace('_', ' ')}: {made['reason']}")
        raise typer.Exit(1)


@options.takes_where
def route_order(
    side: Annotated[str, typer.Argument(help="buy or sell")],
    quantity: Annotated[str, typer.Argument(help="how much, in units of the base (contracts for coin-margined)")],
    symbol: Annotated[str, typer.Argument(help="BTCUSDT, BTC-USDT-PERP or the full name")],
    account: Annotated[list[str] | None, typer.Option("--account", help="only there; may be given several times")] = None,
    market: options.Market = None,
    limit: Annotated[str | None, typer.Option("--limit", help="limit price; at the market otherwise")] = None,
    post_only: Annotated[bool, typer.Option("--post-only", help="only if it rests")] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Compare the accounts, cheapest first."""
    _check_amounts(("quantity", quantity), ("--limit", limit))
    body: dict[str, Any] = {
        "symbol": symbol,
        "market": market,
        "side": side,
        "quantity": quantity,
        "type": "limit" if limit else "market",
        "limit_price": limit,
        "post_only": post_only,
        "accounts": account or [],
    }
    with where.client() as client:
        offers = client.post("/api/v1/orders/route", body)["data"]
    rows = [
        {
            "account": offer["account"],
            "instrument": offer["instrument"],
            "cost": f"{offer['amount']} {offer['currency']}" if offer["takes"] else "",
            "chosen": "chosen" if offer["chosen"] else "",
            "what": offer["sentence"],
        }
        for offer in offers
    ]
    show(offers if json else rows, json=json, empty="no account trades it; qs accounts list shows the accounts")


@options.takes_where
def modify(
    order_id: Annotated[str, typer.Argument(help="id of the order (qs orders list)")],
    quantity: Annotated[str | None, typer.Option("--quantity", help="the whole quantity, what is filled included")] = None,
    limit: Annotated[str | None, typer.Option("--limit", help="limit price")] = None,
    key: Annotated[str | None, typer.Option("--key", help="idempotency key: the same again asks nothing new")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Change an order."""
    if quantity is None and limit is None:
        raise typer.BadParameter("give --quantity, --limit, or both", param_hint="--quantity")
    _check_amounts(("--quantity", quantity), ("--limit", limit))
    body = {"quantity": quantity, "limit_price": limit}
    with where.client() as client:
        show_one(client.put(f"/api/v1/orders/{_part('order_id', order_id)}", body, headers=_headers(key)), json=json)


@options.takes_where
def cancel(
    order_id: Annotated[str, typer.Argument(help="id of the order (qs orders list)")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Cancel an order."""
    with where.client() as client:
        show_one(client.post(f"/api/v1/orders/{_part('order_id', order_id)}/cancel", {}), json=json)


@options.takes_where
def cancel_algorithm(
    algorithm_id: Annotated[str, typer.Argument(help="id of the algorithm (qs orders algorithms)")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """End an algorithm."""
    with where.client() as client:
        show_one(client.post(f"/api/v1/algorithms/{_part('algorithm_id', algorithm_id)}/cancel", {}), json=json)


@options.takes_where
def cancel_all(
    account: Account = "paper",
    symbol: Annotated[str | None, typer.Option("--symbol", help="of one instrument only")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Cancel every open order."""
    with where.client() as client:
        rows = client.post("/api/v1/orders/cancel-all", {"account": account, "symbol": symbol})["data"]
    if json:
        show(rows, json=True)
    else:
        note(f"{len(rows)} orders: {' '.join(row['state'] for row in rows) or 'none was open'}")


@options.takes_where
def close_all(
    account: Account = "paper",
    symbol: Annotated[str | None, typer.Option("--symbol", help="of one instrument only")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Close what is held."""
    with where.client() as client:
        made = client.post("/api/v1/orders/close-all", {"account": account, "symbol": symbol})
    if json:
        show_one(made, json=True)
    else:
        note(f"{len(made['data'])} orders: {' '.join(row['state'] for row in made['data']) or 'nothing was held'}")
        for sentence in made["denied"]:
            note(f"denied: {sentence}")


def _lister(path: str, empty: str) -> Any:
    @options.takes_where
    def show_rows(
        account: MaybeAccount = None,
        where: options.Where = options.HERE,
        json: options.Json = False,
    ) -> None:
        """List them."""
        with where.client() as client:
            rows = client.get(path, {"account": account})["data"]
        show(rows if json else [_brief(row) for row in rows], json=json, empty=empty)

    return show_rows


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with what is divided in it as a person reads it."""
    return {name: brief(value) if name in _QUOTIENTS else value for name, value in row.items()}


def _headers(key: str | None) -> dict[str, str] | None:
    return None if key is None else {"Idempotency-Key": key}  # an empty one is refused: "$KEY" of a script may be unset


def _read(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue("file", f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None


def _check_amounts(*given: tuple[str, str | None]) -> None:
    for name, text in given:
        if text is not None:
            amount_of(name, text)


class _TakesNumbers(TyperCommand):
    """A command whose quantity may look like an option, such as -1: it is answered as the number that it is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; of a value of an option its own check says what is wrong."""
        flags = {name for option in self.params if getattr(option, "is_flag", False) for name in option.opts}
        for before, text in zip(["", *args], args, strict=False):
            if _NEGATIVE.fullmatch(text) and (not before.startswith("--") or before in flags):
                raise InvalidNumber("quantity", POSITIVE, text)
        return super().parse_args(ctx, args)


def _part(what: str, text: str) -> str:
    """Return a name as a part of an address: an empty one, or one with a slash, would name another address."""
    if not text.strip() or "/" in text:
        raise InvalidValue(what, f"{text!r} names nothing here")
    return quote(text, safe="")
