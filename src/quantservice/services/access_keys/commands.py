"""Make, list, check and revoke access keys. A key is shown once; only its SHA-256 is kept."""

from __future__ import annotations

import builtins
import hashlib
import hmac
import secrets

from quantservice.core.errors import InvalidValue
from quantservice.ports import AccessKey, Clock, StateStore

KEY_MARK = "qs_"
_PREFIX_LENGTH = 10
_LONGEST = 200


class AccessKeys:
    """The registry of access keys (table api_keys)."""

    def __init__(self, state_store: StateStore, clock: Clock) -> None:
        self._state_store = state_store
        self._clock = clock

    async def list(self) -> builtins.list[AccessKey]:
        """Return all keys; their clear texts are known to nobody."""
        async with self._state_store.transaction() as work:
            return await work.access_keys.list()

    async def create(self, name: str, qps_limit: int = 20) -> tuple[str, AccessKey]:
        """Make a key; return its clear text, shown once, and its record."""
        if not 0 < len(name) <= 100 or not name.isprintable():
            raise InvalidValue("name", "say in 1 to 100 printable characters what the key is for")
        if not 1 <= qps_limit <= 100_000:
            raise InvalidValue("qps_limit", "must be between 1 and 100000")
        clear = KEY_MARK + secrets.token_urlsafe(32)
        key = AccessKey(
            name=name,
            prefix=clear[:_PREFIX_LENGTH],
            key_hash=hash_key(clear),
            qps_limit=qps_limit,
            created_ms=self._clock.now_ms(),
        )
        async with self._state_store.transaction() as work:
            return clear, await work.access_keys.put(key)

    async def remove(self, key_id: int) -> bool:
        """Revoke a key; say whether it existed."""
        async with self._state_store.transaction() as work:
            return await work.access_keys.remove(key_id)

    async def verify(self, clear: str) -> AccessKey | None:
        """Return the enabled key of a clear text, or None; how close a guess was does not show in the time it takes."""
        if len(clear) > _LONGEST:
            return None
        wanted = hash_key(clear)
        async with self._state_store.transaction() as work:
            key = await work.access_keys.find(wanted)
        known = key.key_hash if key is not None else "0" * len(wanted)
        return key if hmac.compare_digest(known, wanted) and key is not None and key.enabled else None


def hash_key(clear: str) -> str:
    """Return what is stored of a key. The key has 256 random bits: a slow hash would add nothing."""
    return hashlib.sha256(clear.encode("utf-8", "surrogatepass")).hexdigest()
