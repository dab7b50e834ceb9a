"""Deployments: list, create, configure, start, pause, resume, stop, roll back, remove."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from quantservice.ports import Deployment
from quantservice.services.strategies.commands import Deployments
from quantservice.web import models
from quantservice.web.context import WebContext
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard

Reference = Annotated[str, Path(min_length=1, max_length=100, description="Id or name.", examples=["trend on BTC"])]
Bps = Annotated[float, Query(ge=0, le=1_000, description="Basis points.")]
Verb = Annotated[Literal["start", "pause", "resume", "stop"], Path(description="What it shall do.")]


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes of deployments; none where the process hosts nothing."""
    router, owner = readers(context, "deployments", guard), writers(context, "deployments", guard)
    if context.deployments is not None:
        _add_reading(router, context, context.deployments)
        _add_changing(owner, context, context.deployments)
    if context.parity is not None:
        _add_parity(router, context.parity)
    return [router, owner]


def _add_reading(router: APIRouter, context: WebContext, deployments: Deployments) -> None:
    @router.get("/deployments", response_model=models.DeploymentList, summary="Deployments")
    async def list_deployments() -> Response:
        """All deployments by name, with figures of those that run."""
        hosted = context.hosted()
        return reply({"data": [_row(item, hosted) for item in await deployments.list()]})

    @router.get("/deployments/{reference}", response_model=models.DeploymentRow, summary="One deployment")
    async def deployment(reference: Reference) -> Response:
        """A deployment by id or name."""
        return reply(_row(await deployments.get(reference), context.hosted()))

    @router.get("/deployments/{reference}/history", response_model=models.DeploymentHistory, summary="Who changed what")
    async def history(reference: Reference) -> Response:
        """A deployment's changes, newest first."""
        rows = [msgspec.to_builtins(change) for change in await deployments.history(reference)]
        return reply({"data": rows})


def _add_parity(router: APIRouter, parity: Callable[..., Awaitable[dict[str, Any]]]) -> None:
    @router.get("/deployments/{reference}/parity", response_model=models.ParityReport, summary="A run against its backtest")
    async def parity_of(reference: Reference, slippage_bps: Bps = 1.0, tolerance_bps: Bps = 1.0) -> Response:
        """What was decided live, through the backtester: the share that is the same, the fill model's error, the causes."""
        return reply(await parity(reference, slippage_bps=slippage_bps, tolerance_bps=tolerance_bps))


def _add_changing(owner: APIRouter, context: WebContext, deployments: Deployments) -> None:
    @owner.post("/deployments", response_model=models.DeploymentRow, status_code=201, summary="Create a deployment")
    async def create(body: models.DeploymentRequest) -> Response:
        """It does not run until it is started."""
        made = await deployments.create(
            name=body.name,
            strategy=body.strategy,
            instruments=body.instruments,
            period=body.period,
            parameters=body.parameters,
            account=body.account,
            allocation=body.allocation,
            settings=body.settings,
        )
        return reply(_row(made, {}), 201)

    @owner.post("/deployments/{reference}/configure", response_model=models.DeploymentRow, summary="Change a deployment")
    async def configure(reference: Reference, body: models.DeploymentChangeRequest) -> Response:
        """Only one that does not run; each change is a new version."""
        changes = body.model_dump(exclude={"note"}, exclude_none=True)
        return reply(_row(await deployments.configure(reference, note=body.note, **changes), {}))

    @owner.post("/deployments/{reference}/rollback", response_model=models.DeploymentRow, summary="Bring back a version")
    async def roll_back(reference: Reference, body: models.RollBackRequest) -> Response:
        """The earlier setting becomes a new version; it is left stopped."""
        return reply(_row(await deployments.roll_back(reference, body.version), {}))

    @owner.post("/deployments/{reference}/{verb}", response_model=models.DeploymentRow, summary="Start, pause, resume or stop")
    async def say(reference: Reference, verb: Verb) -> Response:
        """Paused it follows the market silently; stopped its memory is saved."""
        return reply(_row(await deployments.say(reference, verb), context.hosted()))

    @owner.delete("/deployments/{reference}", response_model=models.Removed, summary="Remove a deployment")
    async def remove(reference: Reference) -> Response:
        """Only one that does not run; its history stays."""
        found = await deployments.get(reference)
        await deployments.remove(found.id)
        return reply({"removed": found.name})


def _row(deployment: Deployment, hosted: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(deployment)
    return {**row, "running": dict(hosted.get(deployment.id, {}))}
