"""``qs new <kind> <name>``: the files a newcomer starts from, in the places of CONTRIBUTING.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from quantservice.app.cli.console import write
from quantservice.core.errors import InvalidValue, UnknownName


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("new", help="Make the files of a new venue, indicator, strategy, risk rule or store.")(new)


def new(
    kind: Annotated[str, typer.Argument(help="venue | indicator | strategy | risk_rule | store")],
    name: Annotated[str, typer.Argument(help="its name: lower case, words joined by _")],
    folder: Annotated[Path, typer.Option("--dir", help="root of the checkout")] = Path(),
) -> None:
    """Make the files of a new thing; refuses to overwrite."""
    from quantservice.app.scaffolds import SCAFFOLDS

    if kind not in SCAFFOLDS:
        raise UnknownName("kind", kind, SCAFFOLDS)
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name):
        raise InvalidValue("name", f"{name!r} must be lower case letters, digits and _, starting with a letter")
    root = folder.resolve()
    if not (root / "src" / "quantservice").is_dir():
        raise InvalidValue("dir", f"{root} is not a QuantService checkout (src/quantservice is not there)")
    planned = {root / path.format(name=name): text for path, text in SCAFFOLDS[kind].items()}
    present = [path for path in planned if path.exists()]
    if present:
        raise InvalidValue("name", f"{present[0].relative_to(root)} exists already; choose another name")
    title = "".join(word.capitalize() for word in name.split("_"))
    for path, text in planned.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("__name__", name).replace("__Title__", title), encoding="utf-8")
        write(str(path.relative_to(root)))
