"""The REST client: one request at a time through the weight budget and the proxy pool, retried where that is safe."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import aiohttp
import msgspec
import structlog
from aiohttp_socks import ProxyConnector, ProxyType

from quantservice.adapters.venues.transport.budget import Permit, WeightBudget
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.diagnosis import NETWORK_ERRORS, diagnose, parse_retry_after, unreachable_status
from quantservice.adapters.venues.transport.pacing import Pacer
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.adapters.venues.transport.raw_tap import RawTap
from quantservice.core.errors import MalformedFrame, RateLimited, Refused, VenueUnreachable
from quantservice.ports import Clock

log = structlog.get_logger(__name__)

_LIMITED: Final = (418, 429)


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the REST client. Times in seconds; ``tries`` counts the first one too."""

    connect_timeout_s: float = 5.0
    total_timeout_s: float = 20.0
    tries: int = 5
    back_off_s: float = 0.2
    back_off_most_s: float = 5.0
    max_body_bytes: int = 64 * 1024 * 1024
    connections: int = 16
    requests_per_second: float | None = None  # besides the weight budget; None: as many as that allows
    deadline_s: tuple[float, float, float, float] = (5.0, 10.0, 65.0, 600.0)  # longest wait for weight, by lane


class Answer(msgspec.Struct, frozen=True):
    """A good answer: its body and when it arrived."""

    body: bytes
    recv_ns: int
    headers: Mapping[str, str]
    sent_ns: int = 0


class VenueFault(msgspec.Struct):
    """The venue's error body: ``{"code": -1121, "msg": "Invalid symbol."}``."""

    code: int
    msg: str = ""


class HttpStats(msgspec.Struct):
    """Figures of one client."""

    requests: int = 0
    ok: int = 0
    failed: int = 0
    retried: int = 0
    received_bytes: int = 0
    weight: int = 0
    latency_s: float = 0.0  # moving average
    causes: Counter[str] = msgspec.field(default_factory=Counter)


class RestClient:
    """GETs of one venue's market.

    ``bases`` are tried in order: when one cannot be reached the next takes its place until it too fails. ``budget_of``
    gives the weight budget of an egress. A 4xx is never retried, a 429 or 418 silences the budget for as long as it says.
    """

    def __init__(  # noqa: PLR0913  the client's collaborators, all by keyword; made in one place
        self,
        bases: Sequence[str],
        *,
        venue: str,
        market: str,
        pool: ProxyPool,
        budget_of: Callable[[Egress], WeightBudget],
        used_weight_header: str,
        clock: Clock,
        settings: HttpSettings | None = None,
        tap: RawTap | None = None,
    ) -> None:
        self.stats = HttpStats()
        self._bases = tuple(bases)
        self._base = 0
        self._venue = venue
        self._market = market
        self._pool = pool
        self._budget_of = budget_of
        self._used_header = used_weight_header
        self._clock = clock
        self._settings = settings or HttpSettings()
        self._tap = tap
        per_second = self._settings.requests_per_second
        self._pace = Pacer(1, 1 / per_second, clock=clock) if per_second else None
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._lost = False
        self._closed = False

    @property
    def base(self) -> str:
        """The base URL in use."""
        return self._bases[self._base]

    async def get(
        self,
        path: str,
        parameters: Mapping[str, str | int] | None = None,
        *,
        weight: int,
        lane: Lane,
        tries: int | None = None,
    ) -> Answer:
        """Fetch ``path``; retries network failures and 5xx over the other egresses and bases.

        Raises VenueUnreachable, RateLimited (its wait is longer than the lane's deadline) or Refused (4xx with a code).
        """
        most = tries or self._settings.tries
        query = {key: str(value) for key, value in (parameters or {}).items()}
        failed: list[Egress] = []
        for attempt in range(1, most + 1):
            try:
                answer = await self._once(path, query, weight=weight, lane=lane, failed=failed)
            except VenueUnreachable as error:
                self.stats.failed += 1
                self.stats.causes[error.cause] += 1
                self._say_lost(error)
                if attempt == most or self._is_final(error, failed):
                    raise
            except RateLimited as error:
                self.stats.failed += 1
                self.stats.causes["limited"] += 1
                wait_s = error.retry_at_ns / 1e9 - self._clock.now_ns() / 1e9
                if attempt == most or wait_s > self._settings.deadline_s[lane]:
                    raise
                continue  # the budget itself makes the next attempt wait
            else:
                self._say_back()
                return answer
            self.stats.retried += 1
            await self._clock.sleep(self._back_off(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def close(self) -> None:
        """Close all connections."""
        self._closed = True
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _once(self, path: str, query: Mapping[str, str], *, weight: int, lane: Lane, failed: list[Egress]) -> Answer:
        url = self.base + path
        if self._closed:
            raise VenueUnreachable(
                f"the connections to {self._venue} {self._market} were closed",
                cause="closed",
                venue=self._venue,
                market=self._market,
            )
        egress = self._pool.choose(url, avoid=failed)
        budget = self._budget_of(egress)
        permit = await budget.acquire(lane, weight, deadline_s=self._settings.deadline_s[lane])
        try:
            if self._pace is not None:
                await self._pace.wait()
            self.stats.requests += 1
            self.stats.weight += weight
            return await self._exchange(url, path, query, egress=egress, budget=budget, permit=permit)
        except NETWORK_ERRORS as error:
            problem = diagnose(error, url, egress=egress, venue=self._venue, market=self._market)
            self._moved_on(egress, failed, problem.cause)
            raise problem from error
        except VenueUnreachable as problem:
            self._moved_on(egress, failed, problem.cause)
            raise
        finally:
            budget.finish(permit)

    async def _exchange(
        self, url: str, path: str, query: Mapping[str, str], *, egress: Egress, budget: WeightBudget, permit: Permit
    ) -> Answer:
        started = time.perf_counter()
        sent_ns = self._clock.now_ns()
        async with self._session(egress).get(url, params=query, allow_redirects=False) as response:
            body = await self._read(response)
            recv_ns = self._clock.now_ns()
            await self._note(response, budget, permit)
            self.stats.received_bytes += len(body)
            if self._tap is not None:
                self._tap.answer(path, query, response.status, body, recv_ns)
            if response.status == 200:
                self._pool.succeeded(egress)
                self.stats.ok += 1
                self.stats.latency_s += 0.1 * (time.perf_counter() - started - self.stats.latency_s)
                return Answer(body, recv_ns, response.headers, sent_ns)
            if response.status in _LIMITED:
                wait_s = parse_retry_after(response.headers.get("Retry-After"))
                raise await budget.rejected(response.status, retry_after_s=wait_s, lane=permit.lane)
            raise self._status_error(response.status, url, body, egress)

    def _status_error(self, status: int, url: str, body: bytes, egress: Egress) -> VenueUnreachable | Refused:
        """Turn a bad status into the error the caller can act on."""
        fault = _fault(body)
        if fault is not None and 400 <= status < 500 and status not in (403, 407, 451):
            return Refused(
                f"{self._venue} {self._market} declined: {fault.msg or 'no reason given'} (code {fault.code})",
                code=fault.code,
                status=status,
                venue=self._venue,
                market=self._market,
            )
        unreachable = unreachable_status(status, url, egress=egress, venue=self._venue, market=self._market)
        if unreachable is not None:
            return unreachable
        if 400 <= status < 500:
            return Refused(
                f"{self._venue} {self._market} declined with HTTP {status}",
                code=status,
                status=status,
                venue=self._venue,
                market=self._market,
            )
        return VenueUnreachable(
            f"{self._venue} {self._market} answers with HTTP {status}; it is likely in maintenance",
            cause="server",
            venue=self._venue,
            market=self._market,
        )

    async def _note(self, response: aiohttp.ClientResponse, budget: WeightBudget, permit: Permit) -> None:
        """Take the used weight that the venue counts."""
        used = response.headers.get(self._used_header)
        if used is not None and used.isdigit():
            await budget.venue_said(int(used), permit=permit)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the (decompressed) body up to the cap: a bomb ends here, not in memory."""
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self._settings.max_body_bytes:
                response.close()
                raise MalformedFrame("answer_too_large", venue=self._venue, market=self._market)
            parts.append(part)
        return b"".join(parts)

    def _session(self, egress: Egress) -> aiohttp.ClientSession:
        found = self._sessions.get(egress.name)
        if found is None or found.closed:
            connector = make_connector(egress, limit=self._settings.connections)
            timeout = aiohttp.ClientTimeout(
                total=self._settings.total_timeout_s,
                connect=None,
                sock_connect=self._settings.connect_timeout_s,
            )
            found = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
            self._sessions[egress.name] = found
        return found

    def _moved_on(self, egress: Egress, failed: list[Egress], cause: str) -> None:
        """After a failure: the egress rests, and the next base takes over once every egress failed on this one."""
        if cause in ("server", "not_found"):
            self._base = (self._base + 1) % len(self._bases)
            return
        self._pool.failed(egress, cause)
        failed.append(egress)
        if not self._others(failed):
            failed.clear()
            self._base = (self._base + 1) % len(self._bases)

    def _is_final(self, error: VenueUnreachable, failed: Sequence[Egress]) -> bool:
        """Say whether asking once more cannot help: closed by us, or no other base and no other way to this one."""
        if error.cause == "closed":
            return True
        if len(self._bases) > 1:
            return False
        return error.cause == "not_found" or (error.cause == "blocked" and not self._others(failed))

    def _others(self, failed: Sequence[Egress]) -> bool:
        return any(egress not in failed for egress in self._pool.candidates(self.base))

    def _back_off(self, attempt: int) -> float:
        most = min(self._settings.back_off_most_s, self._settings.back_off_s * 2 ** (attempt - 1))
        return random.uniform(0.0, most)  # noqa: S311  jitter, no secret

    def _say_lost(self, error: VenueUnreachable) -> None:
        if not self._lost:
            log.warning("rest.lost", venue=self._venue, market=self._market, cause=error.cause, error=str(error))
        self._lost = True

    def _say_back(self) -> None:
        if self._lost:
            log.info("rest.back", venue=self._venue, market=self._market, base=self.base)
        self._lost = False


def make_connector(egress: Egress, *, limit: int) -> aiohttp.BaseConnector:
    """Make the connections of one egress: direct, or through its proxy, which then resolves names."""
    proxy = egress.proxy
    if proxy is None:
        return aiohttp.TCPConnector(limit=limit, ttl_dns_cache=60)
    through: aiohttp.BaseConnector = ProxyConnector(
        host=proxy.host,
        port=proxy.port,
        proxy_type=ProxyType.SOCKS5 if proxy.scheme == "socks5" else ProxyType.HTTP,
        username=proxy.username or None,
        password=proxy.password or None,
        rdns=True,
        limit=limit,
    )
    return through


def _fault(body: bytes) -> VenueFault | None:
    try:
        return msgspec.json.decode(body, type=VenueFault, strict=False)  # some venues write the code as text
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
