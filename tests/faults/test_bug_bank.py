"""The bug bank, 10 of 10: each known bug is planted in a copy, and the test named for it notices (tests/mutation/bugs.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.mutation.bugs import BUGS


@pytest.mark.timeout(700)
def test_every_planted_bug_is_caught(project_dir: Path) -> None:
    """One command, as a person runs it; its tests start afresh, so that nothing loaded here is what they see."""
    command = [sys.executable, "-m", "tests.mutation.bugs"]
    ended = subprocess.run(command, cwd=project_dir, capture_output=True, text=True, timeout=690, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{len(BUGS)}/{len(BUGS)} caught" in ended.stdout


def test_the_ten_of_the_issue_are_there() -> None:
    assert [bug.number for bug in BUGS] == list(range(1, 11))
    assert all("::" in bug.test and bug.edits and bug.what for bug in BUGS)
