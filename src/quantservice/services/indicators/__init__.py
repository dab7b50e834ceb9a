"""The indicators of registered pairs: computed as klines close, stored, corrected when klines are healed or revised."""

from __future__ import annotations

from quantservice.services.indicators.config import IndicatorConfig
from quantservice.services.indicators.service import IndicatorService

__all__ = ["IndicatorConfig", "IndicatorService"]
