"""The page's WebSocket, ``/ws``: what travels each way. Not HTTP, so these models are added to OpenAPI by hand."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from quantservice.web.models.common import Answer, Body, DecimalText, Millis
from quantservice.web.models.risk import RiskStateRow
from quantservice.web.models.system import ConnectionState, HistoryProgress, QueueState, Throughput, WeightState


class LiveRequest(Body):
    """What a client says. Topics: `kline:<instrument>:<period>`, `tickers`, `feed`, `gaps`, `revisions`, `system`, `status`."""

    action: Literal["subscribe", "unsubscribe", "resume", "ping"]
    topics: list[str] = Field(default_factory=list, max_length=200, examples=[["kline:binance:um:BTC-USDT-PERP:1m", "status"]])
    session: str | None = Field(default=None, description="resume: the `session` of the last welcome.", examples=["9f2c41"])
    last_seq: int | None = Field(default=None, ge=0, description="resume: the last `seq` that was seen.", examples=[1041])
    id: str | int | None = Field(default=None, description="Given back in the reply.", examples=[1])


class LiveReply(Answer):
    """What the server says of the conversation itself."""

    type: Literal["welcome", "subscribed", "unsubscribed", "resumed", "reset", "pong", "heartbeat", "error"] = Field(
        description="`reset`: what was missed is no longer held; read the state again over REST."
    )
    session: str | None = Field(default=None, examples=["9f2c41"])
    seq: int | None = Field(default=None, description="The newest sequence number.", examples=[1041])
    topics: list[str] | None = None
    dropped: int | None = Field(default=None, description="Messages this client was too slow for.", examples=[0])
    time_ms: int | None = Field(default=None, examples=[1748736000000])
    id: str | int | None = None
    error: dict[str, Any] | None = None


class LiveTicker(Answer):
    """The newest price of an instrument, with 24-hour figures where known."""

    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    last_price: DecimalText
    change_24h_percent: float | None = Field(examples=[-1.25])
    volume_24h: DecimalText | None
    quote_volume_24h: DecimalText | None
    updated_ms: Millis


class LiveStatus(Answer):
    """Figures of the system, once a second."""

    now_ms: Millis
    uptime_s: float
    throughput: Throughput
    history: HistoryProgress
    gaps_open: int
    held_back: list[RiskStateRow]
    connections: list[ConnectionState]
    queues: list[QueueState]
    weights: list[WeightState]
    process: dict[str, Any]


class LiveKline(Answer):
    """A kline as it forms; the next one of the same `open_time` replaces it until `closed`."""

    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    period: str = Field(examples=["1m"])
    open_time: Millis
    close_time: Millis
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText
    quote_volume: DecimalText
    count: int
    taker_buy_base_volume: DecimalText
    taker_buy_quote_volume: DecimalText
    closed: bool
    source: str = Field(examples=["ws"])


class LiveEvent(Answer):
    """One message of a topic; the topic says which model `data` is (see docs: the live protocol)."""

    type: Literal["event"]
    topic: str = Field(examples=["kline:binance:um:BTC-USDT-PERP:1m"])
    seq: int = Field(description="Counts up over all topics; a client that was cut says the last one it saw.", examples=[1042])
    time_ms: Millis
    data: Any
