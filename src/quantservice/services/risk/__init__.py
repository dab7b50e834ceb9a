"""Risk control: the one place where an intent becomes an Approved, with everything in flight counted at its worst."""

from __future__ import annotations

from quantservice.services.risk.desk import RiskDesk, RuleSet, Verdict
from quantservice.services.risk.exposure import ExposureBook
from quantservice.services.risk.margin import MarginBook
from quantservice.services.risk.recalling import keep_standing
from quantservice.services.risk.trust import DataTrust

__all__ = ["DataTrust", "ExposureBook", "MarginBook", "RiskDesk", "RuleSet", "Verdict", "keep_standing"]
