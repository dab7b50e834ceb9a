"""``qs data margin-tiers …``: the venue's margin tiers that backtests take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from quantservice.app.cli import options
from quantservice.app.cli.assumed import tiers_of_file
from quantservice.app.cli.console import note, show, show_one, utc

_PATH = "/api/v1/margin-tiers"


def register(data: typer.Typer) -> None:
    """Add the commands below ``qs data``."""
    group = typer.Typer(help="Margin tiers that backtests take: import, show, delete.", no_args_is_help=True, rich_markup_mode=None)
    group.command("import", help="Keep the margin tiers of a .csv or .json file, or of Binance's own answer.")(import_tiers)
    group.command("show", help="Show the stored margin tiers.")(show_tiers)
    group.command("delete", help="Forget the margin tiers of an instrument.")(delete_tiers)
    data.add_typer(group, name="margin-tiers")


@options.takes_where
def import_tiers(
    file: Annotated[Path, typer.Argument(help="instrument, from, floor, cap, maintenance_rate, max_leverage; .csv or .json")],
    market: options.Market = None,
    venue: options.Venue = "binance",
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Keep the margin tiers of a file; those of the same date are replaced."""
    import msgspec

    tiers = msgspec.to_builtins(tiers_of_file(file))
    with where.client() as client:
        kept = client.put(_PATH, {"tiers": tiers, "venue": venue, "market": market})["data"]
    if json:
        show(kept, json=True)
    else:
        for row in kept:
            note(f"{row['instrument']}: {len(row['tiers'])} tiers are kept")


@options.takes_where
def show_tiers(
    instrument: Annotated[str | None, typer.Option("--instrument", help="full name, such as binance:um:BTC-USDT-PERP")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show the stored margin tiers."""
    with where.client() as client:
        rows = client.get(_PATH, {"instrument": instrument})["data"]
    shown: list[dict[str, Any]] = [
        {
            "instrument": row["instrument"],
            "from": utc(tier["from_ms"]) if tier["from_ms"] else "always",
            "floor": tier["floor"],
            "cap": tier["cap"] or "",
            "maintenance rate": tier["maintenance_rate"],
            "max leverage": tier["max_leverage"],
        }
        for row in rows
        for tier in row["tiers"]
    ]
    empty = "no margin tiers are stored: backtests take 1 % maintenance margin; qs data margin-tiers import FILE keeps some"
    show(rows if json else shown, json=json, empty=empty)


@options.takes_where
def delete_tiers(
    instrument: Annotated[str, typer.Argument(help="full name, such as binance:um:BTC-USDT-PERP")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Forget the margin tiers of an instrument."""
    with where.client() as client:
        show_one(client.delete(f"{_PATH}/{quote(instrument, safe='')}"), json=json)
