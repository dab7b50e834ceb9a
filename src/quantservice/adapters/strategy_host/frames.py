"""What the owner and a strategy's process say to each other: length-prefixed msgpack, one answer to each request."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from quantservice.core.signals import CancelOrders, OrderRequest, OrderUpdate, Signal
from quantservice.ports import HostedAccount, HostedBar, HostedBars, HostedStrategy

LENGTH_BYTES: Final = 4
MOST_BYTES: Final = 256 * 1024 * 1024


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Make the strategy."""

    hosted: HostedStrategy


class WarmUp(msgspec.Struct, frozen=True, tag="warm_up"):
    """Take past klines silently."""

    tables: list[HostedBars]
    state: dict[str, Any] | None = None


class Feed(msgspec.Struct, frozen=True, tag="feed"):
    """Take klines that closed together."""

    bars: list[HostedBar]
    account: HostedAccount | None = None


class Told(msgspec.Struct, frozen=True, tag="told"):
    """An order was updated."""

    update: OrderUpdate
    account: HostedAccount | None = None


class Rebuild(msgspec.Struct, frozen=True, tag="rebuild"):
    """Begin again from other klines."""

    tables: list[HostedBars]


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """Say what a restart needs."""


Request: TypeAlias = Open | WarmUp | Feed | Told | Rebuild | Snapshot


class Reply(msgspec.Struct, frozen=True):
    """The answer to a request. ``fault`` is the strategy's (raised) or the person's (refused) and then ends the conversation."""

    decisions: list[Signal | OrderRequest | CancelOrders] = []
    count: int = 0
    state: dict[str, Any] | None = None
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
