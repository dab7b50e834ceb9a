"""The words of the client protocol: requests in, answers and pushes out.

A request: ``{"action":"query","symbol":"ETHUSDT","market":"um","period":"1m","start_ms":1640995200000,"limit":1000}``.
Its answer: ``{"action":"query_response","success":true,"data":[{"open_time":…,"open":"3800.50",…}],"total":1000,"has_more":true}``.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec

from quantservice.core.errors import InvalidValue, QuantServiceError, StoreUnavailable, UnknownName
from quantservice.core.events import Kline
from quantservice.core.instruments import AmbiguousSymbol, Instrument

ACTIONS: Final = ("query", "subscribe", "subscribe_incremental", "unsubscribe", "ping", "auth")
INTERNAL: Final = "the request could not be answered; the server's log says why"
_LARGEST_MS: Final = 8_640_000_000_000_000  # the latest instant a JavaScript Date can hold

Short = Annotated[str, msgspec.Meta(max_length=64)]
Instant = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST_MS)]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client may send; which fields count depends on ``action``. Times are UTC milliseconds, ``end_ms`` is exclusive."""

    action: Short
    symbol: Short = ""
    market: Short | None = None
    period: Short = ""
    venue: Short | None = None
    start_ms: Instant | None = None
    end_ms: Instant | None = None
    limit: int | None = None
    poll_interval_ms: int = 1_000
    compress: Literal["gzip", "none", ""] = ""
    api_key: Annotated[str, msgspec.Meta(max_length=200)] = ""
    id: Annotated[str, msgspec.Meta(max_length=128)] | Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] | None = None


class ProtocolError(Exception):
    """A refusal with its stable code."""

    def __init__(self, code: str, message: str, *, retry_after_ms: int | None = None) -> None:
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms
        super().__init__(message)


_decoder: Final = msgspec.json.Decoder(Request)
_encoder: Final = msgspec.json.Encoder()


def decode(payload: bytes | memoryview) -> Request:
    """Read one request; raise ProtocolError(bad_request) with a sentence for anything else."""
    try:
        request = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError("bad_request", f"the message is not a request: {error}") from None
    if request.action not in ACTIONS:
        raise ProtocolError("unknown_action", f"unknown action {request.action!r}; known are {', '.join(ACTIONS)}")
    return request


def encode(action: str, fields: dict[str, Any], request: Request | None = None) -> bytes:
    """Write an answer that says yes; the request's id is echoed."""
    return _encoder.encode({"action": action, "success": True, **fields, **_echo(request)})


def encode_error(error: ProtocolError, request: Request | None = None) -> bytes:
    """Write an answer that says no."""
    detail: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.retry_after_ms is not None:
        detail["retry_after_ms"] = error.retry_after_ms
    action = {"action": f"{request.action}_response"} if request is not None else {}
    return _encoder.encode({**action, "success": False, "error": detail, **_echo(request)})


def as_protocol_error(error: QuantServiceError) -> ProtocolError:
    """Translate an error of ours into its stable code."""
    message = str(error)
    if isinstance(error, AmbiguousSymbol):
        return ProtocolError("ambiguous_symbol", message)
    if isinstance(error, UnknownName):
        code = {"symbol": "unknown_symbol", "market": "unknown_market", "period": "invalid_period", "venue": "unknown_venue"}
        return ProtocolError(code.get(error.field, "bad_request"), message)
    if isinstance(error, InvalidValue):
        return ProtocolError("unknown_symbol" if error.field == "instrument" else "bad_request", message)
    if isinstance(error, StoreUnavailable):
        return ProtocolError("unavailable", "the store does not answer now; ask again in a moment")
    return ProtocolError("internal", INTERNAL)


def kline_row(kline: Kline) -> bytes:
    """Write one stored kline as JSON, decimals as plain strings."""
    return b"{%b}" % _members(kline)


def live_row(kline: Kline) -> bytes:
    """Write one live kline as JSON: a stored one's members and whether it is closed."""
    return b'{%b,"closed":%b}' % (_members(kline), b"true" if kline.closed else b"false")


def push_payload(action: str, head: bytes, rows: Iterable[bytes]) -> bytes:
    """Write a push; ``head`` names the stream (see :func:`stream_head`)."""
    return b'{"action":"%b","success":true,%b,"data":[%b]}' % (action.encode(), head, b",".join(rows))


def stream_head(instrument: Instrument, period: str) -> bytes:
    """Write the members that name a stream, once per stream."""
    return _encoder.encode(stream_fields(instrument, period))[1:-1]


def stream_fields(instrument: Instrument, period: str) -> dict[str, Any]:
    """Name a stream as every answer and push about it does."""
    return {
        "symbol": instrument.venue_symbol,
        "market": instrument.id.market,
        "period": period,
        "venue": instrument.id.venue,
        "instrument": str(instrument.id),
    }


def rows_field(rows: Iterable[bytes]) -> msgspec.Raw:
    """Join encoded rows into one JSON array."""
    return msgspec.Raw(b"[%b]" % b",".join(rows))


def compressed(payload: bytes) -> bytes:
    """Compress a payload for a binary frame; level 1, for this is about wire time and not about storage."""
    return gzip.compress(payload, compresslevel=1, mtime=0)


def _members(kline: Kline) -> bytes:
    return (
        f'"open_time":{kline.open_time},"close_time":{kline.close_time},"open":"{kline.open:f}","high":"{kline.high:f}",'
        f'"low":"{kline.low:f}","close":"{kline.close:f}","volume":"{kline.volume:f}","quote_volume":"{kline.quote_volume:f}",'
        f'"count":{kline.count},"taker_buy_base_volume":"{kline.taker_buy_base_volume:f}",'
        f'"taker_buy_quote_volume":"{kline.taker_buy_quote_volume:f}"'
    ).encode()


def _echo(request: Request | None) -> dict[str, Any]:
    return {"id": request.id} if request is not None and request.id is not None else {}
