"""One market's counter: every private request, by REST or WS-API, is judged and carried out here, faults included."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from quantservice.simulator.config import MarketName
from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.private.calls import Call, Endpoint, Endpoints, OrderGate
from quantservice.simulator.private.config import KeySpec
from quantservice.simulator.private.keys import KeyRing
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.rules.weights import WeightGate

_TOO_MUCH = "Too many requests; current limit is {most} request weight per 1 MINUTE. Please use WebSocket Streams for live updates."
_THROTTLED: Final = (
    -1008,
    "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again.",
    503,
)
#: sort of an ``order_error`` fault: code (0: the answer has none), message, status
ORDER_ERRORS: Final[dict[str, tuple[int, str, int]]] = {
    "timeout": (
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
        408,
    ),
    "unknown": (0, "Unknown error, please check your request or try again later.", 503),
    "unavailable": (0, "Service Unavailable.", 503),
    "internal": (-1000, "Internal error; unable to process your request. Please try again.", 503),
    "throttled": _THROTTLED,
    "unexpected": (-1006, "An unexpected response was received from the message bus. Execution status unknown.", 503),
    "disconnected": (-1001, "Internal error; unable to process your request. Please try again.", 500),
    "too_many_orders": (-1015, "Too many new orders; current limit is 300 orders per 10 SECOND.", 429),
}


class Answer(msgspec.Struct, frozen=True):
    """What goes back: ``value`` is JSON, or ``code`` and ``message`` of a refusal. ``lost``: nothing goes back at all."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    lost: bool = False

    @property
    def good(self) -> bool:
        """Whether it is no refusal."""
        return self.status == 200


class Request(msgspec.Struct, frozen=True):
    """A private request as it came.

    ``signed`` says that its key was proved already (a session that logged on); ``label`` is the WS-API's name of it.
    """

    method: str
    path: str
    params: Mapping[str, str]
    key: str
    payload: str
    signature: str
    address: str
    signed: bool = False
    label: str = ""


class Gates(NamedTuple):
    """The limits that a request passes."""

    weights: WeightGate
    orders: OrderGate
    most_weight: int


class Counter:
    """Judges and carries out the private requests of one market."""

    def __init__(
        self,
        market: MarketName,
        endpoints: Endpoints,
        keys: KeyRing,
        gates: Gates,
        faults: FaultScript,
        referee: Referee,
        *,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.market = market
        self.endpoints = endpoints
        self.keys = keys
        self.orders = gates.orders
        self.most_weight = gates.most_weight
        self._weights = gates.weights
        self._faults = faults
        self._referee = referee
        self._wall_s = wall_s

    def find(self, kind: Any, request: Request) -> Fault | None:
        """Return a fault of a kind that is meant for this request."""
        if not self._faults.faults:
            return None
        path, symbol = f"{request.path} {request.label}", request.params.get("symbol", "")
        return self._faults.find(kind, self.market, path=path, method=request.method, symbol=symbol)

    def weigh(self, address: str, weight: int) -> Answer | None:
        """Count weight; return the refusal where it is too much."""
        verdict = self._weights.ask(address, weight)
        if verdict.status == 200:
            self._referee.weights[self.market] += weight
            return None
        message = _TOO_MUCH.format(most=self.most_weight)
        return Answer(
            verdict.status,
            to_json({"code": -1003, "msg": message}),
            {"Retry-After": str(verdict.retry_after_s), **self.weight_headers(verdict.used)},
        )

    def weight_headers(self, used: int) -> dict[str, str]:
        """Return the weight that an address used, as the venue's headers."""
        headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
        return headers | {"X-MBX-USED-WEIGHT": str(used)} if self.market == "spot" else headers

    def used(self, address: str) -> int:
        """The weight that an address used in this minute."""
        return self._weights.ask(address, 0).used

    def handle(self, request: Request) -> Answer:
        """Judge a request and carry it out."""
        endpoint = self.endpoints[request.method, request.path]
        self._referee.requests[f"{self.market}.{request.method} {request.path}"] += 1
        answer = self._handle(endpoint, request)
        self._referee.statuses[f"{self.market}.{answer.status}"] += 1
        if self.find("lost_answer", request) is not None:
            return msgspec.structs.replace(answer, lost=True)
        return answer

    def _handle(self, endpoint: Endpoint, request: Request) -> Answer:
        limited = self._forced_limit(request)
        if limited is not None:
            return limited
        try:
            weight, orders = endpoint.costs(request.params)
        except VenueRefusal as refused:
            return Answer(refused.status, refused.body)
        over = self.weigh(request.address, weight)
        if over is not None:
            return over
        headers = self.weight_headers(self.used(request.address))
        try:
            key = self._admit(endpoint, request)
            if orders:
                self.orders.ask(key.account, orders)
                headers |= self.orders.headers(key.account)
            return Answer(200, to_json(self._run(endpoint, request, key)), headers)
        except VenueRefusal as refused:
            return Answer(refused.status, refused.body, headers)

    def _admit(self, endpoint: Endpoint, request: Request) -> KeySpec:
        key = self.keys.known(request.key, self.market, endpoint.need, request.address)
        if endpoint.need != "key" and not request.signed:
            self.keys.check_time(key, request.params, self.market)
            self.keys.check_signature(key, request.payload, request.signature, self.market)
        elif request.signed:
            self.keys.check_time(key, request.params, self.market)
        return key

    def _run(self, endpoint: Endpoint, request: Request, key: KeySpec) -> Any:
        broken = self.find("order_error", request) if endpoint.need == "trade" else None
        if broken is not None and broken.sort == "throttled" and request.params.get("reduceOnly") == "true":
            broken = None
        if broken is not None and not broken.executed:
            raise _order_error(broken)
        stale = self.find("stale_reads", request) if request.method == "GET" else None
        as_of_s = self._wall_s() - stale.delay_s if stale is not None else None
        value = endpoint.run(Call(request.params, key, as_of_s))
        if broken is not None:
            raise _order_error(broken)
        return value

    def _forced_limit(self, request: Request) -> Answer | None:
        forced = self.find("rate_limit", request)
        if forced is None:
            return None
        banned = forced.status == 418
        headers: dict[str, str] = {}
        if forced.retry_after_s:
            self._weights.block(request.address, forced.retry_after_s, banned=banned)
            headers = {"Retry-After": str(forced.retry_after_s)}
        message = "Way too much request weight used; IP banned." if banned else _TOO_MUCH.format(most=self.most_weight)
        return Answer(418 if banned else 429, to_json({"code": -1003, "msg": message}), headers)


class _PlainRefusal(VenueRefusal):
    """An answer whose body has a message and no code."""

    @property
    def body(self) -> bytes:
        """The answer's JSON."""
        return to_json({"msg": str(self)})


def _order_error(fault: Fault) -> VenueRefusal:
    code, message, status = ORDER_ERRORS.get(fault.sort or "timeout", ORDER_ERRORS["timeout"])
    if not code:
        return _PlainRefusal(-1000, message, status=status)
    return VenueRefusal(code, message, status=status)
