"""The simulator's HTX judges signatures, stamps, limits and pongs by itself: requests are signed by a few lines of their own."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
from typing import Any
from urllib.parse import quote

import msgspec
from tests.support.simulator import Client, running

from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.htx.config import HtxConfig, Pace
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET, READ_ONLY_KEY, TradingConfig

CONFIG = SimulatorConfig(start_ms=1_780_000_215_000, trading=TradingConfig())


async def ask(
    client: Client, path: str, *, key: str = DEFAULT_KEY, secret: str = DEFAULT_SECRET, off_s: int = 0, body: Any = None
) -> tuple[int, Any, dict[str, str]]:
    """Send a signed request; ``off_s``: how far its stamp is off."""
    stamp = dt.datetime.fromtimestamp(client.simulator.clock.server_ms() / 1_000 + off_s, tz=dt.UTC)
    fields = {
        "AccessKeyId": key,
        "SignatureMethod": "HmacSHA256",
        "SignatureVersion": "2",
        "Timestamp": f"{stamp:%Y-%m-%dT%H:%M:%S}",
    }
    text = "&".join(f"{name}={quote(fields[name], safe='')}" for name in sorted(fields))
    method = "GET" if body is None else "POST"
    signed = f"{method}\n127.0.0.1:{client.simulator.port}\n{path}\n{text}"
    made = base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    url = f"{client.simulator.rest_url}{path}?{text}&Signature={quote(made, safe='')}"
    async with client.session.request(method, url, json=body) as answer:
        return answer.status, await answer.json(), dict(answer.headers)


async def test_signature_stamp_and_rights_are_judged_and_counted() -> None:
    async with running(CONFIG) as client:
        _, good, _ = await ask(client, "/v1/account/accounts")
        assert good["status"] == "ok"
        for changed, rule in (
            ({"secret": "another"}, "htx.spot.bad_signature"),
            ({"off_s": 301}, "htx.spot.timestamp"),
            ({"off_s": -302}, "htx.spot.timestamp"),
            ({"key": "nobodys-key-0000000000"}, "htx.spot.bad_key"),
        ):
            before = client.violations.get(rule)
            _, refused, _ = await ask(client, "/v1/account/accounts", **changed)
            assert (refused["status"], refused["err-code"]) == ("error", "api-signature-not-valid")
            assert client.violations.get(rule) != before
        assert (await ask(client, "/v1/account/accounts", off_s=-290))[1]["status"] == "ok", "the venue forgives five minutes"
        order = {"contract_code": "BTC-USDT", "direction": "buy", "volume": 1, "lever_rate": 20, "order_price_type": "market"}
        _, refused, _ = await ask(client, "/linear-swap-api/v1/swap_cross_order", key=READ_ONLY_KEY, body=order)
        assert (refused["status"], refused["err_code"]) == ("error", 403)
        _, placed, _ = await ask(client, "/linear-swap-api/v1/swap_cross_order", body=order)
        assert placed["status"] == "ok"


async def test_limits_are_told_in_headers_and_their_breach_is_counted() -> None:
    htx = HtxConfig(query=Pace(2, 60.0))
    async with running(msgspec.structs.replace(CONFIG, htx=htx)) as client:
        left = [(await ask(client, "/v1/account/accounts"))[2]["X-HB-RateLimit-Requests-Remain"] for _ in range(2)]
        assert left == ["1", "0"]
        status, refused, headers = await ask(client, "/v1/account/accounts")
        assert (status, refused["err-code"]) == (429, "rate-too-many-requests")
        assert int(headers["X-HB-RateLimit-Requests-Expire"]) > 0
        assert "htx.spot.pace" in client.violations


async def test_who_answers_no_ping_is_cut() -> None:
    htx = HtxConfig(ping_s=0.05)
    async with running(msgspec.structs.replace(CONFIG, htx=htx, tick_ms=10)) as client:
        socket = await client.connect("/ws")
        async with asyncio.timeout(10):
            while not socket.closed:
                await socket.receive()
        assert "htx.spot.pong_deadline" in client.violations
