"""One private request of HTX, sent once: within the budgets, signed, and its outcome told as certain, unknown or not sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
import structlog
from yarl import URL

from quantservice.adapters.venues.htx.outcomes import Outcome, Said, outcome_of
from quantservice.adapters.venues.htx.spec import VENUE, HtxEndpoints
from quantservice.adapters.venues.htx.trading.signer import Signer
from quantservice.adapters.venues.htx.trading.table import PACES, Call, TradingRow
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.pacing import SlidingLimit
from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.private.once import Broken, OnceClient, OnceSettings, Reply, cause_of, leaves_too_late
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import RateLimited, Refused, VenueError, VenueUnreachable
from quantservice.ports import Clock
from quantservice.ports.trading import NotSent, Unknown

log = structlog.get_logger(__name__)

_LONGEST_SPAN_S: Final = max(span_s for _, span_s in PACES.values())
_SHARE: Final = 0.9  # of the venue's limits of requests: others may use the same key
#: how long a request may wait for its turn, by lane: an order that waits is an old order
_DEADLINE_S: Final = {Lane.CANCEL: 3.0, Lane.ORDER: 1.0, Lane.LIVE: 20.0, Lane.HISTORY: 60.0}


class Caller:
    """Private requests of one account at one market. ``pace``: times the venue's published limits, where it granted more."""

    def __init__(
        self,
        row: TradingRow,
        endpoints: HtxEndpoints,
        signer: Signer,
        *,
        pool: ProxyPool,
        budget_of: Callable[[Egress], WeightBudget],
        clock: Clock,
        settings: OnceSettings | None = None,
        pace: float = 1.0,
    ) -> None:
        self.signer = signer
        self.sent = 0
        self._row = row
        self._endpoints = endpoints
        self._pool = pool
        self._budget_of = budget_of
        self._clock = clock
        self._client = OnceClient(venue=VENUE, market=row.market, pool=pool, settings=settings or OnceSettings())
        self._paces = {name: SlidingLimit(max(1, int(most * _SHARE * pace)), span_s) for name, (most, span_s) in PACES.items()}
        self._syncing = asyncio.Lock()

    async def ask(self, name: str, fields: Mapping[str, Any] | None = None, **place: str) -> bytes:
        """Send the request called ``name`` and return the body of its good answer. ``place``: the parts of its path.

        One that acts raises Refused, NotSent or Unknown; one that reads raises Refused, RateLimited or VenueUnreachable.
        Only a request that the venue refused for its stamp is sent again, once, after asking the venue's clock.
        """
        call, sent = self._row.calls[name], dict(fields or {})
        if call.signed and not self.signer.time.known:
            await self._resync(call, self.know_time)
        found = await self._once(call, sent, place)
        if isinstance(found, bytes):
            return found
        log.warning("trading.clock_off", venue=VENUE, market=self._row.market, said=str(found))
        await self._resync(call, self.sync)
        again = await self._once(call, sent, place)
        if isinstance(again, bytes):
            return again
        raise self._not_sent(str(again), code=again.code) if call.acts else again

    async def know_time(self) -> None:
        """Ask the venue's clock if it was never asked."""
        if not self.signer.time.known:
            async with self._syncing:
                if not self.signer.time.known:
                    await self.sync()

    async def sync(self) -> None:
        """Ask the venue's clock."""
        asked = self._clock.monotonic()
        body = await self._once(self._row.calls["time"], {}, {})
        try:
            told = msgspec.json.decode(body if isinstance(body, bytes) else b"{}", type=dict[str, Any])
            venue_ms = int(told.get("data") or told["ts"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            raise VenueUnreachable("the venue's clock cannot be read", cause="server", venue=VENUE) from None
        self.signer.time.set(venue_ms, asked=asked)

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

    async def _once(self, call: Call, fields: Mapping[str, Any], place: Mapping[str, str]) -> bytes | Refused:
        """Send once; return the body, or the refusal of its stamp."""
        if self._client.closed:
            raise self._certain(call, f"the connections to {VENUE} {self._row.market} were closed", cause="closed")
        url = self._endpoints.rest_of(self._row.market, call.host) + call.path.format(**place)
        limit = await self._pace(call)
        try:
            return await self._within_budget(call, url, fields)
        finally:
            if limit is not None:
                limit.arrived(self._clock.monotonic())

    async def _within_budget(self, call: Call, url: str, fields: Mapping[str, Any]) -> bytes | Refused:
        try:
            egress = self._pool.choose(url)
            budget = self._budget_of(egress)
            permit = await budget.acquire(call.lane, 1, deadline_s=_DEADLINE_S[call.lane])
        except RateLimited as error:
            raise self._wait(call, error) from None
        except VenueUnreachable as error:
            raise self._certain(call, str(error), cause=error.cause) from None
        try:
            return await self._exchange(call, url, fields, egress=egress, budget=budget)
        finally:
            budget.finish(permit)

    async def _exchange(
        self, call: Call, url: str, fields: Mapping[str, Any], *, egress: Egress, budget: WeightBudget
    ) -> bytes | Refused:
        late = leaves_too_late(self._clock) if call.acts else ""
        if late:
            raise self._not_sent(late, code="late")
        asks = call.method == "GET"
        query = {name: str(value) for name, value in fields.items()} if asks else {}
        text = self.signer.query(call.method, url, query) if call.signed else str(URL.build(query=query).query_string)
        body = None if asks else msgspec.json.encode(fields)
        headers = {} if asks else {"Content-Type": "application/json"}
        self.sent += 1
        try:
            full = URL(f"{url}?{text}" if text else url, encoded=True)
            reply = await self._client.send(call.method, full, egress=egress, headers=headers, body=body)
        except Broken as broken:
            raise self._broken(call, broken) from None
        try:
            said = msgspec.json.decode(reply.body, type=Said)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = Said(status="?")
        if reply.status == 200 and said.good:
            if call.lane is Lane.ORDER:
                budget.order_accepted()
            return reply.body
        return await self._problem(call, reply, said, budget=budget)

    async def _problem(self, call: Call, reply: Reply, said: Said, *, budget: WeightBudget) -> Refused:
        """Turn an answer that says no into what the caller must do; the refusal of a stamp is returned."""
        status, code = reply.status, said.reason_code
        reason = scrub(said.reason[:300]) or "no reason given"
        sentence = f"{VENUE} {self._row.market} declined: {reason} (HTTP {status}, code {code})"
        outcome = outcome_of(status, code, said.reason)
        if outcome is Outcome.LIMITED:
            wait_s = self._expires_s(reply)
            # a user's limit of orders is over in seconds; what lasts longer is the address that is silenced
            orders = call.lane is Lane.ORDER and (wait_s or 0.0) <= _LONGEST_SPAN_S
            limited = await budget.rejected(429, retry_after_s=None if orders else wait_s, lane=call.lane, order_count=orders)
            raise self._wait(call, limited, code=code or status)
        if outcome is Outcome.UNKNOWN or (status == 200 and said.status == "?"):
            raise self._unsure(call, sentence)
        refused = Refused(sentence, code=code, status=status, venue=VENUE, market=self._row.market)
        if outcome is Outcome.CLOCK:
            return refused
        if not code:
            raise self._certain(call, f"{call.path}: HTTP {status} without the venue's code", cause=cause_of(status))
        raise refused

    def _unsure(self, call: Call, sentence: str) -> VenueError:
        if call.acts:
            return self._unknown(f"{sentence}: whether it was carried out is not known")
        return VenueUnreachable(sentence, cause="server", venue=VENUE, market=self._row.market)

    def _broken(self, call: Call, broken: Broken) -> VenueError:
        """Say what a broken exchange means: nothing was sent, or nobody knows."""
        sentence, cause = broken.sentence, broken.cause
        if not call.acts:
            return VenueUnreachable(sentence, cause=cause, venue=VENUE, market=self._row.market)
        if not broken.began:
            return self._not_sent(sentence, code=cause)
        return self._unknown(f"no answer to {call.method} {call.path}: {sentence}")

    def _certain(self, call: Call, sentence: str, *, cause: str) -> VenueError:
        if call.acts:
            return self._not_sent(sentence, code=cause)
        return VenueUnreachable(sentence, cause=cause, venue=VENUE, market=self._row.market)

    def _wait(self, call: Call, error: RateLimited, *, code: int | str = "limited") -> VenueError:
        if not call.acts:
            return error
        return NotSent(str(error), code=code, retry=True, retry_at_ns=error.retry_at_ns, venue=VENUE, market=self._row.market)

    def _not_sent(self, sentence: str, *, code: int | str = "") -> NotSent:
        return NotSent(sentence, code=code, venue=VENUE, market=self._row.market)

    def _unknown(self, sentence: str) -> Unknown:
        return Unknown(sentence, venue=VENUE, market=self._row.market)

    def _expires_s(self, reply: Reply) -> float | None:
        """How long the span of a limit lasts yet, as the answer says."""
        text = reply.headers.get("X-HB-RateLimit-Requests-Expire", "")
        return max(0.0, int(text) / 1e3 - self._clock.now_ns() / 1e9) if text.isdigit() else None

    async def _pace(self, call: Call) -> SlidingLimit | None:
        """Count a request against the user's limits. Reads and cancels wait for their turn, an order is told to come later."""
        limit = self._paces.get(call.pace)
        if limit is None:
            return None
        while delay := limit.delay(self._clock.monotonic()):
            if call.lane is Lane.ORDER:
                raise NotSent(
                    f"the venue's limit of orders is reached; the next may leave in {delay:.1f} s",
                    code="order_count",
                    retry=True,
                    retry_at_ns=self._clock.now_ns() + int(delay * 1e9),
                    venue=VENUE,
                    market=self._row.market,
                )
            await self._clock.sleep(delay)
        limit.leave()
        return limit
