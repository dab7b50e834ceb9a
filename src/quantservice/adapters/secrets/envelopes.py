"""Envelopes: each secret under a data key of its own (AES-256-GCM), the data key under a versioned master key.

An envelope is ``qs2.<master version>.<wrapped data key>.<sealed value>``. The context (the row that it belongs to) is
authenticated with both parts, so that an envelope put into another row does not open. Rotation wraps the data key anew and never
opens the secret.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quantservice.core.errors import IntegrityError
from quantservice.ports import KeyRing

_FORMAT: Final = "qs2"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


class AesGcmEnvelopes:
    """Implements EnvelopeSealer over any ring of master keys."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def seal(self, clear: str, *, context: str) -> str:
        """Return ``clear`` in an envelope for ``context``, under the newest master key."""
        data_key = secrets.token_bytes(_KEY_BYTES)
        version, wrapped = await self._ring.wrap(data_key, context=f"{_FORMAT}:key:{context}")
        return f"{_FORMAT}.{version}.{wrapped}.{encrypt(data_key, clear.encode(), f'{_FORMAT}:value:{context}')}"

    async def unseal(self, sealed: str, *, context: str) -> str:
        """Return what is in an envelope; raise IntegrityError, which repeats nothing of it."""
        version, wrapped, value = _parts(sealed)
        data_key = await self._ring.unwrap(version, wrapped, context=f"{_FORMAT}:key:{context}")
        return decrypt(data_key, value, f"{_FORMAT}:value:{context}").decode()

    async def rewrap(self, sealed: str, *, context: str) -> str:
        """Return the envelope under the newest master key; one that is there already stays as it is."""
        version, wrapped, value = _parts(sealed)
        if version == await self._ring.version():
            return sealed
        data_key = await self._ring.unwrap(version, wrapped, context=f"{_FORMAT}:key:{context}")
        newest, again = await self._ring.wrap(data_key, context=f"{_FORMAT}:key:{context}")
        return f"{_FORMAT}.{newest}.{again}.{value}"

    def version_of(self, sealed: str) -> int:
        """Return the version of the master key that an envelope needs."""
        return _parts(sealed)[0]

    async def rotate(self) -> int:
        """Make a new master key; what is sealed from now on is under it."""
        return await self._ring.rotate()

    async def retire(self, oldest: int) -> None:
        """Make master keys below ``oldest`` unusable."""
        await self._ring.retire(oldest)


def encrypt(key: bytes, clear: bytes, context: str) -> str:
    """Return ``nonce || ciphertext || tag`` as base64url without padding."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, clear, context.encode())).decode().rstrip("=")


def decrypt(key: bytes, text: str, context: str) -> bytes:
    """Return what :func:`encrypt` was given; IntegrityError where key, text or context are others."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
    except (InvalidTag, binascii.Error, ValueError):
        # "from None": the causes hold key material in their frames.
        raise IntegrityError(
            "a sealed secret does not open: its row, its master key or the secret itself was changed; enter it again"
        ) from None


def _parts(sealed: str) -> tuple[int, str, str]:
    parts = sealed.split(".")
    if len(parts) != 4 or parts[0] != _FORMAT or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) < 10):
        raise IntegrityError("a sealed secret has an unknown format: it was written by a newer QuantService or is damaged")
    return int(parts[1]), parts[2], parts[3]
