"""The whole platform on paper against the simulator, in a process of its own; writes what parity says of each deployment.

The market's time is moved minute by minute: a minute passes once everything that the last one asked for is done.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.app.platform import Platform
from quantservice.app.settings import load_settings
from quantservice.app.simulation import SimulatorTime
from quantservice.core.events import Source, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import MINUTE_MS
from quantservice.core.spans import Span
from quantservice.ports import RiskState
from quantservice.simulator.config import SimulatorConfig, SymbolSpec
from quantservice.simulator.server import Simulator, SimulatorThread

START_MS: Final = 1_780_000_200_000
STEPS: Final = 42  # minutes on each side of the restart
AWAY: Final = 3  # minutes that the platform is away at the end
PATIENCE_S: Final = 30.0
SYMBOLS: Final = ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "LINK", "DOGE")
STREAMS: Final = {name: StreamId.kline(InstrumentId.parse(f"binance:um:{name}-USDT-PERP"), "1m") for name in SYMBOLS}
STRATEGIES: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("ma_cross", {"fast": 2, "slow": 5, "short": True}),
    ("rsi_reversion", {"length": 3, "low": 45.0, "middle": 50.0, "high": 55.0, "short": True}),
    ("random", {"chance": 1.0}),
    ("dca", {"every": 3, "parts": 200, "take_profit": 0.001}),  # asks for its position at every close
    ("grid", {"levels": 3, "step": 0.0005, "stop_steps": 0.0}),  # lives by what becomes of its orders
)
#: name -> strategy, parameters, symbol: each strategy on two symbols of its own
DEPLOYMENTS: Final = {
    f"{strategy} {symbol}": (strategy, parameters, symbol)
    for (strategy, parameters), symbols in zip(
        STRATEGIES, (SYMBOLS[:2], SYMBOLS[2:4], SYMBOLS[4:6], SYMBOLS[6:7], SYMBOLS[7:]), strict=True
    )
    for symbol in symbols
}
ROLES: Final = ("outbox", "recorder", "trading", "strategies", "backfill", "collector")


class House:
    """The platform while it runs, and the market's time."""

    def __init__(self, folder: Path, simulator: Simulator) -> None:
        self.folder, self.simulator, self.minute = folder, simulator, 0
        self.platform: Platform
        self._read: dict[str, int] = {}
        self._waiting = 0  # signals that are not sized yet

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Platform]:
        """Run the platform."""
        endpoints = BinanceEndpoints.simulator(
            self.simulator.rest_url, {str(market): url for market, url in self.simulator.ws_urls.items()}
        )
        flags = {"data_dir": str(self.folder), "collect.history_days": 0.1, "strategies.snapshot_s": 1.0, "log.level": "ERROR"}
        flags |= {"backfill.grace_s": 0.01, "backfill.ask_again_s": 0.01, "backfill.scan_1m_s": 0.5}  # in seconds of `speed`
        flags |= {f"binance.{market}.enabled": False for market in ("spot", "cm")}
        async with Platform.open(
            load_settings(None, flags=flags, environ={}),
            endpoints=endpoints,
            clock=SimulatorTime(self.simulator),
            speed=2_000.0,
            roles=ROLES,
            command="demo",
        ) as self.platform:
            await self.platform.load_instruments()
            if not await self.platform.pairs.list():
                for name in SYMBOLS:
                    await self.platform.pairs.register(
                        f"binance:um:{name}-USDT-PERP", periods=("1m",), kinds=("kline",), history_start_ms=START_MS - 7_200_000
                    )
            async with self.platform.runner.running():
                yield self.platform

    def pass_minute(self) -> None:
        """Let the market's time go on, to a little after the next close."""
        self.minute += 1
        self.simulator.clock.end_ms = START_MS + self.minute * MINUTE_MS + 1_500

    async def until(self, there: Callable[[], Any], what: str) -> None:
        """Wait for a condition, which may be a coroutine's."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    found = there()
                    if await found if asyncio.iscoroutine(found) else found:
                        return
                    await asyncio.sleep(0.005)
        except TimeoutError:
            stats = {name: dict(service.stats()) for name, service in self.platform.services.items()}
            raise AssertionError(f"{what} did not happen in minute {self.minute}: {stats}") from None

    async def deploy(self) -> None:
        """Make an account and the deployments, and start them."""
        # A minute passes in some milliseconds here: on a busy machine what closed two of them ago is not stored yet.
        await self.platform.risk.set_rule("trusted_data", "off", {})
        await self.platform.accounts.add("paper", "binance", "um")
        for name, (strategy, parameters, symbol) in DEPLOYMENTS.items():
            made = await self.platform.deployments.create(
                name=name,
                strategy=strategy,
                parameters=parameters,
                instruments=[f"binance:um:{symbol}-USDT-PERP"],
                period="1m",
                account="paper",
                allocation="10000",
            )
            await self.platform.deployments.say(made.id, "start")

    async def history(self) -> None:
        """Wait until what has closed is stored."""
        self.simulator.clock.end_ms = START_MS + self.minute * MINUTE_MS + 50_000  # beyond the grace of the newest kline
        last = START_MS + (self.minute - 1) * MINUTE_MS

        async def stored() -> bool:
            found = [await self.platform.market_store.read(STREAMS[name], Span(START_MS - 7_200_000, last + 1)) for name in SYMBOLS]
            return all(len(item["open_time"]) == 120 + self.minute for item in found)

        await self.until(stored, "the history")

    async def ready(self) -> None:
        """Wait until strategies are warm and the account may trade."""
        hosted = self.platform.services["strategies"]
        trading = self.platform.services["trading"]

        def warm() -> bool:
            running = hosted._hosted.values()  # type: ignore[attr-defined]
            return len(running) == len(DEPLOYMENTS) and all(item.warm for item in running)

        await self.until(warm, "the warm-up")
        await self.until(lambda: trading.stats()["ready"] == 1, "the account's start")
        self.simulator.clock.end_ms = START_MS + self.minute * MINUTE_MS + 50_000  # until every symbol has traded
        desk = trading.desks["paper"]  # type: ignore[attr-defined]
        await self.until(lambda: len(desk.prices) == len(SYMBOLS), "the first live prices")

    async def step(self) -> None:
        """Let a minute pass and everything happen that it asks for."""
        before = self.platform.services["strategies"].stats()["klines"]
        self.pass_minute()
        await self.until(lambda: self.platform.services["strategies"].stats()["klines"] >= before + len(DEPLOYMENTS), "the klines")
        await self.until(self._settled, "the orders")

    async def _settled(self) -> bool:
        stats, trading = self.platform.services["strategies"].stats(), self.platform.services["trading"].stats()
        async with self.platform.state_store.transaction() as work:
            for name in await work.runs.runs():
                for event in await work.runs.read(name, after=self._read.get(name, 0)):
                    self._read[name] = event.sequence
                    self._waiting += (event.kind == "asked" and bool(event.data["signal"])) - (event.kind == "sized")
            open_orders = [order for order in await work.orders.open("paper") if order.terms.type == "market"]
        return trading["signals"] == stats["signals"] and not self._waiting and not open_orders

    async def parity(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Ask the API for the parity of deployments."""
        transport = httpx.ASGITransport(app=self.platform.asgi_app())
        headers = {"Authorization": f"Bearer {self.platform.owner_token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=60) as client:
            answers = [await client.get(f"/api/v1/deployments/{name}/parity") for name in names]
        return [{"status": answer.status_code, **answer.json()} for answer in answers]


async def run(folder: Path, simulator: Simulator) -> dict[str, Any]:
    """Trade, restart in the middle, trade on; then what goes wrong on purpose."""
    house = House(folder, simulator)
    found: dict[str, Any] = {}
    async with house.open():
        await house.history()
        found["nothing_yet"] = await _nothing_yet(house)
        await house.deploy()
        await house.ready()
        for _ in range(STEPS):
            await house.step()
    async with house.open():  # the restart
        await house.ready()
        for _ in range(STEPS):
            await house.step()
        found["whole"] = await house.parity(list(DEPLOYMENTS))
        found["held"] = await _held(house)
        found["told"] = await _told(house)
        found["denied"] = await _denied(house)
        await _deny(house)
    for _ in range(AWAY):
        house.pass_minute()
    async with house.open():
        await house.history()
        await house.ready()
        await house.step()
        await _revise(house)
        found["broken"] = await house.parity(["ma_cross BTC", "ma_cross ETH", "random XRP"])
    return found


async def _held(house: House) -> int:
    """Return at how many closes a strategy saw a position of its own."""
    async with house.platform.state_store.transaction() as work:
        events = [event for name in await work.runs.runs() for event in await work.runs.read(name)]
    return sum(event.kind == "asked" and bool(event.data["account"]["positions"]) for event in events)


async def _told(house: House) -> dict[str, int]:
    """Return how often what became of its orders was told to the grid, by state."""
    deployment = await house.platform.deployments.get("grid DOGE")
    async with house.platform.state_store.transaction() as work:
        events = await work.runs.read(deployment.id, kind="told")
    return dict(Counter(event.data["update"]["state"] for event in events))


async def _denied(house: House) -> dict[str, int]:
    """Return how often risk control denied something, by its rule and the reason's beginning."""
    async with house.platform.state_store.transaction() as work:
        denials = await work.risk.decisions(account="paper", limit=10_000)
    return dict(Counter(f"{item.rule}: {item.sentence[:60]}" for item in denials if not item.shadow))


async def _nothing_yet(house: House) -> dict[str, Any]:
    made = await house.platform.deployments.create(
        name="idle", strategy="dca", instruments=["binance:um:BTC-USDT-PERP"], period="1m"
    )
    transport = httpx.ASGITransport(app=house.platform.asgi_app())
    headers = {"Authorization": f"Bearer {house.platform.owner_token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        idle = (await client.get(f"/api/v1/deployments/{made.id}/parity")).json()
        unknown = (await client.get("/api/v1/deployments/nobody/parity")).json()
    return {"idle": idle, "unknown": unknown}


async def _deny(house: House) -> None:
    """Let risk control refuse what the random strategy asks for in some minutes."""
    deployment = await house.platform.deployments.get("random XRP")
    state = RiskState(scope="deployment", key=deployment.id, state="HALTED", reason="the test", since_ms=1)
    async with house.platform.state_store.transaction() as work:
        await work.risk.set_state(state)
    await house.platform.services["trading"].reload_risk()  # type: ignore[attr-defined]
    for _ in range(5):
        await house.step()
    async with house.platform.state_store.transaction() as work:
        await work.risk.set_state(msgspec.structs.replace(state, state="ACTIVE"))
    await house.platform.services["trading"].reload_risk()  # type: ignore[attr-defined]


async def _revise(house: House) -> None:
    """Let the venue have said something else in the middle of the first half, after all was decided."""
    stream = STREAMS["BTC"]
    at_ms = START_MS + STEPS // 2 * MINUTE_MS
    (kline,) = await house.platform.market_store.read_klines(stream, Span(at_ms, at_ms + 1))
    price = (kline.close * Decimal("1.5")).quantize(Decimal("0.1"))
    revised = msgspec.structs.replace(kline, close=price, high=price, source=Source.REST)
    await house.platform.market_store.append([revised])


def main() -> None:
    """Run in the folder of the first argument; what was found goes to the file of the second."""
    specs = tuple(
        SymbolSpec(
            symbol=f"{name}USDT", base=name, quote="USDT", level=level, daily_volatility=0.1, minute_trades=120, price_decimals=4
        )
        for name, level in zip(SYMBOLS, (60_000.0, 3_000.0, 150.0, 600.0, 2.0, 1.0, 15.0, 0.2), strict=True)
    )
    config = SimulatorConfig(start_ms=START_MS - 30_000, symbols={"um": specs, "spot": (), "cm": ()}, tick_ms=5)
    thread = SimulatorThread(config)
    simulator = thread.start()
    simulator.clock.end_ms = START_MS + 1_500
    simulator.clock.speed = 1e6  # it stands at end_ms at once, and jumps to the next
    try:
        found = asyncio.run(run(Path(sys.argv[1]), simulator))
        Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")
    finally:
        thread.stop()


if __name__ == "__main__":
    main()
