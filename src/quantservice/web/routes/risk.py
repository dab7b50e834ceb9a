"""Risk control: what is asked of every order, who may trade, and the switch that stops everything."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from starlette.responses import Response

from quantservice.web import models
from quantservice.web.context import TradingFace, WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard

RuleName = Annotated[str, Path(min_length=1, max_length=60, description="The rule's name.", examples=["max_exposure"])]


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
        return {"state": system, "states": [msgspec.structs.asdict(item) for item in states], "rules": await risk.rules()}

    @router.get("/risk", response_model=models.RiskAnswer, summary="States and rules")
    async def get_risk() -> Response:
        """As they are in force."""
        return reply(await answer())

    @owner.post("/risk/state", response_model=models.RiskAnswer, summary="Set a state")
    async def set_state(body: models.RiskStateBody) -> Response:
        """REDUCING lets reducing orders through only, HALTED none; what rests stays. It is kept over restarts."""
        await risk.set_state(body.scope, body.key, body.state, reason=body.reason)
        return reply(await answer())

    @owner.post("/risk/rules/{name}", response_model=models.RiskAnswer, summary="Set a rule")
    async def set_rule(name: RuleName, body: models.RiskRuleBody) -> Response:
        """In force from the next order on."""
        await risk.set_rule(name, body.mode, body.parameters)
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
