"""Compiled arithmetic: one way to compile, one cache that can never be stale.

numba keys its cache by the file that a function stands in; a function that calls another file's function would go on using
the old machine code after an upgrade. The cache folder therefore carries a digest of every source of this room.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
import numba.core.config

_KEPT_FOLDERS: Final = 8
_F = TypeVar("_F", bound=Callable[..., Any])

#: False under ``NUMBA_DISABLE_JIT=1``: everything then runs as plain Python (for coverage and debugging), with equal results.
COMPILED: Final = not numba.core.config.DISABLE_JIT


@cache
def cache_folder() -> Path:
    """Return the folder of the machine code that belongs to these sources."""
    digest = hashlib.sha256(f"{numba.__version__}".encode())
    room = Path(__file__).parent
    for source in sorted(room.rglob("*.py")):
        digest.update(source.relative_to(room).as_posix().encode())
        digest.update(source.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "quantservice" / f"machine-code-{digest.hexdigest()[:16]}"


def _tidy(folder: Path) -> None:
    """Make the folder and remove those of older sources but the newest few, which other checkouts may still use."""
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(folder.parent.glob("machine-code-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:  # a read-only home: the code is compiled anew in every process
        return
    for old in others[_KEPT_FOLDERS:]:
        shutil.rmtree(old, ignore_errors=True)


if COMPILED and "NUMBA_CACHE_DIR" not in os.environ:
    _tidy(cache_folder())
    numba.core.config.CACHE_DIR = str(cache_folder())


def cacheable(function: Callable[..., Any]) -> bool:
    """Say whether machine code of a function can be kept on disk: only when it stands in a file (not in a notebook's cell)."""
    return Path(function.__code__.co_filename).is_file()


def jit(function: _F) -> _F:
    """Compile for use from other compiled code and from Python; without the interpreter's lock, IEEE division, cached."""
    return cast(_F, numba.njit(cache=cacheable(function), nogil=True, error_model="numpy")(function))


def inner(function: _F) -> _F:
    """Compile for use from other compiled code only: its machine code is kept with that of its callers."""
    options = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "no_rewrites": True}
    return cast(_F, numba.njit(**options)(function))
