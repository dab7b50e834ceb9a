"""One private request, sent once: within the venue's limits, signed, and its outcome told as certain, unknown or not sent.

The error-outcome table is kept here and in :mod:`..outcomes`: whatever may have reached the venue and was not answered is
:class:`Unknown`; nothing of that kind is ever sent again from here. A good answer says that the order was taken in, not that it
stands in the book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from quantservice.adapters.venues.okx.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.okx.spec import VENUE, OkxEndpoints
from quantservice.adapters.venues.okx.trading.signer import Signer
from quantservice.adapters.venues.okx.trading.table import CALLS, ORDERS_MOST, ORDERS_SPAN_S, Call
from quantservice.adapters.venues.okx.wire import Envelope, envelope_of
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.pacing import SlidingLimit
from quantservice.adapters.venues.transport.private.calls import PrivateCaller, WrongTime
from quantservice.adapters.venues.transport.private.clock import scrub
from quantservice.adapters.venues.transport.private.once import OnceSettings, cause_of
from quantservice.adapters.venues.transport.proxies import ProxyPool
from quantservice.core.errors import Refused, VenueError, VenueUnreachable
from quantservice.ports import Clock

_STAMP_MS: Final = 30_000  # the venue refuses requests that are stamped so long ago
_AHEAD_MS: Final = 1_000  # so much the venue's clock may be behind what we take it for
_MARGIN: Final = 0.9  # of the venue's limits: others may use the same key
#: how long a request may wait for the venue's limit, by lane: an order that waits is an old order
_DEADLINE_S: Final = {Lane.CANCEL: 2.0, Lane.ORDER: 1.0, Lane.LIVE: 20.0, Lane.HISTORY: 60.0}
Body = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class CallSettings(OnceSettings, frozen=True, kw_only=True):
    """Bounds of private requests. ``window_ms``: after so long an order is not taken any more; ``pace``: times the limits."""

    window_ms: int = 5_000
    pace: float = 1.0


class Caller(PrivateCaller):
    """Private requests of one account at one market."""

    def __init__(
        self,
        market: str,
        endpoints: OkxEndpoints,
        signer: Signer,
        *,
        pool: ProxyPool,
        clock: Clock,
        settings: CallSettings | None = None,
    ) -> None:
        self._settings = settings or CallSettings()
        super().__init__(VENUE, market, signer.time, pool=pool, clock=clock, settings=self._settings)
        self.signer = signer
        self._endpoints = endpoints
        self._limits: dict[str, SlidingLimit] = {}

    async def ask(self, name: str, parameters: Body | None = None) -> list[Any]:
        """Send the request called ``name`` and return the rows of its good answer; a batch's rows each say how they went.

        One that acts raises Refused, NotSent or Unknown; one that reads raises Refused, RateLimited or VenueUnreachable.
        Only a request that the venue refused for its time is sent again, once, after asking the venue's clock.
        """
        call, sent = CALLS[name], parameters if parameters is not None else {}
        return await self._in_time(call, lambda: self._once(call, sent), signed=call.signed)

    async def raw(self, name: str, parameters: Mapping[str, str]) -> bytes:
        """Return the body of a good public answer, for a decoder of its own."""
        return await self._exchange(CALLS[name], parameters)

    # --- inside ---

    async def _venue_ms(self) -> int:
        try:
            (row,) = await self._once(CALLS["time"], {})
            return int(row["ts"])
        except (ValueError, KeyError, TypeError):
            raise VenueUnreachable(f"{VENUE} does not say its time", cause="server", venue=VENUE) from None

    async def _once(self, call: Call, parameters: Body) -> list[Any]:
        found = envelope_of(await self._exchange(call, parameters))
        assert found is not None  # noqa: S101 - looked at in _exchange
        return found.data

    async def _exchange(self, call: Call, parameters: Body) -> bytes:
        self._check_open(call)
        limits = await self._pace(call, parameters)
        try:
            return await self._signed(call, parameters)
        finally:
            now = self._clock.monotonic()
            for limit in limits:
                limit.arrived(now)

    async def _signed(self, call: Call, parameters: Body) -> bytes:
        self._check_still_ours(call)
        target, body = call.path, ""
        if call.method == "POST":
            body = msgspec.json.encode(parameters).decode()
        elif parameters:
            target += "?" + urlencode(parameters)  # type: ignore[arg-type]  # a question has no list
        headers = {"Content-Type": "application/json"}
        window_ms = self._settings.window_ms
        if call.signed:
            older_ms = max(0, _STAMP_MS - window_ms) if call.aged else 0
            headers |= self.signer.headers(call.method, target, body, older_ms=older_ms)
        if call.expires:
            headers["expTime"] = str(self.signer.time.now_ms() + window_ms)
        try:
            egress = self._pool.choose(self._endpoints.rest)
        except VenueUnreachable as error:
            raise self._certain(call, str(error), cause=error.cause) from None
        # Counted from here: the latest instant at which the venue may still take what leaves now.
        deadline_ns = self._clock.now_ns() + (window_ms + _AHEAD_MS) * 1_000_000 if call.expires or call.aged else 0
        url, sent = self._endpoints.rest + target, body.encode() if body else None
        reply = await self._send(call, url, egress=egress, headers=headers, body=sent, deadline_ns=deadline_ns)
        found = envelope_of(reply.body)
        problem = self._problem(call, parameters, reply.status, found, deadline_ns)
        if problem is not None:
            raise problem
        return reply.body

    def _problem(self, call: Call, parameters: Body, status: int, found: Envelope | None, deadline_ns: int) -> VenueError | None:
        """Turn an answer that is not good into what the caller must do; None for one that is."""
        if found is None:
            if status == 200 or outcome_of(status, 0) is Outcome.UNKNOWN:
                sentence = f"{VENUE} {self._market} answered {call.path} with something unreadable (HTTP {status})"
                return self._unsure(call, sentence, deadline_ns)
            if status == 429:
                return self._blocked(call, parameters, "too many requests", status)
            return self._certain(call, f"{call.path}: HTTP {status} without the venue's code", cause=cause_of(status))
        if status == 200 and found.code == "0":
            return None
        code, said = found.number, found.msg
        if code in (1, 2) and found.data:
            if not isinstance(parameters, Mapping):
                return None  # a batch: each row says how it went
            row = found.data[0] if isinstance(found.data[0], dict) else {}
            code, said = _whole(row.get("sCode")), str(row.get("sMsg", ""))
        sentence = f"{VENUE} {self._market} declined: {scrub(said[:300]) or 'no reason given'} (HTTP {status}, code {code})"
        outcome = outcome_of(status, code)
        if outcome is Outcome.UNKNOWN:
            return self._unsure(call, sentence, deadline_ns)
        if outcome is Outcome.LIMITED:
            return self._blocked(call, parameters, sentence, code)
        refusal = WrongTime if outcome is Outcome.LATE else Refused
        return refusal(sentence, code=code, status=status, venue=VENUE, market=self._market)

    def _blocked(self, call: Call, parameters: Body, sentence: str, code: int) -> VenueError:
        """The venue counts more than we do: nobody asks this again before its window is over."""
        now = self._clock.monotonic()
        for limit in self._limits_of(call, parameters):
            limit.block(now + call.span_s)
        return self._wait(call, self._limited(sentence, call.span_s), code=code)

    # --- the venue's limits ---

    async def _pace(self, call: Call, parameters: Body) -> list[SlidingLimit]:
        """Wait for the venue's limits, as long as a request of its lane may; return those in which it is booked."""
        limits = self._limits_of(call, parameters)
        until = self._clock.monotonic() + _DEADLINE_S[call.lane]
        while True:
            now = self._clock.monotonic()
            delay = max(limit.delay(now) for limit in limits)
            if delay <= 0:
                break
            if now + delay > until:
                sentence = f"the venue's limit of {call.path} is reached; the next may leave in {delay:.1f} s; nothing was sent"
                raise self._wait(call, self._limited(sentence, delay), code="order_count" if call.orders else "limited")
            await self._clock.sleep(delay)
        for limit in limits:
            limit.leave()
        return limits

    def _limits_of(self, call: Call, parameters: Body) -> list[SlidingLimit]:
        first = parameters if isinstance(parameters, Mapping) else parameters[0] if parameters else {}
        place = str(first.get("instId", "")) if call.by_instrument else ""
        found = [self._limit(f"{call.method} {call.path} {place}", call.most, call.span_s)]
        if call.orders:
            found.append(self._limit("orders", ORDERS_MOST, ORDERS_SPAN_S))
        return found

    def _limit(self, name: str, most: int, span_s: float) -> SlidingLimit:
        found = self._limits.get(name)
        if found is None:
            found = self._limits[name] = SlidingLimit(max(1, int(most * _MARGIN * self._settings.pace)), span_s)
        return found


def _whole(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else 0
