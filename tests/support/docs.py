"""The documentation as data: its headings, its code blocks, and a server that runs the commands in them quickly."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\s*$")
_EXCUSE = re.compile(r"^<!-- not run: (.+) -->$")


@dataclass(frozen=True)
class Example:
    """One code block. ``excuse`` says why it is not run; empty where it is."""

    document: str
    line: int
    language: str
    text: str
    section: str
    excuse: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, continued ones joined, comments left out."""
        joined = self.text.replace("\\\n", " ")
        return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def examples(file: Path, root: Path) -> list[Example]:
    """Return every code block of a document."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found: list[Example] = []
    section, start, language = "", 0, ""
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if start and line == "```":
            excuse = _EXCUSE.match(lines[number]) if number < len(lines) else None
            text = "\n".join(lines[start : number - 1])
            found.append(Example(str(file.relative_to(root)), start, language, text, section, excuse.group(1) if excuse else ""))
            start = 0
        elif fence and not start:
            start, language = number, fence.group(1)
        elif not start and line.startswith("#"):
            section = line.lstrip("#").strip()
    assert not start, f"{file.name}:{start}: the code block does not end"
    return found


def headings(file: Path) -> list[str]:
    """Return the headings of the third level that are code: ``### `web.port` `` gives ``web.port``."""
    return re.findall(r"^### `([^`]+)`$", file.read_text(encoding="utf-8"), re.MULTILINE)


class CommandServer:
    """Runs ``qs`` commands in forked children of one process that has imported everything: a tenth of a start's time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, line: str, *, cwd: Path, env: dict[str, str]) -> tuple[int, str]:
        """Run one command line; return its exit code and all it said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        arguments = shlex.split(line)[1:]
        self._process.stdin.write(json.dumps({"arguments": arguments, "cwd": str(cwd), "env": env}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["said"]


@contextmanager
def command_server(env: dict[str, str]) -> Iterator[CommandServer]:
    """Start the server; end it with the block."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    try:
        yield CommandServer(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
            if process.stdout is not None:
                process.stdout.close()


def _serve() -> None:
    import tempfile

    import httpx
    import pyarrow
    import rich.table

    import quantservice.app.client
    from quantservice.app import cli

    assert all((httpx, pyarrow, rich.table, quantservice.app.client))
    for text in sys.stdin:
        asked = json.loads(text)
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if child == 0:
                _be_the_command(cli.main, asked["arguments"], asked["cwd"], asked["env"], said.fileno())
            _, status = os.waitpid(child, 0)
            said.seek(0)
            answer = {"code": os.waitstatus_to_exitcode(status), "said": said.read().decode(errors="replace")}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _be_the_command(main: object, arguments: Sequence[str], cwd: str, env: dict[str, str], said: int) -> None:
    """Become ``qs``; leaves the process."""
    import traceback

    code = 0
    try:
        for number in (0, 1, 2):
            os.dup2(said if number else os.open(os.devnull, os.O_RDONLY), number)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = ["qs", *arguments]
        main()  # type: ignore[operator]  # the entry point
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:  # noqa: BLE001 - whatever a command dies of is its output
        traceback.print_exc()
        code = 99
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
