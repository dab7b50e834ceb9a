"""The compiled kernel is plain Python too: the same tests pass without compilation, and a run is the same to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import coverage


def test_the_kernel_runs_uncompiled_with_equal_results(project_dir: Path) -> None:
    """In a process of its own; where coverage is measured, it is measured there, since it cannot see into machine code."""
    tests = [
        "tests/unit/quant/backtest",
        f"--ignore={Path(__file__).relative_to(project_dir)}",
        "tests/property/test_backtest_engines.py::test_a_run_is_the_same_to_the_bit",
    ]
    measured = ["-m", "coverage", "run", "--parallel-mode", "--rcfile=pyproject.toml"] if coverage.Coverage.current() else []
    command = [sys.executable, *measured, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x", *tests]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, cwd=project_dir, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
