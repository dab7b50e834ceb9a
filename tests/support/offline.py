"""Episodes in which nobody listens: an account lives on at the venue, and what comes back finds out all of it, once (G6)."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from quantservice.core.intents import Approved, Intent
from quantservice.core.orders import OrderState
from tests.support import trading_binance, trading_htx, trading_okx
from tests.support.state import sqlite_store
from tests.support.trading_desk import HARNESSES, VENUES, Desk, working

BENCHES: Final[dict[str, Any]] = {"binance": trading_binance.bench, "okx": trading_okx.bench, "htx": trading_htx.bench}


async def episodes(folder: Path, count: int, seed: int) -> Counter[str]:
    """Let so many pass, the markets of all venues in turn; return how often each thing happened while nobody listened."""
    chance, happened = random.Random(seed), Counter[str]()
    async with AsyncExitStack() as stack:
        benches = {name: await stack.enter_async_context(bench(start_ms=None)) for name, bench in BENCHES.items()}
        for number in range(count):
            name, market = VENUES[number % len(VENUES)]
            venue = HARNESSES[name](benches[name.removeprefix("ccxt-")], market)
            where = folder / f"episode{number}"
            where.mkdir()
            try:
                await venue.open()
                await _Episode(venue, chance, happened, transfers=not name.startswith("ccxt-")).run(where)
            finally:
                await venue.close()
    return happened


class _Episode:
    """One account: it trades, is left alone, and is taken up again."""

    def __init__(self, venue: Any, chance: random.Random, happened: Counter[str], *, transfers: bool) -> None:
        self.venue, self.chance, self.happened = venue, chance, happened
        self.transfers = transfers and venue.means.lists_movements  # elsewhere a statement alone can tell of them
        self.funded = False
        self.resting: list[tuple[Intent, Decimal]] = []  # and how much of it is still open

    async def run(self, folder: Path) -> None:
        """Trade, go, let things happen, come back three times."""
        async with sqlite_store(folder) as store:
            before = Desk(self.venue, store)
            async with working(before):
                await self._trade(before)
            for _ in range(self.chance.randint(1, 6)):
                await self._something()
            after = Desk(self.venue, store)
            after.intents = before.intents
            assert await after.gateway.start()
            assert await after.gateway.resolve(), "something is in doubt though every answer came"
            known, told = await self._known(after), len(after.told)
            await after.agrees()  # after a second reconciliation
            assert await after.gateway.reconcile(await self.venue.trading.snapshot()) == 0
            assert after.told[told:] == [], "a later reconciliation told something"
            assert await self._known(after) == known

    async def _trade(self, desk: Desk) -> None:
        """Hold something, and leave orders behind."""
        bought = desk.intent(quantity=self.venue.quantity * self.chance.randint(1, 3))
        await desk.gateway.submit([bought])
        await desk.until(bought, OrderState.FILLED)
        for factor in self.chance.sample(["0.93", "0.94", "0.95", "0.96"], self.chance.randint(1, 3)):
            quantity = self.venue.quantity * self.chance.randint(2, 4)
            intent = desk.intent(type="limit", limit_price=await self.venue.price(factor), quantity=quantity)
            await desk.gateway.submit([intent])
            await desk.until(intent, OrderState.OPEN)
            self.resting.append((intent, quantity))
        self.resting.sort(
            key=lambda item: item[0].terms.limit_price or Decimal(0), reverse=True
        )  # the market meets the highest first

    async def _something(self) -> None:
        """Let one thing happen at the venue."""
        kinds = ["by_hand", "partial_fill", "whole_fill", "rests_by_hand", "cancelled"]
        kinds += ["transfer"] if self.transfers else []
        kinds += ["liquidation", "adl"] if self.venue.means.positions else []
        kinds += ["funding"] if self.venue.means.positions and not self.funded else []  # not twice in an hour
        kind = self.chance.choice(kinds)
        if kind in ("partial_fill", "whole_fill") and not self.resting:
            kind = "by_hand"
        self.happened[kind] += 1
        await getattr(self, f"_{kind}")()

    async def _by_hand(self) -> None:
        sells = self.venue.means.positions and self.chance.random() < 0.5
        await self.venue.manual("sell" if sells else "buy", self.venue.quantity)

    async def _rests_by_hand(self) -> None:
        await self.venue.manual("buy", self.venue.quantity, price=await self.venue.price("0.9"))

    async def _partial_fill(self) -> None:
        await self._fill(self.venue.quantity)

    async def _whole_fill(self) -> None:
        await self._fill(self.resting[0][1])

    async def _fill(self, quantity: Decimal) -> None:
        intent, left = self.resting.pop(0)
        await self.venue.serve(Approved(intent=intent, approved_ns=1), quantity)
        if left > quantity:
            self.resting.insert(0, (intent, left - quantity))

    async def _transfer(self) -> None:
        await self.venue.transfer(Decimal("0.125") if self.venue.market == "cm" else Decimal("12.5"))

    async def _cancelled(self) -> None:
        self.venue.desk.engine.cancel_all(self.venue.name, self.venue.desk.now_ms())
        self.resting.clear()

    async def _funding(self) -> None:
        self.funded = True
        await self.venue.pay_funding(Decimal(self.chance.choice(["0.0001", "-0.0002"])))

    async def _liquidation(self) -> None:
        await self._closed("liquidation")

    async def _adl(self) -> None:
        await self._closed("adl")

    async def _closed(self, how: str) -> None:
        if not any((await self.venue.truth()).positions.values()):
            await self.venue.manual("buy", self.venue.quantity)
        await self.venue.close_by_venue(how)

    async def _known(self, desk: Desk) -> Any:
        """Everything that the store knows of the account."""
        name = self.venue.name
        async with desk.store.transaction() as work:
            orders = await work.orders.list(account=name, limit=1_000)
            fills = await work.fills.list(account=name, limit=1_000)
            return orders, fills, await work.books.balances(account=name), await work.books.positions(account=name)
