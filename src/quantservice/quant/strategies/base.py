"""The base class of strategies: declared once, run in both engines, in sweeps and live."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, OrderUpdate, Signal
from quantservice.quant.strategies.bar import Bar, MarketTicker
from quantservice.quant.strategies.parameters import Parameters, Value, parameters_of
from quantservice.quant.strategies.raising import asking
from quantservice.quant.strategies.view import View

if TYPE_CHECKING:
    from quantservice.quant.strategies.feed import BarsView

#: What one of a strategy's methods may answer.
Answer: TypeAlias = Decision | Sequence[Decision] | None
#: What :meth:`Strategy.indicators` may name: see :func:`quantservice.quant.strategies.wanted.wanted_of`.
Wanted: TypeAlias = Any

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Strategy:
    """A rule for holding positions. Subclass it; public class attributes with a plain default are its parameters.

    Write ``on_kline`` (called at the close of every kline) or ``on_bars`` (all bars at once, vectorised), or both when they
    give the same targets. A strategy keeps its state in its own attributes and looks at nothing but what it is given.
    """

    #: Bars that ``view.history`` and, live, ``on_bars`` may look back on.
    memory_bars: ClassVar[int] = 1_000

    def __init__(self, **parameters: Value) -> None:
        bound = parameters_of_class(type(self)).bind(parameters)
        for name, value in bound.items():
            setattr(self, name, value)
        with asking(self, "check"):
            self.check()

    @classmethod
    def name(cls) -> str:
        """Return the name it is known by: ``MaCross`` is ``ma_cross``."""
        return _WORD.sub("_", cls.__name__).lower()

    @property
    def parameters(self) -> dict[str, Value]:
        """The values of its parameters."""
        return {name: getattr(self, name) for name in parameters_of_class(type(self))}

    def check(self) -> None:
        """Raise InvalidValue when parameters that are each valid do not go together."""

    def indicators(self) -> Mapping[str, Wanted]:
        """Return name -> indicator: ``{"fast": ("sma", self.fast), "trend": ("ema", 50, {"period": "4h"})}``."""
        return {}

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        """Prepare for the instruments that it will be given; called once, before the first kline."""

    def on_kline(self, kline: Bar, view: View) -> Answer:
        """Answer at the close of a kline; instrument by instrument, in the order in which they were given."""
        return None

    def on_bars(self, bars: BarsView) -> npt.ArrayLike:
        """Return the target after each bar: ``(T,)`` for one instrument, ``(T, S)`` for several; row ``i`` from rows up to ``i``.

        NaN says nothing: what was wanted before is still wanted.
        """
        raise InvalidValue("on_bars", f"{type(self).__name__} does not work on whole arrays")

    def on_market_data(self, ticker: MarketTicker, view: View) -> Answer:
        """Answer to the market between klines; only live, at most once a second per instrument."""
        return None

    def on_order_update(self, update: OrderUpdate, view: View) -> Answer:
        """Answer to what became of an order. Told at a close, before its kline, live as in a backtest."""
        return None

    def save_state(self) -> dict[str, Any]:
        """Return what must survive a restart, as values that JSON knows; by default every plain attribute of the instance."""
        known = parameters_of_class(type(self))
        return {key: _plain(key, value) for key, value in vars(self).items() if key not in known}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`save_state` gave."""
        for key, value in state.items():
            setattr(self, key, _revived(value))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({values})"


_read: WeakKeyDictionary[type[Strategy], Parameters] = WeakKeyDictionary()


def parameters_of_class(cls: type[Strategy]) -> Parameters:
    """Return the parameters of a strategy class; read once."""
    found = _read.get(cls)
    if found is not None:
        return found
    found = _read[cls] = parameters_of(cls)
    for name in found:
        if hasattr(Strategy, name):
            raise InvalidValue(f"{cls.__name__}.{name}", "the base class uses this name; give the parameter another one")
    return found


def is_vectorised(strategy: Strategy | type[Strategy]) -> bool:
    """Say whether it works on whole arrays."""
    cls = strategy if isinstance(strategy, type) else type(strategy)
    return cls.on_bars is not Strategy.on_bars


def is_event_driven(strategy: Strategy | type[Strategy]) -> bool:
    """Say whether it answers kline by kline."""
    cls = strategy if isinstance(strategy, type) else type(strategy)
    return cls.on_kline is not Strategy.on_kline


def hears_of_orders(strategy: Strategy | type[Strategy]) -> bool:
    """Say whether it is told what became of its orders."""
    cls = strategy if isinstance(strategy, type) else type(strategy)
    return cls.on_order_update is not Strategy.on_order_update


def hears_the_market(strategy: Strategy | type[Strategy]) -> bool:
    """Say whether it is given the market between klines."""
    cls = strategy if isinstance(strategy, type) else type(strategy)
    return cls.on_market_data is not Strategy.on_market_data


def decisions_of(answer: Any, method: str, strategy: Strategy) -> tuple[Decision, ...]:
    """Return a strategy's answer as decisions; raise InvalidValue saying what was returned instead."""
    if answer is None:
        return ()
    if isinstance(answer, Signal):
        if answer.target != answer.target:
            raise InvalidValue(
                f"{type(strategy).__name__}.{method}", f"returned a target that is not a number for {answer.instrument}"
            )
        return (answer,)
    if isinstance(answer, OrderRequest | CancelOrders):
        return (answer,)
    if isinstance(answer, list | tuple):
        found: list[Decision] = []
        for item in answer:
            if not isinstance(item, Signal | OrderRequest | CancelOrders):
                raise _nonsense(item, method, strategy)
            found.extend(decisions_of(item, method, strategy))
        return tuple(found)
    raise _nonsense(answer, method, strategy)


def _nonsense(answer: Any, method: str, strategy: Strategy) -> InvalidValue:
    shown = repr(answer)
    shown = shown if len(shown) < 60 else f"{shown[:57]}..."
    allowed = "a Signal, an OrderRequest, CancelOrders, a list of these, or None"
    return InvalidValue(f"{type(strategy).__name__}.{method}", f"returned {shown}; return {allowed}")


def _plain(name: str, value: Any) -> Any:
    """Return a value as JSON has it; arrays, sets, tuples and instrument names are marked so that they come back as they were."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"__float__": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        return {"__array__": _plain(name, value.tolist()), "dtype": str(value.dtype)}
    if isinstance(value, InstrumentId):
        return {"__instrument__": str(value)}
    if isinstance(value, list):
        return [_plain(name, item) for item in value]
    if isinstance(value, tuple):
        return {"__tuple__": [_plain(name, item) for item in value]}
    if isinstance(value, set | frozenset):
        return {"__set__": [_plain(name, item) for item in sorted(value, key=repr)]}
    if isinstance(value, dict):
        return {"__dict__": [[_plain(name, key), _plain(name, item)] for key, item in value.items()]}
    raise InvalidValue("state", f"{name} is a {type(value).__name__}, which cannot be saved; write save_state and load_state")


def _revived(value: Any) -> Any:
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if isinstance(value, dict):
        if "__array__" in value:
            return np.array(_revived(value["__array__"]), dtype=value["dtype"])
        if "__float__" in value:
            return float(value["__float__"])
        if "__instrument__" in value:
            return InstrumentId.parse(value["__instrument__"])
        if "__tuple__" in value:
            return tuple(_revived(item) for item in value["__tuple__"])
        if "__set__" in value:
            return {_revived(item) for item in value["__set__"]}
        if "__dict__" in value:
            return {_revived(key): _revived(item) for key, item in value["__dict__"]}
    return value
