"""From errors to answers: every fault becomes ``{"error": {code, message, field?, valid?}}`` with the right status.

| error | status | code |
|---|---|---|
| UnknownName | 404 | ``unknown_<field>`` |
| AmbiguousSymbol | 422 | ``ambiguous_symbol`` |
| InvalidValue, a refused argument or body | 422 | ``invalid_argument`` |
| other UserError | 400 | ``bad_request`` |
| Denied | 401, 403, 429 | its own |
| EnvironmentFault (StoreUnavailable) | 503 + Retry-After | ``unavailable`` |
| VenueError | 502 or 503 | ``venue_error``, ``venue_unreachable``, ``rate_limited`` |
| anything else | 500 | ``internal``, with an id that the log has too |
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from quantservice.core.errors import (
    EnvironmentFault,
    InvalidNumber,
    InvalidValue,
    QuantServiceError,
    RateLimited,
    StoreUnavailable,
    UnknownName,
    UserError,
    VenueError,
    VenueUnreachable,
)
from quantservice.core.instruments import AmbiguousSymbol
from quantservice.web.models.amounts import SENTENCE

_log = structlog.get_logger(__name__)
_RETRY_AFTER_S = 2
_MOST_VALID = 50
_BOUNDS = {
    "greater_than": ("a number above", "gt"),
    "greater_than_equal": ("a number of at least", "ge"),
    "less_than": ("a number below", "lt"),
    "less_than_equal": ("a number of at most", "le"),
}


class Denied(UserError):
    """The caller may not do this. ``status`` is 401, 403 or 429; ``code`` is short and stable."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: int = 0) -> None:
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        super().__init__(message)


class Missing(UserError):
    """A thing that is addressed by id and does not exist."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def reply(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON made by msgspec."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def error_reply(
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    valid: Sequence[str] | None = None,
    headers: Mapping[str, str] | None = None,
    fault_id: str | None = None,
    said: tuple[str, Mapping[str, str]] = ("", {}),
) -> Response:
    """Answer with the one shape of errors; absent parts are left out. ``said``: what is wrong by its code, and its values."""
    detail: dict[str, Any] = {"code": code, "message": message}
    if field:
        detail["field"] = field
    if valid:
        detail["valid"] = list(valid)[:_MOST_VALID]
    if fault_id:
        detail["id"] = fault_id
    if said[0]:
        detail |= {"reason": said[0], "values": said[1]}
    return reply({"error": detail}, status, headers)


def answer_for(error: Exception) -> Response:
    """Return the answer for any exception; an unexpected one is logged with its id and told nothing else."""
    match error:
        case AmbiguousSymbol():
            return error_reply(422, "ambiguous_symbol", str(error), field="symbol", valid=[str(item) for item in error.candidates])
        case UnknownName():
            what = error.field.partition(" of ")[0].rpartition(".")[2]  # a program compares it: no blanks, places, names
            code = f"unknown_{what.replace(' ', '_')}"
            said = ("unknown_near" if error.nearest else "unknown", {"name": error.value, "hint": error.hint})
            return error_reply(404, code, str(error), field=error.field, valid=error.nearest or error.valid, said=said)
        case InvalidValue():
            return error_reply(422, "invalid_argument", str(error), field=error.field, said=(error.code, error.values))
        case Denied():
            headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else {}
            if error.status == 401:
                headers["WWW-Authenticate"] = 'Bearer realm="quantservice"'
            return error_reply(error.status, error.code, str(error), headers=headers)
        case Missing():
            return error_reply(404, error.code, str(error))
        case UserError():
            return error_reply(400, "bad_request", str(error))
        case EnvironmentFault():
            code = "store_unavailable" if isinstance(error, StoreUnavailable) else "unavailable"
            return error_reply(503, code, str(error), headers={"Retry-After": str(_RETRY_AFTER_S)})
        case RateLimited():
            return error_reply(503, "rate_limited", str(error), headers={"Retry-After": "60"})
        case VenueUnreachable():
            return error_reply(503, "venue_unreachable", str(error), headers={"Retry-After": str(_RETRY_AFTER_S)})
        case VenueError():
            return error_reply(502, "venue_error", str(error))
    fault_id = secrets.token_hex(6)
    _log.error("web.fault", fault_id=fault_id, exc_info=error)
    message = f"an unexpected fault; look for {fault_id} in the log"
    return error_reply(500, "internal", message, fault_id=fault_id)


def validation_reply(errors: Sequence[Mapping[str, Any]]) -> Response:
    """Answer for what FastAPI refused: the first fault, by the argument's name, in a sentence."""
    first: Mapping[str, Any] = errors[0] if errors else {"loc": (), "msg": "not valid"}
    location = [str(part) for part in first["loc"] if part not in ("query", "path", "body", "header", "cookie")]
    field = ".".join(location) or "body"
    context: Mapping[str, Any] = first.get("ctx") or {}
    reason, sort = str(first["msg"]), str(first.get("type"))
    refused = _number(sort, context, first.get("input"))
    if refused is not None:
        sentence = f"{field} {refused.reason}"
        return error_reply(422, "invalid_argument", sentence, field=field, said=(refused.code, refused.values))
    if sort == SENTENCE:
        return error_reply(422, "invalid_argument", f"{field} {reason}", field=field)
    code = ""
    if sort == "missing":
        code, reason = "required", "is required"
    elif sort == "extra_forbidden":
        code, reason = "not_an_argument", "is not an argument of this call"
    elif sort == "json_invalid":
        field, reason = "body", f"is not JSON: {context.get('error', 'it cannot be read')}"
    return error_reply(422, "invalid_argument", f"{field}: {reason}", field=field, said=(code, {}))


def _number(sort: str, context: Mapping[str, Any], given: Any) -> InvalidNumber | None:
    """Return what a number or one of several words must be, and what was given; of other texts nothing: they may be secret."""
    if sort == SENTENCE:
        return InvalidNumber("", context["wanted"], context["given"]) if "wanted" in context else None
    if sort.startswith(("float_", "decimal_")) or sort == "finite_number":
        return InvalidNumber("", "a number", given)
    if sort.startswith("int_"):
        return InvalidNumber("", "a whole number", given)
    if sort in _BOUNDS:
        word, name = _BOUNDS[sort]
        return InvalidNumber("", f"{word} {context.get(name, 0):g}", given)
    if sort == "literal_error":
        return InvalidNumber("", str(context.get("expected")), given)
    return None


def install(app: FastAPI) -> None:
    """Make ``app`` answer every fault in the one shape."""

    async def known(_request: Request, error: Exception) -> Response:
        return answer_for(error)

    async def refused(_request: Request, error: Exception) -> Response:
        return validation_reply(error.errors() if isinstance(error, RequestValidationError) else ())

    async def plain(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(
            status, "bad_request" if status < 500 else "internal"
        )
        said = str(error.detail) if isinstance(error, HTTPException) and status == 413 else "the request cannot be read"
        text = {404: "no such address; /docs lists them", 405: "this address does not know that method"}.get(status, said)
        return error_reply(status, code, text, headers=headers)

    app.add_exception_handler(QuantServiceError, known)
    app.add_exception_handler(RequestValidationError, refused)
    app.add_exception_handler(HTTPException, plain)
