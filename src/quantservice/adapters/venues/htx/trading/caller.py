"""One private request of HTX, sent once: within the budgets, signed, and its outcome told as certain, unknown or not sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from yarl import URL

from quantservice.adapters.venues.htx.outcomes import Outcome, Said, outcome_of
from quantservice.adapters.venues.htx.spec import VENUE, HtxEndpoints
from quantservice.adapters.venues.htx.trading.signer import Signer
from quantservice.adapters.venues.htx.trading.table import PACES, Call, TradingRow
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.pacing import SlidingLimit
from quantservice.adapters.venues.transport.private.calls import Admission, PrivateCaller, WrongTime
from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.private.once import OnceSettings, Reply, cause_of
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import Refused, VenueError, VenueUnreachable
from quantservice.ports import Clock

_LONGEST_SPAN_S: Final = max(span_s for _, span_s in PACES.values())
_SHARE: Final = 0.9  # of the venue's limits of requests: others may use the same key
#: how long a request may wait for its turn, by lane: an order that waits is an old order
_DEADLINE_S: Final = {Lane.CANCEL: 3.0, Lane.ORDER: 1.0, Lane.LIVE: 20.0, Lane.HISTORY: 60.0}


class Caller(PrivateCaller):
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
        super().__init__(VENUE, row.market, signer.time, pool=pool, clock=clock, settings=settings or OnceSettings())
        self.signer = signer
        self._row = row
        self._endpoints = endpoints
        self._budget_of = budget_of
        self._paces = {name: SlidingLimit(max(1, int(most * _SHARE * pace)), span_s) for name, (most, span_s) in PACES.items()}

    async def ask(self, name: str, fields: Mapping[str, Any] | None = None, **place: str) -> bytes:
        """Send the request called ``name`` and return the body of its good answer. ``place``: the parts of its path.

        One that acts raises Refused, NotSent or Unknown; one that reads raises Refused, RateLimited or VenueUnreachable.
        Only a request that the venue refused for its stamp is sent again, once, after asking the venue's clock.
        """
        call, sent = self._row.calls[name], dict(fields or {})
        return await self._in_time(call, lambda: self._once(call, sent, place), signed=call.signed)

    # --- inside ---

    async def _venue_ms(self) -> int:
        body = await self._once(self._row.calls["time"], {}, {})
        try:
            told = msgspec.json.decode(body, type=dict[str, Any])
            return int(told.get("data") or told["ts"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            raise VenueUnreachable("the venue's clock cannot be read", cause="server", venue=VENUE) from None

    async def _once(self, call: Call, fields: Mapping[str, Any], place: Mapping[str, str]) -> bytes:
        self._check_open(call)
        url = self._endpoints.rest_of(self._row.market, call.host) + call.path.format(**place)
        limit = await self._pace(call)
        try:
            async with self._admitted(call, url, self._budget_of, weight=1, deadline_s=_DEADLINE_S[call.lane]) as admission:
                return await self._exchange(call, url, fields, admission)
        finally:
            if limit is not None:
                limit.arrived(self._clock.monotonic())

    async def _exchange(self, call: Call, url: str, fields: Mapping[str, Any], admission: Admission) -> bytes:
        self._check_still_ours(call)
        asks = call.method == "GET"
        query = {name: str(value) for name, value in fields.items()} if asks else {}
        text = self.signer.query(call.method, url, query) if call.signed else str(URL.build(query=query).query_string)
        body = None if asks else msgspec.json.encode(fields)
        headers = {} if asks else {"Content-Type": "application/json"}
        full = f"{url}?{text}" if text else url
        reply = await self._send(call, full, egress=admission.egress, headers=headers, body=body)
        try:
            said = msgspec.json.decode(reply.body, type=Said)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = Said(status="?")
        if reply.status == 200 and said.good:
            if call.lane is Lane.ORDER:
                admission.budget.order_accepted()
            return reply.body
        raise await self._problem(call, reply, said, budget=admission.budget)

    async def _problem(self, call: Call, reply: Reply, said: Said, *, budget: WeightBudget) -> VenueError:
        """Turn an answer that says no into what the caller must do."""
        status, code = reply.status, said.reason_code
        reason = scrub(said.reason[:300]) or "no reason given"
        sentence = f"{VENUE} {self._row.market} declined: {reason} (HTTP {status}, code {code})"
        outcome = outcome_of(status, code, said.reason)
        if outcome is Outcome.LIMITED:
            wait_s = self._expires_s(reply)
            # a user's limit of orders is over in seconds; what lasts longer is the address that is silenced
            orders = call.lane is Lane.ORDER and (wait_s or 0.0) <= _LONGEST_SPAN_S
            limited = await budget.rejected(429, retry_after_s=None if orders else wait_s, lane=call.lane, order_count=orders)
            return self._wait(call, limited, code=code or status)
        if outcome is Outcome.UNKNOWN or (status == 200 and said.status == "?"):
            return self._unsure(call, sentence)
        if not code and outcome is not Outcome.CLOCK:
            return self._certain(call, f"{call.path}: HTTP {status} without the venue's code", cause=cause_of(status))
        refusal = WrongTime if outcome is Outcome.CLOCK else Refused
        return refusal(sentence, code=code, status=status, venue=VENUE, market=self._row.market)

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
                raise self._too_many_orders(delay)
            await self._clock.sleep(delay)
        limit.leave()
        return limit
