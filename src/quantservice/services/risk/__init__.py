"""Risk control: the one place where an intent becomes an Approved, with everything in flight counted at its worst."""

from __future__ import annotations

from quantservice.services.risk.desk import RiskDesk, RuleSet, Verdict
from quantservice.services.risk.exposure import ExposureBook

__all__ = ["ExposureBook", "RiskDesk", "RuleSet", "Verdict"]
