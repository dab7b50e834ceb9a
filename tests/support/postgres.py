"""A real PostgreSQL that a test starts for itself on a free port, as user postgres where we are root."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WAIT_S = 30.0


def binaries() -> Path | None:
    """The newest installed PostgreSQL's bin folder."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server with an empty cluster; yield ``postgresql://…`` of its maintenance database."""
    folder = binaries()
    if folder is None:
        reason = "PostgreSQL is not installed; run: apt-get install postgresql"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    home = Path(tempfile.mkdtemp(prefix="qs-pg-", dir="/tmp"))  # a short path: the socket's name is limited to 107 bytes
    home.chmod(0o755)
    prefix: list[str] = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(home, "postgres", "postgres")
    cluster = home / "data"
    init = [*prefix, str(folder / "initdb"), "-D", str(cluster), "-U", "quant", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=home, timeout=WAIT_S)
    port = free_port()
    arguments = ["-D", str(cluster), "-p", str(port), "-k", str(home), "-h", "127.0.0.1", "-F", "-c", "max_connections=50"]
    log = (home / "log").open("wb")
    server = subprocess.Popen([*prefix, str(folder / "postgres"), *arguments], stdout=log, stderr=log, cwd=home)
    try:
        _wait_ready(folder, port, server, home / "log")
        yield f"postgresql://quant@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nobody needs this cluster any more
        try:
            server.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(WAIT_S)
        log.close()
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """A TCP port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_ready(folder: Path, port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + WAIT_S
    probe = [str(folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "quant"]
    while subprocess.run(probe, check=False, timeout=WAIT_S).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)
