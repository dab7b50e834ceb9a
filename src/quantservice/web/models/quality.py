"""Data quality: coverage, gaps, revisions, the audit, stream health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quantservice.web.models.common import Answer, Body, MarketName, Millis


class DayCount(Answer):
    """One cell of the coverage heat map."""

    day_ms: Millis
    rows: int = Field(examples=[1440])
    expected: int = Field(description="Bars that should exist that day (listing, delisting and now known).", examples=[1440])


class StreamName(Answer):
    """Which series a row is about."""

    stream: str = Field(description="Full stream name.", examples=["binance:um:BTC-USDT-PERP:kline:1m"])
    venue: str = Field(examples=["binance"])
    market: MarketName
    symbol: str = Field(examples=["BTC-USDT-PERP"])
    venue_symbol: str = Field(examples=["BTCUSDT"])
    kind: str = Field(examples=["kline"])
    period: str = Field(description="Empty for kinds other than kline.", examples=["1m"])


class CoverageRow(StreamName):
    """One stream's extent in the store."""

    first_ms: int | None = Field(description="Time of the first stored row; null when nothing is stored.", examples=[1748736000000])
    last_ms: int | None = Field(description="Time of the last stored row; null when nothing is stored.", examples=[1748739540000])
    rows: int = Field(description="Rows stored.", examples=[525600])
    expected: int | None = Field(
        description="Klines that should exist from first to last; null for other kinds.", examples=[525600]
    )
    coverage_percent: float | None = Field(description="Rows of those expected; null for other kinds.", examples=[100.0])
    revised_rows: int = Field(description="Klines that were restated by the venue.", examples=[3])
    synthetic_rows: int = Field(description="Klines made by us.", examples=[0])
    days: list[DayCount] = Field(description="Heat map, oldest first; empty unless `days` was asked for.")


class CoverageList(Answer):
    """Coverage of the stored streams."""

    now_ms: Millis
    total: int = Field(description="Streams that match.", examples=[12])
    data: list[CoverageRow]


GapState = Literal["found", "healing", "healed", "failed", "closed"]


class GapRow(StreamName):
    """A range of klines that should exist and does not, and what became of it."""

    id: str = Field(
        description="Stream and range; the same gap has the same id.", examples=["binance:um:BTC-USDT-PERP:kline:1m@1748736000000"]
    )
    start_ms: Millis
    end_ms: int = Field(description="First instant after the gap.", examples=[1748736300000])
    missing: int = Field(description="Klines that were missing when it was found.", examples=[5])
    state: GapState = Field(description="`closed` is a gap that was explained (maintenance, not listed): nothing to heal.")
    reason: str = Field(description="Why it was looked for.", examples=["scan"])
    detail: str = Field(examples=["healed from REST"])
    healed_rows: int = Field(examples=[5])
    found_ms: Millis
    updated_ms: Millis


class GapList(Answer):
    """Gaps that are open, and the recent life of those that are not."""

    open: int = Field(description="Gaps found, healing or failed.", examples=[1])
    healed: int = Field(description="Gaps healed since the process started.", examples=[4])
    data: list[GapRow] = Field(description="Newest change first.")


class HealRequest(Body):
    """Which range to fetch again; a short symbol is accepted."""

    symbol: str = Field(min_length=1, max_length=200, examples=["BTCUSDT"])
    market: str | None = Field(default=None, max_length=16, examples=["um"])
    venue: str = Field(default="binance", max_length=32, examples=["binance"])
    period: str = Field(default="1m", max_length=8, examples=["1m"])
    start_ms: int = Field(ge=0, le=4_102_444_800_000, strict=True, examples=[1748736000000])
    end_ms: int = Field(
        ge=0, le=4_102_444_800_000, strict=True, description="First instant after the range.", examples=[1748736300000]
    )


class HealAnswer(Answer):
    """What became of a heal command."""

    command_id: str = Field(examples=["a1b2c3-1f"])
    stream: str = Field(examples=["binance:um:BTC-USDT-PERP:kline:1m"])
    start_ms: Millis
    end_ms: int = Field(examples=[1748736300000])
    state: Literal["accepted", "healing", "healed", "failed", "closed"] = Field(
        description="`accepted` (202): not yet taken up; ask the location again."
    )
    rows: int = Field(description="Rows fetched.", examples=[5])
    detail: str = Field(examples=[""])
    location: str = Field(description="Where to ask again.", examples=["/api/v1/gaps/commands/a1b2c3-1f"])


class RevisionRow(StreamName):
    """One revision of a restated kline."""

    open_time: Millis
    revision: int = Field(examples=[1])
    source: str = Field(examples=["rest"])
    synthetic: bool = Field(examples=[False])
    first_seen_ms: Millis
    open: str = Field(examples=["67123.10"])
    high: str = Field(examples=["67130.00"])
    low: str = Field(examples=["67100.00"])
    close: str = Field(examples=["67110.20"])
    volume: str = Field(examples=["125.45"])


class RevisionList(Answer):
    """Restated klines; with a symbol from the store, without one those seen since the process started."""

    data: list[RevisionRow] = Field(description="Newest first.")


class AuditFinding(Answer):
    """One thing that the audit found wrong."""

    check: str = Field(description="digest, cross_period or cross_source.", examples=["digest"])
    stream: str = Field(examples=["binance:um:BTC-USDT-PERP:kline:1m"])
    day_ms: int | None = Field(default=None, examples=[1748736000000])
    open_time: int | None = Field(default=None, description="First bad row.", examples=[1748736060000])
    detail: str = Field(examples=["volume differs: ws 12.5, rest 12.6"])


class AuditReport(Answer):
    """The last audit of the ledger."""

    state: Literal["never", "running", "sound", "unsound", "failed"] = Field(description="never: none was run yet.")
    started_ms: int | None = Field(default=None, examples=[1748736000000])
    finished_ms: int | None = Field(default=None, examples=[1748736001000])
    sealed_days: int = Field(default=0, description="Stream days in the digest chain.", examples=[42])
    checked_days: int = Field(default=0, examples=[42])
    checked_rows: int = Field(default=0, examples=[60480])
    head: str = Field(default="", description="Head of the digest chain.", examples=["9f2c…"])
    detail: str = Field(default="", examples=[""])
    findings: list[AuditFinding] = Field(default_factory=list)


class StreamHealth(StreamName):
    """How one live stream is doing."""

    state: Literal["connecting", "live", "stale", "down", "stopped", "unknown"]
    connection: str = Field(description="The connection that carries it; empty when none does.", examples=["binance:um:market:1"])
    last_event_ms: int | None = Field(description="When its last event was received.", examples=[1748736000250])
    age_s: float | None = Field(description="Seconds since its last event.", examples=[0.2])
    events: int = Field(description="Events received since the process started.", examples=[1200])


class StreamList(Answer):
    """Live health of every stream that was seen or is wanted."""

    now_ms: Millis
    live: int = Field(examples=[12])
    total: int = Field(examples=[12])
    data: list[StreamHealth]
