"""Envelope encryption of small secrets: AES-256-GCM with one data key per value.

A sealed text is ``qs1.<wrapped data key>.<sealed value>``, both parts base64url of ``nonce || ciphertext || tag``. The
context (where the value belongs) is authenticated with both, so that a sealed text moved elsewhere does not open.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quantservice.core.errors import EnvironmentFault, IntegrityError

KEY_FILE: Final = "master.key"
_VERSION: Final = "qs1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KEY_MODE: Final = 0o400


class AesGcmSealer:
    """Seals with data keys that a master key in a file (mode 0400) wraps; the file is made at first use."""

    def __init__(self, key_path: Path) -> None:
        self._path = key_path
        self._master: AESGCM | None = None

    @classmethod
    def in_folder(cls, data_dir: Path) -> AesGcmSealer:
        """Use the master key of a data directory."""
        return cls(data_dir / KEY_FILE)

    def seal(self, clear: str, *, context: str) -> str:
        """Return ``clear`` sealed for ``context``."""
        data_key = secrets.token_bytes(_KEY_BYTES)
        wrapped = _encrypt(self._key(), data_key, f"{_VERSION}:key:{context}")
        value = _encrypt(AESGCM(data_key), clear.encode(), f"{_VERSION}:value:{context}")
        return f"{_VERSION}.{wrapped}.{value}"

    def unseal(self, sealed: str, *, context: str) -> str:
        """Return what was sealed for ``context``; raise IntegrityError, which repeats nothing of it, otherwise."""
        parts = sealed.split(".")
        if len(parts) != 3 or parts[0] != _VERSION:
            raise IntegrityError("a sealed value has an unknown format: it was written by a newer QuantService or is damaged")
        try:
            data_key = _decrypt(self._key(), parts[1], f"{_VERSION}:key:{context}")
            return _decrypt(AESGCM(data_key), parts[2], f"{_VERSION}:value:{context}").decode()
        except (InvalidTag, binascii.Error, ValueError):
            # "from None": the causes hold key material in their frames.
            raise IntegrityError(
                f"a sealed value does not open with the key file {self._path}: one of them was changed; enter the secret again"
            ) from None

    def _key(self) -> AESGCM:
        if self._master is None:
            self._master = AESGCM(_read_or_create(self._path))
        return self._master


def _read_or_create(path: Path) -> bytes:
    try:
        if not path.exists():
            _create(path)
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o377:
                raise EnvironmentFault(f"the key file {path} is open to others (mode {mode:04o}); run: chmod 0400 {path}")
            key = file.read(_KEY_BYTES + 1)
    except OSError as error:
        raise EnvironmentFault(
            f"the key file {path} cannot be used ({error.strerror}); make its folder readable and writable"
        ) from error
    if len(key) != _KEY_BYTES:
        raise EnvironmentFault(f"the key file {path} is damaged ({len(key)} bytes, not {_KEY_BYTES}); restore it from your backup")
    return key


def _create(path: Path) -> None:
    """Write a new key whole or not at all; of two processes at first use, one wins and both read the winner's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _KEY_MODE)
    try:
        try:
            os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink()


def _encrypt(key: AESGCM, clear: bytes, context: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + key.encrypt(nonce, clear, context.encode())).decode().rstrip("=")


def _decrypt(key: AESGCM, text: str, context: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    return key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
