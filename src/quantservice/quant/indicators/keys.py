"""Reading an indicator's key, as :class:`IndicatorCall` prints it: ``sma(20)``, ``bbands(20,2,2,0)/hl2.upper@4h``."""

from __future__ import annotations

import re
from typing import Any, Final

from quantservice.core.errors import InvalidValue
from quantservice.quant.indicators.calls import IndicatorCall, call_of

_KEY: Final = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:\((?P<values>[^()]*)\))?"
    r"(?:/(?P<input>[a-z0-9_]+))?(?:\.(?P<output>[a-z0-9_]+))?(?:@(?P<period>[0-9a-z]+))?(?:#(?P<instrument>\S+))?\Z"
)


def parse_key(text: str) -> IndicatorCall:
    """Return the call that ``text`` names; raise InvalidValue or UnknownName with a sentence."""
    found = _KEY.match(text.strip())
    if found is None:
        raise InvalidValue("indicator", f"{text[:80]!r} is not of the form name(parameter, …), such as sma(20)")
    values: list[float] = []
    for part in (found["values"] or "").split(","):
        if part.strip():
            try:
                values.append(float(part))
            except ValueError:
                raise InvalidValue("indicator", f"{part.strip()[:40]!r} in {text[:80]!r} is not a number") from None
    where: dict[str, Any] = {name: found[name] for name in ("input", "output", "period", "instrument") if found[name]}
    return call_of((found["name"], *values, where))
