"""Portfolio: equity, what was earned by deployment, instrument and day, and the journal under it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from quantservice.ports import JournalRow, TradingAccount
from quantservice.services.portfolio.days import BooksDifference, DayStatement
from quantservice.services.portfolio.equity import EquityStep
from quantservice.services.portfolio.reading import Earned
from quantservice.web import models
from quantservice.web.context import TradingFace, WebContext
from quantservice.web.encode import plain
from quantservice.web.errors import reply
from quantservice.web.routes.arguments import EndMs, StartMs, readers
from quantservice.web.security import Guard

Account = Annotated[str | None, Query(max_length=40, description="Of one account only.", examples=["paper"])]
_AMOUNTS: Final = (
    "opening",
    "paid_in",
    "exchanged",
    "realised",
    "fees",
    "funding",
    "other",
    "closing",
    "unbalanced",
)
Most = Annotated[int, Query(ge=1, le=1_000, description="Rows at most.")]


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes; none where the process does not trade."""
    router = readers(context, "portfolio", guard)
    if context.trading is not None:
        _add(router, context.trading)
    return [router]


def _add(router: APIRouter, trading: TradingFace) -> None:
    @router.get("/portfolio", response_model=models.PortfolioAnswer, summary="Equity and what was earned")
    async def get_portfolio(account: Account = None) -> Response:
        """By the books; equity is marked at the last prices."""
        accounts = [item for item in await trading.accounts.list() if account in {None, item.name}]
        shown = [(item, trading.figures(item.name)) for item in accounts]
        equity = [_equity_row(item, figures) for item, figures in shown if figures is not None]
        earned = await trading.portfolio.earned(account=account)
        return reply({"equity": equity, "earned": [_earned_row(item) for item in earned]})

    @router.get("/portfolio/equity", response_model=models.EquityCurveAnswer, summary="Equity over time")
    async def get_equity(
        account: Annotated[str, Query(min_length=1, max_length=40, description="The account.", examples=["paper"])],
        start_ms: StartMs = None,
        end_ms: EndMs = None,
    ) -> Response:
        """Of the last day where no range is given. Minutes are kept for two days, hours for ninety, days for ten years."""
        found = await trading.accounts.get(account)
        curve = await trading.equity.curve(found.name, start_ms=start_ms, end_ms=end_ms)
        rows = [_step_row(step) for step in curve.steps]
        head = {"account": found.name, "currency": found.currency, "step_ms": curve.step_ms}
        return reply({**head, "max_drawdown": plain(curve.deepest), "data": rows})

    @router.get("/portfolio/statements", response_model=models.StatementsAnswer, summary="Daily statements")
    async def get_statements(
        account: Annotated[str, Query(min_length=1, max_length=40, description="The account.", examples=["paper"])],
        days: Annotated[int, Query(ge=1, le=3_660, description="UTC days, today's among them.")] = 30,
    ) -> Response:
        """Newest day first, a row per currency: opening, moves by reason, closing, and what the venue said.

        Every entry of the journal is added up, once in the life of the process: `balanced` says whether every day and every
        balance is what its entries make it, and whether the venue's last word was the same.
        """
        found = await trading.accounts.get(account)
        made = await trading.portfolio.statements(found.name, days=days)
        differences = [_difference_row(item) for item in made.differences]
        head = {"account": made.account, "entries": made.entries, "balanced": made.balanced, "differences": differences}
        return reply({**head, "data": [_statement_row(item) for item in made.rows]})

    @router.get("/journal", response_model=models.JournalList, summary="The journal")
    async def get_journal(account: Account = None, limit: Most = 200) -> Response:
        """Newest first; the sum of each entry is zero."""
        return reply({"data": [_entry_row(row) for row in await trading.portfolio.journal(account=account, limit=limit)]})


def _equity_row(account: TradingAccount, figures: Mapping[str, Any]) -> dict[str, Any]:
    amounts = {name: plain(figures[name]) for name in ("equity", "peak", "day_start", "margin_ratio")}
    unexplained = {currency: plain(amount) for currency, amount in figures["unexplained"].items()}
    told = {name: figures[name] for name in ("differing", "compared")}
    return {"account": account.name, "currency": account.currency, "unexplained": unexplained} | amounts | told


def _step_row(step: EquityStep) -> dict[str, Any]:
    amounts = {name: plain(getattr(step.point, name)) for name in ("equity", "low", "high", "paid_in")}
    return {"time_ms": step.point.time_ms, **amounts, "profit": plain(step.profit), "drawdown": plain(step.fall)}


def _earned_row(item: Earned) -> dict[str, Any]:
    amounts = {name: plain(getattr(item, name)) for name in ("realised", "fees", "funding", "other", "total")}
    names = {name: getattr(item, name) for name in ("account", "deployment", "instrument", "day_ms", "currency", "trades")}
    return names | amounts


def _statement_row(item: DayStatement) -> dict[str, Any]:
    amounts = {name: plain(getattr(item, name)) for name in _AMOUNTS}
    names = {name: getattr(item, name) for name in ("account", "day_ms", "currency", "compared_ms")}
    told = {name: None if (amount := getattr(item, name)) is None else plain(amount) for name in ("venue", "unexplained")}
    gaps = [
        {"instrument": str(gap.instrument), "side": gap.side, "booked": plain(gap.booked), "venue": plain(gap.venue)}
        for gap in item.positions
    ]
    return names | amounts | told | {"differed_ms": item.differed_ms or None, "positions": gaps}


def _difference_row(item: BooksDifference) -> dict[str, Any]:
    names = {"ledger_account": item.ledger_account, "currency": item.currency}
    return names | {"kept": plain(item.kept), "summed": plain(item.summed)}


def _entry_row(row: JournalRow) -> dict[str, Any]:
    return {
        "sequence": row.sequence,
        "account": row.account,
        "deployment": row.deployment,
        "entry_id": row.entry.entry_id,
        "reason": row.entry.reason,
        "time_ms": row.entry.time,
        "postings": [
            {"account": item.account, "currency": item.currency, "amount": plain(item.amount)} for item in row.entry.postings
        ],
    }
