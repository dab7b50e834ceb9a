"""Deployments: strategies hosted on live klines; what they decide is announced as signals."""

from __future__ import annotations

from quantservice.services.strategies.config import StrategiesConfig
from quantservice.services.strategies.service import StrategiesService

__all__ = ["StrategiesConfig", "StrategiesService"]
