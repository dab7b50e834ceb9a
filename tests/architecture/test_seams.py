"""Time, chance and the network enter through seams: what decides about money reads no clock, throws no dice and opens no socket.

The deterministic simulation rests on it. A call that is meant stands in ``MEANT`` with its reason.
"""

from __future__ import annotations

import ast
from pathlib import Path

import quantservice

SOURCE = Path(quantservice.__file__).parent
ROOMS = ("core", "quant/risk_rules", "services", "simulator/trading")
#: Whole modules that are nothing but time, chance, threads or network.
MODULES = frozenset(
    {"aiohttp", "httpx", "random", "secrets", "socket", "ssl", "subprocess", "threading", "time", "uuid", "websockets"}
)
#: Attributes of modules that are otherwise harmless.
CALLS = frozenset(
    {"asyncio.sleep", "asyncio.open_connection", "asyncio.start_server", "datetime.now", "datetime.utcnow", "os.urandom"}
)
MEANT = {
    "core/messages.py": "an envelope's own time: it is shown, and decides nothing",
    "core/process.py": "the name of a process, in ids of messages and holders of leases",
    "services/access_keys/commands.py": "a key's secret must be chance",
    "services/access_keys/owner.py": "a key's secret must be chance",
    "services/backfill/lane.py": "jitter of a pause after a failed request for history",
    "services/backtests/commands.py": "the name of a kept result",
    "services/collector/service.py": "jitter of a pause after a lost connection",
    "services/jobs/commands.py": "the name of a job",
    "services/jobs/exports.py": "the age of files on the disk",
    "services/jobs/programs/context.py": "the name of a kept result",
}


def reached(path: Path) -> set[str]:
    """Return what a file takes of time, chance or network."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module.split(".")[0]} & MODULES
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found |= {f"{node.value.id}.{node.attr}"} & CALLS
    return found


def test_nothing_goes_round_the_seams() -> None:
    """A file that reads a clock, throws dice or opens a socket says why, or has it given."""
    files = [path for room in ROOMS for path in (SOURCE / room).rglob("*.py")]
    assert len(files) > 100
    found = {path.relative_to(SOURCE).as_posix(): reached(path) for path in files}
    assert {name: what for name, what in found.items() if what and name not in MEANT} == {}
    assert [name for name in MEANT if not found.get(name)] == [], "what is not done any more needs no exception"


def test_the_lint_sees(tmp_path: Path) -> None:
    """Each way to go round a seam is noticed."""
    file = tmp_path / "x.py"
    for line in (
        "import time",
        "from random import random",
        "import asyncio\nasyncio.sleep(1)",
        "from datetime import datetime\ndatetime.now()",
    ):
        file.write_text(line)
        assert reached(file), line
