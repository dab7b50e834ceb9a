"""A trader at the simulated OKX: signs requests with its own few lines, logs in, and listens."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
import msgspec

from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.okx.config import OKX_KEY, OKX_PASSPHRASE, OKX_SECRET, OkxConfig
from quantservice.simulator.okx.exchange import OkxExchange
from tests.support.simulator import Client, running, until

Market = Literal["spot", "um"]
INSTRUMENT = {"spot": "BTC-USDT", "um": "BTC-USDT-SWAP"}
SIZE = {"spot": "0.01", "um": "1"}
MODE = {"spot": "cash", "um": "cross"}
KIND = {"spot": "SPOT", "um": "SWAP"}


def sign(text: str, secret: str = OKX_SECRET) -> str:
    """HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


class OkxTrader:
    """One account at one market."""

    def __init__(self, client: Client, market: Market) -> None:
        self.client = client
        self.market: Market = market
        self.inst_id = INSTRUMENT[market]
        self.key, self.secret, self.passphrase = OKX_KEY, OKX_SECRET, OKX_PASSPHRASE

    @property
    def exchange(self) -> OkxExchange:
        """The simulated venue."""
        assert self.client.simulator.okx is not None
        return self.client.simulator.okx

    def stamp(self, off_ms: int = 0) -> str:
        """The venue's time as requests write it."""
        now = dt.datetime.fromtimestamp((self.client.simulator.clock.server_ms() + off_ms) / 1_000, tz=dt.UTC)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, off_ms: int = 0, **query: Any
    ) -> tuple[int, dict[str, Any]]:
        """Send one signed request; return its status and JSON."""
        target = f"/api/v5/{path}" + (f"?{urlencode(query)}" if query else "")
        text, stamp = json.dumps(body) if body is not None else "", self.stamp(off_ms)
        sent = {
            "OK-ACCESS-KEY": self.key,
            "OK-ACCESS-PASSPHRASE": self.passphrase,
            "OK-ACCESS-TIMESTAMP": stamp,
            "OK-ACCESS-SIGN": sign(stamp + method + target + text, self.secret),
            "Content-Type": "application/json",
        } | (headers or {})
        url = self.client.simulator.rest_url + target
        async with self.client.session.request(method, url, data=text or None, headers=sent) as response:
            return response.status, json.loads(await response.text())

    async def good(self, method: str, path: str, body: Any = None, **query: Any) -> list[Any]:
        """Send one request that must succeed; return its data."""
        status, answer = await self.ask(method, path, body, **query)
        assert (status, answer["code"]) == (200, "0"), answer
        data: list[Any] = answer["data"]
        return data

    async def code(self, method: str, path: str, body: Any = None, **query: Any) -> str:
        """Send one request that must be refused; return its code, the item's where it has one."""
        status, answer = await self.ask(method, path, body, **query)
        assert answer["code"] != "0", (status, answer)
        return str(answer["data"][0]["sCode"] if answer["data"] else answer["code"])

    async def price(self, factor: str) -> str:
        """A price that is so far from the last one, on a whole unit."""
        last = (await self.client.get("/api/v5/market/ticker", instId=self.inst_id))["data"][0]["last"]
        return str((Decimal(last) * Decimal(factor)).quantize(Decimal(1)))

    def order(self, client_id: str, *, side: str = "buy", **terms: Any) -> dict[str, Any]:
        """A market order's parameters, changed by ``terms``."""
        made = {
            "instId": self.inst_id,
            "tdMode": MODE[self.market],
            "side": side,
            "ordType": "market",
            "sz": SIZE[self.market],
            "clOrdId": client_id,
        }
        if self.market == "spot":
            made["tgtCcy"] = "base_ccy"
        return made | terms

    async def place(self, client_id: str, **terms: Any) -> dict[str, Any]:
        """Place an order that must be taken in."""
        (row,) = await self.good("POST", "trade/order", self.order(client_id, **terms))
        return dict(row)

    async def resting(self, client_id: str, *, factor: str = "0.95", **terms: Any) -> dict[str, Any]:
        """Place a limit order far from the market."""
        return await self.place(client_id, ordType="limit", px=await self.price(factor), **terms)

    async def private(self, *args: dict[str, str], section: str = "private") -> aiohttp.ClientWebSocketResponse:
        """Log in on a WebSocket and subscribe."""
        socket = await self.client.connect(f"/ws/v5/{section}")
        await socket.send_json({"op": "login", "args": [self.login()]})
        await until(socket, lambda message: message.get("event") == "login")
        for arg in args:
            await socket.send_json({"op": "subscribe", "args": [arg]})
            await until(socket, lambda message: message.get("event") == "subscribe")
        return socket

    def login(self, off_s: int = 0) -> dict[str, str]:
        """The arguments of a login."""
        stamp = str(self.client.simulator.clock.server_ms() // 1_000 + off_s)
        return {
            "apiKey": self.key,
            "passphrase": self.passphrase,
            "timestamp": stamp,
            "sign": sign(f"{stamp}GET/users/self/verify", self.secret),
        }

    async def ledger(self) -> dict[str, Any]:
        """The venue's own book of this market; its audit must be clean."""
        found = await self.client.get("/_referee/okx/ledger", market=self.market)
        assert found["audit"] == []
        return dict(found["markets"][self.market])


@asynccontextmanager
async def trading(market: Market, *, config: SimulatorConfig | None = None, **okx: Any) -> AsyncIterator[OkxTrader]:
    """Run a simulator with OKX, and give a trader at one market."""
    base = config or SimulatorConfig(start_ms=1_780_000_215_000, symbols={})
    async with running(msgspec.structs.replace(base, okx=OkxConfig(**okx))) as client:
        yield OkxTrader(client, market)
