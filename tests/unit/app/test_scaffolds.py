"""``qs new``: every kind makes files whose own test passes, and nothing is overwritten."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quantservice.app.cli import app
from quantservice.app.scaffolds import SCAFFOLDS
from quantservice.core.errors import InvalidValue, UnknownName


@pytest.fixture
def checkout(tmp_path: Path, project_dir: Path) -> Path:
    shutil.copy(project_dir / "pyproject.toml", tmp_path)
    shutil.copytree(project_dir / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "static"))
    return tmp_path


@pytest.mark.parametrize("kind", sorted(SCAFFOLDS))
def test_the_made_files_pass_their_own_test_and_the_linter(kind: str, checkout: Path) -> None:
    result = CliRunner().invoke(app, ["new", kind, "brand_new", "--dir", str(checkout)])
    assert result.exit_code == 0, result.output
    made = [checkout / line for line in result.output.split()]
    assert made
    assert all(file.is_file() for file in made)
    assert all("__name__" not in file.read_text() and "__Title__" not in file.read_text() for file in made)
    tests = [str(file) for file in made if file.name.startswith("test_")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(checkout / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    lint = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", *map(str, made)],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout


def test_an_existing_thing_is_not_overwritten(checkout: Path) -> None:
    arguments = ["new", "indicator", "mine", "--dir", str(checkout)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    second = CliRunner().invoke(app, arguments)
    assert isinstance(second.exception, InvalidValue)
    assert "exists already" in str(second.exception)


def test_unknown_kinds_and_bad_names_are_refused(checkout: Path) -> None:
    wrong_kind = CliRunner().invoke(app, ["new", "indicater", "x_y", "--dir", str(checkout)]).exception
    assert isinstance(wrong_kind, UnknownName)
    assert wrong_kind.nearest == ("indicator",)
    for name in ("Upper", "../x", "1a", "a-b", ""):
        assert isinstance(CliRunner().invoke(app, ["new", "venue", name, "--dir", str(checkout)]).exception, InvalidValue)
