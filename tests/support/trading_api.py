"""The API of a process that trades on paper: the whole way from a request to the account's gateway, in one process."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx

from quantservice.adapters.clock.system import SystemClock
from quantservice.app.routing import Candidates
from quantservice.app.trading import TradingRole
from quantservice.core.instruments import InstrumentBook
from quantservice.core.intents import Intent
from quantservice.core.orders import Order
from quantservice.ports import StateStore, TradingAccount
from quantservice.services.execution.commands import Orders
from quantservice.services.execution.routed import Router
from quantservice.services.portfolio.equity import EquityHistory
from quantservice.services.portfolio.reading import Portfolio
from quantservice.services.portfolio.tracing import Chains
from quantservice.services.risk.rehearsals import Rehearsals
from quantservice.web.context import TradingFace
from tests.flow.test_trading_role import SUBSCRIPTIONS, platform_of, price, until
from tests.support.execution_rig import BTC, RULES
from tests.support.web import OWNER, MemoryMarketStore, client, web_context


class TradingApi:
    """A client with the owner's token, and what lies behind."""

    def __init__(self, http: httpx.AsyncClient, platform: Any, role: TradingRole) -> None:
        self.http, self.platform, self.role = http, platform, role
        self.store: StateStore = platform.state_store

    async def ask(self, method: str, path: str, body: Any = None, *, content: str = "") -> tuple[int, dict[str, Any]]:
        """Send JSON, or ``content`` as it is; return status and answer."""
        more: dict[str, Any] = {"content": content, "headers": {"Content-Type": "application/json"}} if content else {"json": body}
        answer = await self.http.request(method, f"/api/v1/{path}", **more)
        return answer.status_code, answer.json()

    async def intents(self) -> list[Intent]:
        """Every intent in the store."""
        async with self.store.transaction() as work:
            return [record.intent for record in await work.intents.list()]

    async def orders(self) -> list[Order]:
        """Every order in the store, newest first."""
        async with self.store.transaction() as work:
            return await work.orders.list()


@asynccontextmanager
async def trading_api(folder: Path, *accounts: str) -> AsyncIterator[TradingApi]:
    """Run it over paper accounts of one venue, with one price known."""
    market_store, book = MemoryMarketStore(), InstrumentBook([RULES])
    async with web_context(folder, store=market_store, book=book, clock=SystemClock()) as context:
        store = context.state_store
        async with store.transaction() as work:
            for name in accounts:
                await work.accounts.put(TradingAccount(name=name, venue="binance", market="um"))
        platform = platform_of(cast("Any", store))
        role = TradingRole(platform)
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway, lambda name: role.desk(name).algorithms)
        where = Candidates(store, platform.accounts, platform.book, lambda: role.desks)
        face = TradingFace(
            accounts=platform.accounts,
            orders=orders,
            router=Router(store, orders, where.of),
            ready=lambda name: role.desk(name).gateway.ready,
            problem=lambda _account: "",
            figures=lambda _account: None,
            portfolio=Portfolio(store, platform.clock),
            equity=EquityHistory(store, platform.clock),
            chains=Chains(store),
            risk=platform.risk,
            rehearsals=Rehearsals(store, cast("Any", market_store), platform.risk, context.instruments, platform.clock),
            kill=_unused,
            preflight=_unused,
        )
        task = asyncio.create_task(role.run())
        try:
            await until(lambda: role.stats()["ready"] == len(accounts) and len(platform.bus.stats()) == SUBSCRIPTIONS)
            await platform.bus.publish([price("50000")])
            await until(lambda: all(BTC in role.desk(name).prices for name in accounts))
            async with client(dataclasses.replace(context, trading=face)) as http:
                http.headers.update(OWNER)
                yield TradingApi(http, platform, role)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _unused(*_: Any, **__: Any) -> Any:
    raise AssertionError("it is not asked for")
