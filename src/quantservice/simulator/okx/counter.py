"""The counter: every request of REST, public or private, is limited, judged and carried out here, faults included."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.okx.config import OkxKey
from quantservice.simulator.okx.keys import OkxKeys
from quantservice.simulator.okx.words import OkxRefusal, Params
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rules.referee import Referee

Need = Literal["none", "read", "trade"]
_ANYWHERE: Final = ("okx", "okx-spot", "okx-um")
_ACCOUNT_SPAN_S: Final = 2.0
_ACCOUNT_MOST: Final = 1_000  # new and amended orders of a sub-account
#: sort of an ``order_error`` fault: code ("": no JSON at all), message, status
ORDER_ERRORS: Final[Mapping[str, tuple[str, str, int]]] = {
    "timeout": ("50004", "API endpoint request timeout (does not indicate success or failure of order).", 400),
    "unknown": ("", "bad gateway", 502),
    "unavailable": ("50001", "Service temporarily unavailable. Try again later", 503),
    "internal": ("50026", "System error. Try again later", 500),
    "throttled": ("50013", "Systems are busy. Please try again later.", 429),
    "unexpected": ("50005", "API is offline or unavailable.", 503),
    "disconnected": ("", "internal server error", 500),
    "too_many_orders": ("50061", "You've reached the maximum order rate limit for this account.", 429),
}


class Call(msgspec.Struct, frozen=True):
    """A request that passed the door. ``items``: the orders of a batch. ``as_of_s``: reads see the world as it was then."""

    params: Params
    items: tuple[Params, ...] = ()
    key: OkxKey | None = None
    as_of_s: float | None = None

    @property
    def account(self) -> str:
        """Name of the account that asks."""
        assert self.key is not None  # noqa: S101 - private endpoints only
        return self.key.account


class Endpoint(NamedTuple):
    """One endpoint: who may ask, how often (per account or address; per instrument too), and how many orders it counts for.

    ``run`` returns the answer's data; ``each`` runs once per item, whose refusals are answered one by one (``sCode``).
    """

    run: Callable[[Call], list[Any]]
    need: Need
    most: int
    span_s: float = 2.0
    by_instrument: bool = False
    orders: bool = False


Endpoints = Mapping[tuple[str, str], Endpoint]


class Request(msgspec.Struct, frozen=True):
    """A request as it came. ``target`` is the path with its query."""

    method: str
    path: str
    target: str
    params: Params
    items: tuple[Params, ...]
    body: str
    headers: Mapping[str, str]
    address: str
    market: str = ""  # okx-spot, okx-um, or nothing where the request names no market

    @property
    def instrument(self) -> str:
        """The instrument that it names."""
        first = self.items[0] if self.items else self.params
        return str(first.get("instId", ""))


class Answer(msgspec.Struct, frozen=True):
    """What goes back. ``lost``: nothing goes back at all."""

    status: int = 200
    body: bytes = b"{}"
    lost: bool = False
    html: bool = False


class Limits:
    """Counts requests in sliding windows of the wall clock."""

    def __init__(self, referee: Referee, factor: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._referee = referee
        self._factor = factor
        self._now_s = now_s
        self._seen: dict[tuple[str, ...], deque[float]] = {}

    def ask(self, rule: str, who: tuple[str, ...], most: int, span_s: float) -> bool:
        """Count one; false, and it is held against the asker, where it is one too many."""
        if not self._factor:
            return True
        now, allowed = self._now_s(), max(1, int(most * self._factor))
        seen = self._seen.setdefault((rule, *who), deque())
        while seen and seen[0] <= now - span_s:
            seen.popleft()
        if len(seen) >= allowed:
            self._referee.broke(f"okx.{rule}", "/".join(who), f"more than {allowed} in {span_s:g} s")
            return False
        seen.append(now)
        return True

    def reset(self) -> None:
        """Forget what was counted."""
        self._seen.clear()


class Counter:
    """Judges and carries out requests."""

    def __init__(
        self,
        endpoints: Endpoints,
        keys: OkxKeys,
        limits: Limits,
        faults: FaultScript,
        referee: Referee,
        *,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoints = endpoints
        self._keys = keys
        self._limits = limits
        self._faults = faults
        self._referee = referee
        self._wall_s = wall_s

    def find(self, kind: Any, request: Request) -> Fault | None:
        """Return a fault of a kind that is meant for this request: of its market, or of the venue."""
        if not self._faults.faults:
            return None
        for market in ("okx", request.market) if request.market else _ANYWHERE:
            found = self._faults.find(kind, market, path=request.path, method=request.method, symbol=request.instrument)
            if found is not None:
                return found
        return None

    def handle(self, request: Request) -> Answer:
        """Judge a request and carry it out."""
        name = request.market or "okx"
        self._referee.requests[f"{name}.{request.method} {request.path}"] += 1
        answer = self._handle(request)
        self._referee.statuses[f"{name}.{answer.status}"] += 1
        if self.find("lost_answer", request) is not None:
            return msgspec.structs.replace(answer, lost=True)
        return answer

    def _handle(self, request: Request) -> Answer:
        endpoint = self.endpoints.get((request.method, request.path))
        if endpoint is None:
            return Answer(404, to_json({"code": "50404", "msg": "Not Found", "data": []}))
        try:
            return self._judged(endpoint, request)
        except OkxRefusal as refused:
            if refused.whole or request.method == "GET":
                return Answer(refused.status, refused.body)
            row = {"ordId": "", "clOrdId": str(request.params.get("clOrdId", "")), "sCode": refused.code, "sMsg": str(refused)}
            return Answer(200, to_json({"code": "1", "msg": "All operations failed", "data": [row]}))

    def _judged(self, endpoint: Endpoint, request: Request) -> Answer:
        if self.find("rate_limit", request) is not None:
            raise _too_many()
        key = None
        if endpoint.need != "none":
            key = self._keys.admit(request.method, request.target, request.body, request.headers, request.address)
            if endpoint.need == "trade" and not key.trade:
                raise OkxRefusal("50120", "This API key doesn't have permission to use this function", status=401)
        who: tuple[str, ...] = (key.account if key is not None else request.address, request.method, request.path)
        if endpoint.by_instrument:
            who += (request.instrument,)
        if not self._limits.ask("rate_limit", who, endpoint.most, endpoint.span_s):
            raise _too_many()
        if endpoint.orders and key is not None:
            for _ in request.items or (request.params,):
                if not self._limits.ask("order_rate_limit", (key.account,), _ACCOUNT_MOST, _ACCOUNT_SPAN_S):
                    raise OkxRefusal(*ORDER_ERRORS["too_many_orders"][:2], status=429)
        return self._run(endpoint, request, key)

    def _run(self, endpoint: Endpoint, request: Request, key: OkxKey | None) -> Answer:
        broken = self.find("order_error", request) if endpoint.need == "trade" else None
        if broken is not None and not broken.executed:
            return _order_error(broken)
        if endpoint.orders:  # the venue heeds it on new and amended orders only
            self._keys.check_expiry(request.headers.get("expTime", ""))
        stale = self.find("stale_reads", request) if endpoint.need == "read" else None
        as_of_s = self._wall_s() - stale.delay_s if stale is not None else None
        data = endpoint.run(Call(request.params, request.items, key, as_of_s))
        if broken is not None:
            return _order_error(broken)
        failed = [row for row in data if isinstance(row, dict) and row.get("sCode", "0") != "0"]
        code = "0" if not failed else "1" if len(failed) == len(data) else "2"
        message = {"0": "", "1": "All operations failed", "2": "Bulk operation partially succeeded."}[code]
        return Answer(200, to_json({"code": code, "msg": message, "data": data}))


def _too_many() -> OkxRefusal:
    return OkxRefusal("50011", "Too Many Requests", status=429)


def _order_error(fault: Fault) -> Answer:
    code, message, status = ORDER_ERRORS.get(fault.sort or "timeout", ORDER_ERRORS["timeout"])
    if not code:
        return Answer(status, f"<html><body>{message}</body></html>".encode(), html=True)
    return Answer(status, to_json({"code": code, "msg": message, "data": []}))
