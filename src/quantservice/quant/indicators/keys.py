"""Reading an indicator's key, as :class:`IndicatorCall` prints it: ``sma(20)``, ``bbands(20,2,2,0)/hl2.upper@4h``."""

from __future__ import annotations

from quantservice.quant.indicators.calls import IndicatorCall, call_of


def parse_key(text: str) -> IndicatorCall:
    """Return the call that ``text`` names; raise InvalidValue or UnknownName with a sentence."""
    return call_of(text)
