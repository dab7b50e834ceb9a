"""Words that every answer shares."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from quantservice.web.models.amounts import SENTENCE

#: An exact decimal as text, so that no reader rounds it.
DecimalText: TypeAlias = Annotated[
    str, Field(pattern=r"^-?\d+(\.\d+)?$", description="Exact decimal as text.", examples=["67123.10"])
]
Millis: TypeAlias = Annotated[int, Field(description="UTC milliseconds.", examples=[1748736000000])]
MarketName: TypeAlias = Literal["spot", "um", "cm", "dex"]
PeriodName: TypeAlias = Literal["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1mo"]
Figure: TypeAlias = int | float | str | bool | None
Figures: TypeAlias = dict[str, Any]


class Answer(BaseModel):
    """Base of every answer: what is not declared is not sent."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Body(BaseModel):
    """Base of every request body: what is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_texts(cls, given: Any) -> Any:
        """Refuse characters that no store keeps, wherever they are: PostgreSQL takes no NUL, and half a pair is no UTF-8."""
        waiting = [given]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str) and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in item):
                raise PydanticCustomError(SENTENCE, "holds a text with a character that cannot be kept (NUL or half a pair)")
            if isinstance(item, dict):
                waiting += [*item, *item.values()]
            elif isinstance(item, list):
                waiting += item
        return given


class ErrorDetail(Answer):
    """What went wrong, in one sentence."""

    code: str = Field(description="Short, stable name of the error.", examples=["unknown_symbol"])
    message: str = Field(
        description="One sentence that says what to do.", examples=["unknown symbol 'BTCUSTD'; did you mean: BTCUSDT"]
    )
    field: str | None = Field(default=None, description="The argument that is at fault.", examples=["symbol"])
    valid: list[str] | None = Field(default=None, description="Valid values, nearest first.", examples=[["BTCUSDT"]])
    reason: str | None = Field(
        default=None,
        description="Names what is wrong, for a reader's own words; absent where only the message says it.",
        examples=["off_lot"],
    )
    values: dict[str, str] | None = Field(
        default=None, description="What stands in the sentence.", examples=[{"given": "0.0015", "step": "0.001"}]
    )
    id: str | None = Field(default=None, description="Id of an unexpected fault, to be found in the log.", examples=["5f0c1e-2a"])


class ErrorBody(Answer):
    """The body of every 4xx and 5xx answer."""

    error: ErrorDetail


class Health(Answer):
    """Is the process alive, and can it serve."""

    status: Literal["ok", "degraded", "unavailable"] = Field(examples=["ok"])
    environment: str = Field(description="demo or live.", examples=["demo"])
    version: str = Field(examples=["0.1.0"])
    uptime_s: float = Field(examples=[12.5])
    checks: dict[str, str] = Field(
        description="Check -> ok, or the sentence that says what is wrong.", examples=[{"market_store": "ok"}]
    )
