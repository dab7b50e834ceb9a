"""G2: histories in which everything goes wrong, none of which breaks an invariant. The other half is in test_more_seeds."""

from __future__ import annotations

import pytest

from tests.deterministic.many import BATCH, must_hold


@pytest.mark.parametrize("first", range(0, 500, BATCH))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    """What broke is printed with its seed: ``python -m tests.deterministic --seed N --trace FILE`` lives it again."""
    must_hold(first)
