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

_INDICATOR: Final = '''"""__Title__: say in one line what it measures, and name the source of the formula."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: What the registry reads: input columns, parameters with defaults, and how many bars are needed before the first value.
INPUTS = ("close",)
PARAMETERS = {"length": 20}


def warm_up(length: int = 20) -> int:
    """Bars before the first value."""
    return length - 1


def __name__(close: npt.NDArray[np.float64], length: int = 20) -> npt.NDArray[np.float64]:
    """Return one value per bar; NaN during the warm-up. Never looks at a later bar."""
    values = np.full(close.shape, np.nan)
    if len(close) >= length:
        sums = np.cumsum(np.insert(close, 0, 0.0))
        values[length - 1 :] = (sums[length:] - sums[:-length]) / length
    return values
'''

_INDICATOR_TEST: Final = '''"""Laws that every indicator obeys: length, and the result on a prefix is the prefix of the result."""

import numpy as np

from quantservice.quant.indicators.__name__ import __name__, warm_up


def test_length_warm_up_and_prefix() -> None:
    close = np.random.default_rng(1).normal(100, 1, 300)
    whole = __name__(close)
    assert whole.shape == close.shape
    assert np.isnan(whole[: warm_up()]).all()
    assert not np.isnan(whole[warm_up() :]).any()
    np.testing.assert_allclose(__name__(close[:200]), whole[:200], equal_nan=True, rtol=1e-9)
'''

_STRATEGY: Final = '''"""__Title__: say in one line when it is long, short or flat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class __Title__:
    """Class attributes are the parameters: form field, flag, optimiser grid."""

    fast: int = 10
    slow: int = 50

    def on_bars(self, bars: dict[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Return the target position (fraction of the allotted equity) after each bar."""
        close = bars["close"]
        fast, slow = _average(close, self.fast), _average(close, self.slow)
        return np.where(np.isnan(slow), 0.0, np.where(fast > slow, 1.0, 0.0))


def _average(values: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    result = np.full(values.shape, np.nan)
    if len(values) >= length:
        sums = np.cumsum(np.insert(values, 0, 0.0))
        result[length - 1 :] = (sums[length:] - sums[:-length]) / length
    return result
'''

_STRATEGY_TEST: Final = '''"""Targets never look ahead: the result on a prefix is the prefix of the result."""

import numpy as np

from quantservice.quant.strategies.__name__ import __Title__


def test_targets_of_a_prefix_are_the_prefix_of_the_targets() -> None:
    close = np.cumprod(1 + np.random.default_rng(2).normal(0, 0.01, 400))
    whole = __Title__().on_bars({"close": close})
    assert whole.shape == close.shape
    np.testing.assert_array_equal(__Title__().on_bars({"close": close[:250]}), whole[:250])
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

SCAFFOLDS: Final[dict[str, dict[str, str]]] = {
    "venue": {
        "src/quantservice/adapters/venues/{name}/__init__.py": _PACKAGE,
        "src/quantservice/adapters/venues/{name}/spec.py": _VENUE_SPEC,
        "src/quantservice/adapters/venues/{name}/decode.py": _VENUE_DECODE,
        "tests/golden/test_{name}_decode.py": _VENUE_TEST,
    },
    "indicator": {
        "src/quantservice/quant/indicators/{name}.py": _INDICATOR,
        "tests/unit/quant/indicators/test_{name}.py": _INDICATOR_TEST,
    },
    "strategy": {
        "src/quantservice/quant/strategies/{name}.py": _STRATEGY,
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
