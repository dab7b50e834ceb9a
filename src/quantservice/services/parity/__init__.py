"""Parity: a run that happened against the backtester's: which decisions are the same, what fills differ, and why. Pure: no I/O."""

from quantservice.services.parity.comparing import compare
from quantservice.services.parity.memories import Memory, memories_of, request_of
from quantservice.services.parity.outcomes import Outcomes
from quantservice.services.parity.report import Cause, Divergence, FillError, ParityReport

__all__ = ["Cause", "Divergence", "FillError", "Memory", "Outcomes", "ParityReport", "compare", "memories_of", "request_of"]
