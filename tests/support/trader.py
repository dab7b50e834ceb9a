"""A trader at a simulator: signs requests with its own few lines, and listens to its user data streams."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec

from quantservice.simulator.config import MarketName, SimulatorConfig
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET, TradingConfig
from tests.support.simulator import Client, running

PREFIX = {"spot": "/api/v3", "um": "/fapi/v1", "cm": "/dapi/v1"}
SYMBOL = {"spot": "BTCUSDT", "um": "BTCUSDT", "cm": "BTCUSD_PERP"}
QUANTITY = {"spot": "0.01000", "um": "0.010", "cm": "10"}
API = {"spot": "/ws-api/v3", "um": "/ws-fapi/v1", "cm": "/ws-dapi/v1"}


def sign(text: str, secret: str = DEFAULT_SECRET) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Trader:
    """One account at one market."""

    def __init__(self, client: Client, market: MarketName) -> None:
        self.client = client
        self.market: MarketName = market
        self.symbol = SYMBOL[market]
        self.key, self.secret = DEFAULT_KEY, DEFAULT_SECRET

    @property
    def now_ms(self) -> int:
        return self.client.simulator.clock.server_ms()

    async def ask(self, method: str, path: str, *, plain: bool = False, **params: Any) -> tuple[int, Any, dict[str, str]]:
        """Send one request; return status, JSON (or text) and headers. A path without a slash in front is the market's own."""
        if not plain:
            params = {"timestamp": self.now_ms} | params
        query = urlencode(params)
        if not plain:
            query += f"&signature={sign(query, self.secret)}"
        url = self.client.simulator.rest_url + (path if path.startswith("/") else f"{PREFIX[self.market]}/{path}")
        sent: dict[str, Any] = {"headers": {"X-MBX-APIKEY": self.key}}
        if method in ("POST", "PUT") and not plain:
            sent |= {"data": query}
            sent["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
        elif query:
            url += "?" + query
        async with self.client.session.request(method, url, **sent) as response:
            text = await response.text()
            try:
                body = json.loads(text)
            except ValueError:
                body = text
            return response.status, body, dict(response.headers)

    async def good(self, method: str, path: str, **params: Any) -> Any:
        """Send one request that must succeed; return its JSON."""
        status, body, _headers = await self.ask(method, path, **params)
        assert status == 200, (status, body)
        return body

    async def code(self, method: str, path: str, **params: Any) -> tuple[int, int]:
        """Send one request that must be refused; return its status and code."""
        status, body, _headers = await self.ask(method, path, **params)
        assert status != 200, body
        return status, body["code"]

    async def price(self, factor: str) -> str:
        """A price that is so far from the last one, on the tick of a whole unit."""
        rows = await self.client.get(f"{PREFIX[self.market]}/ticker/price", symbol=self.symbol)
        last = Decimal((rows[0] if isinstance(rows, list) else rows)["price"])
        return str((last * Decimal(factor)).quantize(Decimal(1)))

    async def limit(self, client_id: str, *, side: str = "BUY", factor: str = "0.95", **params: Any) -> Any:
        """Place a limit order far from the market."""
        return await self.good("POST", "order", **(await self.limit_params(client_id, side=side, factor=factor)) | params)

    async def limit_params(self, client_id: str, *, side: str = "BUY", factor: str = "0.95") -> dict[str, Any]:
        return {
            "symbol": self.symbol,
            "side": side,
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": QUANTITY[self.market],
            "price": await self.price(factor),
            "newClientOrderId": client_id,
        }

    async def market_order(self, client_id: str, *, side: str = "BUY", **params: Any) -> Any:
        """Place a market order."""
        asked = {"symbol": self.symbol, "side": side, "type": "MARKET", "quantity": QUANTITY[self.market]}
        return await self.good("POST", "order", **asked, newClientOrderId=client_id, **params)

    async def stream(self) -> aiohttp.ClientWebSocketResponse:
        """Open the account's user data stream."""
        if self.market == "spot":
            socket = await self.client.connect(API["spot"])
            await socket.send_json({"id": 1, "method": "userDataStream.subscribe.signature", "params": self.signed({})})
            answer = json.loads((await socket.receive()).data)
            assert answer["result"] == {"subscriptionId": 0}, answer
            return socket
        opened = await self.good("POST", "listenKey", plain=True)
        path = f"/um/private/ws?listenKey={opened['listenKey']}" if self.market == "um" else f"/cm/ws/{opened['listenKey']}"
        return await self.client.connect(path)

    def signed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Parameters of a WS-API request with key, time and signature."""
        full = params | {"apiKey": self.key, "timestamp": self.now_ms}
        return full | {"signature": sign("&".join(f"{name}={full[name]}" for name in sorted(full)), self.secret)}

    async def ledger(self) -> dict[str, Any]:
        """The venue's own book of this market; its audit must be clean."""
        found = await self.client.get("/_referee/ledger", market=self.market)
        assert found["audit"] == []
        return dict(found["markets"][self.market])

    async def outside(self, what: str, *, without_market: bool = False, **asked: Any) -> Any:
        """Let something happen to the account from outside."""
        asked = asked if without_market else {"market": self.market} | asked
        url = f"{self.client.simulator.rest_url}/_referee/{what}"
        async with self.client.session.post(url, json=asked) as response:
            body = await response.json()
            assert response.status == 200, body
            return body


@asynccontextmanager
async def trading(market: MarketName, config: SimulatorConfig | None = None, **trade: Any) -> AsyncIterator[Trader]:
    """Run a simulator that trades, and give a trader at one market."""
    base = config or SimulatorConfig(start_ms=1_780_000_215_000)
    async with running(msgspec.structs.replace(base, trading=TradingConfig(**trade))) as client:
        yield Trader(client, market)
