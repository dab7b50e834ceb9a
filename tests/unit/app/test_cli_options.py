"""The flags that say which platform a command asks reach it as one value."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quantservice.app.cli import options


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], options.HERE),
        (["--config", "a.yaml"], options.Where(Path("a.yaml"))),
        (["--data-dir", "data", "--demo"], options.Where(None, Path("data"), demo=True)),
    ],
)
def test_a_command_is_told_where_by_its_flags(flags: list[str], expected: options.Where) -> None:
    told: list[tuple[str, options.Where, bool]] = []
    app = typer.Typer()

    @app.command()
    @options.takes_where
    def ask(name: str, where: options.Where = options.HERE, json: options.Json = False) -> None:
        told.append((name, where, json))

    result = CliRunner().invoke(app, ["main", *flags, "--json"])
    assert result.exit_code == 0, result.output
    assert told == [("main", expected, True)]
