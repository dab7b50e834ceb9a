"""A process that stores Arrow tables does not load pandas for it, and does not take pandas away either."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from quantservice.app.lean import spare_pandas
spare_pandas()
import pyarrow as pa
table = pa.table({"a": [1, 2]})
assert table.column("a").to_pylist() == [1, 2]
print("pandas" in sys.modules, len(sys.meta_path))
"""


def run(script: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60).stdout


def test_pandas_is_not_loaded_and_nothing_is_left_behind() -> None:
    loaded, finders = run(_SCRIPT).split()
    assert loaded == "False"
    assert finders == run("import sys; print(len(sys.meta_path))").strip()


def test_arrow_alone_would_load_it() -> None:
    pytest.importorskip("pandas", reason="without pandas there is nothing to spare")
    assert "True" in run("import sys, pyarrow as pa; pa.array([0]); print('pandas' in sys.modules)")


def test_pandas_still_works_for_whoever_wants_it() -> None:
    pytest.importorskip("pandas", reason="without pandas there is nothing to spare")
    assert run(_SCRIPT + "\nimport pandas\nprint(list(table.to_pandas()['a']))").split("\n")[1] == "[1, 2]"
