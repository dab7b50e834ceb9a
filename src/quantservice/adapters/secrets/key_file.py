"""A ring of master keys in one file that only its owner may read. It is made at first use and replaced whole or not at all."""

from __future__ import annotations

import asyncio
import base64
import binascii
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from quantservice.adapters.secrets.envelopes import decrypt, encrypt
from quantservice.core.errors import EnvironmentFault, IntegrityError

_KEY_BYTES: Final = 32
_MODE: Final = 0o600
_LARGEST: Final = 1_000_000


class _Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    newest: int
    keys: dict[int, str]

    def key(self, version: int) -> bytes:
        found = self.keys.get(version)
        if found is None:
            raise IntegrityError(f"a secret is sealed with master key {version}, which was retired; enter the secret again")
        return base64.b64decode(found)

    def __repr__(self) -> str:
        return f"_Ring(newest={self.newest}, versions={sorted(self.keys)})"


class FileKeyRing:
    """Implements KeyRing. Several processes may share the file: changes take turns, and each use looks whether it was changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int, int], _Ring] | None = None

    async def version(self) -> int:
        """Return the newest version."""
        return (await asyncio.to_thread(self._ring)).newest

    async def wrap(self, data_key: bytes, *, context: str) -> tuple[int, str]:
        """Encrypt a data key under the newest master key."""
        ring = await asyncio.to_thread(self._ring)
        return ring.newest, encrypt(ring.key(ring.newest), data_key, f"{ring.newest}:{context}")

    async def unwrap(self, version: int, wrapped: str, *, context: str) -> bytes:
        """Decrypt a data key. A file that is not there is lost, as something was sealed with it: none is made in its place."""
        ring = await asyncio.to_thread(self._ring, made=False)
        try:
            return decrypt(ring.key(version), wrapped, f"{version}:{context}")
        except IntegrityError as error:
            raise IntegrityError(
                f"{error} (key file {self._path}: is it the one of this installation? else restore it from your backup)"
            ) from None  # the cause holds key material in its frames

    async def rotate(self) -> int:
        """Add a master key."""
        return await asyncio.to_thread(self._rotate)

    async def retire(self, oldest: int) -> None:
        """Take master keys below ``oldest`` out of the file."""
        await asyncio.to_thread(self._retire, oldest)

    def _rotate(self) -> int:
        self._ring()  # makes the first key; within our own turn it would wait for itself
        with self._turn():
            ring = self._ring()
            newest = ring.newest + 1
            self._write(_Ring(newest, ring.keys | {newest: _new_key()}))
        return newest

    def _retire(self, oldest: int) -> None:
        self._ring()
        with self._turn():
            ring = self._ring()
            kept = {version: key for version, key in ring.keys.items() if version >= min(oldest, ring.newest)}
            if kept != ring.keys:
                self._write(_Ring(ring.newest, kept))

    def _ring(self, *, made: bool = True) -> _Ring:
        try:
            if not self._path.exists():
                if not made:
                    raise EnvironmentFault(
                        f"the key file {self._path} is missing, and a secret is sealed with it; restore it from your backup, "
                        "or enter the secret again"
                    )
                self._create()
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                mode = stat.S_IMODE(found.st_mode)
                if mode & 0o177:
                    raise EnvironmentFault(
                        f"the key file {self._path} is open to others (mode {mode:04o}); run: chmod 0600 {self._path}"
                    )
                mark = (found.st_ino, found.st_mtime_ns, found.st_size)
                if self._read is not None and self._read[0] == mark:
                    return self._read[1]
                content = file.read(_LARGEST)
        except OSError as error:
            raise EnvironmentFault(
                f"the key file {self._path} cannot be used ({error.strerror}); make its folder readable and writable"
            ) from error
        ring = _decoded(content, self._path)
        self._read = (mark, ring)
        return ring

    def _create(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._turn():
            if not self._path.exists():
                self._write(_Ring(1, {1: _new_key()}))

    def _write(self, ring: _Ring) -> None:
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(ring))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One change at a time, also among processes; the lock ends with the process that holds it."""
        lock = self._path.with_name(f".{self._path.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, _MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _decoded(content: bytes, path: Path) -> _Ring:
    damaged = EnvironmentFault(f"the key file {path} is damaged; restore it from your backup")
    try:
        ring = msgspec.json.decode(content, type=_Ring)
        lengths = {len(base64.b64decode(key, validate=True)) for key in ring.keys.values()}
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise damaged from None  # the cause would show what it read
    if lengths != {_KEY_BYTES} or ring.newest != max(ring.keys):
        raise damaged
    return ring
