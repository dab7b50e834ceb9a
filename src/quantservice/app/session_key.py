"""The key that signs the owner's cookie: made at the first start, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from quantservice.core.errors import EnvironmentFault

_BYTES: Final = 32


def session_key(path: Path) -> bytes:
    """Return the key of ``path``; a missing or damaged one is made anew, which ends the sessions it signed."""
    try:
        if path.is_file():
            path.chmod(0o600)
            key = path.read_bytes()
            if len(key) == _BYTES:
                return key
            path.unlink()
        key = secrets.token_bytes(_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
    except OSError as error:
        raise EnvironmentFault(f"the session key {path} cannot be kept ({error.strerror}); make its folder writable") from error
    return key
