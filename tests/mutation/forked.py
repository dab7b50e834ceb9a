"""Mutants tried in forked children: nothing is copied, and a try costs what its tests cost.

The parent has loaded the libraries and nothing of ours. A child forks off, an import hook gives it the mutant in place of the
module, and it runs the tests. Only for tests that stay in their process: a process that a test starts knows nothing of the hook.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import signal
import sys
import time
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.mutation.mutants import Site, mutate

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
SOURCE: Final = PROJECT / "src"
#: Loaded before the first fork: what is slow to load and is not ours.
_LIBRARIES: Final = (
    "_pytest.main",
    "alembic.command",
    "hypothesis.internal.conjecture.engine",
    "hypothesis.strategies",
    "msgspec",
    "numpy",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.ext.asyncio",
    "structlog",
)


@dataclass(frozen=True)
class Trial:
    """One mutant and the tests that ought to notice it; no ``site``: the module as it is."""

    module: str
    site: Site | None
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What became of a trial."""

    trial: Trial
    killed: bool
    by: str
    seconds: float


class _Text(importlib.machinery.SourceFileLoader):
    """Loads another text as if it were in the module's file."""

    def __init__(self, name: str, path: Path, text: str) -> None:
        super().__init__(name, str(path))
        self._text = text

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(self._text, self.path, "exec", dont_inherit=True)


class _Mutant(importlib.abc.MetaPathFinder):
    """Finds one module: the mutant."""

    def __init__(self, loader: _Text) -> None:
        self._loader = loader

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._loader.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._loader.path, loader=self._loader)


def verdicts(trials: Sequence[Trial], *, workers: int = 2, limit_s: float = 60.0) -> Iterator[Verdict]:
    """Try every mutant, ``workers`` at a time, and yield each as it ends; one that outlasts ``limit_s`` is killed and counts so."""
    ours = [name for name in sys.modules if name.split(".")[0] == "quantservice"]
    if ours:
        raise RuntimeError(f"{ours[0]} is loaded already: a child would not see its mutant")
    for library in _LIBRARIES:
        importlib.import_module(library)
    for plugin in importlib.metadata.entry_points(group="pytest11"):
        plugin.load()
    waiting, running = list(reversed(trials)), dict[int, tuple[Trial, int, float]]()
    while waiting or running:
        while waiting and len(running) < workers:
            trial = waiting.pop()
            pid, reader = _begin(trial, round(limit_s))
            running[pid] = (trial, reader, time.monotonic())
        pid, status = os.waitpid(-1, 0)
        if pid not in running:
            continue
        trial, reader, began = running.pop(pid)
        with open(reader, encoding="utf-8", errors="replace") as pipe:
            by = pipe.read()
        code = os.waitstatus_to_exitcode(status)
        if code and not by:
            by = "time limit" if code == -signal.SIGALRM else f"ended with {code}"
        yield Verdict(trial, bool(code), by, round(time.monotonic() - began, 1))


def _begin(trial: Trial, limit_s: int) -> tuple[int, int]:
    """Fork a child that tries a mutant; return its id and where it says what failed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    code = 70
    try:
        os.close(reader)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # no handler of ours: an endless loop in C ends too
        signal.alarm(limit_s)
        code = _child(trial, writer)
    finally:
        os._exit(code)


def _child(trial: Trial, writer: int) -> int:
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)
    if trial.site is not None:
        path = PROJECT / trial.module
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        _, text = mutate(path.read_text(encoding="utf-8"), trial.site)
        sys.meta_path.insert(0, _Mutant(_Text(name, path, text)))
    os.chdir(PROJECT)
    heard = _FirstFailure()
    loaded = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # the libraries are, on purpose
    # The time limit of a test would take the alarm away: the child's own is the limit.
    options = ["-q", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", "--timeout=0", *loaded]
    ended = pytest.main([*options, "--hypothesis-seed=1", *trial.tests], plugins=[heard])
    os.write(writer, heard.name.encode()[:4_000])
    return int(ended)


class _FirstFailure:
    """Hears which test failed first."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid or "collection"
