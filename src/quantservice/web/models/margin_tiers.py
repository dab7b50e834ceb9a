"""Stored margin tiers."""

from __future__ import annotations

from pydantic import Field

from quantservice.web.models.common import Answer, Body, DecimalText


class MarginTierRow(Answer):
    """One tier of notional."""

    from_ms: int = Field(description="Holds from then on, UTC milliseconds; 0: always.", examples=[0])
    floor: DecimalText = Field(description="Notional in quote; of inverse contracts in coin.", examples=["0"])
    cap: DecimalText | None = Field(description="null: the next tier's floor.", examples=["50000"])
    maintenance_rate: DecimalText = Field(examples=["0.004"])
    max_leverage: DecimalText = Field(examples=["125"])


class InstrumentTiers(Answer):
    """The tiers of one instrument."""

    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    tiers: list[MarginTierRow]


class MarginTierList(Answer):
    """Margin tiers by instrument."""

    data: list[InstrumentTiers]


class MarginTierBody(Body):
    """One tier; see `MarginTierRow`."""

    from_ms: int = Field(default=0, ge=0, le=4_102_444_800_000, examples=[0])
    floor: str = Field(max_length=60, examples=["0"])
    cap: str | None = Field(default=None, max_length=60, examples=["50000"])
    maintenance_rate: str = Field(max_length=60, examples=["0.004"])
    max_leverage: str = Field(max_length=60, examples=["125"])


class MarginTiersBody(Body):
    """Tiers by any of the instruments' names."""

    tiers: dict[str, list[MarginTierBody]] = Field(
        min_length=1,
        max_length=5_000,
        examples=[{"BTCUSDT": [{"from_ms": 0, "floor": "0", "cap": None, "maintenance_rate": "0.004", "max_leverage": "125"}]}],
    )
    venue: str = Field(default="binance", max_length=32, examples=["binance"])
    market: str | None = Field(default=None, max_length=8, examples=["um"])
