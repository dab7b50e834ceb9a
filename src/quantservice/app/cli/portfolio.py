"""``qs portfolio …``: equity over time, what was earned, daily statements, and the journal under it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, parse_time, show, show_one, utc
from quantservice.app.cli.trading import Account, MaybeAccount
from quantservice.core.errors import UnknownName
from quantservice.core.money import exact

_LINES: Final = 40
_MOVES: Final = ("paid_in", "exchanged", "realised", "fees", "funding", "other")
_KEYS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "strategy": lambda row: row["deployment"] or "a person",
    "symbol": lambda row: row["instrument"] or "no trade",
    "day": lambda row: utc(row["day_ms"])[:10],
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    portfolio = typer.Typer(
        help="Equity over time, what was earned, statements, the journal.", no_args_is_help=True, rich_markup_mode=None
    )
    portfolio.command("equity", help="Show an account's equity over time, with its deepest fall.")(equity)
    portfolio.command("earned", help="Show what was earned, by strategy, symbol or day.")(earned)
    portfolio.command("statements", help="Show an account's daily statements and add its books up; status 1 where they differ.")(
        statements
    )
    portfolio.command("journal", help="List the newest entries of the journal.")(journal)
    app.add_typer(portfolio, name="portfolio")


@options.takes_where
def equity(
    account: Account,
    start: Annotated[str | None, typer.Option("--start", help="from: ISO date-time (UTC) or milliseconds; else a day ago")] = None,
    end: Annotated[str | None, typer.Option("--end", help="to: ISO date-time (UTC) or milliseconds; else now")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show equity over time."""
    query = {"account": account, "start_ms": parse_time("start", start), "end_ms": parse_time("end", end)}
    with where.client() as client:
        made = client.get("/api/v1/portfolio/equity", query)
    if json:
        show_one(made, json=True)
        return
    rows = made["data"]
    every = max(1, -(-len(rows) // _LINES))
    shown = [row for place, row in enumerate(reversed(rows)) if place % every == 0][::-1]  # the newest is always among them
    show(
        [
            {"time": utc(row["time_ms"]), **{name: row[name] for name in ("equity", "low", "high", "profit", "drawdown")}}
            for row in shown
        ],
        json=False,
        empty="nothing is written down yet",
    )
    if rows:
        note(f"{account}: {len(rows)} points in {made['currency']}; deepest fall {Decimal(made['max_drawdown']) * 100:.2f} %")


@options.takes_where
def earned(
    by: Annotated[str, typer.Option("--by", help="strategy, symbol or day")] = "strategy",
    account: MaybeAccount = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show what was earned."""
    if by not in _KEYS:
        raise UnknownName("by", by, tuple(_KEYS))
    with where.client() as client:
        rows = client.get("/api/v1/portfolio", {"account": account})["earned"]
    show(rows if json else _gathered(rows, by), json=json, empty="nothing was earned or lost yet")


@options.takes_where
def statements(
    account: Account,
    days: Annotated[int, typer.Option("--days", min=1, max=3_660, help="UTC days, today's among them")] = 30,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show the daily statements of an account, and end with status 1 where its books do not add up or differ from the venue."""
    with where.client() as client:
        made = client.get("/api/v1/portfolio/statements", {"account": account, "days": days})
    if json:
        show_one(made, json=True)
    else:
        show(_filled([_stated(row) for row in made["data"]]), json=False, empty="nothing was booked or compared in these days")
        for item in made["differences"]:
            note(f"{item['ledger_account']} {item['currency']}: kept as {item['kept']}, its entries add up to {item['summed']}")
        note(f"{account}: {made['entries']} entries added up; " + ("balanced" if made["balanced"] else "NOT balanced"))
    if not made["balanced"]:
        raise typer.Exit(1)


@options.takes_where
def journal(
    account: MaybeAccount = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="entries at most")] = 50,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """List entries of the journal."""
    with where.client() as client:
        rows = client.get("/api/v1/journal", {"account": account, "limit": limit})["data"]
    shown = [
        {
            "#": row["sequence"],
            "time": utc(row["time_ms"]),
            "account": row["account"],
            "reason": row["reason"],
            "postings": "  ".join(f"{item['account']} {item['amount']} {item['currency']}" for item in row["postings"]),
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="nothing was booked yet")


def _stated(row: dict[str, Any]) -> dict[str, Any]:
    """Return a statement as it is shown: what did not move is empty."""
    moves = {name: row[name] if Decimal(row[name]) else "" for name in _MOVES}
    gaps = "  ".join(f"{gap['instrument']} {gap['booked']} / {gap['venue']}" for gap in row["positions"])
    compared = "" if row["compared_ms"] is None else utc(row["compared_ms"])[11:19]
    return {
        "day": utc(row["day_ms"])[:10],
        "currency": row["currency"],
        "opening": row["opening"],
        **moves,
        "closing": row["closing"],
        "compared": compared,
        "unexplained": row["unexplained"] or "",
        "differing legs (books / venue)": gaps,
    }


def _filled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without the columns that are empty in all of them."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    return [{name: row[name] for name in names} for row in rows]


@exact
def _gathered(rows: list[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """Return the sums per key and currency."""
    sums: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (_KEYS[by](row), row["currency"])
        found = sums.setdefault(
            key,
            {by: key[0], "currency": key[1], "trades": 0, **dict.fromkeys(("realised", "fees", "funding", "total"), Decimal(0))},
        )
        found["trades"] += row["trades"]
        for name in ("realised", "fees", "funding", "total"):
            found[name] += Decimal(row[name])
    return [{name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in row.items()} for row in sums.values()]
