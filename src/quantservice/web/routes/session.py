"""The owner's session in the browser: a signed cookie, same-site strict, and the token that a write must carry beside it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from quantservice.web.context import WebContext
from quantservice.web.errors import reply
from quantservice.web.models.common import Answer, Body
from quantservice.web.routes.arguments import ERRORS, refuse_unknown_arguments
from quantservice.web.security import COOKIE, Guard


class Session(Answer):
    """Who this browser is to us."""

    role: str = Field(description="owner, key, open (a reader on this machine) or none.", examples=["owner"])
    read_only: bool = Field(examples=[False])
    csrf_token: str | None = Field(description="Send as X-CSRF-Token with every write made with the cookie.", examples=["3f9a…"])


class LoginRequest(Body):
    """The owner token."""

    token: str = Field(
        min_length=1, max_length=500, json_schema_extra={"format": "password"}, examples=["the-token-printed-at-start"]
    )


def make_router(context: WebContext, guard: Guard) -> APIRouter:
    """Return the routes of the session."""
    router = APIRouter(tags=["session"], responses=ERRORS, dependencies=[Depends(refuse_unknown_arguments)])

    def peer(request: Request) -> str:
        return request.client.host if request.client else ""

    def with_cookie(response: Response, cookie: str) -> Response:
        response.set_cookie(
            COOKIE, cookie, max_age=7 * 24 * 3600, httponly=True, samesite="strict", secure=context.config.tls, path="/"
        )
        return response

    @router.get(
        "/login",
        response_class=RedirectResponse,
        status_code=303,
        responses={303: {"description": "To the page, with the owner's cookie."}},
        summary="Log in by the printed address",
    )
    async def login(
        request: Request, token: Annotated[str, Query(min_length=1, max_length=500, description="The owner token.")]
    ) -> Response:
        """Set the owner's cookie and go to the page. `qs` prints this address at start."""
        guard.check_login(peer(request), token)
        return with_cookie(RedirectResponse("/", 303), guard.new_cookie())

    @router.get("/api/v1/session", response_model=Session, summary="This session")
    async def session(request: Request) -> Response:
        """What this caller may do."""
        role = await guard.role(request)
        cookie = request.cookies.get(COOKIE, "")
        csrf = guard.csrf_token(cookie) if role == "owner" and guard.is_owner_cookie(cookie) else None
        return reply({"role": role, "read_only": role != "owner", "csrf_token": csrf})

    @router.post("/api/v1/session", response_model=Session, summary="Log in")
    async def log_in(request: Request, body: LoginRequest) -> Response:
        """Change the owner token for the owner's cookie."""
        guard.check_login(peer(request), body.token)
        cookie = guard.new_cookie()
        return with_cookie(reply({"role": "owner", "read_only": False, "csrf_token": guard.csrf_token(cookie)}), cookie)

    @router.delete("/api/v1/session", response_model=Session, summary="Log out")
    async def log_out() -> Response:
        """Forget the cookie."""
        role = "open" if context.config.loopback else "none"
        response = reply({"role": role, "read_only": True, "csrf_token": None})
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=context.config.tls)
        return response

    return router
