"""What the indicator service is told."""

from __future__ import annotations

from typing import Final

import msgspec

GROUP: Final = "indicators"


class IndicatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``keys``: what is computed; ``settle_s``: how long after a change a stream is computed again, so that many are one."""

    keys: tuple[str, ...]
    settle_s: float = 1.0
    write_every_s: float = 1.0
    pairs_every_s: float = 30.0
    load_after_s: float = 3.0  # the arithmetic takes a second of processor time to load: live data comes first
