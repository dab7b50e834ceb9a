"""One private request, sent once: within the budgets, signed, and its outcome told as certain, unknown or not sent.

The error-outcome table of the venue is kept here and in :mod:`..outcomes`: whatever may have reached the matching engine and was
not answered is :class:`Unknown`; nothing of that kind is ever sent again from here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
import structlog
from yarl import URL

from quantservice.adapters.venues.binance.decode_rest import decode_server_time
from quantservice.adapters.venues.binance.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.binance.spec import VENUE, spec_of
from quantservice.adapters.venues.binance.trading.signer import Signer
from quantservice.adapters.venues.binance.trading.table import Call, TradingEndpoints, TradingRow
from quantservice.adapters.venues.transport.budget import Permit, WeightBudget
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.diagnosis import parse_retry_after
from quantservice.adapters.venues.transport.pacing import SlidingLimit
from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.private.once import Broken, OnceClient, OnceSettings, cause_of, leaves_too_late
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import RateLimited, Refused, VenueError, VenueUnreachable
from quantservice.ports import Clock
from quantservice.ports.trading import NotSent, Unknown

log = structlog.get_logger(__name__)

_CLOCK_OFF: Final = -1021
_TOO_MANY: Final = frozenset({-1003, -1015})
_AHEAD_MS: Final = 1_000  # a request is taken that is so much older than its window allows, by the venue's own rule
#: how long a request may wait for weight, by lane: an order that waits is an old order
_DEADLINE_S: Final = {Lane.CANCEL: 2.0, Lane.ORDER: 1.0, Lane.LIVE: 20.0, Lane.HISTORY: 60.0}


class CallSettings(OnceSettings, frozen=True, kw_only=True):
    """Bounds of private requests. Times in seconds unless named; the venue itself waits 10 s for its engine."""

    recv_window_ms: int = 5_000


class _Fault(msgspec.Struct):
    code: int = 0
    msg: str = ""


class Caller:
    """Private requests of one account at one market."""

    def __init__(
        self,
        row: TradingRow,
        endpoints: TradingEndpoints,
        signer: Signer,
        *,
        pool: ProxyPool,
        budget_of: Callable[[Egress], WeightBudget],
        clock: Clock,
        settings: CallSettings | None = None,
    ) -> None:
        self.signer = signer
        self.sent = 0
        self.order_limits: list[SlidingLimit] = []
        self._row = row
        self._spec = spec_of(row.market)
        self._endpoints = endpoints
        self._pool = pool
        self._budget_of = budget_of
        self._clock = clock
        self._client = OnceClient(venue=VENUE, market=row.market, pool=pool, settings=settings or CallSettings())
        self._syncing = asyncio.Lock()

    async def ask(self, name: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """Send the request called ``name`` and return the body of its good answer.

        One that acts raises Refused, NotSent or Unknown; one that reads raises Refused, RateLimited or VenueUnreachable.
        Only a request that the venue refused for its time (-1021) is sent again, once, after asking the venue's clock.
        """
        call = self._row.call(name)
        sent = dict(parameters or {})
        if call.auth == "signed" and not self.signer.time.known:
            await self._resync(call, self.know_time)
        try:
            return await self._once(call, sent)
        except Refused as error:
            if error.code != _CLOCK_OFF:
                raise
            log.warning("trading.clock_off", venue=VENUE, market=self._row.market, said=str(error))
        await self._resync(call, self.sync)
        try:
            return await self._once(call, sent)
        except Refused as error:
            if error.code == _CLOCK_OFF and call.acts:
                raise self._not_sent(str(error), code=_CLOCK_OFF) from None
            raise

    async def public(self, endpoint: str, *, lane: Lane = Lane.LIVE) -> bytes:
        """Fetch one of the market's public endpoints from the host that takes the orders."""
        found = self._spec.endpoint(endpoint)
        return await self._once(Call(method="GET", path=found.path, weight=found.weight(), lane=lane, auth="none"), {})

    async def know_time(self) -> None:
        """Ask the venue's clock if it was never asked."""
        if not self.signer.time.known:
            async with self._syncing:
                if not self.signer.time.known:
                    await self.sync()

    async def sync(self) -> None:
        """Ask the venue's clock."""
        asked = self._clock.monotonic()
        body = await self.public("time", lane=Lane.CANCEL)
        self.signer.time.set(decode_server_time(body), asked=asked)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    # --- inside ---

    async def _resync(self, call: Call, ask: Callable[[], Awaitable[None]]) -> None:
        try:
            await ask()
        except VenueError as error:
            if call.acts:
                raise self._not_sent(f"the venue's clock could not be asked: {error}") from None
            raise

    async def _once(self, call: Call, parameters: Mapping[str, str]) -> bytes:
        if self._client.closed:
            raise self._certain(call, f"the connections to {VENUE} {self._row.market} were closed", cause="closed")
        limits = self._pace() if call.orders else []
        try:
            return await self._within_budget(call, parameters)
        finally:
            now = self._clock.monotonic()
            for limit in limits:
                limit.arrived(now)

    async def _within_budget(self, call: Call, parameters: Mapping[str, str]) -> bytes:
        url = self._endpoints.rest_of(self._row.market, call.host) + call.path
        try:
            egress = self._pool.choose(url)
            budget = self._budget_of(egress)
            permit = await budget.acquire(call.lane, self._weight(call, parameters), deadline_s=_DEADLINE_S[call.lane])
        except RateLimited as error:
            raise self._wait(call, error) from None
        except VenueUnreachable as error:
            raise self._certain(call, str(error), cause=error.cause) from None
        try:
            return await self._exchange(call, url, parameters, egress=egress, budget=budget, permit=permit)
        finally:
            budget.finish(permit)

    async def _exchange(
        self, call: Call, url: str, parameters: Mapping[str, str], *, egress: Egress, budget: WeightBudget, permit: Permit
    ) -> bytes:
        late = leaves_too_late(self._clock) if call.acts else ""
        if late:
            raise self._not_sent(late, code="late")
        query, headers = self._written(call, parameters)
        body = query.encode() if call.method in ("POST", "PUT") and query else None
        full = URL(f"{url}?{query}" if query and body is None else url, encoded=True)
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        # Counted from here: the latest instant at which the venue may still take what leaves now.
        deadline_ns = self._clock.now_ns() + (self.signer.recv_window_ms + _AHEAD_MS) * 1_000_000
        self.sent += 1
        try:
            reply = await self._client.send(call.method, full, egress=egress, headers=headers, body=body)
        except Broken as broken:
            raise self._broken(call, broken, deadline_ns) from None
        status, data, said = reply.status, reply.body, reply.headers
        used = said.get(self._spec.used_weight_header, "")
        if used.isdigit() and call.host == "market":
            await budget.venue_said(int(used), permit=permit)
        if status == 200:
            if call.orders:
                budget.order_accepted()
            return data
        raise await self._problem(call, status, data, said, budget=budget, deadline_ns=deadline_ns)

    def _written(self, call: Call, parameters: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        if call.auth == "none":
            return urlencode(parameters), {}
        if call.auth == "key":
            return urlencode(parameters, quote_via=quote), self.signer.headers
        return self.signer.query(parameters), self.signer.headers

    def _broken(self, call: Call, broken: Broken, deadline_ns: int) -> VenueError:
        """Say what a broken exchange means: nothing was sent, or nobody knows."""
        if not call.acts:
            return VenueUnreachable(broken.sentence, cause=broken.cause, venue=VENUE, market=self._row.market)
        if not broken.began:
            return self._not_sent(broken.sentence, code=broken.cause)
        return self._unknown(f"no answer to {call.method} {call.path}: {broken.sentence}", deadline_ns)

    async def _problem(
        self, call: Call, status: int, data: bytes, headers: Mapping[str, str], *, budget: WeightBudget, deadline_ns: int
    ) -> VenueError:
        """Turn an answer that is not 200 into what the caller must do."""
        fault = _fault(data)
        said = scrub(fault.msg[:300]) or "no reason given"
        sentence = f"{VENUE} {self._row.market} declined: {said} (HTTP {status}, code {fault.code})"
        if status in (418, 429) or fault.code in _TOO_MANY:
            limited = await budget.rejected(
                status,
                retry_after_s=parse_retry_after(headers.get("Retry-After")),
                lane=call.lane,
                order_count=fault.code == -1015,
            )
            return self._wait(call, limited, code=fault.code or status)
        outcome = outcome_of(self._row.market, status, fault.code, fault.msg)
        if outcome is Outcome.UNKNOWN and call.acts:
            return self._unknown(f"{sentence}: whether it was carried out is not known", deadline_ns)
        if status >= 500:
            if call.acts:  # the venue's own words for "all of it failed"
                return self._not_sent(sentence, code=fault.code or status, retry=True)
            return VenueUnreachable(sentence, cause="server", venue=VENUE, market=self._row.market)
        if not fault.code:
            return self._certain(call, f"{call.path}: HTTP {status} without the venue's code", cause=cause_of(status))
        return Refused(sentence, code=fault.code, status=status, venue=VENUE, market=self._row.market)

    def _certain(self, call: Call, sentence: str, *, cause: str) -> VenueError:
        if call.acts:
            return self._not_sent(sentence, code=cause)
        return VenueUnreachable(sentence, cause=cause, venue=VENUE, market=self._row.market)

    def _wait(self, call: Call, error: RateLimited, *, code: int | str = "limited") -> VenueError:
        if not call.acts:
            return error
        return NotSent(str(error), code=code, retry=True, retry_at_ns=error.retry_at_ns, venue=VENUE, market=self._row.market)

    def _not_sent(self, sentence: str, *, code: int | str = "", retry: bool = False) -> NotSent:
        return NotSent(sentence, code=code, retry=retry, venue=VENUE, market=self._row.market)

    def _unknown(self, sentence: str, deadline_ns: int) -> Unknown:
        return Unknown(sentence, deadline_ns=deadline_ns, venue=VENUE, market=self._row.market)

    def _pace(self) -> list[SlidingLimit]:
        """Count an order against the venue's limits of orders and return them; raise NotSent where it would pass one of them."""
        now = self._clock.monotonic()
        delay = max((limit.delay(now) for limit in self.order_limits), default=0.0)
        if delay > 0:
            raise NotSent(
                f"the venue's limit of orders is reached; the next may leave in {delay:.1f} s",
                code="order_count",
                retry=True,
                retry_at_ns=self._clock.now_ns() + int(delay * 1e9),
                venue=VENUE,
                market=self._row.market,
            )
        limits = list(self.order_limits)  # a new list of instruments brings new ones
        for limit in limits:
            limit.leave()
        return limits

    @staticmethod
    def _weight(call: Call, parameters: Mapping[str, str]) -> int:
        return call.weight_all if call.weight_all and "symbol" not in parameters else call.weight


def _fault(body: bytes) -> _Fault:
    try:
        return msgspec.json.decode(body, type=_Fault)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Fault()
