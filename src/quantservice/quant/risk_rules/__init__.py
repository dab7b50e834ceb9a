"""Risk rules: each a small frozen record of its parameters with one question. Pure, exact, and quick enough to ask all of them."""

from __future__ import annotations

from quantservice.quant.risk_rules.base import Breach, Exit, PositionRule, RiskRule, RiskView, WatchedPosition
from quantservice.quant.risk_rules.registry import DEFAULT_RULES, POSITION_RULES, RULES, describe_rules, rule_of

__all__ = [
    "DEFAULT_RULES",
    "POSITION_RULES",
    "RULES",
    "Breach",
    "Exit",
    "PositionRule",
    "RiskRule",
    "RiskView",
    "WatchedPosition",
    "describe_rules",
    "rule_of",
]
