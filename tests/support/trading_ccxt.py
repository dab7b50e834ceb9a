"""The ccxt adapter on the benches of Binance and OKX: the same simulators, cases and ledgers as the native adapters."""

from __future__ import annotations

from typing import Any, Final, Self

import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.ccxt.access import Access, AccessSettings
from quantservice.adapters.venues.ccxt.client import CallSettings, Keys
from quantservice.adapters.venues.ccxt.trading.adapter import CcxtTrading, TradingSettings
from quantservice.adapters.venues.ccxt.trading.polling import PollSettings
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import OrderState
from quantservice.ports.trading import Trading
from tests.support import trading_binance, trading_htx, trading_okx
from tests.support.trading_harness import Means, Truth

QUICK: Final = PollSettings(every_s=0.05, whole_s=0.3, soon_s=0.0, back_off_s=0.05, back_off_most_s=0.2)
#: exchange and market: where the native harness lies, and what of the exchange ccxt speaks here
_LESS: Final = {
    "types": frozenset({"market", "limit"}),
    "times": frozenset({"GTC", "IOC", "FOK"}),
    "amends": "",
    "says_all_failed": False,
    "limits_by_address": True,
    "deadline": False,
}


def means_of(native: Means, **more: Any) -> Means:
    """What is left of a native adapter's means."""
    return msgspec.structs.replace(native, **(_LESS | more))


def access_of(venue: str, market: str, base_url: str) -> Access:
    """A way to the simulator that no other case's limits reach."""
    settings = AccessSettings(base_url=base_url, pace=100_000.0, rate_limit_ms=150)
    return Access(venue, market, clock=SystemClock(), environment={}, settings=settings)


class _Made:
    """What both harnesses share: adapters of ours on the native bench."""

    exchange: str
    made: list[Any]
    name: str
    keys: dict[str, str]
    secret: str
    bench: Any

    async def fault(self, kind: str, *, on: str = "", count: int = 1, **fault: Any) -> None:
        """Put a fault in force; one that any request may meet is there for those of the polls too."""
        await super().fault(kind, on=on, count=count if on or "path" in fault or not count else count + 8, **fault)  # type: ignore[misc]  # the bench's

    def adapter(self, market: str, key: str, passphrase: str, settings: dict[str, Any]) -> CcxtTrading:
        """An adapter on the case's account."""
        port = settings.pop("port", self.bench.simulator.port)
        calls = CallSettings(total_timeout_s=settings.pop("timeout_s", 10.0))
        made = CcxtTrading(
            self.name,
            Keys(self.keys[key], self.secret, passphrase),
            access=access_of(f"ccxt{self.exchange}", market, f"http://127.0.0.1:{port}"),
            clock=self.bench.clock,
            settings=TradingSettings(calls=calls, polls=QUICK),
        )
        self.made.append(made)
        return made

    def named(self, instrument: InstrumentId) -> InstrumentId:
        """The same instrument at the venue that ccxt makes of it."""
        return InstrumentId(f"ccxt{self.exchange}", instrument.market, instrument.symbol)


class BinanceByCcxt(_Made, trading_binance.BinanceHarness):
    """One of Binance's markets by ccxt."""

    def __init__(self, bench: trading_binance.Bench, market: Any) -> None:
        super().__init__(bench, market)
        self.exchange = {"spot": "binance", "um": "binanceusdm", "cm": "binancecoinm"}[market]
        self.means = means_of(trading_binance.MEANS[market], dead_man=False, tells_transfers=market != "spot")

    async def open(self) -> Self:
        """Make the adapter."""
        await self.bench.venue(self.market)
        await super().open()
        self.instrument = self.named(self.instrument)
        return self

    async def another(self, key: str = "trade", **settings: Any) -> Trading:  # type: ignore[override]  # another adapter
        """A second adapter on the same account."""
        settings.pop("own", False)
        return self.adapter(self.market, key, "", settings)


class OkxByCcxt(_Made, trading_okx.OkxHarness):
    """One of OKX's markets by ccxt."""

    def __init__(self, bench: trading_okx.Bench, market: Any) -> None:
        super().__init__(bench, market)
        self.exchange = "okx"
        self.means = means_of(
            trading_okx.MEANS[market], lapsed_post_only=OrderState.CANCELLED, limits_by_address=False, tells_transfers=False
        )

    async def open(self) -> Self:
        """Make the adapter."""
        await super().open()
        self.instrument = self.named(self.instrument)
        return self

    async def another(self, key: str = "trade", **settings: Any) -> Trading:  # type: ignore[override]  # another adapter
        """A second adapter on the same account."""
        settings.pop("own", False)
        settings.pop("window_ms", None)
        return self.adapter(self.market, key, self.passphrase, settings)


_HTX_BY_NUMBER: Final = {"cancel": ("POST", "/submitcancel"), "query": ("GET", "/v1/order/orders/")}


class HtxByCcxt(_Made, trading_htx.HtxHarness):
    """One of HTX's markets by ccxt."""

    def __init__(self, bench: trading_htx.Bench, market: Any) -> None:
        super().__init__(bench, market)
        self.exchange = "htx"
        self.means = means_of(trading_htx.MEANS[market], tells_transfers=False)

    async def fault(self, kind: str, *, on: str = "", count: int = 1, **fault: Any) -> None:
        """Put a fault in force: ccxt cancels and asks by the venue's number where it is known."""
        if on in _HTX_BY_NUMBER:
            method, path = _HTX_BY_NUMBER[on]
            fault |= {"method": method, "path": path}
            on = ""
        await super().fault(kind, on=on, count=count, **fault)

    async def truth(self) -> Truth:
        """The ledger; spot's fills are called by their own numbers, without those of their orders."""
        found = await super().truth()
        fills = [row | {"trade_id": str(row["trade_id"]).split("-")[0]} for row in found.fills]  # type: ignore[operator]  # dicts
        return msgspec.structs.replace(found, fills=fills)

    async def open(self) -> Self:
        """Make the adapter."""
        await super().open()
        self.instrument = self.named(self.instrument)
        return self

    async def another(self, key: str = "trade", **settings: Any) -> Trading:  # type: ignore[override]  # another adapter
        """A second adapter on the same account."""
        for name in ("own", "known"):
            settings.pop(name, False)
        return self.adapter(self.market, key, "", settings)
