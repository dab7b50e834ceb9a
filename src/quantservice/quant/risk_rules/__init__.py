"""Risk rules: each a small frozen record of its parameters with one question. Pure, exact, and quick enough to ask all of them."""

from __future__ import annotations

from quantservice.quant.risk_rules.base import Breach, Exit, PositionRule, RiskRule, RiskView, WatchedPosition, percent, plains
from quantservice.quant.risk_rules.positions import ForcedReduction, StopLoss, TakeProfit, TrailingStop
from quantservice.quant.risk_rules.registry import (
    DEFAULT_PROTECTION,
    DEFAULT_RULES,
    OWN_RULES,
    POSITION_RULES,
    RULES,
    describe_rules,
    rule_of,
)

__all__ = [
    "DEFAULT_PROTECTION",
    "DEFAULT_RULES",
    "OWN_RULES",
    "POSITION_RULES",
    "RULES",
    "Breach",
    "Exit",
    "ForcedReduction",
    "PositionRule",
    "RiskRule",
    "RiskView",
    "StopLoss",
    "TakeProfit",
    "TrailingStop",
    "WatchedPosition",
    "describe_rules",
    "percent",
    "plains",
    "rule_of",
]
