"""kill -9 at random moments of collection and backfill: the short version. The long one: ``python -m tests.soak.run``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.platform_kills import kill_many


@pytest.mark.timeout(300)
def test_kill_9_loses_nothing_doubles_nothing_and_leaves_the_ledger_sound(tmp_path: Path) -> None:
    answer = kill_many(tmp_path, kills=3, seed=20_260_603)
    assert answer.streams == 102
    assert answer.digest == answer.clean_digest, "a platform that was killed holds what one holds that was not"
    assert set(answer.sources) == {"ws", "rest"}, "both collection and backfill had their part"
