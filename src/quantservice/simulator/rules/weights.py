"""Request weights per endpoint, and the window that counts them per address."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from quantservice.simulator.config import Limits, MarketName
from quantservice.simulator.rules.referee import Referee

_Steps = tuple[tuple[int, int], ...]
_SPOT_DEPTH: Final[_Steps] = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))
_FUTURES_DEPTH: Final[_Steps] = ((50, 2), (100, 5), (500, 10), (1_000, 20))
_FUTURES_KLINES: Final[_Steps] = ((99, 1), (499, 2), (1_000, 5), (1_500, 10))
_SPOT: Final[dict[str, int]] = {
    "ping": 1,
    "time": 1,
    "exchangeInfo": 20,
    "trades": 25,
    "historicalTrades": 25,
    "aggTrades": 4,
    "klines": 2,
    "uiKlines": 2,
    "avgPrice": 2,
}
_FUTURES: Final[dict[str, int]] = {
    "ping": 1,
    "time": 1,
    "exchangeInfo": 1,
    "trades": 5,
    "historicalTrades": 20,
    "aggTrades": 20,
    "fundingRate": 1,
    "fundingInfo": 0,
    "openInterest": 1,
    "openInterestHist": 0,
}
#: weight with a symbol, and without
_TICKERS: Final[dict[MarketName, dict[str, tuple[int, int]]]] = {
    "spot": {"ticker/24hr": (2, 80), "ticker/price": (2, 4), "ticker/bookTicker": (2, 4)},
    "um": {"ticker/24hr": (1, 40), "ticker/price": (1, 2), "ticker/bookTicker": (2, 5), "premiumIndex": (1, 10)},
    "cm": {"ticker/24hr": (1, 40), "ticker/price": (1, 2), "ticker/bookTicker": (2, 5), "premiumIndex": (10, 10)},
}


def weight_of(market: MarketName, endpoint: str, *, limit: int, has_symbol: bool) -> int:
    """Return what one request of ``endpoint`` costs."""
    ticker = _TICKERS[market].get(endpoint)
    if ticker is not None:
        return ticker[0] if has_symbol else ticker[1]
    if endpoint == "depth":
        return _step(_SPOT_DEPTH if market == "spot" else _FUTURES_DEPTH, limit)
    if market == "spot":
        return _SPOT.get(endpoint, 1)
    if endpoint in {"klines", "continuousKlines", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines"}:
        return _step(_FUTURES_KLINES, limit)
    return _FUTURES.get(endpoint, 1)


def _step(steps: _Steps, limit: int) -> int:
    return next((weight for most, weight in steps if limit <= most), steps[-1][1])


class _Address(msgspec.Struct):
    window: int = -1
    used: int = 0
    refusals: int = 0
    blocked_until: float = 0.0
    banned: bool = False
    raw: deque[float] = msgspec.field(default_factory=deque)


class Verdict(msgspec.Struct, frozen=True):
    """Whether a request may pass: ``status`` 200, 429 or 418, the weight used, and seconds to wait."""

    status: int
    used: int
    retry_after_s: int = 0


class WeightGate:
    """One market's request limits, per address, in wall-clock minutes."""

    def __init__(self, market: MarketName, limits: Limits, referee: Referee, *, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._market = market
        self._limits = limits
        self._referee = referee
        self._addresses: dict[str, _Address] = {}

    def ask(self, address: str, weight: int) -> Verdict:
        """Count a request and judge it."""
        limits, now = self._limits, self._now_s()
        state = self._addresses.setdefault(address, _Address())
        self._roll(state, now)
        if now < state.blocked_until:
            self._referee.broke(
                f"{self._market}.request_inside_retry_after", address, f"{state.blocked_until - now:.1f} s too early"
            )
            state.refusals += 1
            if state.refusals >= limits.ban_after_429 and not state.banned:
                self.block(address, limits.ban_s, banned=True)
                self._referee.broke(f"{self._market}.banned", address, "went on after 429")
            return Verdict(418 if state.banned else 429, state.used, self._wait(state, now))
        state.used += weight
        state.raw.append(now)
        while state.raw[0] < now - 300:
            state.raw.popleft()
        if state.used > limits.weight_per_minute or len(state.raw) > limits.raw_requests_per_5m:
            over = "weight" if state.used > limits.weight_per_minute else "raw_requests"
            self._referee.broke(f"{self._market}.{over}", address, f"used {state.used} of {limits.weight_per_minute}")
            state.blocked_until = (state.window + 1) * limits.weight_window_s
            state.refusals = 1
            return Verdict(429, state.used, self._wait(state, now))
        return Verdict(200, state.used)

    def block(self, address: str, seconds: float, *, banned: bool) -> None:
        """Refuse ``address`` for some time (a ban, or a fault's wish)."""
        state = self._addresses.setdefault(address, _Address())
        state.blocked_until = self._now_s() + seconds
        state.banned = banned

    def reset(self) -> None:
        """Forget every address."""
        self._addresses.clear()

    def _roll(self, state: _Address, now: float) -> None:
        window = int(now / self._limits.weight_window_s)
        if window != state.window:
            state.window, state.used = window, 0
        if state.blocked_until and now >= state.blocked_until:
            state.blocked_until, state.refusals, state.banned = 0.0, 0, False

    @staticmethod
    def _wait(state: _Address, now: float) -> int:
        return max(1, int(state.blocked_until - now) + 1)
