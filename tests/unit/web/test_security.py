"""Who may read and who may write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.support.clock import ManualClock
from tests.support.web import OWNER, TOKEN, client, web_context

from quantservice.web.context import WebConfig, WebContext
from quantservice.web.security import COOKIE, Guard, host_is_ours, origin_is_ours

PAIR = {"symbol": "BTCUSDT", "market": "um"}


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[WebContext]:
    async with web_context(tmp_path) as made:
        yield made


@pytest.fixture
async def open_context(tmp_path: Path) -> AsyncIterator[WebContext]:
    async with web_context(tmp_path, config=WebConfig(host="0.0.0.0")) as made:
        yield made


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_on_loopback_reads_are_open_and_writes_need_the_owner(context: WebContext) -> None:
    async with client(context) as http:
        assert (await http.get("/api/v1/pairs")).status_code == 200
        assert code(await http.post("/api/v1/pairs", json=PAIR)) == (401, "owner_token_needed")
        assert code(await http.post("/api/v1/pairs", json=PAIR, headers={"Authorization": "Bearer x"})) == (401, "bad_credentials")
        assert code(await http.get("/api/v1/pairs", headers={"Authorization": "Basic x"})) == (401, "bad_credentials")
        assert (await http.post("/api/v1/pairs", json=PAIR, headers=OWNER)).status_code == 201


async def test_every_write_route_refuses_a_stranger(context: WebContext) -> None:
    async with client(context) as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
        writes = [(path, method) for path, methods in paths.items() for method in methods if method in ("post", "put", "delete")]
        writes = [item for item in writes if item[0] != "/api/v1/session"]
        assert len(writes) >= 7
        for path, method in writes:
            address = path.replace("{instrument}", "binance:um:BTC-USDT-PERP").replace("{proxy_id}", "1").replace("{key_id}", "1")
            assert (await http.request(method, address, json={})).status_code == 401, path


async def test_the_cookie_writes_only_with_its_csrf_token(context: WebContext) -> None:
    async with client(context) as http:
        login = await http.get("/login", params={"token": TOKEN})
        assert (login.status_code, login.headers["location"]) == (303, "/")
        set_cookie = login.headers["set-cookie"].lower()
        assert "httponly" in set_cookie
        assert "samesite=strict" in set_cookie
        assert TOKEN not in set_cookie
        session = (await http.get("/api/v1/session")).json()
        assert session["role"] == "owner"
        assert code(await http.post("/api/v1/pairs", json=PAIR)) == (403, "csrf")
        assert code(await http.post("/api/v1/pairs", json=PAIR, headers={"X-CSRF-Token": "0" * 64})) == (403, "csrf")
        right = {"X-CSRF-Token": session["csrf_token"]}
        assert (await http.post("/api/v1/pairs", json=PAIR, headers=right)).status_code == 201
        foreign = {**right, "Origin": "http://evil.example"}
        assert code(await http.post("/api/v1/pairs", json=PAIR, headers=foreign)) == (403, "foreign_origin")


async def test_a_forged_or_old_cookie_is_nobody(context: WebContext) -> None:
    guard = Guard(context)
    cookie = guard.new_cookie()
    assert guard.is_owner_cookie(cookie)
    assert not guard.is_owner_cookie(cookie[:-1] + ("0" if cookie[-1] != "0" else "1"))
    assert not guard.is_owner_cookie("9" * 12 + cookie[10:])
    assert not guard.is_owner_cookie("")
    assert not Guard(context).is_owner_cookie(cookie)
    assert isinstance(context.clock, ManualClock)
    await context.clock.advance(8 * 24 * 3600)
    assert not guard.is_owner_cookie(cookie)


async def test_wrong_tokens_are_slowed_down(context: WebContext) -> None:
    async with client(context) as http:
        for _ in range(5):
            assert code(await http.post("/api/v1/session", json={"token": "wrong"})) == (401, "bad_credentials")
        refused = await http.post("/api/v1/session", json={"token": TOKEN})
        assert code(refused) == (429, "too_many_tries")
        assert refused.headers["retry-after"] == "60"


async def test_beyond_loopback_reads_need_a_key_too(open_context: WebContext) -> None:
    clear, key = await open_context.access_keys.create("notebook", 2)
    async with client(open_context, host="10.0.0.7:8080") as http:
        assert code(await http.get("/api/v1/pairs")) == (401, "credentials_needed")
        assert code(await http.get("/metrics")) == (401, "credentials_needed")
        assert (await http.get("/openapi.json")).status_code == 401
        assert (await http.get("/docs")).status_code == 401
        assert (await http.get("/health/live")).status_code == 200
        for header in ({"X-Access-Key": clear}, {"Authorization": f"Bearer {clear}"}):
            assert (await http.get("/api/v1/pairs", headers=header)).status_code == 200
        refused = await http.get("/api/v1/pairs", headers={"X-Access-Key": clear})
        assert code(refused) == (429, "too_many_requests")
        assert "retry-after" in refused.headers
        assert code(await http.get("/api/v1/pairs", headers={"X-Access-Key": "qs_no"})) == (401, "bad_credentials")
        assert (await http.get("/api/v1/pairs", headers=OWNER)).status_code == 200
        await open_context.access_keys.remove(key.id)
        assert code(await http.get("/api/v1/pairs", headers={"X-Access-Key": clear})) == (401, "bad_credentials")


async def test_an_access_key_may_not_write(open_context: WebContext) -> None:
    clear, _key = await open_context.access_keys.create("notebook", 100)
    async with client(open_context, host="10.0.0.7:8080") as http:
        assert code(await http.post("/api/v1/pairs", json=PAIR, headers={"X-Access-Key": clear})) == (403, "owner_only")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""])
async def test_a_foreign_host_name_is_refused_on_loopback(context: WebContext, host: str) -> None:
    async with client(context) as http:
        assert code(await http.get("/api/v1/status", headers={"Host": host})) == (421, "foreign_host")


def test_hosts_and_origins(context: WebContext) -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:8080", "LOCALHOST:1"):
        assert host_is_ours(context, host)
    assert origin_is_ours({})
    assert origin_is_ours({"origin": "http://127.0.0.1:8080", "host": "127.0.0.1:8080"})
    assert not origin_is_ours({"origin": "http://127.0.0.1:9090", "host": "127.0.0.1:8080"})
    assert not origin_is_ours({"origin": "null", "host": "127.0.0.1:8080"})


async def test_security_headers_stand_on_every_answer(context: WebContext) -> None:
    async with client(context) as http:
        for path in ("/", "/api/v1/status", "/api/v1/none", "/api/v1/klines", "/docs", "/metrics"):
            headers = (await http.get(path)).headers
            assert "unsafe" not in headers["content-security-policy"]
            assert "default-src 'self'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"


async def test_large_bodies_and_headers_are_refused(context: WebContext) -> None:
    async with client(context) as http:
        big = b'{"symbol":"' + b"x" * 300_000 + b'"}'
        assert code(await http.post("/api/v1/pairs", content=big, headers=OWNER)) == (413, "body_too_large")

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(10):
                yield b"x" * 50_000

        assert code(await http.post("/api/v1/pairs", content=pieces(), headers=OWNER)) == (413, "body_too_large")
        assert code(await http.get("/api/v1/pairs", headers={"X-Long": "x" * 40_000})) == (431, "headers_too_large")


async def test_no_secret_is_ever_shown(context: WebContext) -> None:
    async with client(context) as http:
        proxy = {"scheme": "socks5", "host": "10.1.1.1", "port": 1080, "username": "me", "password": "geheim-7"}
        made = await http.post("/api/v1/proxies", json=proxy, headers=OWNER)
        assert made.status_code == 201
        created = (await http.post("/api/v1/access-keys", json={"name": "n"}, headers=OWNER)).json()
        shown = ""
        for path in ("/api/v1/proxies", "/api/v1/access-keys", "/api/v1/status", "/api/v1/settings", "/metrics"):
            shown += (await http.get(path)).text
        assert "geheim-7" not in made.text + shown
        assert created["key"] not in shown
        assert TOKEN not in shown
        assert COOKIE
