"""The data directory: ours or refused in a sentence; one owner at a time, and the owner can be found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantservice.app.places import Places
from quantservice.app.process import find_running, own
from quantservice.core.errors import EnvironmentFault

HOLDER = """
import sys
from pathlib import Path
from quantservice.app.places import Places
from quantservice.app.process import own
places = Places(Path(sys.argv[1]), "demo")
places.prepare()
with own(places, "demo") as ownership:
    ownership.announce(api_url="http://127.0.0.1:1234")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_new_directory_is_marked_and_taken_again(tmp_path: Path) -> None:
    places = Places(tmp_path / "data", "demo")
    places.prepare()
    places.prepare()
    assert json.loads((places.root / "quantservice.json").read_text())["environment"] == "demo"


def test_a_foreign_directory_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(EnvironmentFault, match=r"not a QuantService data directory .*thesis\.txt"):
        Places(tmp_path, "live").prepare()
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.txt"]


def test_demo_and_live_data_are_never_mixed(tmp_path: Path) -> None:
    Places(tmp_path / "d", "demo").prepare()
    with pytest.raises(EnvironmentFault, match="never mixed"):
        Places(tmp_path / "d", "live").prepare()


def test_a_newer_format_and_a_damaged_marker_are_refused(tmp_path: Path) -> None:
    places = Places(tmp_path / "d", "live")
    places.prepare()
    marker = places.root / "quantservice.json"
    marker.write_text('{"format": 99, "environment": "live"}')
    with pytest.raises(EnvironmentFault, match="newer"):
        places.prepare()
    marker.write_text("{")
    with pytest.raises(EnvironmentFault, match="damaged"):
        places.prepare()


def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("x")
    with pytest.raises(EnvironmentFault, match="not a directory"):
        Places(file, "live").prepare()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:  # nothing of tmp_path is closed to root; the kernel's own tree is
        closed = Path("/sys/kernel/quantservice")
    else:
        tmp_path.chmod(0o500)
        closed = tmp_path / "data"
    with pytest.raises(EnvironmentFault, match="not writable"):
        Places(closed, "live").prepare()


def test_one_owner_at_a_time_and_it_can_be_found(tmp_path: Path) -> None:
    places = Places(tmp_path / "data", "demo")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(places.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    try:
        assert holder.stdout.readline().strip() == "held"
        running = find_running(places)
        assert running is not None
        assert running.pid == holder.pid
        assert running.api_url == "http://127.0.0.1:1234"
        with pytest.raises(EnvironmentFault, match=rf"process {holder.pid} \(qs demo\) is using"), own(places, "up"):
            pass
    finally:
        holder.kill()
        holder.communicate(timeout=30)
    assert find_running(places) is None, "a killed process leaves its card, and it must not count"
    with own(places, "up"):
        assert find_running(places) is not None
    assert find_running(places) is None
