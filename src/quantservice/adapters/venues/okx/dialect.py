"""How OKX calls, words and places streams: what a feed needs to know of one of its markets."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from quantservice.adapters.venues.okx.catalog import Catalog
from quantservice.adapters.venues.okx.decode_ws import Decoder
from quantservice.adapters.venues.okx.history import OkxHistory
from quantservice.adapters.venues.okx.spec import BARS, VENUE, OkxEndpoints, OkxRow
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.book import SyncRule
from quantservice.core.events import BookSnapshot, Kind, MarketEvent, StreamId

_MOST_OPEN = 4_000


class _Asked(msgspec.Struct):
    """A request whose names are answered one by one."""

    number: int
    left: int
    good: int = 0
    detail: str = ""


class OkxRequests:
    """How OKX words requests: ``{"id":"7","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}``.

    Each name is answered for itself; the request is answered when all of its names are. One good answer makes it good: a name that
    was refused stays silent and is found by that, and the others go on.
    """

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._asked: dict[str, _Asked] = {}
        self._waiting: dict[str, deque[str]] = {}

    def subscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for streams."""
        return self._request("subscribe", names, number)

    def unsubscribe(self, names: Sequence[str], number: int) -> bytes:
        """Ask for no more of them."""
        return self._request("unsubscribe", names, number)

    def heartbeat(self) -> bytes | None:
        """A connection on which nothing was said for 30 s is cut; this is answered by ``pong``."""
        return b"ping"

    def answered(self, message: ControlMessage) -> ControlMessage | None:
        """Take the answer to one name (or an error, by the request's id); return that to the request once it is whole."""
        key = self._key_of(message)
        asked = self._asked.get(key)
        if asked is None:
            return None
        asked.left -= 1
        asked.good += message.name == "answer"
        if message.name == "error":
            asked.detail = f"{message.message[:200]} (code {message.code})"
        if asked.left > 0:
            return None
        del self._asked[key]
        name = "answer" if asked.good else "error"
        return ControlMessage(name=name, id=asked.number, code=message.code, message=asked.detail)

    def _key_of(self, message: ControlMessage) -> str:
        if message.name == "error":
            return str(message.id) if message.id is not None else next(iter(self._asked), "")
        waiting = self._waiting.get(str(message.id))
        return waiting.popleft() if waiting else ""

    def _request(self, operation: str, names: Sequence[str], number: int) -> bytes:
        key = str(next(self._ids))
        if len(self._asked) >= _MOST_OPEN:  # answers of connections that were lost never came
            self._asked.clear()
            self._waiting.clear()
        self._asked[key] = _Asked(number, len(names))
        args: list[dict[str, Any]] = []
        for name in names:
            channel, _, inst_id = name.partition(":")
            args.append({"channel": channel, "instId": inst_id})
            self._waiting.setdefault(name, deque()).append(key)
        return msgspec.json.encode({"id": key, "op": operation, "args": args})


class OkxDialect:
    """One market of OKX."""

    venue = VENUE
    sync_rule = SyncRule.FUTURES
    streams_per_connection = 1_000

    def __init__(self, row: OkxRow, endpoints: OkxEndpoints, *, catalog: Catalog, history: OkxHistory) -> None:
        self.requests = OkxRequests()
        self._row = row
        self._endpoints = endpoints
        self._catalog = catalog
        self._history = history
        self._decoder = Decoder(row, catalog)

    @property
    def market(self) -> str:
        """The market's name."""
        return self._row.market

    @property
    def unknown_frames(self) -> int:
        """How many frames came that are of no known stream."""
        return sum(self._decoder.unknown.values())

    async def load(self) -> None:
        """Make sure that the list of instruments is known."""
        await self._history.load()

    def name_of(self, stream: StreamId) -> str | None:
        """The venue's name of a stream (``candle1m:BTC-USDT``); None where it does not list or serve it."""
        known, channel = self._catalog.find(stream.instrument), self._row.channels.get(stream.kind)
        if known is None or channel is None:
            return None
        bar = ""
        if stream.kind is Kind.KLINE:
            bar = BARS.get(stream.period, "")
            if not bar:
                return None
        return f"{channel.name}{bar}:{known.instrument.venue_symbol}"

    def route_of(self, stream: StreamId) -> str:
        """The section that serves a stream."""
        return self._row.channels[stream.kind].section

    def urls(self, route: str) -> Sequence[str]:
        """The URL of a section."""
        return [self._endpoints.socket("business" if route == "business" else "public")]

    def decode(self, payload: bytes, recv_ns: int) -> MarketEvent | tuple[MarketEvent, ...] | ControlMessage | None:
        """Return what a frame says; the answer to a request when all of its names were answered."""
        event = self._decoder.decode(payload, recv_ns)
        if isinstance(event, ControlMessage) and event.name in ("answer", "error"):
            return self.requests.answered(event)
        return event

    async def book_snapshot(self, stream: StreamId) -> BookSnapshot | None:
        """A book's snapshot comes with its subscription, and with nothing else."""
        return None
