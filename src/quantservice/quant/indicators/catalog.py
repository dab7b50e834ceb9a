"""What there is: every indicator described for a list, a form, the API and the documentation."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from quantservice.core.errors import UnknownName
from quantservice.quant.indicators.spec import REGISTRY, IndicatorSpec, Parameter


class ParameterInfo(msgspec.Struct, frozen=True):
    """One parameter. ``kind`` is ``int`` or ``float``; a bound that is None is none."""

    name: str
    kind: str
    default: float
    low: float | None
    high: float | None
    doc: str


class IndicatorInfo(msgspec.Struct, frozen=True):
    """One indicator.

    ``inputs`` are what it reads by default (``benchmark``: a second instrument's price); ``warm_up`` is the number of bars without
    a value at the default parameters; ``recursive``: a value depends on all bars before it, so that it is comparable only between
    runs that began at one bar; ``origin`` is ``built-in`` or the module of a plugin.
    """

    name: str
    group: str
    doc: str
    inputs: tuple[str, ...]
    parameters: tuple[ParameterInfo, ...]
    outputs: tuple[str, ...]
    warm_up: int
    recursive: bool
    source: str
    origin: str


def describe(name: str) -> IndicatorInfo:
    """Describe one indicator; an unknown name is an UnknownName with the nearest ones."""
    return _info(REGISTRY[name])


def catalog(group: str | None = None) -> tuple[IndicatorInfo, ...]:
    """Describe all indicators, or those of one group, by group and name. An unknown group is an UnknownName."""
    if group is not None and group not in groups():
        raise UnknownName("group", group, groups())
    found: Iterable[IndicatorSpec] = (spec for spec in REGISTRY.values() if group in (None, spec.group))
    return tuple(_info(spec) for spec in sorted(found, key=lambda spec: (spec.group, spec.name)))


def groups() -> tuple[str, ...]:
    """Return the groups that have indicators."""
    return tuple(sorted({spec.group for spec in REGISTRY.values()}))


def _info(spec: IndicatorSpec) -> IndicatorInfo:
    module = spec.step.__module__
    return IndicatorInfo(
        name=spec.name,
        group=spec.group,
        doc=spec.doc,
        inputs=spec.inputs,
        parameters=tuple(_parameter(name, parameter) for name, parameter in spec.parameters.items()),
        outputs=spec.outputs,
        warm_up=int(spec.warm_up(**{name: parameter.default for name, parameter in spec.parameters.items()})),
        recursive=spec.recursive,
        source=spec.source,
        origin="built-in" if module.startswith("quantservice.quant.indicators.") else module,
    )


def _parameter(name: str, parameter: Parameter) -> ParameterInfo:
    kind = "int" if isinstance(parameter.default, int) else "float"
    bounds = (bound if abs(bound) != float("inf") else None for bound in (parameter.low, parameter.high))
    low, high = bounds
    return ParameterInfo(name, kind, parameter.default, low, high, parameter.doc)
