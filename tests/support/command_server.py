"""``qs`` commands in forked children of one process that has imported everything: real processes in a tenth of the time."""

from __future__ import annotations

import atexit
import gc
import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

#: What commands import when they need it, and takes most of their time.
_LOADED: Final = (
    *("httpx", "numba", "pyarrow", "rich.table", "uvloop", "xml.etree.ElementTree"),
    *(f"quantservice.app.{name}" for name in ("client", "keeping", "loop", "notebook", "platform", "plugins", "cli.results")),
    *(f"quantservice.adapters.{name}" for name in ("market_store.clickhouse", "secrets.key_file", "state_store.sql")),
    *(f"quantservice.quant.{name}" for name in ("optimize", "reports.stored", "research", "why")),
)


class CommandServer:
    """Runs one command at a time; started at the first one."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run ``qs`` with ``arguments`` to its end; TimeoutExpired, and the command killed, after ``timeout_s``."""
        asked = {"arguments": list(arguments), "cwd": str(cwd), "env": env, "timeout_s": timeout_s}
        with self._turn:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
        if answer["code"] is None:
            raise subprocess.TimeoutExpired(["qs", *arguments], timeout_s, answer["out"], answer["err"])
        return subprocess.CompletedProcess(["qs", *arguments], answer["code"], answer["out"], answer["err"])

    def end(self) -> None:
        """End the server."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
            process.stdout.close()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [sys.executable, "-m", __name__]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._env, cwd=Path(__file__).parents[2]
            )
            atexit.register(self.end)
        return self._process


def _serve() -> None:
    import tempfile

    from quantservice.app import cli

    for name in _LOADED:
        import_module(name)
    gc.freeze()  # or the first collection of a child would copy all of it
    for text in sys.stdin:
        asked = json.loads(text)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                _be_the_command(asked, out.fileno(), err.fileno())
                sys.exit(_code_of(cli.main))  # as any program ends: what was registered for the end runs
            answer = {"code": _waited(child, asked["timeout_s"]), "out": _read(out), "err": _read(err)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _waited(child: int, timeout_s: float) -> int | None:
    """Return the exit code; None where it had to be killed for it took too long."""
    file = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([file], [], [], timeout_s)
    finally:
        os.close(file)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if ended else None


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _be_the_command(asked: dict[str, Any], out: int, err: int) -> None:
    for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
        os.dup2(file, number)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    random.seed()
    sys.argv = ["qs", *asked["arguments"]]


def _code_of(main: Callable[[], None]) -> int | str | None:
    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0


if __name__ == "__main__":
    _serve()
