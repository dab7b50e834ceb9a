"""The owner's cookie outlives a restart: its key is kept, private, and made anew when it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantservice.app.session_key import session_key
from quantservice.core.errors import EnvironmentFault


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    key = session_key(path)
    assert len(key) == 32
    assert session_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    session_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "session.key"
    path.write_bytes(b"short")
    key = session_key(path)
    assert len(key) == 32
    assert session_key(path) == key


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be kept"):
        session_key(tmp_path / "none" / "session.key")
