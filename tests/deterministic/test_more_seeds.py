"""G2, the second half of the thousand: a file of its own, so that two workers share them."""

from __future__ import annotations

import pytest

from tests.deterministic.many import BATCH, must_hold


@pytest.mark.parametrize("first", range(500, 1_000, BATCH))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    """What broke is printed with its seed: ``python -m tests.deterministic --seed N --trace FILE`` lives it again."""
    must_hold(first)
