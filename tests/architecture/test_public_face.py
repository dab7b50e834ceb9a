"""What strangers see first: public names, cheap imports, docstrings, tidy files, and nothing of the machine it was made on."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import quantservice

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "quantservice"
MODULES = sorted(SOURCE.rglob("*.py"))
HEAVY = (
    "chdb",
    "numpy",
    "pandas",
    "pyarrow",
    "numba",
    "fastapi",
    "pydantic",
    "sqlalchemy",
    "aiohttp",
    "httpx",
    "clickhouse_connect",
)
MOST_LINES = 600
MOST_ROOM_LINES = 20
ROOMS = (
    "src/quantservice/core",
    "src/quantservice/quant",
    "src/quantservice/services",
    "src/quantservice/adapters",
    "src/quantservice/simulator",
    "src/quantservice/web",
    "src/quantservice/app",
    "ui",
    "tests",
    "benchmarks",
)


def tracked() -> list[Path]:
    """The files of the project, as git lists them; outside a checkout, nothing."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after a statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.strip().splitlines()[-1]))


# --- names ---


def test_the_public_names_are_these() -> None:
    assert set(quantservice.__all__) >= {"Backtest", "Bars", "Signal", "Strategy", "__version__", "load_bars"}
    assert set(dir(quantservice)) == set(quantservice.__all__)
    for name in quantservice.__all__:
        assert getattr(quantservice, name) is not None
    assert re.fullmatch(r"\d+\.\d+\.\d+", quantservice.__version__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        quantservice.nothing  # noqa: B018 - the access is the test


def test_every_name_of_all_exists() -> None:
    for module in MODULES:
        tree = ast.parse(module.read_text("utf-8"))
        exported = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and any(isinstance(item, ast.Name) and item.id == "__all__" for item in node.targets)
        ]
        bound = _bound_names(tree)
        for names in exported:
            assert set(names) - bound == set(), f"{module.relative_to(ROOT)} exports names that it does not have"
            assert len(set(names)) == len(names), f"{module.relative_to(ROOT)} exports a name twice"


def _bound_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


# --- imports ---


@pytest.mark.parametrize(
    "statement",
    [
        "import quantservice",
        "import quantservice.core.events, quantservice.core.book, quantservice.core.resample, quantservice.core.margin",
        "import quantservice.ports",
    ],
)
def test_the_inside_imports_nothing_heavy(statement: str) -> None:
    loaded = loaded_by(statement)
    assert "quantservice" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_core_imports_the_standard_library_and_msgspec_only() -> None:
    modules = ", ".join(
        f"quantservice.core.{file.stem}" for file in sorted((SOURCE / "core").glob("*.py")) if file.stem != "__init__"
    )
    foreign = loaded_by(f"import {modules}") - loaded_by("import msgspec") - set(sys.stdlib_module_names)
    assert foreign == {"quantservice"}


@pytest.mark.parametrize("arguments", [["--help"], ["data", "--help"], ["demo", "--help"], ["version"]])
def test_help_answers_without_anything_heavy(arguments: list[str]) -> None:
    loaded = loaded_by(
        f"import sys\nsys.argv = ['qs', *{arguments!r}]\n"
        "from quantservice.app.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
    )
    assert "quantservice" in loaded
    assert loaded.isdisjoint({*HEAVY} - {"pydantic"})  # typer reads its options with pydantic


def test_the_mathematics_can_be_imported_alone() -> None:
    loaded = loaded_by("import quantservice.quant.bars")
    assert "numpy" in loaded
    assert loaded.isdisjoint({"asyncio", *HEAVY} - {"numpy", "numba"})


# --- words ---


@pytest.mark.parametrize("module", MODULES, ids=[str(module.relative_to(SOURCE)) for module in MODULES])
def test_every_module_says_what_it_is(module: Path) -> None:
    text = ast.get_docstring(ast.parse(module.read_text("utf-8")))
    assert text, "has no docstring"
    assert text.splitlines()[0].endswith((".", ":", "?")), text.splitlines()[0]


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_its_rule(room: str) -> None:
    assert (ROOT / room / "ROOM.md").is_file()


def test_the_rules_of_rooms_are_short() -> None:
    for file in tracked():
        if file.name == "ROOM.md":
            lines = file.read_text("utf-8").splitlines()
            assert len(lines) <= MOST_ROOM_LINES, f"{file.relative_to(ROOT)} has {len(lines)} lines"


def test_every_room_of_the_source_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for room in SOURCE.iterdir():
        if room.is_dir() and (room / "__init__.py").is_file():
            assert f"`src/quantservice/{room.name}`" in text


# --- files ---

_SOURCES = {".py", ".ts", ".vue", ".css", ".sh", ""}
#: Assembled, so that this file does not contain what it looks for.
_PLACES_OF_A_MACHINE = re.compile(
    r"(^|[^A-Za-z0-9._-])/(" + "|".join(("wor" + "k", "far" + "m", "roo" + "t", "hom" + "e/[a-z]+")) + ")/"
)
_RESOLVED = re.compile(r'"resolved": *"http')
_INDEX = re.compile(r"--(extra-)?index-url|files\.pythonhosted\.org|--trusted-host")
_UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "raise NotImplemented" + "Error")))


def _texts() -> list[tuple[Path, str]]:
    found = []
    for file in tracked():
        content = file.read_bytes()
        if b"\0" not in content[:8192]:
            found.append((file.relative_to(ROOT), content.decode("utf-8")))
    return found


def test_no_file_knows_the_machine_it_was_made_on() -> None:
    guilty = [f"{name}:{number}" for name, text in _texts() for number, line in enumerate(text.splitlines(), 1) if _tells(line)]
    assert guilty == []


def _tells(line: str) -> bool:
    return bool(_PLACES_OF_A_MACHINE.search(line))


def test_lock_files_name_versions_and_hashes_but_no_address() -> None:
    for name, text in _texts():
        if "lock" in name.name and name.suffix in {".lock", ".json", ".txt"}:
            assert not _RESOLVED.search(text), name
            assert not _INDEX.search(text), name
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text("utf-8")
        pinned = re.findall(r"^([\w.\[\]-]+)==", text, re.MULTILINE)
        assert pinned
        assert len(re.findall(r"--hash=sha256:", text)) >= len(pinned)


def test_no_source_file_is_long() -> None:
    long = {
        str(name): len(text.splitlines())
        for name, text in _texts()
        if name.suffix in _SOURCES and "static" not in name.parts and name.name not in {"LICENSE", "schema.ts"}
    }
    assert {name: count for name, count in long.items() if count > MOST_LINES} == {}


def test_nothing_is_left_unfinished() -> None:
    guilty = [str(name) for name, text in _texts() if name.parts[0] == "src" and name.suffix == ".py" and _UNFINISHED.search(text)]
    assert guilty == []


def test_the_checks_above_can_fail() -> None:
    assert _tells("see /wor" + "k/main/qs")
    assert _tells("HOME=/hom" + "e/someone/x")
    assert not _tells("tests/unit/work/here and /var/lib")
    assert _RESOLVED.search('"resolved": "https://example.org/x.tgz"')
    assert _UNFINISHED.search("# TO" + "DO: later")
