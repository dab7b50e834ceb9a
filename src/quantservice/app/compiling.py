"""The first run on a machine: machine code is made in two processes at once, because the compiler holds one lock per process.

    with beside(kline_by_kline=False):  # the account's, in another process
        ...                             # open stores, load bars
    # leaving makes the figures' in this one and waits for the other

A marker in the cache folder says that all of it has been made once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from quantservice.quant.jit import COMPILED, cache_folder

#: What a person is told before the first run.
FIRST_TIME: Final = "compiling the arithmetic for this machine: once, it is kept for later runs …"
_LIMIT_S: Final = 120.0


def is_cold() -> bool:
    """Say whether the engines' machine code has to be made first."""
    return COMPILED and not _marker().is_file()


def note_warm() -> None:
    """Remember that the engines' machine code is there."""
    if is_cold():
        with suppress(OSError):  # a cache that cannot be written: every process compiles for itself
            _marker().parent.mkdir(parents=True, exist_ok=True)
            _marker().touch()


@contextmanager
def beside(*, kline_by_kline: bool) -> Iterator[None]:
    """Make the account's machine code in another process while the body runs, and the figures' after it."""
    command = [sys.executable, "-m", "quantservice.quant.warm", *(["events"] if kline_by_kline else [])]
    room = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (room, os.environ.get("PYTHONPATH"))))}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment)  # noqa: S603 - our own module
    try:
        yield
        from quantservice.quant.warm import make_figures

        make_figures()
        with suppress(subprocess.TimeoutExpired):  # what it has not made, the run makes
            process.wait(_LIMIT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _marker() -> Path:
    return cache_folder() / "made"
