"""The owner token: made at the first start, kept in a file only the owner can read, its hash kept in the state store."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

import structlog

from quantservice.core.errors import EnvironmentFault, SettingsError
from quantservice.ports import StateStore
from quantservice.services.access_keys.commands import hash_key

_SCOPE = "owner"
_KEY = "token_hash"
_SHORTEST = 20
_log = structlog.get_logger(__name__)


class OwnerToken:
    """Who may write. The holder of the token file is the owner; a token given by a setting goes before the file."""

    def __init__(self, state_store: StateStore, path: Path) -> None:
        self._state_store = state_store
        self._path = path

    async def ensure(self, configured: str = "") -> tuple[str, bool]:
        """Return the token's hash and whether the token was made just now; store the hash."""
        if configured:
            if len(configured) < _SHORTEST:
                raise SettingsError(f"the owner token must have at least {_SHORTEST} characters")
            token, made = configured, False
        else:
            token, made = _read_or_create(self._path)
        token_hash = hash_key(token)
        async with self._state_store.transaction() as work:
            known = await work.values.get(_SCOPE, _KEY)
            if known != token_hash:
                await work.values.put(_SCOPE, _KEY, token_hash)
        if known is not None and known != token_hash:
            _log.warning("owner_token.changed", file=str(self._path), by_setting=bool(configured))
        return token_hash, made

    async def verify(self, token: str) -> bool:
        """Say whether this is the owner's token, in constant time."""
        async with self._state_store.transaction() as work:
            known = await work.values.get(_SCOPE, _KEY)
        return isinstance(known, str) and hmac.compare_digest(known, hash_key(token))


def _read_or_create(path: Path) -> tuple[str, bool]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _read(path), False
        token = secrets.token_urlsafe(32)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise EnvironmentFault(f"the owner token {path} cannot be kept ({error.strerror}); make its folder writable") from error
    return token, True


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise EnvironmentFault(f"the owner token {path} is open to others (mode {mode:04o}); run: chmod 0600 {path}")
        token = file.read(1_000).strip()
    if len(token) < _SHORTEST:
        raise EnvironmentFault(f"the owner token {path} is damaged; delete the file and a new token is made at the next start")
    return token
