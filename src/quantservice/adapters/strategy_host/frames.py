"""What the owner and a strategy's process say to each other: length-prefixed msgpack, one answer to each request."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from quantservice.core.signals import CancelOrders, OrderRequest, OrderUpdate, Signal
from quantservice.ports import (
    HostedAccount,
    HostedBar,
    HostedBars,
    HostedRate,
    HostedReplay,
    HostedReplayed,
    HostedStrategy,
    HostedTicker,
    HostedWants,
)

LENGTH_BYTES: Final = 4
MOST_BYTES: Final = 256 * 1024 * 1024


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Make the strategy."""

    hosted: HostedStrategy


class WarmUp(msgspec.Struct, frozen=True, tag="warm_up"):
    """Take past klines silently."""

    tables: list[HostedBars]
    state: dict[str, Any] | None = None
    rates: list[HostedRate] = []


class Feed(msgspec.Struct, frozen=True, tag="feed"):
    """Take klines that closed together, after what was settled and what became of orders since the last close."""

    bars: list[HostedBar]
    account: HostedAccount | None = None
    updates: list[OrderUpdate] = []
    rates: list[HostedRate] = []
    muted: bool = False


class Ticked(msgspec.Struct, frozen=True, tag="ticked"):
    """The market between klines."""

    ticker: HostedTicker
    account: HostedAccount | None = None


class Rebuild(msgspec.Struct, frozen=True, tag="rebuild"):
    """Begin again from other klines."""

    tables: list[HostedBars]
    rates: list[HostedRate] = []


class Replay(msgspec.Struct, frozen=True, tag="replay"):
    """Do a run again by the backtester."""

    replay: HostedReplay


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """Say what a restart needs."""


Request: TypeAlias = Open | WarmUp | Feed | Ticked | Rebuild | Replay | Snapshot


class Reply(msgspec.Struct, frozen=True):
    """The answer to a request. ``wants`` is said at the opening, ``acts`` and ``window_bars`` always.

    ``fault`` is the strategy's (raised) or the person's (refused) and then ends the conversation.
    """

    decisions: list[Signal | OrderRequest | CancelOrders] = []
    count: int = 0
    state: dict[str, Any] | None = None
    replayed: HostedReplayed | None = None
    wants: HostedWants | None = None
    acts: bool = False
    window_bars: int = 0
    fault: str = ""  # "" | raised | refused
    sentence: str = ""
    trace: str = ""


_ENCODER: Final = msgspec.msgpack.Encoder()
_REQUESTS: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_REPLIES: Final = msgspec.msgpack.Decoder(Reply)


def encode(frame: Request | Reply) -> bytes:
    """Return a frame with its length in front."""
    content = _ENCODER.encode(frame)
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def decode_request(content: bytes) -> Request:
    """Read a request."""
    return _REQUESTS.decode(content)


def decode_reply(content: bytes) -> Reply:
    """Read an answer."""
    return _REPLIES.decode(content)
