"""Where things live inside the data directory, and the check that it is ours to use."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Final

import msgspec

from quantservice.app.settings.tree import Settings
from quantservice.core.errors import EnvironmentFault

MARKER: Final = "quantservice.json"
FORMAT: Final = 1


class Places(msgspec.Struct, frozen=True):
    """Paths of one data directory."""

    root: Path
    environment: str

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """Say where the settings put things; touches nothing."""
        chosen = Path(settings.data_dir) if settings.data_dir else Path("data") / settings.environment
        return cls(chosen.expanduser().resolve(), settings.environment)

    @property
    def market(self) -> Path:
        """The embedded market store."""
        return self.root / "market"

    @property
    def state(self) -> Path:
        """The embedded state store."""
        return self.root / "state.sqlite"

    @property
    def spill(self) -> Path:
        """What could not be stored yet."""
        return self.root / "spill"

    @property
    def exports(self) -> Path:
        """Bars written for worker processes; they are made again when they are missing."""
        return self.root / "exports"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.root / "logs"

    @property
    def key_file(self) -> Path:
        """The key that seals secrets."""
        return self.root / "sealing.key"

    @property
    def master_key(self) -> Path:
        """The master keys that wrap venue keys."""
        return self.root / "master.keys"

    @property
    def owner_token(self) -> Path:
        """The token that writes need."""
        return self.root / "owner.token"

    @property
    def session_key(self) -> Path:
        """The key that signs the owner's cookie, so that a restart does not end it."""
        return self.root / "session.key"

    def prepare(self) -> None:
        """Make the directory and mark it; raises :class:`EnvironmentFault` when it is not ours or not writable."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            marker = self.root / MARKER
            if not marker.exists():
                strangers = sorted(item.name for item in self.root.iterdir())
                if strangers:
                    raise EnvironmentFault(
                        f"{self.root} is not a QuantService data directory (it holds {strangers[0]});"
                        " choose an empty one with --data-dir"
                    )
                marker.write_text(json.dumps({"format": FORMAT, "environment": self.environment}) + "\n", encoding="utf-8")
            self._check_marker(marker)
            probe = self.root / ".write-test"
            probe.write_bytes(b"x" * 65_536)
            probe.unlink()
        except OSError as error:
            raise EnvironmentFault(_sentence(self.root, error)) from None

    def _check_marker(self, marker: Path) -> None:
        try:
            found = json.loads(marker.read_text(encoding="utf-8"))
            form, environment = int(found["format"]), str(found["environment"])
        except (ValueError, KeyError, TypeError):
            raise EnvironmentFault(
                f"{marker} is damaged; restore it from a backup or choose another directory with --data-dir"
            ) from None
        if form > FORMAT:
            raise EnvironmentFault(f"{self.root} was made by a newer QuantService (format {form}); upgrade this installation")
        if environment != self.environment:
            raise EnvironmentFault(
                f"{self.root} holds {environment} data and this is a {self.environment} run;"
                " they are never mixed: choose another --data-dir"
            )


def _sentence(root: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"the disk of {root} is full; free some space or choose another directory with --data-dir"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{root} is not writable ({error.strerror}); make it writable or choose another directory with --data-dir"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{root} is not a directory; choose another with --data-dir"
    return f"{root} cannot be used: {error.strerror}; choose another directory with --data-dir"


def plugins_folder(settings: Settings) -> Path:
    """Return the folder of a person's own plugins: the setting, or ``plugins/`` of the working directory, beside ``config/``."""
    return Path(settings.plugins_dir or "plugins").expanduser().resolve()
