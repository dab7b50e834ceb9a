"""An exchange of the library whose requests go over our connections, one at a time and each once.

The library words, signs and reads them. Sending, timeouts, proxies, limits and the clock are ours; nothing is retried.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
from yarl import URL

from quantservice.adapters.venues.ccxt.access import Access
from quantservice.adapters.venues.ccxt.library import exchange_class, exchange_id, load
from quantservice.adapters.venues.ccxt.listing import belongs, instruments_of
from quantservice.adapters.venues.ccxt.outcomes import Outcome, code_of, outcome_of
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.diagnosis import parse_retry_after
from quantservice.adapters.venues.transport.private.clock import VenueClock, scrub
from quantservice.adapters.venues.transport.private.once import Broken, OnceClient, OnceSettings, cause_of, leaves_too_late
from quantservice.core.errors import RateLimited, Refused, VenueError, VenueUnreachable
from quantservice.core.instruments import Instrument
from quantservice.ports.trading import NotSent, Unknown

_T = TypeVar("_T")
_TEAPOT: Final = 418  # a ban
_LIMITED: Final = (_TEAPOT, 429)
_LIMITED_NS: Final = 1_000_000_000  # the next try where the exchange names no instant
_UNSURE: Final = (408, 418, 429)
#: how long a request may wait for the limits, by lane: an order that waits is an old order
_DEADLINE_S: Final = {Lane.CANCEL: 2.0, Lane.ORDER: 1.0, Lane.LIVE: 20.0, Lane.HISTORY: 60.0}
_LONGEST: Final = 300
_QUERY: Final = re.compile(r"(?<=\S)\?[^\s\"']*=[^\s\"']*")  # of a URL: the library quotes them whole, signature and all
#: exchanges whose orders are sent by GET although they know POST
_ACT_BY_GET: Final = frozenset({"dydx"})
#: each order goes to the endpoint that takes one
_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {"okx": {"createOrder": "privatePostTradeOrder"}}
#: Which of an exchange's lists of symbols are fetched for our markets, in the words of the several exchanges.
_KINDS: Final = {"spot": {"spot"}, "um": {"linear", "swap", "future"}, "cm": {"inverse", "swap", "future", "delivery"}}
_TYPES: Final = {"spot": ("spot", None), "um": ("swap", "linear"), "cm": ("swap", "inverse")}


class Keys(msgspec.Struct, frozen=True):
    """A venue key. It is shown nowhere."""

    key: str
    secret: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return "Keys(…)"


class CallSettings(OnceSettings, frozen=True, kw_only=True):
    """Bounds of a request, in seconds."""


class _Call:
    """One call of the library, of one or several requests. ``sent``: of those, how many may have acted at the exchange."""

    def __init__(self, lane: Lane, *, acts: bool) -> None:
        self.lane = lane
        self.acts = acts
        self.sent = 0
        self.limited = False
        self.status = 0
        self.answer: Any = None


class _Request(msgspec.Struct, frozen=True):
    """One request as the library describes it."""

    cost: float = 1.0
    public: bool = False


_CALL: ContextVar[_Call] = ContextVar("ccxt_call")


class _Carried:
    """What of an exchange's class is ours: the way out, the clock, and numbers that are written as they are."""

    carrier: Client

    async def fetch2(
        self,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = None,
        headers: Any = None,
        body: Any = None,
        config: Mapping[str, Any] | None = None,
    ) -> Any:
        """Sign a request and send it once: the library's own would try again where it is told to."""
        wanted: Any = {} if params is None else params  # a list where several orders go at once
        exchange = self.carrier.exchange
        cost = float(exchange.calculate_rate_limiter_cost(api, method, path, wanted, dict(config or {})) or 0)
        public = "public" in str(api).lower()
        signed = exchange.sign(path, api, method, wanted, headers, body)
        request = _Request(cost, public)
        return await self.carrier.carry(request, signed["url"], signed["method"], signed["headers"], signed["body"])

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """Send a request that some exchange's own code makes past ``fetch2``."""
        return await self.carrier.carry(_Request(), url, method, headers, body)

    def on_json_response(self, response_body: str) -> Any:
        """Read an answer with its numbers as they are written."""
        return json.loads(response_body, parse_float=str, parse_int=str)

    def amount_to_precision(self, symbol: str, amount: Any) -> str | None:
        """Write a quantity as it was approved: what is off the exchange's steps is refused there and not cut here."""
        return None if amount is None else text_of(amount)

    def price_to_precision(self, symbol: str, price: Any) -> str | None:
        """Write a price as it was approved."""
        return None if price is None else text_of(price)

    def milliseconds(self) -> int:
        """The exchange's time, by which its requests are stamped."""
        return self.carrier.time.now_ms()

    def seconds(self) -> int:
        """The same in seconds."""
        return self.carrier.time.now_ms() // 1_000

    def microseconds(self) -> int:
        """The same in microseconds."""
        return self.carrier.time.now_ms() * 1_000


class Client:
    """One exchange of the library for one market, with or without a key."""

    def __init__(self, access: Access, *, keys: Keys | None = None, settings: CallSettings | None = None) -> None:
        self.access = access
        self.venue, self.market = access.venue, access.market
        self.time = VenueClock(access.clock)
        self._keys = keys
        self._once = OnceClient(venue=self.venue, market=self.market, pool=access.pool, settings=settings or CallSettings())
        self._error = load().BaseError
        self.exchange = self._make()
        self.rows: Mapping[str, Mapping[str, Any]] = {}
        self.requests = 0
        self.weight = 0
        self._reads_by_get = reads_by_get(self.exchange)

    def __repr__(self) -> str:
        return f"Client({self.venue} {self.market})"

    @property
    def closed(self) -> bool:
        """Whether nothing is sent any more."""
        return self._once.closed

    def _make(self) -> Any:
        name = exchange_id(self.venue)
        made = type(f"Carried_{name}", (_Carried, exchange_class(name)), {})({"enableRateLimit": False})
        made.carrier = self
        made.number = _number
        kind, sub = _TYPES[self.market]
        options = {"defaultType": kind, "warnOnFetchOpenOrdersWithoutSymbol": False, "fetchMargins": False}
        made.options.update(options | ({"defaultSubType": sub} if sub else {}) | self._listing(made.options))
        made.options.update(_OPTIONS.get(name, {}))
        made.has["fetchCurrencies"] = False  # asked of nobody: it needs rights that a trading key has not
        if self._keys is not None:
            _give(made, self._keys)
        if self.access.base_url:
            host = urlsplit(self.access.base_url).netloc
            made.hostname = host
            if isinstance(made.urls.get("hostnames"), dict):
                made.urls["hostnames"] = dict.fromkeys(made.urls["hostnames"], host)
        return made

    def lets_legs(self) -> bool:
        """Say whether an order can be for one leg of a position; the made list of features says what spot says."""
        described = self.exchange.describe().get("features") or {}
        part: Any = described.get("swap")
        part = part.get("linear" if self.market == "um" else "inverse") if isinstance(part, dict) else None
        for _ in range(4):
            if not isinstance(part, dict):
                return False
            order = part.get("createOrder")
            if isinstance(order, dict) and "hedged" in order:
                return order["hedged"] is True
            part = described.get(part.get("extends"))
        return False

    def _listing(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Let only this market's symbols be fetched, where an exchange's class can be told so."""
        told = options.get("fetchMarkets")
        types = told.get("types") if isinstance(told, dict) else None
        wanted = _KINDS[self.market]
        if isinstance(types, dict):
            chosen: Any = {name: name in wanted for name in types}
        elif isinstance(types, list | tuple) and wanted.intersection(types):
            chosen = [name for name in types if name in wanted and (name != "future" or "swap" not in types)]
        else:
            return {}
        return {"fetchMarkets": {**told, "types": chosen}}  # type: ignore[dict-item]  # it is a dict: types came from it

    async def list_instruments(self) -> list[Instrument]:
        """Fetch the market's list anew; the library's own rows of it are in :attr:`rows` afterwards."""
        await self.ask(lambda exchange: exchange.load_markets(True))
        self.rows = {name: row for name, row in self.exchange.markets.items() if belongs(row, self.market)}
        seen_ms = self.access.clock.now_ms()
        return instruments_of(self.rows, self.venue, self.market, mode=self.exchange.precisionMode, seen_ms=seen_ms)

    def has(self, what: str) -> bool:
        """Say whether the exchange itself has something; what the library makes up of other requests does not count."""
        return self.exchange.has.get(what) is True

    def feature(self, method: str, name: str) -> Any:
        """Return what the library says of a method's parameter at this market; None where it says nothing."""
        kind, sub = _TYPES[self.market]
        return self.exchange.feature_value_by_type(kind, sub, method, name)

    async def close(self) -> None:
        """Close all connections."""
        await self._once.close()

    # --- one call ------------------------------------------------------------------------------------------------------

    async def ask(self, work: Callable[[Any], Awaitable[_T]], *, acts: bool = False, lane: Lane = Lane.LIVE) -> _T:
        """Let the library do ``work``; what went wrong is told in our errors.

        A call that ``acts`` raises Refused, NotSent or Unknown; one that reads raises Refused, RateLimited or VenueUnreachable.
        One that was refused for its time is made again, once, after asking the exchange's clock.
        """
        if not self.time.known and self.exchange.has.get("fetchTime"):
            await self._know_time(acts=acts)
        try:
            return await self._asked(work, acts=acts, lane=lane)
        except Refused as error:
            if outcome_in(error) is not Outcome.CLOCK or not self.exchange.has.get("fetchTime"):
                raise
            said = error
        await self._know_time(acts=acts)
        try:
            return await self._asked(work, acts=acts, lane=lane)
        except Refused as error:
            if acts and outcome_in(error) is Outcome.CLOCK:
                raise NotSent(str(said), code=error.code, venue=self.venue, market=self.market) from None
            raise

    async def sync(self) -> None:
        """Ask the exchange's clock."""
        asked = self.access.clock.monotonic()
        told = await self._asked(lambda exchange: exchange.fetch_time(), acts=False, lane=Lane.CANCEL)
        if told is None:
            raise VenueUnreachable(f"{self.venue} does not say its time", cause="server", venue=self.venue, market=self.market)
        self.time.set(int(told), asked=asked)

    async def _know_time(self, *, acts: bool) -> None:
        try:
            await self.sync()
        except VenueError as error:
            if acts:
                sentence = f"the venue's clock could not be asked: {error}"
                raise NotSent(sentence, code="clock", venue=self.venue, market=self.market) from None
            raise

    async def _asked(self, work: Callable[[Any], Awaitable[_T]], *, acts: bool, lane: Lane) -> _T:
        call = _Call(lane, acts=acts)
        token = _CALL.set(call)
        try:
            return await work(self.exchange)
        except VenueError as error:
            raise self._of_ours(call, error) from None
        except self._error as error:
            raise self._of_the_library(call, error) from None
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # The library stumbled over an answer that it did not expect, or over our words before anything left.
            sentence = f"{self.venue} {self.market}: the answer could not be read ({type(error).__name__})"
            raise self._doubtful(call, sentence, cause="unreadable") from None
        finally:
            _CALL.reset(token)

    def _of_ours(self, call: _Call, error: VenueError) -> VenueError:
        if not call.acts or isinstance(error, NotSent | Unknown):
            return error
        if isinstance(error, RateLimited) and (call.sent == 0 or (call.limited and call.sent == 1)):
            return NotSent(
                str(error),
                code=code_of(error, call.answer) if call.answer else "limited",
                retry=True,
                retry_at_ns=error.retry_at_ns,
                venue=self.venue,
                market=self.market,
            )
        return self._doubtful(call, str(error), cause=getattr(error, "cause", "limited"))

    def _doubtful(self, call: _Call, sentence: str, *, cause: str) -> VenueError:
        """Say what an exchange without a usable answer means: nothing was sent, or nobody knows."""
        if not call.acts:
            return VenueUnreachable(sentence, cause=cause, venue=self.venue, market=self.market)
        if call.sent == 0:
            return NotSent(f"{sentence}; nothing was sent", code=cause, venue=self.venue, market=self.market)
        sentence = f"{sentence}: whether it was carried out is not known"
        return Unknown(sentence, venue=self.venue, market=self.market)

    def _of_the_library(self, call: _Call, error: Exception) -> VenueError:
        sentence = f"{self.venue} {self.market} declined: {self.hide(str(error))[:_LONGEST] or type(error).__name__}"
        if call.status == 0:  # the library's own objection: no answer was read
            if call.acts:
                return NotSent(f"{sentence}; nothing was sent", code=type(error).__name__, venue=self.venue, market=self.market)
            return Refused(sentence, code=type(error).__name__, status=0, venue=self.venue, market=self.market)
        if call.answer is None and 400 <= call.status < 500 and call.status not in _UNSURE:
            return self._turned_away(call, sentence)
        outcome, code = outcome_of(self.exchange.id, error, call.status, call.answer), code_of(error, call.answer)
        if call.sent > 1 and outcome is not Outcome.CLOCK:
            return self._doubtful(call, sentence, cause=str(code))  # one of the requests before it may have acted
        if outcome is Outcome.LIMITED:
            retry_at_ns = self.access.clock.now_ns() + _LIMITED_NS
            if call.acts:
                return NotSent(sentence, code=code, retry=True, retry_at_ns=retry_at_ns, venue=self.venue, market=self.market)
            return RateLimited(sentence, retry_at_ns=retry_at_ns, venue=self.venue, market=self.market)
        if outcome is Outcome.UNKNOWN:
            return self._doubtful(call, sentence, cause="server")
        return Refusal(sentence, code=code, status=call.status, outcome=outcome, venue=self.venue, market=self.market)

    def _turned_away(self, call: _Call, sentence: str) -> VenueError:
        """A 4xx that the exchange's own program did not write: the request did not get that far."""
        cause = cause_of(call.status)
        if call.acts and call.sent <= 1:
            return NotSent(f"{sentence}; nothing was taken", code=cause, venue=self.venue, market=self.market)
        return self._doubtful(call, sentence, cause=cause)

    def hide(self, text: str) -> str:
        """Take keys and signatures out of a text."""
        for name in (self._keys.key, self._keys.secret, self._keys.passphrase) if self._keys is not None else ():
            text = text.replace(name, "…") if name else text
        return scrub(_QUERY.sub("", text))

    # --- one request ---------------------------------------------------------------------------------------------------

    async def carry(self, request: _Request, url: str, method: str, headers: Any, body: Any) -> Any:
        """Send a request within the limits and return what the library makes of its answer."""
        call = _CALL.get(None) or _Call(Lane.LIVE, acts=False)
        if self._once.closed:
            sentence = f"the connections to {self.venue} {self.market} were closed"
            raise VenueUnreachable(sentence, cause="closed", venue=self.venue, market=self.market)
        target = self._there(url)
        egress = self.access.pool.choose(target)
        budget = self.access.budget_of(egress)
        weight = self.access.weight_of(request.cost)
        permit = await budget.acquire(call.lane, weight, deadline_s=_DEADLINE_S[call.lane])
        self.requests += 1
        self.weight += weight
        try:
            await self.access.pace(egress, _DEADLINE_S[call.lane])
        except RateLimited:
            budget.finish(permit)
            raise
        sent_headers = self.exchange.prepare_request_headers(headers)
        may_act = call.acts and not (method == "GET" and (request.public or self._reads_by_get))
        call.status, call.answer = 0, None
        try:
            late = leaves_too_late(self.access.clock) if may_act else ""
            if late:
                raise NotSent(late, code="late", venue=self.venue, market=self.market)
            data = body.encode() if isinstance(body, str) else body
            reply = await self._once.send(method, URL(target, encoded=True), egress=egress, headers=sent_headers, body=data)
        except Broken as broken:
            call.sent += may_act and broken.began
            raise VenueUnreachable(self.hide(broken.sentence), cause=broken.cause, venue=self.venue, market=self.market) from None
        finally:
            budget.finish(permit)
        call.sent += may_act
        text, answered = reply.body.decode(errors="replace"), dict(reply.headers)
        phrase = HTTPStatus(reply.status).phrase if reply.status in HTTPStatus._value2member_map_ else ""
        text = self.exchange.on_rest_response(reply.status, phrase, url, method, answered, text, sent_headers, body)
        call.status, call.answer = reply.status, self.exchange.parse_json(text)
        told = (reply.status, phrase, url, method, answered, text, call.answer, sent_headers, body)
        objection = self._objection(told)
        if self._is_limit(objection, reply.status, call.answer):
            call.limited = True
            wait_s = parse_retry_after(reply.headers.get("Retry-After"))
            banned = reply.status == _TEAPOT
            raise await budget.rejected(
                _TEAPOT if banned else HTTPStatus.TOO_MANY_REQUESTS,
                retry_after_s=self.access.pause_s if wait_s is None and not banned else wait_s,
                lane=call.lane,
            )
        if objection is not None:
            raise objection
        self.exchange.handle_http_status_code(reply.status, phrase, url, method, text)
        if call.answer is None and reply.status >= 300:
            sentence = f"{self.venue} {self.market} answered with HTTP {reply.status} and nothing readable"
            raise VenueUnreachable(sentence, cause=cause_of(reply.status), venue=self.venue, market=self.market)
        return text if call.answer is None else call.answer

    def _objection(self, told: Sequence[Any]) -> Exception | None:
        """Return what the library finds wrong with an answer."""
        try:
            self.exchange.handle_errors(*told)
        except self._error as error:
            return cast("Exception", error)
        return None

    def _is_limit(self, objection: Exception | None, status: int, answer: Any) -> bool:
        """Say whether an answer is about too many requests; some of that status say in truth that the exchange is lost."""
        if objection is None:
            return status in _LIMITED
        return outcome_of(self.exchange.id, objection, status, answer) is Outcome.LIMITED

    def _there(self, url: str) -> str:
        """Return where a request goes: to the exchange, or to the address that the settings name in its place."""
        if not self.access.base_url:
            return url
        base, asked = urlsplit(self.access.base_url), urlsplit(url)
        return urlunsplit((base.scheme, base.netloc, asked.path, asked.query, ""))


class Refusal(Refused):
    """A no of the exchange, with what it means for the order."""

    def __init__(self, message: str, *, code: int | str, status: int, outcome: Outcome, venue: str = "", market: str = "") -> None:
        self.outcome = outcome
        super().__init__(message, code=code, status=status, venue=venue, market=market)


def outcome_in(error: Refused) -> Outcome:
    """Return what a refusal means."""
    return error.outcome if isinstance(error, Refusal) else Outcome.REFUSED


def text_of(value: Decimal | float | str) -> str:
    """Write a number without an exponent and without empty digits."""
    text = f"{_number(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: Any) -> Decimal:
    """Read a number as it is written."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _give(exchange: Any, keys: Keys) -> None:
    """Put a key's parts where the exchange wants them: a memo or user id is its passphrase, a wallet its key."""
    needs = exchange.requiredCredentials
    exchange.apiKey, exchange.secret, exchange.password = keys.key, keys.secret, keys.passphrase or None
    if needs.get("uid"):
        exchange.uid = keys.passphrase or None
    if needs.get("walletAddress"):
        exchange.walletAddress = keys.key
    if needs.get("privateKey"):
        exchange.privateKey = keys.secret


def reads_by_get(exchange: Any) -> bool:
    """Say whether what is asked by GET changes nothing at an exchange; one that has no POST acts by GET as well."""
    return exchange.id not in _ACT_BY_GET and _has_post(exchange.api)


def _has_post(api: Any) -> bool:
    """Say whether an exchange's table of requests has any that is posted."""
    return isinstance(api, dict) and ("post" in api or any(_has_post(part) for part in api.values()))
