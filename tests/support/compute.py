"""Tasks for the test worker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

#: Starts a test worker.
ARGV = (sys.executable, str(Path(__file__).with_name("compute_child.py")))


def task(*what: Any) -> bytes:
    """A task for the test worker: echo, refuse, raise, die, ask, hang or fill."""
    return msgspec.json.encode(what)
