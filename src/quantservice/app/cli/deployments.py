"""``qs deployments …``: strategies that run on live klines, as a person keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, show, show_one, utc
from quantservice.core.errors import InvalidValue

if TYPE_CHECKING:
    from quantservice.app.client import PlatformClient

Reference = Annotated[str, typer.Argument(help="name or id of the deployment (qs deployments list)")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="BTCUSDT, BTC-USDT or the full name; again for more")]
Param = Annotated[list[str] | None, typer.Option("--param", help="name=value of a parameter; again for the next")]
_VERBS = {
    "start": "Run it on live klines from now on.",
    "pause": "Follow the market on, but announce nothing.",
    "resume": "Announce signals again.",
    "stop": "End its process; what it remembers is saved.",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Strategies on live klines: list, create, start, stop, roll back.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command("list", help="List the deployments with what they do now.")(list_deployments)
    group.command("create", help="Make a deployment; it does not run until it is started.")(create)
    group.command("configure", help="Change one that does not run; each change is a new version.")(configure)
    for verb, text in _VERBS.items():
        group.command(verb, help=text)(_sayer(verb, text))
    group.command("history", help="Who changed what, newest first.")(history)
    group.command("rollback", help="Bring back an earlier version, stopped.")(roll_back)
    group.command("remove", help="Forget one that does not run; its history stays.")(remove)
    app.add_typer(group, name="deployments")


@options.takes_where
def list_deployments(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List the deployments."""
    with where.client() as client:
        rows = client.get("/api/v1/deployments")["data"]
    shown = [
        {
            "name": row["name"],
            "state": row["state"],
            "strategy": row["strategy"],
            "parameters": _pairs_of(row["parameters"]),
            "instruments": row["instruments"],
            "period": row["period"],
            "version": row["version"],
            "klines": row["running"].get("klines", 0),
            "signals": row["running"].get("signals", 0),
            "reason": row["reason"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="no deployment yet; qs deployments create makes one")


@options.takes_where
def create(
    name: Annotated[str, typer.Argument(help="what it is called")],
    strategy: Annotated[str, typer.Argument(help="strategy (qs strategy list)")],
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1h",
    param: Param = None,
    account: Annotated[str, typer.Option("--account", help="account that it trades on; without it signals only")] = "",
    allocation: Annotated[str, typer.Option("--allocation", help="what of the account's money it is allotted")] = "0",
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Make a deployment."""
    with where.client() as client:
        body = {
            "name": name,
            "strategy": strategy,
            "instruments": _instruments(client, symbol, market, venue),
            "period": period,
            "parameters": options.named_values("param", param),
            "account": account,
            "allocation": allocation,
        }
        _tell(client.post("/api/v1/deployments", body), json=json)
    if not json:
        note(f"start it with qs deployments start {_quoted(name)}")


@options.takes_where
def configure(
    deployment: Reference,
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: Annotated[str | None, typer.Option("--period", help="another period")] = None,
    param: Param = None,
    account: Annotated[str | None, typer.Option("--account", help="another account; an empty one: signals only")] = None,
    allocation: Annotated[str | None, typer.Option("--allocation", help="what of the account's money it is allotted")] = None,
    why: Annotated[str, typer.Option("--note", help="a word for its history")] = "",
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Change a deployment that does not run; parameters that are not named stay as they are."""
    with where.client() as client:
        path = _path(deployment)
        body: dict[str, Any] = {"note": why, "account": account, "allocation": allocation}
        if symbol:
            body["instruments"] = _instruments(client, symbol, market, venue)
        if period is not None:
            body["period"] = period
        if param:
            body["parameters"] = {**client.get(path)["parameters"], **options.named_values("param", param)}
        _tell(client.post(f"{path}/configure", body), json=json)


def _sayer(verb: str, text: str) -> Any:
    @options.takes_where
    def say(
        deployment: Reference,
        where: options.Where = options.HERE,
        json: options.Json = False,
    ) -> None:
        with where.client() as client:
            _tell(client.post(f"{_path(deployment)}/{verb}", {}), json=json)

    say.__doc__ = text
    return say


@options.takes_where
def history(
    deployment: Reference,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show who changed what."""
    with where.client() as client:
        rows = client.get(f"{_path(deployment)}/history")["data"]
    shown = [
        {
            "version": row["version"],
            "at": utc(row["at_ms"]),
            "who": row["who"],
            "what": row["what"],
            "parameters": _pairs_of(row["after"].get("parameters", {})),
            "note": row["note"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json)


@options.takes_where
def roll_back(
    deployment: Reference,
    version: Annotated[int, typer.Argument(help="version to bring back (qs deployments history)")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Bring back an earlier version as a new one."""
    with where.client() as client:
        _tell(client.post(f"{_path(deployment)}/rollback", {"version": version}), json=json)


@options.takes_where
def remove(
    deployment: Reference,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Forget a deployment."""
    with where.client() as client:
        show_one(client.delete(_path(deployment)), json=json)


# --- what the commands share ---


def _path(deployment: str) -> str:
    return f"/api/v1/deployments/{quote(deployment, safe='')}"


def _instruments(client: PlatformClient, symbols: list[str] | None, market: str | None, venue: str) -> list[str]:
    """Return full names; what a short one means is asked where instruments are known."""
    if not symbols:
        raise InvalidValue("symbol", "name at least one instrument, such as --symbol BTC-USDT --market um")
    found = []
    for symbol in symbols:
        given = {} if symbol.count(":") == 2 else {"market": market, "venue": venue}
        rows = client.get("/api/v1/klines", {"symbol": symbol, "limit": 1, "period": "1m", **given})
        found.append(str(rows["instrument"]))
    return found


def _pairs_of(parameters: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)


def _tell(row: Mapping[str, Any], *, json: bool) -> None:
    names = ("name", "state", "strategy", "period", "version")
    shown = {name: row[name] for name in names} | {"parameters": _pairs_of(row["parameters"]), "instruments": row["instruments"]}
    show_one(row if json else shown, json=json)
