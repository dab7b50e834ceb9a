"""The REST client against a scripted server: retries, refusals, limits, sizes, and errors that name their cause."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.transport import FakeVenue, FastClock, fake_venue

from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import BudgetRules, Lane
from quantservice.adapters.venues.transport.diagnosis import parse_retry_after
from quantservice.adapters.venues.transport.http import HttpSettings, RestClient
from quantservice.adapters.venues.transport.proxies import ProxyPool
from quantservice.core.errors import MalformedFrame, RateLimited, Refused, VenueUnreachable

SETTINGS = HttpSettings(connect_timeout_s=1, total_timeout_s=2, back_off_s=0.5, tries=4)


class Bench:
    """A client, its budget and its clock."""

    def __init__(self, *bases: str, settings: HttpSettings = SETTINGS, limit: int = 2400, speed: float = 50.0) -> None:
        self.clock = FastClock(speed)
        self.pool = ProxyPool(clock=self.clock, environment={})
        self.budget = WeightBudget("direct|v:um", BudgetRules(limit=limit), clock=self.clock)
        self.client = RestClient(
            bases,
            venue="v",
            market="um",
            pool=self.pool,
            budget_of=lambda egress: self.budget,
            used_weight_header="x-mbx-used-weight-1m",
            clock=self.clock,
            settings=settings,
        )

    async def get(self, path: str = "/fapi/v1/time", *, lane: Lane = Lane.LIVE, tries: int | None = None) -> bytes:
        return (await self.client.get(path, weight=1, lane=lane, tries=tries)).body


@pytest.fixture
async def venue() -> AsyncIterator[FakeVenue]:
    async with fake_venue() as running:
        yield running


@pytest.fixture
async def bench(venue: FakeVenue) -> AsyncIterator[Bench]:
    made = Bench(f"http://127.0.0.1:{venue.port}")
    yield made
    await made.client.close()


def script(venue: FakeVenue, *answers: web.Response | None) -> None:
    """Give these answers in turn, then the normal ones."""
    left = list(answers)

    async def answer(_: web.Request) -> web.StreamResponse | None:
        return left.pop(0) if left else None

    venue.answer = answer


async def test_a_5xx_is_tried_again_and_counted(venue: FakeVenue, bench: Bench) -> None:
    script(venue, web.Response(status=502), web.Response(status=503))
    assert b"serverTime" in await bench.get()
    assert (bench.client.stats.requests, bench.client.stats.ok, bench.client.stats.failed, bench.client.stats.retried) == (
        3,
        1,
        2,
        2,
    )
    assert bench.budget.state.granted == 3


async def test_after_the_last_try_the_error_says_maintenance(venue: FakeVenue, bench: Bench) -> None:
    script(venue, *[web.Response(status=503) for _ in range(4)])
    with pytest.raises(VenueUnreachable, match="HTTP 503"):
        await bench.get()
    assert len(venue.requests) == 4


async def test_a_4xx_is_never_tried_again(venue: FakeVenue, bench: Bench) -> None:
    script(venue, web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400))
    with pytest.raises(Refused, match=r"Invalid symbol\. \(code -1121\)") as caught:
        await bench.get()
    assert (caught.value.code, caught.value.status, len(venue.requests)) == (-1121, 400, 1)


@pytest.mark.parametrize(("status", "cause"), [(404, "not_found"), (451, "blocked"), (403, "blocked")])
async def test_a_status_that_means_unreachable_names_the_cause(venue: FakeVenue, bench: Bench, status: int, cause: str) -> None:
    script(venue, *[web.Response(status=status, text="<html>") for _ in range(4)])
    with pytest.raises(VenueUnreachable) as caught:
        await bench.get(tries=2)
    assert caught.value.cause == cause
    assert "rest_url" in str(caught.value)


async def test_retry_after_is_obeyed_by_every_lane(venue: FakeVenue, bench: Bench) -> None:
    limited_at: list[float] = []

    arrived: list[float] = []

    async def answer(_: web.Request) -> web.StreamResponse | None:
        arrived.append(bench.clock.monotonic())
        if limited_at:
            return None
        limited_at.append(bench.clock.monotonic())
        return web.json_response({"code": -1003, "msg": "Too many"}, status=429, headers={"Retry-After": "9"})

    venue.answer = answer
    await asyncio.gather(*(bench.get(lane=lane) for lane in (Lane.HISTORY, Lane.LIVE)))
    assert bench.clock.monotonic() - limited_at[0] >= 9
    inside = [at for at in arrived if limited_at[0] < at < limited_at[0] + 9]
    assert len(inside) <= 1, "only a request that was under way may arrive"
    assert bench.client.stats.causes == {"limited": 1}


async def test_a_wait_longer_than_the_lane_allows_is_handed_on(venue: FakeVenue, bench: Bench) -> None:
    script(venue, web.json_response({"code": -1003, "msg": "banned"}, status=418, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        await bench.get()
    assert caught.value.banned
    with pytest.raises(RateLimited):
        await bench.get(lane=Lane.CANCEL)
    assert len(venue.requests) == 1, "a request left inside the ban"


async def test_the_venues_own_count_is_taken(venue: FakeVenue, bench: Bench) -> None:
    script(venue, web.json_response({}, headers={"X-MBX-USED-WEIGHT-1M": "1500"}))
    await bench.get()
    assert bench.budget.stats()["used"] == 1500


async def test_the_next_base_takes_over_when_one_is_gone(venue: FakeVenue) -> None:
    bench = Bench("http://127.0.0.1:9", f"http://127.0.0.1:{venue.port}")
    assert b"serverTime" in await bench.get()
    assert bench.client.base.endswith(str(venue.port))
    await bench.client.close()


async def test_a_body_beyond_the_cap_is_cut_also_when_compressed() -> None:
    bomb = gzip.compress(b"[" + b" " * 30_000_000 + b"]")
    async with fake_venue() as venue:
        script(venue, web.Response(body=bomb, headers={"Content-Encoding": "gzip"}), web.Response(body=b"x" * 2_000_000))
        bench = Bench(f"http://127.0.0.1:{venue.port}", settings=HttpSettings(max_body_bytes=1_000_000))
        for _ in range(2):
            with pytest.raises(MalformedFrame, match="answer_too_large"):
                await bench.get()
        await bench.client.close()


async def cause_of(base: str, **options: Any) -> tuple[str, str]:
    bench = Bench(base, settings=HttpSettings(connect_timeout_s=0.3, total_timeout_s=0.3, **options))
    try:
        with pytest.raises(VenueUnreachable) as caught:
            await bench.get(tries=1)
    finally:
        await bench.client.close()
    return caught.value.cause, str(caught.value)


async def test_refused(unused_port: int) -> None:
    cause, sentence = await cause_of(f"http://127.0.0.1:{unused_port}")
    assert cause == "refused"
    assert "proxy" in sentence


async def test_unknown_name() -> None:
    cause, sentence = await cause_of("http://no-such-host.invalid")
    assert cause == "dns"
    assert "HTTPS_PROXY" in sentence


async def test_silence() -> None:
    async def never(_: web.Request) -> web.StreamResponse | None:
        await asyncio.sleep(30)
        return None

    async with fake_venue() as venue:
        venue.answer = never
        assert (await cause_of(f"http://127.0.0.1:{venue.port}"))[0] == "timeout"


async def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # the server's side of the broken handshake
    cause, sentence = await cause_of(f"https://127.0.0.1:{port}")
    assert cause == "tls"
    assert "clock" in sentence
    server.close()
    await server.wait_closed()


async def test_a_connection_cut_in_the_middle() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await cause_of(f"http://127.0.0.1:{port}"))[0] == "reset"
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30.0), ("0", 0.0), ("1.5", 1.5), (None, None), ("", None), ("soon", None), ("-1", None), ("nan", None)],
)
def test_retry_after_as_sent(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text) == seconds


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that no authority signed."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    crt, pem = folder / "c.pem", folder / "k.pem"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return crt, pem
