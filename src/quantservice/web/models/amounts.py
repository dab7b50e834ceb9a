"""Amounts as a person sends them: exact text; what is none is answered by a sentence that says what it must be."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from quantservice.core.errors import InvalidNumber
from quantservice.core.money import AMOUNT, NOT_NEGATIVE, POSITIVE, amount_of

#: Type of the refusals that are a sentence behind the field's name.
SENTENCE = "quantservice_sentence"


def _positive(value: Any) -> str:
    return _amount(value, zero=False)


def _not_negative(value: Any) -> str:
    return _amount(value, zero=True)


def _amount(value: Any, *, zero: bool) -> str:
    try:
        if isinstance(value, str):
            amount_of("", value, zero=zero)
            return value.strip()
        wanted = NOT_NEGATIVE if zero else POSITIVE
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
            raise InvalidNumber("", f'{wanted} as text such as "0.05", for a JSON number may be rounded', value)
        raise InvalidNumber("", wanted, value)
    except InvalidNumber as error:
        raise PydanticCustomError(SENTENCE, "{reason}", {"reason": error.reason, **error.values}) from None


_SHAPE = Field(
    description="Exact decimal as text.", examples=["0.05"], json_schema_extra={"pattern": f"^{AMOUNT.pattern}$"}, max_length=40
)
#: What a person may ask for: exact, above zero, of a size that any venue's money has.
PositiveAmount: TypeAlias = Annotated[str, BeforeValidator(_positive), _SHAPE]
#: The same, and zero too.
Amount: TypeAlias = Annotated[str, BeforeValidator(_not_negative), _SHAPE]


def key_given(value: str) -> str:
    """Refuse an idempotency key that was sent and is empty: the caller believes to be safe with it, and is not."""
    if not value.strip():
        raise PydanticCustomError(SENTENCE, "is empty; send a key of your own with each order, or leave the header out")
    return value
