"""Risk control: what is asked of every order, who may trade, and the switch that stops everything."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from quantservice.core.errors import InvalidValue
from quantservice.services.risk.rehearsals import shown
from quantservice.web import models
from quantservice.web.context import TradingFace, WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import EndMs, StartMs, readers, writers
from quantservice.web.security import Guard

RuleName = Annotated[str, Path(min_length=1, max_length=60, description="The rule's name.", examples=["max_exposure"])]

#: Parameters of rules that are lists, given with commas.
_LISTS = ("venues", "instruments")
Parameters = Annotated[
    list[str] | None,
    Query(alias="param", max_length=20, description="`limit=1000`: in the place of the configured one; again for more."),
]


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes; none where the process does not trade."""
    router, owner = readers(context, "risk", guard), writers(context, "risk", guard)
    if context.trading is not None:
        _add(router, owner, context.trading)
    return [router, owner]


def _add(router: APIRouter, owner: APIRouter, trading: TradingFace) -> None:
    risk = trading.risk

    async def answer() -> dict[str, Any]:
        states = await risk.states()
        system = next((item.state for item in states if item.scope == "system"), "ACTIVE")
        return {
            "state": system,
            "states": [msgspec.structs.asdict(item) for item in states],
            "rules": await risk.rules(),
            "protection": [msgspec.structs.asdict(item) for item in await risk.protection()],
        }

    @router.get("/risk", response_model=models.RiskAnswer, summary="States and rules")
    async def get_risk() -> Response:
        """As they are in force."""
        return reply(await answer())

    @router.get("/risk/rehearsal", response_model=models.RehearsalAnswer, summary="What rules would have done")
    async def rehearse(
        account: Annotated[str, Query(min_length=1, max_length=40, description="The account.", examples=["paper"])],
        rule: Annotated[
            str | None,
            Query(max_length=60, description="This rule alone; without it all that are not off.", examples=["max_position"]),
        ] = None,
        param: Parameters = None,
        deployment: Annotated[str | None, Query(max_length=200, description="Judge the orders of one deployment only.")] = None,
        start_ms: StartMs = None,
        end_ms: EndMs = None,
        limit: Annotated[int, Query(ge=1, le=1_000, description="Blocked orders at most, newest first.")] = 200,
    ) -> Response:
        """Past orders of an account asked again: what would have been blocked, which losses that saves, which profits it costs.

        By default of the last thirty days. What a blocked order opened is followed to now: closed first in, first out,
        the open rest at the last price, after fees, without funding. The orders after a blocked one are taken as they were.
        """
        made, (start, end), left = await trading.rehearsals.rehearse(
            account, deployment=deployment, rule=rule, parameters=_parameters(param), start_ms=start_ms, end_ms=end_ms
        )
        unasked = [{"name": name, "reason": reason} for name, reason in left]
        return reply({"account": account, "start_ms": start, "end_ms": end, "unasked": unasked, **shown(made, limit=limit)})

    @owner.post("/risk/state", response_model=models.RiskAnswer, summary="Set a state")
    async def set_state(body: models.RiskStateBody) -> Response:
        """REDUCING lets reducing orders through only, HALTED none; what rests stays. It is kept over restarts."""
        await risk.set_state(body.scope, body.key, body.state, reason=body.reason)
        return reply(await answer())

    @owner.post("/risk/rules/{name}", response_model=models.RiskAnswer, summary="Set a rule")
    async def set_rule(name: RuleName, body: models.RiskRuleBody) -> Response:
        """In force from the next order on; a rule of positions at once. For one account or deployment where that is said."""
        if body.scope == "system":
            await risk.set_rule(name, body.mode, body.parameters)
        else:
            await risk.set_protection(body.scope, body.key, name, body.mode, body.parameters)
        return reply(await answer())

    @owner.post("/alerts/test", response_model=models.AlertAnswer, status_code=202, summary="Try the alerts")
    async def try_alerts() -> Response:
        """Send one that says nothing to every configured address."""
        alert = await risk.try_alert()
        return reply({"name": alert.name, "sentence": alert.sentence}, 202)

    @owner.post("/kill", response_model=models.KillAnswer, summary="The kill switch")
    async def kill(body: models.KillBody) -> Response:
        """Halt the system, cancel every open order of every account, and close what is held where that is asked."""
        report = await trading.kill(reason=body.reason, close=body.close)
        return reply(msgspec.structs.asdict(report))


def _parameters(pairs: list[str] | None) -> dict[str, Any]:
    """Read ``name=value`` texts; what is a list is given with commas."""
    found: dict[str, Any] = {}
    for pair in pairs or ():
        name, mark, text = pair.partition("=")
        if not mark or not name.strip():
            raise InvalidValue("param", f"{pair!r} is not of the form name=value")
        parts = [part.strip() for part in text.split(",") if part.strip()]
        found[name.strip()] = parts if name.strip() in _LISTS else text.strip()
    return found
