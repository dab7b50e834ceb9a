"""The strategies that come with the platform, one per file; each has a page under ``docs/strategies``."""

from __future__ import annotations

from quantservice.quant.strategies.templates import (
    dca,
    donchian_breakout,
    funding_carry,
    grid,
    ma_cross,
    pairs,
    random_targets,
    rsi_reversion,
)

TEMPLATES = (ma_cross, rsi_reversion, donchian_breakout, grid, dca, pairs, funding_carry, random_targets)

__all__ = ["TEMPLATES"]
