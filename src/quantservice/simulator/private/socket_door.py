"""Private WebSockets: user data streams behind a listen key, and the WS-API with its signed requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from quantservice.simulator.config import Limits, MarketName
from quantservice.simulator.exchange import MarketState
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.hub import Connection, Hub
from quantservice.simulator.private.counter import Answer, Counter, Request
from quantservice.simulator.private.keys import KeyRing
from quantservice.simulator.private.streams import UserStreams
from quantservice.simulator.protocol.text import frame, to_json
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.sockets import SocketDoor

#: WS-API method: HTTP method and path that do the same, per market
_SPOT: Final = {
    "order.place": ("POST", "/api/v3/order"),
    "order.test": ("POST", "/api/v3/order/test"),
    "order.cancel": ("DELETE", "/api/v3/order"),
    "order.status": ("GET", "/api/v3/order"),
    "order.cancelReplace": ("POST", "/api/v3/order/cancelReplace"),
    "order.amend.keepPriority": ("PUT", "/api/v3/order/amend/keepPriority"),
    "openOrders.status": ("GET", "/api/v3/openOrders"),
    "openOrders.cancelAll": ("DELETE", "/api/v3/openOrders"),
    "allOrders": ("GET", "/api/v3/allOrders"),
    "myTrades": ("GET", "/api/v3/myTrades"),
    "account.status": ("GET", "/api/v3/account"),
    "account.commission": ("GET", "/api/v3/account/commission"),
    "account.rateLimits.orders": ("GET", "/api/v3/rateLimit/order"),
}
_UM: Final = {
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "account.status": ("GET", "/fapi/v2/account"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
}
_CM: Final = {
    "order.place": ("POST", "/dapi/v1/order"),
    "order.modify": ("PUT", "/dapi/v1/order"),
    "order.cancel": ("DELETE", "/dapi/v1/order"),
    "order.status": ("GET", "/dapi/v1/order"),
    "account.balance": ("GET", "/dapi/v1/balance"),
    "account.status": ("GET", "/dapi/v1/account"),
    "account.position": ("GET", "/dapi/v1/positionRisk"),
}
METHODS: Final[dict[MarketName, dict[str, tuple[str, str]]]] = {"spot": _SPOT, "um": _UM, "cm": _CM}
#: numbers keep the text they were sent with, for the signature is over that
_DECODER: Final = msgspec.json.Decoder(dict[str, Any], float_hook=str)


class PrivateHub(Hub):
    """A market's private connections; says which one is gone."""

    def __init__(self, market: MarketName, limits: Limits, referee: Referee) -> None:
        super().__init__(market, limits, referee)
        self.gone: list[Callable[[Connection], None]] = []

    def leave(self, connection: Connection) -> None:
        """Let a connection go."""
        super().leave(connection)
        for tell in self.gone:
            tell(connection)


class _Session(msgspec.Struct):
    """One WS-API connection: who logged on, and its subscriptions to user data."""

    connected_ms: int
    key: str = ""
    since_ms: int = 0
    next_subscription: int = 0
    subscriptions: list[int] = msgspec.field(default_factory=list)


class PrivateDoor(SocketDoor):
    """Takes in the private WebSocket clients of one market, under the same rules of rate, pings and life as the public ones."""

    def __init__(
        self,
        state: MarketState,
        hub: PrivateHub,
        limits: Limits,
        referee: Referee,
        faults: FaultScript,
        *,
        counter: Counter,
        keys: KeyRing,
        streams: UserStreams,
    ) -> None:
        super().__init__(state, hub, limits, referee, faults)
        self._counter = counter
        self._keys = keys
        self._streams = streams
        self._sessions: dict[int, _Session] = {}
        hub.gone.append(self.forget)

    # --- user data streams -----------------------------------------------------------------------------------------------

    async def handle_stream(self, request: web.Request) -> web.StreamResponse:
        """Serve a user data stream: the listen key is in the query, or is the stream's name."""
        return await self.handle(request, "private", combined=request.path.endswith("/stream"))

    def listen_key(self, request: web.Request) -> str:
        """Return the living listen key that a handshake names; empty where it names none."""
        named = [request.query.get("listenKey", ""), request.match_info.get("stream", "")]
        named += request.query.get("streams", "").split("/")
        return next((key for key in named if key and self._streams.account_of(key) is not None), "")

    def _subscribe_from_url(self, connection: Connection, request: web.Request, section: str) -> bool:
        if section == "ws-api":
            self._sessions[connection.number] = _Session(self._state.clock.server_ms())
            return True
        key = self.listen_key(request)
        if key:
            self._attach(connection, key)
        return True

    def _attach(self, connection: Connection, key: str) -> None:
        account = self._streams.account_of(key) or ""
        name = key.encode()
        wrap: Callable[[bytes], bytes] = (
            (lambda payload: b'{"stream":"%b","data":%b}' % (name, payload)) if connection.combined else _as_is
        )
        self._streams.attach(connection, account, wrap, place=key, listen_key=key)

    def _subscribe(self, connection: Connection, params: list[str], section: str, number: object) -> bytes:
        for key in params:
            if self._streams.account_of(key) is not None:
                self._attach(connection, key)
        return to_json({"result": None, "id": number})

    # --- WS-API ----------------------------------------------------------------------------------------------------------

    async def handle_api(self, request: web.Request) -> web.StreamResponse:
        """Serve a WS-API connection."""
        return await self.handle(request, "ws-api", combined=False)

    def _within_rate(self, connection: Connection) -> bool:
        # the WS-API counts weight and orders, not messages
        return connection.number in self._sessions or super()._within_rate(connection)

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._streams.detach(connection)
        self._sessions.pop(connection.number, None)

    def _command(self, connection: Connection, text: str, section: str) -> bytes:
        if section != "ws-api":
            return super()._command(connection, text, section)
        return self._api(connection, text)

    def _api(self, connection: Connection, text: str) -> bytes:
        try:
            asked = _DECODER.decode(text)
        except msgspec.DecodeError:
            return _failure(None, 400, -1000, "Invalid JSON.")
        number, method = asked.get("id"), str(asked.get("method", ""))
        sent = asked.get("params") or {}
        if not isinstance(sent, dict):
            return _failure(number, 400, -1100, "Illegal params: an object is expected.")
        params = {name: _text(value) for name, value in sent.items()}
        session = self._sessions[connection.number]
        try:
            own = self._session_method(connection, session, method, params)
        except VenueRefusal as refused:
            return _failure(number, refused.status, refused.code, str(refused))
        if own is not None:
            return to_json({"id": number, "status": 200, "result": own})
        known = METHODS[self._market].get(method)
        if known is None:
            return _failure(number, 400, -1101, f"Unknown method: {method}")
        return self._carry_out(connection, session, number, method, (known, params))

    def _carry_out(
        self, connection: Connection, session: _Session, number: object, method: str, what: tuple[tuple[str, str], dict[str, str]]
    ) -> bytes:
        (verb, path), params = what
        request = self._request(connection, session, verb, path, params)
        request = msgspec.structs.replace(request, label=method)
        find = self._counter.find
        if find("lost_request", request) is not None:
            connection.cut()
            return b""
        held = find("held_request", request)
        if held is not None:
            asyncio.get_running_loop().call_later(held.delay_s, self._answer_later, connection, number, request)
            if held.to == "cut":
                connection.cut()
            return b""
        return self._answer(connection, number, request, self._counter.handle(request))

    def _answer_later(self, connection: Connection, number: object, request: Request) -> None:
        data = self._answer(connection, number, request, self._counter.handle(request))
        if data:
            connection.queue(frame(data))
            connection.flush()

    def _answer(self, connection: Connection, number: object, request: Request, answer: Answer) -> bytes:
        if answer.lost:
            connection.cut()
            return b""
        limits = [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": self._counter.most_weight,
                "count": self._counter.used(connection.address),
            }
        ]
        try:
            if request.method in ("POST", "PUT"):
                account = self._keys.known(request.key, self._market, "key", request.address).account
                limits = self._counter.orders.rows(account) + limits
        except VenueRefusal:
            pass  # a key that is not known has placed no orders to count
        shape = {"id": number, "status": answer.status}
        body = msgspec.Raw(answer.body)
        return to_json(shape | ({"result": body} if answer.good else {"error": body}) | {"rateLimits": limits})

    def _request(self, connection: Connection, session: _Session, verb: str, path: str, params: dict[str, str]) -> Request:
        signature = params.pop("signature", "")
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        key = params.pop("apiKey", "")
        signed = not key and bool(session.key)
        return Request(verb, path, params, key or session.key, payload, signature, connection.address, signed)

    def _session_method(self, connection: Connection, session: _Session, method: str, params: dict[str, str]) -> Any:
        """Carry out what concerns the connection itself; None where the method is another's."""
        match method:
            case "ping":
                return {}
            case "time":
                return {"serverTime": self._state.clock.server_ms()}
            case "session.logon":
                return self._log_on(connection, session, params)
            case "session.status":
                return self._status(session)
            case "session.logout":
                session.key, session.since_ms = "", 0
                return self._status(session)
            case "session.subscriptions":
                return [{"subscriptionId": item} for item in session.subscriptions]
            case "userDataStream.subscribe" | "userDataStream.subscribe.signature" if self._market == "spot":
                return self._subscribe_user(connection, session, params, signed=method.endswith("signature"))
            case "userDataStream.unsubscribe" if self._market == "spot":
                return self._unsubscribe_user(connection, session, params)
            case "userDataStream.start" | "userDataStream.ping" | "userDataStream.stop" if self._market != "spot":
                return self._listen_key_method(connection, method, params)
            case _:
                return None

    def _log_on(self, connection: Connection, session: _Session, params: dict[str, str]) -> dict[str, Any]:
        request = self._request(connection, session, "POST", "session.logon", params)
        key = self._keys.known(request.key, self._market, "read", connection.address)
        if self._keys.uses_hmac(key):
            raise VenueRefusal(-4056, "HMAC_SHA256 API key is not supported.")
        self._keys.check_time(key, request.params, self._market)
        self._keys.check_signature(key, request.payload, request.signature, self._market)
        session.key, session.since_ms = key.key, self._state.clock.server_ms()
        return self._status(session)

    def _status(self, session: _Session) -> dict[str, Any]:
        return {
            "apiKey": session.key or None,
            "authorizedSince": session.since_ms or None,
            "connectedSince": session.connected_ms,
            "returnRateLimits": True,
            "serverTime": self._state.clock.server_ms(),
            "userDataStream": bool(session.subscriptions),
        }

    def _subscribe_user(self, connection: Connection, session: _Session, params: dict[str, str], *, signed: bool) -> dict[str, Any]:
        if signed:
            request = self._request(connection, session, "POST", "userDataStream.subscribe.signature", params)
            key = self._keys.known(request.key, self._market, "read", connection.address)
            self._keys.check_time(key, request.params, self._market)
            self._keys.check_signature(key, request.payload, request.signature, self._market)
        else:
            if not session.key:
                raise VenueRefusal(-1002, "You are not authorized to execute this request.", status=401)
            key = self._keys.known(session.key, self._market, "read", connection.address)
        number = session.next_subscription
        session.next_subscription += 1
        session.subscriptions.append(number)
        head = f'{{"subscriptionId":{number},"event":'.encode()
        self._streams.attach(connection, key.account, lambda payload: head + payload + b"}", place=str(number))
        return {"subscriptionId": number}

    def _unsubscribe_user(self, connection: Connection, session: _Session, params: dict[str, str]) -> dict[str, Any]:
        named = params.get("subscriptionId", "")
        for number in [item for item in session.subscriptions if named in ("", str(item))]:
            session.subscriptions.remove(number)
            self._streams.detach(connection, str(number))
        return {}

    def _listen_key_method(self, connection: Connection, method: str, params: dict[str, str]) -> dict[str, Any]:
        account = self._keys.known(params.get("apiKey", ""), self._market, "key", connection.address).account
        if method.endswith("stop"):
            self._streams.close_key(account)
            return {}
        opened = self._streams.open_key(account) if method.endswith("start") else self._streams.keep_key(account)
        return {"listenKey": opened}


def _as_is(payload: bytes) -> bytes:
    return payload


def _failure(number: object, status: int, code: int, message: str) -> bytes:
    return to_json({"id": number, "status": status, "error": {"code": code, "msg": message}})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
