"""The launcher `./qs`: what it does when it has to install. pip is a script here that takes its time; the rest is real."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
PIP = """#!/bin/sh
case "$*" in
    *requirements*) echo start >>"$PLACE/journal"; [ ! -e "$PLACE/hold" ] || exec sleep 50; sleep 0.3
        [ ! -e "$PLACE/broken" ] || exit 1; echo end >>"$PLACE/journal" ;;
    *" -e "*) printf '#!/bin/sh\\necho "ran $*"\\n' >"$PLACE/.venv/bin/qs"; chmod +x "$PLACE/.venv/bin/qs" ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkout whose environment is there and empty."""
    shutil.copy(PROJECT / "qs", tmp_path / "qs")
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).write_text("one==1\n")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(PIP)
    python.chmod(0o755)
    return tmp_path


def start(place: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PLACE": str(place)}
    pipe = subprocess.PIPE
    return subprocess.Popen([str(place / "qs"), *arguments], env=environment, stdout=pipe, stderr=pipe, text=True)


def journal(place: Path) -> list[str]:
    return (place / "journal").read_text().split()


def test_several_at_once_install_once(place: Path) -> None:
    running = [start(place, "version", str(number)) for number in range(4)]
    said = [process.communicate(timeout=PATIENCE_S) for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert sorted(out for out, _ in said) == [f"ran version {number}\n" for number in range(4)]
    assert journal(place) == ["start", "end"]
    assert sum("waiting for it" in error for _, error in said) == 3
    assert not (place / ".venv-setup.turn").exists()


def test_the_tests_need_more_and_a_killed_installation_holds_nobody(place: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (place / ".venv-setup.turn").mkdir()
    (place / ".venv-setup.turn/pid").write_text(str(gone.pid))
    process = start(place, "test")
    out, error = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, "ran test\n"), error
    assert journal(place) == ["start", "end"] * 2


def test_what_fails_is_said_and_the_next_one_tries_again(place: Path) -> None:
    (place / "broken").touch()
    process = start(place, "version")
    _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "could not be installed" in error
    assert not (place / ".venv-setup.turn").exists()
    (place / "broken").unlink()
    assert start(place, "version").communicate(timeout=PATIENCE_S)[0] == "ran version\n"


def test_a_signal_ends_the_installation_too(place: Path) -> None:
    (place / "hold").touch()
    process = start(place, "version")
    while not (place / "journal").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143
    assert not (place / ".venv-setup.turn").exists()


def with_a_mkdir_that_fails(place: Path, times: int) -> dict[str, str]:
    """Return an environment whose first ``times`` calls of mkdir find somebody there who has left when one looks."""
    tools = place / "tools"
    tools.mkdir()
    counter = f'echo >>"{tools}/calls"; [ "$(wc -l <"{tools}/calls")" -gt {times} ] || exit 1'
    (tools / "mkdir").write_text(f'#!/bin/sh\n{counter}\nexec {shutil.which("mkdir")} "$@"\n')
    (tools / "mkdir").chmod(0o755)
    return {**os.environ, "PLACE": str(place), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}


def test_a_turn_given_back_between_two_looks_is_taken(place: Path) -> None:
    environment = with_a_mkdir_that_fails(place, 3)
    ended = subprocess.run(
        [str(place / "qs"), "version"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "ran version\n"), ended.stderr


def test_a_place_that_takes_no_folder_is_said(place: Path) -> None:
    environment = with_a_mkdir_that_fails(place, 10_000)
    ended = subprocess.run(
        [str(place / "qs"), "version"], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 1
    assert "nothing can be written to" in ended.stderr
