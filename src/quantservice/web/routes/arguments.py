"""What routes share: declared errors, guards, and the refusal of arguments that nobody declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Query, Request

from quantservice.core.errors import UnknownName
from quantservice.core.instruments import MARKETS
from quantservice.core.periods import PERIODS
from quantservice.web.context import WebContext
from quantservice.web.models import ErrorBody
from quantservice.web.security import Guard
from quantservice.web.series import END_MS

_WORDS = {
    400: "The request cannot be served as it is.",
    401: "Credentials are needed or wrong.",
    403: "The caller may not do this.",
    404: "An unknown name; `valid` names the nearest known ones.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    421: "The Host header is not one of ours.",
    422: "An argument is not valid; `field` names it.",
    429: "Too many requests; wait as Retry-After says.",
    503: "A store or the venue does not answer now; wait as Retry-After says.",
}
#: By its name, not as a model: FastAPI would make a checker of it for each status of each route, a thousand at every start.
_ERROR_CONTENT = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorBody.__name__}"}}}
#: Errors that any route may answer with.
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": _ERROR_CONTENT} for status, text in _WORDS.items()
}

Symbol: TypeAlias = Annotated[
    str,
    Query(
        min_length=1,
        max_length=200,
        description="Full name (`binance:um:BTC-USDT-PERP`), canonical symbol (`BTC-USDT-PERP`) or the venue's own (`BTCUSDT`).",
        examples=["BTCUSDT"],
    ),
]
Market: TypeAlias = Annotated[
    str | None,
    Query(description="Needed where a short symbol is known in several markets.", json_schema_extra={"enum": [*MARKETS, None]}),
]
Venue: TypeAlias = Annotated[str, Query(max_length=32, description="The venue.", examples=["binance"])]
Period: TypeAlias = Annotated[str, Query(max_length=80, description="Kline period.", json_schema_extra={"enum": list(PERIODS)})]
StartMs: TypeAlias = Annotated[
    int | None,
    Query(ge=0, le=END_MS, description="First instant, UTC milliseconds. Without it the newest rows before `end_ms` are answered."),
]
EndMs: TypeAlias = Annotated[int | None, Query(ge=0, le=END_MS, description="First instant after the range, UTC milliseconds.")]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")]
AsKnownAt: TypeAlias = Annotated[
    int | None, Query(ge=0, le=END_MS, description="Klines as they were known at this instant, UTC milliseconds.")
]


def refuse_unknown_arguments(request: Request) -> None:
    """Refuse a query argument that the route does not declare: a typing error must not be ignored silently."""
    known = set(_declared(getattr(request.scope.get("route"), "dependant", None)))
    for name in request.query_params:
        if name not in known:
            raise UnknownName("argument", name[:80], sorted(known))


def _declared(dependant: Any) -> Iterator[str]:
    if dependant is None:
        return
    for parameter in dependant.query_params:
        yield parameter.alias
    for part in dependant.dependencies:
        yield from _declared(part)


def readers(context: WebContext, tag: str, guard: Guard) -> APIRouter:
    """Make a router of ``/api/v1`` whose routes are for readers."""

    async def may_read(request: Request) -> None:
        await guard.require_read(request)

    return APIRouter(
        prefix="/api/v1", tags=[tag], responses=ERRORS, dependencies=[Depends(refuse_unknown_arguments), Depends(may_read)]
    )


def writers(context: WebContext, tag: str, guard: Guard) -> APIRouter:
    """Make a router of ``/api/v1`` whose routes are for the owner."""

    async def may_write(request: Request) -> None:
        await guard.require_owner(request)

    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        responses=ERRORS,
        dependencies=[Depends(refuse_unknown_arguments), Depends(may_write)],
    )
