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


class KeyRing(Protocol):
    """Master keys with versions. They wrap data keys and never leave the ring; ``context`` is authenticated with each."""

    async def version(self) -> int:
        """Return the newest version: what wraps from now on."""
        ...

    async def wrap(self, data_key: bytes, *, context: str) -> tuple[int, str]:
        """Return the version that wrapped, and the wrapped key as text without dots."""
        ...

    async def unwrap(self, version: int, wrapped: str, *, context: str) -> bytes:
        """Return the data key; IntegrityError where it does not open or its version was retired."""
        ...

    async def rotate(self) -> int:
        """Make a new version and return it; older ones still open what they wrapped."""
        ...

    async def retire(self, oldest: int) -> None:
        """Make every version below ``oldest`` unusable, for good."""
        ...


class EnvelopeSealer(Protocol):
    """Seals each secret with a data key of its own, which a master key of a :class:`KeyRing` wraps."""

    async def seal(self, clear: str, *, context: str) -> str: ...
    async def unseal(self, sealed: str, *, context: str) -> str: ...
    async def rewrap(self, sealed: str, *, context: str) -> str:
        """Return the same envelope under the newest master key; the secret itself is not opened."""
        ...

    def version_of(self, sealed: str) -> int:
        """Return the version of the master key that an envelope needs."""
        ...

    async def rotate(self) -> int: ...
    async def retire(self, oldest: int) -> None: ...


class VenueSecret:
    """The clear parts of a venue key. They are shown nowhere, and no encoder takes them."""

    __slots__ = ("key", "passphrase", "secret")

    def __init__(self, key: str, secret: str, passphrase: str = "") -> None:
        self.key = key
        self.secret = secret
        self.passphrase = passphrase

    @property
    def prefix(self) -> str:
        """The beginning of the public part: enough for its owner to know it again."""
        return self.key[: min(6, len(self.key) // 2)]

    def hide(self, text: str) -> str:
        """Return a text without any part of this key that may stand in it."""
        for part in (self.secret, self.passphrase, self.key):
            if part:
                text = text.replace(part, "********")
        return text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VenueSecret):
            return NotImplemented
        return (self.key, self.secret, self.passphrase) == (other.key, other.secret, other.passphrase)

    def __hash__(self) -> int:
        return hash((self.key, self.secret, self.passphrase))

    def __repr__(self) -> str:
        return f"VenueSecret({self.prefix}…)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("the clear parts of a venue key are not to be copied out of the process")
