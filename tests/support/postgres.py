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
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """The same, with the server itself, which may be killed and started again."""
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
    init = [
        *prefix,
        str(folder / "initdb"),
        "-D",
        str(home / "data"),
        "-U",
        "quant",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    ]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=home, timeout=WAIT_S)
    server = PostgresServer(folder, home, prefix)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


class PostgresServer:
    """One cluster and the postmaster that serves it."""

    def __init__(self, folder: Path, home: Path, prefix: list[str]) -> None:
        self.port = free_port()
        self.url = f"postgresql://quant@127.0.0.1:{self.port}/postgres"
        self._folder, self._home, self._prefix = folder, home, prefix
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, and wait until it answers. After a kill the cluster is free once the last backend has noticed."""
        deadline = time.monotonic() + WAIT_S
        options = ["-p", str(self.port), "-k", str(self._home), "-h", "127.0.0.1", "-F", "-c", "max_connections=50"]
        command = [*self._prefix, str(self._folder / "postgres"), "-D", str(self._home / "data"), *options]
        while self._process is None or self._process.poll() is not None or not self._answers():
            if time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {(self._home / 'log').read_text()[-2000:]}")
            if self._process is None or self._process.poll() is not None:
                with (self._home / "log").open("ab") as log:
                    self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._home)
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to the postmaster: it flushes nothing, closes nothing, and its backends follow it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(WAIT_S)

    def stop(self) -> None:
        """End at once: nobody needs this cluster any more."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(WAIT_S)

    def _answers(self) -> bool:
        probe = [str(self._folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "quant"]
        return subprocess.run(probe, check=False, timeout=WAIT_S).returncode == 0


def free_port() -> int:
    """A TCP port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
