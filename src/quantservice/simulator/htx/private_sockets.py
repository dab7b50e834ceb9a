"""HTX's private sockets: ``/ws/v2`` of spot (plain text) and ``/linear-swap-notification`` of the swap (gzip)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final
from urllib.parse import quote

from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.htx.requests import Guard
from quantservice.simulator.htx.sockets import Door, Peer
from quantservice.simulator.htx.spot_events import SpotEvents
from quantservice.simulator.htx.swap_events import SwapEvents
from quantservice.simulator.htx.wording import Refusal, account_number
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.disturbed import Disturbed
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.trading import AccountEvent

_SPOT_TOPICS: Final = ("orders", "trade.clearing", "accounts.update")
_SWAP_TOPICS: Final = ("orders_cross", "matchOrders_cross", "accounts_cross", "positions_cross")


class PrivateDoor(Door):
    """What both have: an account after the log-in, and its events to the topics it listens to."""

    def serve(self, desk: Desk, guard: Guard, faults: FaultScript) -> None:
        """Say whose events these are."""
        self.desk = desk
        self.guard = guard
        self.line = Disturbed(self.market, faults, self._deliver)
        desk.engine.listen(self.on_event)

    def left(self, peer: Peer) -> None:
        """A client is gone, and its account hears nothing more there."""
        peer.account = ""

    @abstractmethod
    def on_event(self, event: AccountEvent) -> None:
        """Turn an engine's event into messages and send them."""

    @abstractmethod
    def heard_by(self, peer: Peer, topic: str, message: bytes) -> bytes | None:
        """Return the message as a client hears it under its own topic; None where it does not."""

    def _deliver(self, account: str, name: str, message: bytes) -> None:
        topic = name.partition("|")[0]
        for peer in list(self.peers.values()):
            if peer.account == account:
                heard = self.heard_by(peer, topic, message)
                if heard is not None:
                    peer.say(heard)

    def _texts(self, peer: Peer, path: str, fields: dict[str, str]) -> list[str]:
        signed = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(fields.items()))
        return [f"GET\n{host}\n{path}\n{signed}" for host in peer.hosts]


class SpotPrivateDoor(PrivateDoor):
    """``/ws/v2``."""

    packed = False

    def serve(self, desk: Desk, guard: Guard, faults: FaultScript) -> None:
        """The same, with spot's words."""
        self._words = SpotEvents(desk)
        super().serve(desk, guard, faults)

    def ping(self, number: int) -> bytes:
        """The door's ping."""
        return to_json({"action": "ping", "data": {"ts": number}})

    def take(self, peer: Peer, message: dict[str, Any]) -> None:
        """Log in, subscribe, or answer a ping."""
        action, topic = message.get("action"), str(message.get("ch", ""))
        match action:
            case "pong":
                self.ponged(peer, (message.get("data") or {}).get("ts"))
            case "req" if topic == "auth":
                self._log_in(peer, message.get("params") or {})
            case "sub":
                known = topic.partition("#")[0] in _SPOT_TOPICS
                if not peer.account:
                    peer.say(to_json({"action": "sub", "code": 2002, "ch": topic, "message": "invalid.auth.state"}))
                elif not known:
                    peer.say(to_json({"action": "sub", "code": 2001, "ch": topic, "message": "invalid.ch"}))
                else:
                    peer.topics[topic] = topic
                    peer.say(to_json({"action": "sub", "code": 200, "ch": topic, "data": {}}))
            case "unsub":
                peer.topics.pop(topic, None)
                peer.say(to_json({"action": "unsub", "code": 200, "ch": topic, "data": {}}))

    def _log_in(self, peer: Peer, params: dict[str, Any]) -> None:
        names = ("accessKey", "signatureMethod", "signatureVersion", "timestamp")
        fields = {name: str(params.get(name, "")) for name in names}
        try:
            if fields["signatureVersion"] != "2.1" or params.get("authType") != "api":
                raise Refusal(2002, "invalid.auth.type")
            texts = self._texts(peer, "/ws/v2", fields)
            stamp, signature = fields["timestamp"], str(params.get("signature", ""))
            key = self.guard.check(fields["accessKey"], stamp, signature, texts, ("v2", self.market))
        except Refusal as refused:
            peer.say(to_json({"action": "req", "code": 2002, "ch": "auth", "message": f"auth.fail: {refused}"}))
            return
        peer.account = key.account
        peer.say(to_json({"action": "req", "code": 200, "ch": "auth", "data": {}}))

    def on_event(self, event: AccountEvent) -> None:
        """Turn an engine's event into messages and send them."""
        for topic, what, data in self._words.messages(event):
            self.line.send(event.account, f"{topic}|{what}", to_json(data))

    def heard_by(self, peer: Peer, topic: str, message: bytes) -> bytes | None:
        """``orders#btcusdt`` is heard by those who listen to it or to ``orders#*``."""
        base, _, symbol = topic.partition("#")
        for own in peer.topics:
            name, _, rest = own.partition("#")
            wanted = rest.partition("#")[0]
            if name == base and (base == "accounts.update" or wanted in ("*", symbol)):
                action = b"" if base == "trade.clearing" else b'"action":"push",'
                return b'{%b"ch":"%b","data":%b}' % (action, own.encode(), message)
        return None


class SwapPrivateDoor(PrivateDoor):
    """``/linear-swap-notification``."""

    def serve(self, desk: Desk, guard: Guard, faults: FaultScript) -> None:
        """The same, with the swap's words."""
        self._words = SwapEvents(desk)
        super().serve(desk, guard, faults)

    def ping(self, number: int) -> bytes:
        """The door's ping."""
        return to_json({"op": "ping", "ts": str(number)})

    def take(self, peer: Peer, message: dict[str, Any]) -> None:
        """Log in, subscribe, or answer a ping."""
        match message.get("op"):
            case "pong":
                self.ponged(peer, message.get("ts"))
            case "auth":
                self._log_in(peer, message)
            case "sub":
                self._subscribe(peer, str(message.get("topic", "")), message.get("cid", ""))
            case "unsub":
                topic = str(message.get("topic", ""))
                peer.topics.pop(topic.lower(), None)
                self._say(peer, "unsub", 0, cid=message.get("cid", ""), topic=topic)

    def _log_in(self, peer: Peer, message: dict[str, Any]) -> None:
        fields = {name: str(message.get(name, "")) for name in ("AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp")}
        stamp, signature = fields["Timestamp"], str(message.get("Signature", ""))
        texts = self._texts(peer, "/linear-swap-notification", fields)
        try:
            key = self.guard.check(fields["AccessKeyId"], stamp, signature, texts, ("swap", self.market))
        except Refusal as refused:
            self._say(peer, "auth", 2002, type="api", **{"err-msg": f"Authentication failure: {refused}"})
            return
        peer.account = key.account
        self._say(peer, "auth", 0, type="api", data={"user-id": str(account_number(key.account))})

    def _subscribe(self, peer: Peer, topic: str, cid: Any) -> None:
        name = topic.partition(".")[0]
        if not peer.account:
            self._say(peer, "sub", 2002, cid=cid, topic=topic, **{"err-msg": "unauthorized"})
            return
        if name not in _SWAP_TOPICS:
            self._say(peer, "sub", 2011, cid=cid, topic=topic, **{"err-msg": "Topic is invalid"})
            return
        peer.topics[topic.lower()] = topic
        self._say(peer, "sub", 0, cid=cid, topic=topic)
        for data in self._words.snapshot(peer.account, name):
            peer.say(to_json({"op": "notify", "topic": name, "ts": self.clock.server_ms(), "event": "snapshot", "data": data}))

    def _say(self, peer: Peer, op: str, code: int, **fields: Any) -> None:
        peer.say(to_json({"op": op, "ts": self.clock.server_ms(), "err-code": code} | fields))

    def on_event(self, event: AccountEvent) -> None:
        """Turn an engine's event into messages and send them."""
        for topic, what, message in self._words.messages(event):
            self.line.send(event.account, f"{topic}|{what}", to_json(message))

    def heard_by(self, peer: Peer, topic: str, message: bytes) -> bytes | None:
        """``orders_cross.btc-usdt`` is heard by those who listen to it or to ``orders_cross.*``."""
        name = topic.partition(".")[0]
        return message if topic in peer.topics or f"{name}.*" in peer.topics else None
