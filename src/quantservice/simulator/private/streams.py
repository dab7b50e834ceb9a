"""User data streams: listen keys, who listens to which account, and what the engine's events become on the wire."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import msgspec

from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.hub import Connection
from quantservice.simulator.private.config import TradingConfig
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.disturbed import Disturbed
from quantservice.simulator.private.events_futures import FuturesEvents
from quantservice.simulator.private.events_spot import SpotEvents
from quantservice.simulator.protocol.text import frame, to_json
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.trading import AccountEvent

Wrap = Callable[[bytes], bytes]


class ListenKey(msgspec.Struct):
    """A key to one account's stream; ``ends_s`` is on the wall clock."""

    key: str
    account: str
    ends_s: float


class _Listener(msgspec.Struct, frozen=True):
    connection: Connection
    account: str
    wrap: Wrap
    listen_key: str = ""


class UserStreams:
    """One market's user data streams."""

    def __init__(
        self, desk: Desk, config: TradingConfig, faults: FaultScript, *, wall_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.market = desk.market
        self._desk = desk
        self._config = config
        self._wall_s = wall_s
        self._keys: dict[str, ListenKey] = {}
        self._made = 0
        self._listeners: dict[tuple[int, str], _Listener] = {}
        self._line = Disturbed(desk.market, faults, self._deliver)
        self.sent = 0
        self._words = SpotEvents(desk) if desk.market == "spot" else FuturesEvents(desk)
        desk.engine.listen(self.on_event)

    # --- listen keys -----------------------------------------------------------------------------------------------------

    def open_key(self, account: str) -> str:
        """Return the account's listen key, made or prolonged."""
        found = next((key for key in self._keys.values() if key.account == account), None)
        if found is None:
            self._made += 1
            text = hashlib.sha256(f"{self.market}:{account}:{self._made}:{self._desk.now_ms()}".encode()).hexdigest()
            found = self._keys[text] = ListenKey(text, account, 0.0)
        found.ends_s = self._wall_s() + self._config.listen_key_s
        return found.key

    def keep_key(self, account: str) -> str:
        """Prolong the account's listen key; refused where there is none."""
        if not any(key.account == account for key in self._keys.values()):
            raise VenueRefusal(-1125, "This listenKey does not exist.")
        return self.open_key(account)

    def close_key(self, account: str) -> None:
        """Give the account's listen key up."""
        for key in [key for key in self._keys.values() if key.account == account]:
            self._end_key(key, told=False)

    def account_of(self, key: str) -> str | None:
        """The account of a listen key that lives."""
        found = self._keys.get(key)
        return found.account if found is not None else None

    def expire_keys(self) -> int:
        """End every listen key now, as the venue does after an hour without a renewal."""
        keys = list(self._keys.values())
        for key in keys:
            self._end_key(key, told=True)
        return len(keys)

    def tick(self) -> None:
        """End listen keys that nobody prolonged."""
        now = self._wall_s()
        for key in [key for key in self._keys.values() if now >= key.ends_s]:
            self._end_key(key, told=True)

    def _end_key(self, key: ListenKey, *, told: bool) -> None:
        del self._keys[key.key]
        event = {"e": "listenKeyExpired", "E": self._desk.exchange.clock.server_ms(), "listenKey": key.key}
        for place, listener in list(self._listeners.items()):
            if listener.listen_key == key.key:
                if told:
                    self._write(listener, to_json(event))
                del self._listeners[place]

    # --- listeners -------------------------------------------------------------------------------------------------------

    def attach(self, connection: Connection, account: str, wrap: Wrap, *, place: str = "", listen_key: str = "") -> None:
        """Let a connection hear an account's events."""
        self._listeners[connection.number, place] = _Listener(connection, account, wrap, listen_key)

    def detach(self, connection: Connection, place: str | None = None) -> None:
        """Let a connection hear no more: one subscription of it, or all."""
        for key in [key for key in self._listeners if key[0] == connection.number and place in (None, key[1])]:
            del self._listeners[key]

    # --- events ----------------------------------------------------------------------------------------------------------

    def on_event(self, event: AccountEvent) -> None:
        """Turn an engine's event into messages and send them."""
        for name, payload in self._words.messages(event):
            self._line.send(event.account, name, to_json(payload))

    def tell(self, account: str, name: str, payload: dict[str, Any]) -> None:
        """Send an event that does not come from the engine."""
        self._line.send(account, name, to_json(payload))

    def _deliver(self, account: str, _name: str, payload: bytes) -> None:
        for listener in list(self._listeners.values()):
            if listener.account == account:
                self._write(listener, payload)

    def _write(self, listener: _Listener, payload: bytes) -> None:
        self.sent += 1
        listener.connection.queue(frame(listener.wrap(payload)))
        listener.connection.flush()
