"""What may hold the event loop up."""

from __future__ import annotations

import subprocess
import sys


def test_what_a_process_has_loaded_is_not_walked_through_for_garbage_any_more() -> None:
    code = (
        "import gc; from quantservice.app.loop import settle_memory; from quantservice.app import platform; "
        "before = len(gc.get_objects()); settle_memory(); print(before, len(gc.get_objects()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 10_000
    assert after < 100
