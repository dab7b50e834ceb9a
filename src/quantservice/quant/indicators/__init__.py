"""Indicators: each declares inputs, parameters, outputs and warm-up, and is one step from which both forms are made."""

from __future__ import annotations

from quantservice.quant.indicators.calls import Bank, IndicatorCall, Stepper, call_of, compute, compute_with_state
from quantservice.quant.indicators.spec import REGISTRY, IndicatorSpec, Parameter, indicator

__all__ = [
    "REGISTRY",
    "Bank",
    "IndicatorCall",
    "IndicatorSpec",
    "Parameter",
    "Stepper",
    "call_of",
    "compute",
    "compute_with_state",
    "indicator",
]

from quantservice.quant.indicators import builtin as _builtin  # noqa: F401 - fills the registry by the same door as plugins
