"""Texts of ``qs new``: kind -> path (with ``{name}``) -> content. ``__name__`` and ``__Title__`` are filled in."""

from __future__ import annotations

from typing import Final

_VENUE_SPEC: Final = '''"""What is particular about __Title__: hosts, weights, periods, error classes. Data only."""

from __future__ import annotations

from typing import Final

import msgspec


class __Title__Endpoints(msgspec.Struct, frozen=True):
    """Base addresses; the exchange simulator and a test can stand in for the venue."""

    rest_url: str
    ws_url: str


PRODUCTION: Final = __Title__Endpoints(rest_url="https://api.__name__.example", ws_url="wss://ws.__name__.example")

#: Our period -> the venue's.
PERIODS: Final = {"1m": "1m", "5m": "5m", "1h": "1h", "1d": "1d"}

#: Path -> weight of one request.
WEIGHTS: Final = {"/klines": 1, "/instruments": 10}
'''

_VENUE_DECODE: Final = '''"""Pure functions: bytes of __Title__ -> core events; every failure is a MalformedFrame."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from quantservice.core.errors import MalformedFrame
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.periods import close_of
from quantservice.core.validation import kline_fault

_ROWS = msgspec.json.Decoder(list[tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]])


def decode_klines(body: bytes, stream: StreamId, *, server_time_ms: int) -> list[Kline]:
    """Decode ``[[open_time, open, high, low, close, volume], ...]``; rows still open at ``server_time_ms`` are left out."""
    try:
        rows = _ROWS.decode(body)
    except msgspec.DecodeError as error:
        raise MalformedFrame(f"not a list of klines: {error}", venue="__name__") from None
    klines = []
    for open_time, open_, high, low, close, volume in rows:
        close_time = close_of(stream.period, open_time)
        if close_time >= server_time_ms:
            continue
        kline = Kline(
            stream=stream, open_time=open_time, close_time=close_time, open=open_, high=high, low=low, close=close, volume=volume,
            quote_volume=Decimal(0), count=0, taker_buy_base_volume=Decimal(0), taker_buy_quote_volume=Decimal(0),
            source=Source.REST,
        )
        fault = kline_fault(kline)
        if fault is not None:
            raise MalformedFrame(fault, venue="__name__")
        klines.append(kline)
    return klines
'''

_VENUE_TEST: Final = '''"""The decoder of __Title__ against a real answer: replace the sample by one you recorded (qs record)."""

from decimal import Decimal

from quantservice.adapters.venues.__name__.decode import decode_klines
from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentId

STREAM = StreamId.kline(InstrumentId("__name__", "spot", "BTC-USDT"), "1m")
SAMPLE = b'[[60000,"1.0","2.0","0.5","1.5","10"],[120000,"1.5","1.6","1.4","1.5","3"]]'


def test_rows_become_klines_and_the_open_one_is_left_out() -> None:
    klines = decode_klines(SAMPLE, STREAM, server_time_ms=130_000)
    assert [kline.open_time for kline in klines] == [60_000]
    assert klines[0].high == Decimal("2.0")
'''

_INDICATOR: Final = '''"""__Title__: an indicator of our own; its line in builtin/__init__.py registers it."""

from __future__ import annotations

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import mean_push
from quantservice.quant.indicators.spec import Parameter, indicator


@indicator(
    inputs=("close",),
    outputs=("__name__",),
    parameters={"length": Parameter(20, 1, 100_000, "bars averaged")},
    warm_up=lambda length: length - 1,  # bars without a value
    state=lambda length: length + 3,  # floats of memory: what mean_push keeps
    group="own",
    source="name the source of the formula",
)
def __name__(state: Array, p: Array, x: Array, out: Array) -> None:
    """Say in one line what it measures: here the price less its mean."""
    out[0] = x[0] - mean_push(state, 0, int(p[0]), x[0])
'''

_INDICATOR_TEST: Final = '''"""Values worked out by hand; the laws that every indicator obeys try it too once it is registered."""

import numpy as np

from quantservice.quant.indicators import Stepper, compute
from quantservice.quant.indicators.builtin import __name__ as module


def test_values_worked_out_by_hand() -> None:
    assert module.__name__.__doc__
    close = np.array([1.0, 2.0, 6.0, 4.0])
    found = compute(("__name__", 2), {"close": close})["__name__"]
    np.testing.assert_array_equal(found, [np.nan, 0.5, 2.0, -1.0])
    stepper = Stepper(("__name__", 2))
    values = [stepper.update({"close": price})["__name__"] for price in close]
    np.testing.assert_array_equal(values, found)
'''

_STRATEGY: Final = '''"""__Title__: say in one line when it is long, short or flat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from quantservice.quant.strategies import Bar, Range, Signal, Strategy, View


class __Title__(Strategy):
    """Long while the fast average is above the slow one."""

    # A class attribute is a parameter: a form field, a flag (--param fast=12), a dimension of a sweep.
    fast: Annotated[int, Range(2, 200, step=1), "bars of the fast average"] = 10
    slow: Annotated[int, Range(5, 500, step=5), "bars of the slow average"] = 50

    def indicators(self) -> Mapping[str, Any]:
        """Name what the view shows; {"period": "4h"} computes on the four-hour bars that have closed."""
        return {"fast": ("ema", self.fast), "slow": ("ema", self.slow)}

    def on_kline(self, kline: Bar, view: View) -> Signal:
        """Say at the close of each bar what position is wanted, as a fraction of the equity."""
        return Signal(kline.instrument, target=1.0 if view["fast"] > view["slow"] else 0.0)
'''

_STRATEGY_TEST: Final = '''"""__Title__ sees nothing of the future, and its targets stay within its equity."""

from quantservice.quant.honesty.example import example_market
from quantservice.quant.honesty.lookahead import check_strategy
from quantservice.quant.strategies.runner import StrategyRunner
from quantservice.quant.strategies.templates.__name__ import __Title__


def test_nothing_of_the_future_is_seen() -> None:
    verdict = check_strategy(__Title__, example_market(__Title__, rows=300).tables)
    assert verdict.passed, verdict


def test_targets_stay_within_the_equity() -> None:
    market = example_market(__Title__, rows=300)
    runner = StrategyRunner(__Title__(), market.instruments, market.period)
    targets = [decision.target for _bars, decisions in runner.replay(market.tables) for decision in decisions]
    assert targets
    assert all(-1.0 <= target <= 1.0 for target in targets)
'''

_RISK_RULE: Final = '''"""__Title__: say in one line what it refuses."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Denied(msgspec.Struct, frozen=True):
    """Why an order may not go: the rule, its limit and the value that broke it."""

    rule: str
    limit: Decimal
    value: Decimal


class __Title__(msgspec.Struct, frozen=True):
    """Class attributes are the parameters, shown on the page and set in the configuration."""

    max_notional: Decimal = Decimal(10_000)

    def check(self, notional: Decimal) -> Denied | None:
        """Return why an order of ``notional`` is refused, or None when it may go."""
        if notional > self.max_notional:
            return Denied("__name__", self.max_notional, notional)
        return None
'''

_RISK_TEST: Final = '''"""One row per case: value, and whether it is refused."""

from decimal import Decimal

import pytest

from quantservice.quant.risk_rules.__name__ import __Title__


@pytest.mark.parametrize(("notional", "refused"), [("9999", False), ("10000", False), ("10000.01", True)])
def test_limit(notional: str, refused: bool) -> None:
    assert (__Title__().check(Decimal(notional)) is not None) is refused
'''

_STORE: Final = '''"""A cache over __Title__: ports.Cache; add its URL scheme to app/wiring.py."""

from __future__ import annotations

from quantservice.ports import Clock


class __Title__Cache:
    """Never the only copy of anything."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._values: dict[str, tuple[bytes, float]] = {}

    async def get(self, key: str) -> bytes | None:
        """Return the value, or None when it is absent or too old."""
        value, until = self._values.get(key, (None, 0.0))
        return value if self._clock.monotonic() < until else None

    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Keep ``value`` for at most ``ttl_s`` seconds."""
        self._values[key] = (value, self._clock.monotonic() + ttl_s)

    async def delete(self, key: str) -> None:
        """Forget ``key``."""
        self._values.pop(key, None)
'''

_STORE_TEST: Final = '''"""The new cache behaves like every cache; add it to the contract suite too."""

from quantservice.adapters.cache.__name__ import __Title__Cache
from quantservice.adapters.clock.system import SystemClock


async def test_set_get_delete() -> None:
    cache = __Title__Cache("__name__://", SystemClock())
    await cache.set("key", b"value", ttl_s=0)
    assert await cache.get("key") is None
    await cache.set("key", b"value", ttl_s=60)
    assert await cache.get("key") == b"value"
    await cache.delete("key")
    assert await cache.get("key") is None
'''

_PACKAGE: Final = '"""__Title__."""\n'

#: What ``qs strategy new`` writes into the folder of a person's own plugins.
OWN_STRATEGY: Final = _STRATEGY

SCAFFOLDS: Final[dict[str, dict[str, str]]] = {
    "venue": {
        "src/quantservice/adapters/venues/{name}/__init__.py": _PACKAGE,
        "src/quantservice/adapters/venues/{name}/spec.py": _VENUE_SPEC,
        "src/quantservice/adapters/venues/{name}/decode.py": _VENUE_DECODE,
        "tests/golden/test_{name}_decode.py": _VENUE_TEST,
    },
    "indicator": {
        "src/quantservice/quant/indicators/builtin/{name}.py": _INDICATOR,
        "tests/unit/quant/indicators/test_{name}.py": _INDICATOR_TEST,
    },
    "strategy": {
        "src/quantservice/quant/strategies/templates/{name}.py": _STRATEGY,
        "tests/unit/quant/strategies/test_{name}.py": _STRATEGY_TEST,
    },
    "risk_rule": {
        "src/quantservice/quant/risk_rules/{name}.py": _RISK_RULE,
        "tests/unit/quant/risk_rules/test_{name}.py": _RISK_TEST,
    },
    "store": {
        "src/quantservice/adapters/cache/{name}.py": _STORE,
        "tests/unit/adapters/cache/test_{name}.py": _STORE_TEST,
    },
}
