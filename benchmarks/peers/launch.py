"""Finding the peers' interpreters, making them where asked, and taking turns with a peer.

``QS_PEERS_PYTHON`` names one or several interpreters (separated as in ``PATH``); without it those under ``.peers/`` are used, which
``./qs bench --peers`` makes. A peer that is not there is a visible row, never a silent gap.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy as np

from benchmarks.results import PROJECT

FOLDER = PROJECT / ".peers"
#: Environment -> its requirements. Peers that want different versions of numpy live apart.
ENVIRONMENTS = {
    "arrays": "requirements-peers.txt",
    "nautilus": "requirements-peers-nautilus.txt",
    "jesse": "requirements-peers-jesse.txt",
}
#: What an environment is made with, if this machine has it: some peers' newest versions want a newer Python.
PREFERRED = {"nautilus": ("python3.13", "python3.12")}


class PeerMissingError(Exception):
    """A peer is not installed in any of the interpreters."""


class Turn(msgspec.Struct, frozen=True):
    """One timed run of a peer."""

    seconds: float
    cpu_s: float
    peak_mb: float


def interpreters() -> list[Path]:
    """Where peers may be."""
    named = os.environ.get("QS_PEERS_PYTHON", "")
    found = [Path(name) for name in named.split(os.pathsep) if name]
    return found or sorted(FOLDER.glob("*/bin/python"))


@cache
def python_of(module: str) -> tuple[Path, str]:
    """Return the interpreter that has a peer, and the peer's version; raise PeerMissingError."""
    ask = (
        "import importlib.metadata as m, importlib.util as u, sys; name = sys.argv[1]; "
        "print(m.version(name) if u.find_spec(name) else '')"
    )
    for python in interpreters():
        if not python.is_file():
            continue
        said = subprocess.run([python, "-c", ask, module], capture_output=True, text=True, check=False).stdout.strip()
        if said:
            return python, said
    raise PeerMissingError(f"{module} is not installed; ./qs bench --peers makes its environment")


def install() -> None:
    """Make the peers' environments under ``.peers/``."""
    for name, requirements in ENVIRONMENTS.items():
        folder = FOLDER / name
        python = next((found for word in PREFERRED.get(name, ()) if (found := _works(word))), sys.executable)
        if not (folder / "bin" / "python").is_file():
            subprocess.run([python, "-m", "venv", str(folder)], check=True)
        print(f"peers: installing {requirements} into {folder}", file=sys.stderr)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(PROJECT / "benchmarks" / requirements)], check=True)


def _works(word: str) -> str | None:
    found = shutil.which(word)
    if found is None:
        return None
    return found if subprocess.run([found, "-c", "pass"], capture_output=True, check=False).returncode == 0 else None


class Peer:
    """A peer that waits for its turns."""

    def __init__(self, name: str, version: str, process: subprocess.Popen[str], folder: Path) -> None:
        self.name, self.version, self._process, self._folder = name, version, process, folder

    def turn(self, **keywords: Any) -> Turn:
        """Let it run once."""
        return msgspec.convert(self._ask(keywords), Turn)

    def facts(self) -> Mapping[str, Any]:
        """What it says of itself."""
        said: Mapping[str, Any] = self._ask({"facts": True})
        return said

    def trades(self, **keywords: Any) -> dict[str, np.ndarray[Any, Any]]:
        """Let it run once and return its trades as columns."""
        self._ask({**keywords, "trades": True})
        with np.load(self._folder / "trades.npz", allow_pickle=False) as found:
            return dict(found)

    def _ask(self, keywords: Mapping[str, Any]) -> Any:
        said, heard = self._process.stdin, self._process.stdout
        assert said is not None
        assert heard is not None
        try:
            said.write(json.dumps(keywords) + "\n")
            said.flush()
            line = heard.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise SystemExit(f"{self.name} ended with {self._process.wait()}: {(self._folder / 'said.txt').read_text()[-2_000:]}")
        return json.loads(line)


@contextmanager
def peer(module: str, script: str, market: Mapping[str, np.ndarray[Any, Any]]) -> Iterator[Peer]:
    """Start ``benchmarks/peers/<script>.py`` under the interpreter that has ``module``, with the market's columns in a folder."""
    python, version = python_of(module)
    with tempfile.TemporaryDirectory(prefix="qs-peer-") as name:
        folder = Path(name)
        (folder / "market").mkdir()
        for column, values in market.items():
            np.save(folder / "market" / f"{column}.npy", values, allow_pickle=False)
        command = [str(python), "-W", "ignore", str(PROJECT / "benchmarks" / "peers" / f"{script}.py"), str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        with (folder / "said.txt").open("w", encoding="utf-8") as said:
            process = _started(command, folder, said, environment)
            try:
                yield Peer(module, version, process, folder)
            finally:
                if process.stdin is not None:
                    process.stdin.close()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _started(command: list[str], folder: Path, said: IO[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, env=dict(environment)
    )
