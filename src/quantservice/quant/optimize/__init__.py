"""Looking for parameters, and for reasons not to believe what was found."""

from __future__ import annotations

from quantservice.quant.optimize.objective import Objective
from quantservice.quant.optimize.space import Axis, Space

__all__ = ["Axis", "Objective", "Space"]
