"""Quotas: what deployments were allotted, what they may use, and what they use now."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from quantservice.core.money import ZERO, exact, round_to_digits
from quantservice.ports import Deployment, StrategyQuota, TradingAccount
from quantservice.services.risk.exposure import Used
from quantservice.services.strategies.commands import Deployments
from quantservice.web import models
from quantservice.web.context import TradingFace, WebContext
from quantservice.web.encode import plain
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard

Reference = Annotated[str, Path(min_length=1, max_length=200, description="Id or name of a deployment.", examples=["trend on BTC"])]

_DIGITS = 8  # of what is marked: an average entry has more than anybody wants to see


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes; none where the process does not trade."""
    router, owner = readers(context, "risk", guard), writers(context, "risk", guard)
    if context.trading is not None and context.deployments is not None:
        _add(router, owner, context.trading, context.deployments)
    return [router, owner]


def _add(router: APIRouter, owner: APIRouter, trading: TradingFace, deployments: Deployments) -> None:
    async def answer() -> dict[str, Any]:
        quotas = await trading.risk.quotas()
        accounts = {item.name: item for item in await trading.accounts.list()}
        wanted = [item for item in await deployments.list() if item.account in accounts]
        figures = {name: trading.figures(name) for name in accounts}
        return {
            "accounts": [_account_row(item, wanted, figures[name]) for name, item in accounts.items()],
            "data": [_quota_row(item, accounts[item.account], quotas.get(item.id), figures[item.account]) for item in wanted],
        }

    @router.get("/quotas", response_model=models.QuotaList, summary="Allocation, quotas and their use")
    async def list_quotas() -> Response:
        """Of every deployment that trades on an account; everything in flight is counted at its worst."""
        return reply(await answer())

    @owner.post("/quotas/{reference}", response_model=models.QuotaList, summary="Set a deployment's quota")
    async def set_quota(reference: Reference, body: models.QuotaBody) -> Response:
        """In force from the next order on, also while it runs; what is left out stays."""
        found = await deployments.get(reference)
        before = (await trading.risk.quotas()).get(found.id)
        await trading.risk.set_quota(
            found.id,
            max_position=Decimal(body.max_position) if body.max_position is not None else before.max_position if before else ZERO,
            orders_per_day=body.orders_per_day if body.orders_per_day is not None else before.orders_per_day if before else 0,
        )
        return reply(await answer())


@exact
def _account_row(account: TradingAccount, deployments: list[Deployment], figures: dict[str, Any] | None) -> dict[str, Any]:
    allocated = sum((Decimal(item.allocation or "0") for item in deployments if item.account == account.name), ZERO)
    equity = None if figures is None else round_to_digits(figures["equity"], _DIGITS)
    return {
        "account": account.name,
        "currency": account.currency,
        "allocated": plain(allocated),
        "equity": None if equity is None else plain(equity),
        "free": None if equity is None else plain(equity - allocated),
        "exposure": None if figures is None else plain(round_to_digits(figures["exposure"], _DIGITS)),
    }


def _quota_row(
    deployment: Deployment, account: TradingAccount, quota: StrategyQuota | None, figures: dict[str, Any] | None
) -> dict[str, Any]:
    used = Used() if figures is None else figures["used"].get(deployment.id, Used())
    return {
        "deployment": deployment.id,
        "name": deployment.name,
        "state": deployment.state,
        "account": account.name,
        "currency": account.currency,
        "allocation": plain(Decimal(deployment.allocation or "0")),
        "gross": plain(used.gross),
        "max_position": plain(quota.max_position) if quota is not None else "0",
        "largest": plain(used.largest),
        "orders_per_day": quota.orders_per_day if quota is not None else 0,
        "orders_today": used.orders_today,
    }
