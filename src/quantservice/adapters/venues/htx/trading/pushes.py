"""HTX's private sockets, message by message: log-in, subscriptions, pings, and what is told of orders, fills and money."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.htx.trading.decode import Decoder, Reading, read
from quantservice.adapters.venues.htx.trading.signer import Signer
from quantservice.adapters.venues.htx.trading.table import TradingRow
from quantservice.adapters.venues.transport.private.inbox import Told
from quantservice.ports.trading import BalanceReport, VenueBalance

#: the key of an "answer" that is a question of the venue's: its text is the number that a pong repeats
PING = "ping"
#: a push is stamped when it is sent: what it tells of happened before that
_BEFORE_MS: Final = 2_000


class SpotTalk:
    """``/ws/v2``: plain text, actions."""

    def __init__(self, row: TradingRow, decoder: Decoder) -> None:
        self._row = row
        self._decoder = decoder

    def log_in(self, signer: Signer, url: str) -> bytes:
        """The log-in."""
        fields = {"authType": "api"} | signer.socket_fields(url, version="2.1")
        return msgspec.json.encode({"action": "req", "ch": "auth", "params": fields})

    def subscribe(self, topic: str) -> bytes:
        """Ask for a topic."""
        return msgspec.json.encode({"action": "sub", "ch": topic})

    def pong(self, number: str) -> bytes:
        """Answer a ping."""
        return msgspec.json.encode({"action": "pong", "data": {"ts": int(number)}})

    def decode(self, payload: bytes) -> Told:
        """Return what a message says; raises MalformedFrame."""
        message = read(payload)
        with Reading():
            action, topic = message.get("action"), str(message.get("ch", ""))
            if action == "ping":
                return Told(answer=(PING, True, str(int(message["data"]["ts"]))))
            if action in ("req", "sub"):
                good = message.get("code") == 200
                return Told(answer=(topic, good, "" if good else f"{message.get('message', '')} (code {message.get('code')})"))
            data = message.get("data")
            if isinstance(data, dict):
                return self._push(topic.partition("#")[0], data)
        return Told()

    def _push(self, topic: str, data: Mapping[str, Any]) -> Told:
        if topic == "trade.clearing":
            return Told((self._decoder.spot_trade(data),)) if data["eventType"] == "trade" else Told()
        if topic == "orders" and data["eventType"] in ("creation", "trade", "cancellation"):
            return Told((self._decoder.spot_push(data),))
        if topic == "accounts.update" and data.get("balance") is not None:
            total, free = Decimal(data["balance"]), Decimal(data.get("available") or data["balance"])
            changed = int(data.get("changeTime") or 0)
            balance = VenueBalance(currency=str(data["currency"]).upper(), total=total, free=free)
            report = BalanceReport(account=self._decoder.account, balances=(balance,), time_ms=changed)
            kind = str(data.get("changeType") or "")
            return Told((report,), moved_ms=changed - _BEFORE_MS if kind and not kind.startswith("order.") else 0)
        return Told()


class SwapTalk:
    """``/linear-swap-notification``: packed, ops."""

    def __init__(self, row: TradingRow, decoder: Decoder) -> None:
        self._row = row
        self._decoder = decoder

    def log_in(self, signer: Signer, url: str) -> bytes:
        """The log-in."""
        return msgspec.json.encode({"op": "auth", "type": "api"} | signer.socket_fields(url, version="2"))

    def subscribe(self, topic: str) -> bytes:
        """Ask for a topic."""
        return msgspec.json.encode({"op": "sub", "cid": topic, "topic": topic})

    def pong(self, number: str) -> bytes:
        """Answer a ping."""
        return msgspec.json.encode({"op": "pong", "ts": number})

    def decode(self, payload: bytes) -> Told:
        """Return what a message says; raises MalformedFrame."""
        message = read(payload)
        with Reading():
            op = message.get("op")
            if op == "ping":
                return Told(answer=(PING, True, str(message["ts"])))
            if op in ("auth", "sub"):
                good = message.get("err-code") == 0
                said = "" if good else f"{message.get('err-msg', '')} (code {message.get('err-code')})"
                return Told(answer=("auth" if op == "auth" else str(message.get("topic", "")), good, said))
            if op in ("close", "error"):
                return Told(ends=f"the venue ends the stream: {message.get('err-msg', op)}")
            if op == "notify":
                return self._push(str(message["topic"]).partition(".")[0], message)
        return Told()

    def _push(self, topic: str, message: Mapping[str, Any]) -> Told:
        decoder, time_ms = self._decoder, int(message.get("ts") or 0)
        if topic == "orders_cross":
            return Told(tuple(decoder.swap_push(message)))
        event = str(message.get("event") or "")
        if event in ("snapshot", "init"):
            return Told()  # the snapshot that is asked for tells it whole
        if topic == "accounts_cross":
            balances = tuple(decoder.swap_balance(row) for row in message["data"])
            report = BalanceReport(account=decoder.account, balances=balances, reason=event, time_ms=time_ms)
            return Told((report,), moved_ms=0 if event.startswith("order.") else time_ms - _BEFORE_MS)
        if topic == "positions_cross":
            positions = tuple(decoder.position(row) for row in message["data"])
            return Told((BalanceReport(account=decoder.account, positions=positions, reason=event, time_ms=time_ms),))
        return Told()
