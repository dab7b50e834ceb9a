"""One private request, sent once: within the budgets, signed, and its outcome told as certain, unknown or not sent.

The error-outcome table of the venue is kept here and in :mod:`..outcomes`: whatever may have reached the matching engine and was
not answered is :class:`Unknown`; nothing of that kind is ever sent again from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from quantservice.adapters.venues.binance.decode_rest import decode_server_time
from quantservice.adapters.venues.binance.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.binance.spec import VENUE, spec_of
from quantservice.adapters.venues.binance.trading.signer import Signer
from quantservice.adapters.venues.binance.trading.table import Call, TradingEndpoints, TradingRow
from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.diagnosis import parse_retry_after
from quantservice.adapters.venues.transport.pacing import SlidingLimit
from quantservice.adapters.venues.transport.private.calls import Admission, PrivateCaller, WrongTime
from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.private.once import OnceSettings, cause_of
from quantservice.adapters.venues.transport.proxies import Egress, ProxyPool
from quantservice.core.errors import Refused, VenueError
from quantservice.ports import Clock

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


class Caller(PrivateCaller):
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
        super().__init__(VENUE, row.market, signer.time, pool=pool, clock=clock, settings=settings or CallSettings())
        self.signer = signer
        self.order_limits: list[SlidingLimit] = []
        self._row = row
        self._spec = spec_of(row.market)
        self._endpoints = endpoints
        self._budget_of = budget_of

    async def ask(self, name: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """Send the request called ``name`` and return the body of its good answer.

        One that acts raises Refused, NotSent or Unknown; one that reads raises Refused, RateLimited or VenueUnreachable.
        Only a request that the venue refused for its time (-1021) is sent again, once, after asking the venue's clock.
        """
        call, sent = self._row.call(name), dict(parameters or {})
        return await self._in_time(call, lambda: self._once(call, sent), signed=call.auth == "signed")

    async def public(self, endpoint: str, *, lane: Lane = Lane.LIVE) -> bytes:
        """Fetch one of the market's public endpoints from the host that takes the orders."""
        found = self._spec.endpoint(endpoint)
        return await self._once(Call(method="GET", path=found.path, weight=found.weight(), lane=lane, auth="none"), {})

    # --- inside ---

    async def _venue_ms(self) -> int:
        return decode_server_time(await self.public("time", lane=Lane.CANCEL))

    async def _once(self, call: Call, parameters: Mapping[str, str]) -> bytes:
        self._check_open(call)
        limits = self._pace() if call.orders else []
        try:
            return await self._within_budget(call, parameters)
        finally:
            now = self._clock.monotonic()
            for limit in limits:
                limit.arrived(now)

    async def _within_budget(self, call: Call, parameters: Mapping[str, str]) -> bytes:
        url = self._endpoints.rest_of(self._row.market, call.host) + call.path
        weight, deadline_s = self._weight(call, parameters), _DEADLINE_S[call.lane]
        async with self._admitted(call, url, self._budget_of, weight=weight, deadline_s=deadline_s) as admission:
            return await self._exchange(call, url, parameters, admission)

    async def _exchange(self, call: Call, url: str, parameters: Mapping[str, str], admission: Admission) -> bytes:
        self._check_still_ours(call)
        query, headers = self._written(call, parameters)
        body = query.encode() if call.method in ("POST", "PUT") and query else None
        full = f"{url}?{query}" if query and body is None else url
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        # Counted from here: the latest instant at which the venue may still take what leaves now.
        deadline_ns = self._clock.now_ns() + (self.signer.recv_window_ms + _AHEAD_MS) * 1_000_000
        reply = await self._send(call, full, egress=admission.egress, headers=headers, body=body, deadline_ns=deadline_ns)
        status, data, said, budget = reply.status, reply.body, reply.headers, admission.budget
        used = said.get(self._spec.used_weight_header, "")
        if used.isdigit() and call.host == "market":
            await budget.venue_said(int(used), permit=admission.permit)
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
            return self._unsure(call, sentence, deadline_ns)
        if status >= 500:
            if call.acts:  # the venue's own words for "all of it failed"
                return self._not_sent(sentence, code=fault.code or status, retry=True)
            return self._unreachable(sentence, cause="server")
        if not fault.code:
            return self._certain(call, f"{call.path}: HTTP {status} without the venue's code", cause=cause_of(status))
        refusal = WrongTime if fault.code == _CLOCK_OFF else Refused
        return refusal(sentence, code=fault.code, status=status, venue=VENUE, market=self._row.market)

    def _pace(self) -> list[SlidingLimit]:
        """Count an order against the venue's limits of orders and return them; raise NotSent where it would pass one of them."""
        now = self._clock.monotonic()
        delay = max((limit.delay(now) for limit in self.order_limits), default=0.0)
        if delay > 0:
            raise self._too_many_orders(delay)
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
