"""What a strategy's ``indicators()`` asks for, read and checked: indicators, plain prices, and the funding rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import check_period, period_ms
from quantservice.quant.indicators.calls import IndicatorCall, call_of, columns_of
from quantservice.quant.indicators.spec import MADE_PRICES, PRICES
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.raising import asking

#: The last settled funding rate of an instrument: a fraction of the position's value; NaN before the first and on spot.
FUNDING_RATE: Final = "funding_rate"
_PLAIN: Final = frozenset((*PRICES, *MADE_PRICES, FUNDING_RATE)) - {"open_time"}
_WHERE: Final = frozenset(("period", "instrument"))


@dataclass(frozen=True)
class Wanted:
    """One entry of ``indicators()``. ``call`` is None for a plain price, whose name is ``price``.

    ``period`` and ``instrument`` are empty for those of the kline at hand. ``outputs`` are the names in the view, in the order
    of the values: the entry's own name first, then, of an indicator with several outputs, ``name.output`` of each.
    """

    name: str
    call: IndicatorCall | None
    price: str
    period: str
    instrument: InstrumentId | None
    outputs: tuple[str, ...]
    picks: tuple[int, ...]  # which of the indicator's outputs stands behind each name

    @property
    def benchmark(self) -> bool:
        """Whether the other instrument is only a benchmark beside this one's own bars."""
        return self.call is not None and reads_benchmark(self.call)


def reads_benchmark(call: IndicatorCall) -> bool:
    """Say whether an indicator reads a second instrument's price."""
    return "benchmark" in columns_of(call)


def wanted_by(strategy: Strategy) -> tuple[Wanted, ...]:
    """Return what a strategy asks for; raise a sentence naming the strategy and the entry that is wrong."""
    owner = type(strategy).__name__
    with asking(strategy, "indicators"):
        asked = strategy.indicators()
    if not isinstance(asked, Mapping):
        raise InvalidValue(f"{owner}.indicators", f'returned {asked!r:.60}; return a mapping such as {{"fast": ("sma", 10)}}')
    found = []
    for name, value in asked.items():
        if not isinstance(name, str) or not name or name in _PLAIN - {FUNDING_RATE}:
            raise InvalidValue(f"{owner}.indicators", f"{name!r} cannot name an indicator: bars have a column of this name")
        try:
            found.append(_wanted(name, value))
        except UnknownName as error:
            raise UnknownName(f"{error.field} in {owner}.indicators[{name!r}]", error.value, error.valid) from None
        except UserError as error:
            raise InvalidValue(f"{owner}.indicators[{name!r}]", str(error)) from None
    return tuple(found)


def _wanted(name: str, value: Any) -> Wanted:
    parts: Sequence[Any] = (value,) if isinstance(value, str) else value
    if isinstance(parts, Sequence) and parts and parts[0] in _PLAIN:
        return _plain_price(name, parts)
    call = call_of(value)
    outputs = call.spec.outputs
    names: tuple[str, ...]
    picks: tuple[int, ...]
    if call.output or len(outputs) == 1:
        names, picks = (name,), (outputs.index(call.output) if call.output else 0,)
    else:
        names = (name, *(f"{name}.{output}" for output in outputs))
        picks = (0, *range(len(outputs)))
    if reads_benchmark(call) and not call.instrument:
        raise InvalidValue("instrument", f"{call.name} needs a second instrument: {{'instrument': 'venue:market:SYMBOL'}}")
    return Wanted(name, call, "", *_where(call.period, call.instrument), names, picks)


def _plain_price(name: str, parts: Sequence[Any]) -> Wanted:
    where = parts[1] if len(parts) > 1 else {}
    if len(parts) > 2 or not isinstance(where, Mapping):
        raise InvalidValue(str(parts[0]), "a price takes nothing but {'period': …, 'instrument': …}")
    for word in where:
        if word not in _WHERE:
            raise UnknownName(f"word after {parts[0]}", str(word), sorted(_WHERE))
    period, instrument = _where(str(where.get("period", "")), str(where.get("instrument", "")))
    if parts[0] == FUNDING_RATE and period:
        raise InvalidValue("period", "a funding rate has no period")
    return Wanted(name, None, str(parts[0]), period, instrument, (name,), (0,))


def _where(period: str, instrument: str) -> tuple[str, InstrumentId | None]:
    return (check_period(period) if period else ""), (InstrumentId.parse(instrument) if instrument else None)


def warm_up_bars(strategy: Strategy, period: str) -> int:
    """Return how many bars of ``period`` to give before the first live one.

    Enough for every window, and for indicators that remember every bar (``recursive``) until the beginning has faded: thirty
    lengths leave less than 1e-9 of an exponential average's start.
    """
    return max(strategy.memory_bars, _bars(wanted_by(strategy), period, lengths=30, more=1))


def window_bars(wanted: Sequence[Wanted], period: str) -> int:
    """Return on how many bars of ``period``, the newest one too, the values of indicators rest; 0 without any.

    What lies more than ten lengths back moves an indicator that remembers every bar by less than 1e-4.
    """
    return _bars(wanted, period, lengths=10)


def _bars(wanted: Sequence[Wanted], period: str, *, lengths: int, more: int = 0) -> int:
    most = 0
    for item in wanted:
        if item.call is None:
            continue
        bars = item.call.warm_up + 1
        if item.call.spec.recursive:
            bars *= lengths
        scale = -(-period_ms(item.period) // period_ms(period)) if item.period else 1
        most = max(most, (bars + more) * scale)
    return most
