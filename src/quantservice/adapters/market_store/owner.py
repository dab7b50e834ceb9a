"""One owner per embedded directory: a lock that dies with its process, and a note that says who holds it."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

import msgspec

from quantservice.core.errors import EnvironmentFault

_MARKER: Final = "quantservice-store"
_LOCK: Final = "lock"
_OWNER: Final = "owner.json"
_KNOWN: Final = frozenset({_MARKER, _LOCK, _OWNER, "chdb"})


class OwnerNote(msgspec.Struct, frozen=True):
    """Who owns a directory: process id, start (ns), and the address of its API once it has one."""

    pid: int
    started_ns: int
    api_url: str = ""


def read_owner(directory: Path) -> OwnerNote | None:
    """Return the living owner of ``directory``, or None when nobody holds it."""
    lock = directory / _LOCK
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _note(directory)
    else:
        return None
    finally:
        os.close(descriptor)


class DirectoryOwner:
    """Takes and holds the ownership of one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None
        self._note: OwnerNote | None = None

    @property
    def data_path(self) -> Path:
        """Where the engine keeps its files."""
        return self._directory / "chdb"

    def take(self, *, started_ns: int) -> None:
        """Become the owner; raise :class:`EnvironmentFault` with one sentence when that cannot be."""
        directory = self._directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentFault(_sentence(directory, error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise EnvironmentFault(self._taken_sentence()) from error
        self._descriptor = descriptor
        try:
            (directory / _MARKER).touch()
            self._write(OwnerNote(pid=os.getpid(), started_ns=started_ns))
        except OSError as error:
            self.release()
            raise EnvironmentFault(_sentence(directory, error)) from error

    def announce(self, url: str) -> None:
        """Write down where this owner's API answers, for processes that need the store."""
        if self._note is None:
            raise EnvironmentFault("the store is not open: its owner has no address yet")
        self._write(msgspec.structs.replace(self._note, api_url=url))

    def release(self) -> None:
        """Give the directory back."""
        if self._descriptor is None:
            return
        (self._directory / _OWNER).unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None
        self._note = None

    def _refuse_foreign(self) -> None:
        names = {entry.name for entry in self._directory.iterdir()}
        if names - _KNOWN and _MARKER not in names:
            raise EnvironmentFault(
                f"{self._directory} holds files that are not a market store (such as {min(names - _KNOWN)!r}): "
                "give an empty or new directory"
            )

    def _taken_sentence(self) -> str:
        note = _note(self._directory)
        who = f"process {note.pid}" if note else "another process"
        where = f" (its API is {note.api_url})" if note and note.api_url else ""
        return f"the store in {self._directory} is in use by {who}{where}: stop it, or ask it instead of opening the store twice"

    def _write(self, note: OwnerNote) -> None:
        path = self._directory / _OWNER
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(note))
        fresh.replace(path)
        self._note = note


def _note(directory: Path) -> OwnerNote | None:
    try:
        return msgspec.json.decode((directory / _OWNER).read_bytes(), type=OwnerNote)
    except (OSError, msgspec.DecodeError):
        return None


def _sentence(directory: Path, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the data directory {directory} cannot be written: change its owner or give another one"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {directory} is full: free some space and start again"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{directory} is not a directory: give a directory for the market store"
    return f"the data directory {directory} cannot be used: {error.strerror or error}"
