"""How far stateful tests go: 2,000 steps of each machine, or as many as ``QS_MODEL_STEPS`` says (``make models``: 50,000)."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

LENGTH: Final = 40
STEPS: Final = int(os.environ.get("QS_MODEL_STEPS", "2000"))


def profile(*, least: int = 0) -> settings:
    """Return the settings of a machine; ``least``: examples that it takes at any rate."""
    return settings(
        max_examples=max(least, -(-STEPS // LENGTH)),
        stateful_step_count=LENGTH,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
