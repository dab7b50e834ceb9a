"""Small helpers that keep bytes and secrets."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Cache(Protocol):
    """Never the only copy of anything."""

    async def get(self, key: str) -> bytes | None: ...
    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None: ...
    async def delete(self, key: str) -> None: ...


class Sealer(Protocol):
    """Seals secrets at rest (AES-256-GCM); ``context`` is authenticated with them."""

    def seal(self, clear: str, *, context: str) -> str: ...
    def unseal(self, sealed: str, *, context: str) -> str: ...
