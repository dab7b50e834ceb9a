"""``qs backup``, ``restore``, ``prune``, ``export``, ``schema``: care of what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quantservice.app.cli import data, options
from quantservice.app.cli.console import no_progress, note, progress, show, show_one
from quantservice.core.errors import InvalidValue


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup", help="Write everything stored to a folder of Parquet files.")(backup)
    app.command("restore", help="Fill an empty store from a backup.")(restore)
    app.command("prune", help="Delete what is older than its retention.")(prune)
    app.command("export", help="Write klines to a CSV, Arrow or Parquet file.")(data.export)
    app.command("schema", help="Compare the stores' tables with what this version expects.")(schema)


@options.takes_where
def backup(
    folder: Annotated[Path, typer.Argument(help="a folder that does not exist yet, or is empty")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Write everything stored to a folder of Parquet files with a manifest."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidValue("folder", f"{folder} exists and is not an empty folder; choose another name")
    with where.client() as client, progress("backup") as update:
        result = client.stream("/api/v1/maintenance/backup", {"folder": str(folder.resolve())}, update)
    show_one(result, json=json)


@options.takes_where
def restore(
    folder: Annotated[Path, typer.Argument(help="a folder that qs backup made")],
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Fill an empty store from a backup; refuses to touch one that holds data."""
    if not folder.is_dir():
        raise InvalidValue("folder", f"{folder} is not a folder")
    with where.client() as client, progress("restore") as update:
        result = client.stream("/api/v1/maintenance/restore", {"folder": str(folder.resolve())}, update)
    show_one(result, json=json)


@options.takes_where
def prune(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """Delete what is older than its retention (settings retention.*); klines are never pruned."""
    with where.client() as client, progress("prune") as update:
        result = client.stream("/api/v1/maintenance/prune", {}, update)
    show_one(result, json=json)


@options.takes_where
def schema(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """Compare the stores' tables with what this version expects; exit 1 on a difference."""
    with where.client() as client:
        differences = client.stream("/api/v1/maintenance/schema", {}, no_progress)["differences"]
    if json:
        show(differences, json=True)
    else:
        for line in differences:
            note(line)
        if not differences:
            note("the schema is as expected")
    if differences:
        raise typer.Exit(1)
