"""Our indicators of TA-Lib's names give TA-Lib's values at every bar: walks, whole ticks and a price that stands still.

Values are compared to 1e-9 relative and 1e-10 of the largest value. They are not equal to the last bit: TA-Lib fuses
multiplications with additions where the processor can, ours do not, so that a value is the same on every machine.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import talib
from tests.support.indicators import Columns, constant, gridded, market, use_plain

from quantservice.core.errors import InvalidValue
from quantservice.quant.indicators import REGISTRY, IndicatorSpec, call_of, compute

abstract: Any = importlib.import_module("talib.abstract")  # its stub is behind its code

FUNCTIONS: Final = sorted(name for group, names in talib.get_function_groups().items() if "Pattern" not in group for name in names)
ROWS: Final = 230
RANDOM_TRIES: Final = 2
#: Averages that divide what rounding left over when nothing moves: on whole ticks a last bit then decides between 0 and 1.
KNIFE_EDGED: Final = (6, 7)
#: The phase of a cycle in a price that stands still is noise over noise.
WITHOUT_PHASE: Final = ("HT_DCPHASE", "HT_SINE")


@pytest.fixture(autouse=True)
def plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    use_plain(monkeypatch)


def random_parameters(spec: IndicatorSpec, rng: np.random.Generator, *, smooth: bool) -> tuple[float, ...]:
    """Short random parameters that go together; ``smooth`` leaves the knife-edged averages out."""
    while True:
        values: list[float] = []
        for word, parameter in spec.parameters.items():
            if word.endswith("type"):
                values.append(int(rng.choice([kind for kind in range(14) if not (smooth and kind in KNIFE_EDGED)])))
            elif isinstance(parameter.default, int):
                values.append(int(rng.integers(max(int(parameter.low), 1), 40)))
            else:
                low, high = max(parameter.low, 0.0), min(parameter.high, 1.0 if parameter.default < 1.0 else 5.0)
                values.append(round(float(rng.uniform(low, high)), 3))
        try:
            call_of((spec.name, *values))
        except InvalidValue:
            continue
        return tuple(values)


def reference(name: str, columns: Columns, values: tuple[float, ...]) -> tuple[npt.NDArray[Any], ...]:
    """TA-Lib's outputs as floats, the warm-up as NaN also where they are whole numbers."""
    inputs: list[str] = []
    for column in abstract.Function(name).info["input_names"].values():
        inputs += column if isinstance(column, list | tuple) else [column]
    found = getattr(talib, name)(*(columns[column] for column in inputs), *values)
    return found if isinstance(found, tuple) else (found,)


def check(name: str, columns: Columns, values: tuple[float, ...], *, floor: float) -> None:
    spec = REGISTRY[name.lower()]
    call = call_of((spec.name, *values))
    ours, theirs = compute(call, columns), reference(name, columns, values)
    assert len(ours) == len(theirs)
    for (output, found), expected in zip(ours.items(), theirs, strict=True):
        wanted = expected.astype(np.float64)
        if np.issubdtype(expected.dtype, np.integer):
            wanted[: call.warm_up] = np.nan
        finite = wanted[np.isfinite(wanted)]
        scale = max(floor, float(np.abs(finite).max(initial=0.0)))
        np.testing.assert_allclose(
            found, wanted, rtol=1e-9, atol=1e-10 * scale, equal_nan=True, err_msg=f"{call}.{output} is not TA-Lib's"
        )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_bar_of_a_random_walk(name: str) -> None:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    spec = REGISTRY[name.lower()]
    defaults = tuple(abstract.Function(name).info["parameters"].values())
    assert tuple(parameter.default for parameter in spec.parameters.values()) == defaults
    check(name, market(rng, ROWS), defaults, floor=0.0)
    for _ in range(RANDOM_TRIES):
        check(name, market(rng, ROWS), random_parameters(spec, rng, smooth=False), floor=0.0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_bar_on_whole_ticks(name: str) -> None:
    rng = np.random.default_rng(zlib.crc32(name.encode()) + 1)
    spec = REGISTRY[name.lower()]
    check(name, gridded(rng, ROWS), tuple(call_of(spec.name).bound.values()), floor=0.0)
    for _ in range(RANDOM_TRIES):
        check(name, gridded(rng, ROWS), random_parameters(spec, rng, smooth=True), floor=0.0)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in WITHOUT_PHASE])
def test_a_price_that_stands_still(name: str) -> None:
    rng = np.random.default_rng(zlib.crc32(name.encode()) + 2)
    spec = REGISTRY[name.lower()]
    for _ in range(RANDOM_TRIES):
        columns = constant(rng, ROWS)
        check(name, columns, random_parameters(spec, rng, smooth=True), floor=max(1.0, float(columns["close"][0])))


def test_the_whole_set_is_there() -> None:
    assert [name for name in FUNCTIONS if name.lower() not in REGISTRY] == []
