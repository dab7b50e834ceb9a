"""I1: what is sent was on the disk before (bug bank 10); a disk that cannot promise it sends nothing (ST7). Watched by strace."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHILD = ROOT / "tests" / "support" / "gateway_child.py"
_SYNCED = re.compile(r"\bf(?:data)?sync\(\d+\)\s+= 0")

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed (apt-get install strace)")


def traced(folder: Path, *options: str) -> tuple[str, str]:
    """Run the child under strace; return its standard output and the trace."""
    log = folder / "trace.log"
    folder.mkdir(exist_ok=True)
    command = ["strace", "-f", "-qq", "-o", str(log), "-e", "trace=fsync,fdatasync,write", *options]
    ended = subprocess.run(
        [*command, sys.executable, str(CHILD), str(folder)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "ptrace" in ended.stderr.lower() and "permitted" in ended.stderr.lower():
        pytest.skip("this machine does not let a process be traced")
    return ended.stdout, log.read_text(encoding="utf-8", errors="replace")


def test_the_intent_is_synced_before_the_first_byte_leaves(tmp_path: Path) -> None:
    said, trace = traced(tmp_path)
    assert re.findall(r"^(?:BEGIN|SENT|END|REFUSED.*)$", said, re.MULTILINE) == ["BEGIN", "SENT", "END"]
    begin, sent = trace.index('write(1, "BEGIN'), trace.index('write(1, "SENT')
    assert _SYNCED.search(trace, begin, sent), "between the decision and the send the disk was not asked to keep it"


def test_st7_a_sync_that_fails_sends_nothing(tmp_path: Path) -> None:
    _, trace = traced(tmp_path / "whole")
    before = len(_SYNCED.findall(trace, 0, trace.index('write(1, "BEGIN')))
    after = len(_SYNCED.findall(trace, 0, trace.index('write(1, "SENT')))
    assert after > before
    calls = "fsync,fdatasync"
    said, _ = traced(tmp_path / "failing", "-e", f"inject={calls}:error=EIO:when={before + 1}+")
    assert "SENT" not in said
    assert "BEGIN" in said
    assert "REFUSED" in said
