"""Files are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from quantservice.core.errors import EnvironmentFault, InvalidValue


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file through a temporary one beside it; raise `EnvironmentFault` naming it, with nothing half-written."""
    target = Path(path).expanduser()
    if target.is_dir():
        raise InvalidValue("path", f"{target} is a folder; name a file in it")
    temporary = ""
    try:
        if target.exists() and not target.is_file():  # a pipe or a terminal, of which nothing may be put in the place
            target.write_bytes(content)
            return target
        target = target.resolve() if target.is_symlink() else target
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise EnvironmentFault(f"{target} cannot be written: {error.strerror or error}") from error
    return target
