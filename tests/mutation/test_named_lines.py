"""No fault in fifty lines on which money depends survives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.named import NAMED


def test_fifty_lines_are_named() -> None:
    assert sum(len(set(lines)) for _, lines in NAMED.values()) >= 50


@pytest.mark.timeout(400)
def test_no_fault_in_a_named_line_survives(project_dir: Path) -> None:
    """In a process of its own: a child that forks off must not have our modules loaded yet."""
    command = [sys.executable, "-m", "tests.mutation.named"]
    ended = subprocess.run(command, cwd=project_dir, capture_output=True, text=True, timeout=390, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
