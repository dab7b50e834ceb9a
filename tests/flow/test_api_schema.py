"""Whatever is sent, the API answers as its OpenAPI says, and never with a 5xx."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.support.market import kline
from tests.support.web import OWNER, MemoryMarketStore, client, web_context

from quantservice.adapters.secrets.envelopes import AesGcmEnvelopes
from quantservice.adapters.secrets.key_file import FileKeyRing
from quantservice.app.hosting import inspector
from quantservice.app.jobs import checks
from quantservice.app.kill_switch import KillSwitch
from quantservice.app.parity import Parity
from quantservice.app.research_face import ResearchFace
from quantservice.core.errors import UnknownName
from quantservice.ports import KeyPermissions, TradingAccount, VenueSecret
from quantservice.services.accounts.commands import Accounts
from quantservice.services.backtests.commands import Backtests, Trials
from quantservice.services.execution import Gateway
from quantservice.services.execution.commands import Orders, OrderWish
from quantservice.services.execution.routed import Router
from quantservice.services.execution.routing import Candidate
from quantservice.services.jobs.commands import Jobs
from quantservice.services.portfolio.equity import EquityHistory
from quantservice.services.portfolio.reading import Portfolio
from quantservice.services.portfolio.tracing import Chains
from quantservice.services.risk.commands import RiskControl
from quantservice.services.risk.rehearsals import Rehearsals
from quantservice.services.strategies.commands import Deployments
from quantservice.web.context import ResearchDesk, TradingFace, WebConfig, WebContext
from quantservice.web.openapi import describe

CHECKS = (status_code_conformance, content_type_conformance, response_schema_conformance)
SCHEMA = schemathesis.openapi.from_dict(describe())
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]
EXAMPLES = 8
HINTS = {"symbol": "BTCUSDT", "market": "um", "venue": "binance", "period": "1m"}


def nobody(account: str) -> Gateway:
    """No account is traded here."""
    raise UnknownName("account", account, ())


async def nowhere(_wish: OrderWish) -> list[Candidate]:
    """No account trades it."""
    return []


def accounts_of(context: WebContext, folder: Path) -> Accounts:
    """The registry of accounts; no key is ever checked."""

    async def permissions_of(_account: TradingAccount, _secret: VenueSecret) -> KeyPermissions:
        raise AssertionError("no key is asked for")

    sealer = AesGcmEnvelopes(FileKeyRing(folder / "never.keys"))
    return Accounts(context.state_store, context.clock, sealer, permissions_of, venues=lambda: [("binance", "um")])


async def no_findings(account: str) -> dict[str, Any]:
    return {"account": account, "mode": "paper", "outcome": "ok", "findings": []}


async def nothing() -> None:
    """Nobody trades here."""


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    store = MemoryMarketStore()
    await store.append([kline(index) for index in range(30)])
    research = ResearchFace(tmp_path / "plugins")
    async with web_context(tmp_path, store=store, config=WebConfig(answer_wait_s=0.001), research=research) as context:
        state, clock = context.state_store, context.clock
        jobs = Jobs(state, clock, checks(tmp_path / "plugins"))
        desk = ResearchDesk(jobs=jobs, backtests=Backtests(state, clock), trials=Trials(state, clock))
        deployments = Deployments(state, clock, context.instruments, inspector(tmp_path / "plugins"))
        accounts, orders, risk = accounts_of(context, tmp_path), Orders(state, clock, nobody), RiskControl(state, clock)
        kill = KillSwitch(risk, orders, accounts, nothing).pull
        trading = TradingFace(
            accounts=accounts,
            orders=orders,
            router=Router(state, orders, nowhere),
            ready=lambda _account: False,
            problem=lambda _account: "",
            figures=lambda _account: None,
            portfolio=Portfolio(state, clock),
            equity=EquityHistory(state, clock),
            chains=Chains(state),
            risk=risk,
            rehearsals=Rehearsals(state, store, risk, context.instruments, clock),
            kill=kill,
            preflight=no_findings,
        )
        parity = Parity(state, store, deployments, context.instruments, tmp_path / "plugins").report
        whole = dataclasses.replace(context, desk=desk, deployments=deployments, parity=parity, trading=trading)
        async with client(whole) as asking:
            yield asking


@pytest.mark.parametrize("operation", OPERATIONS, ids=[f"{item.method.upper()} {item.path}" for item in OPERATIONS])
async def test_every_answer_is_as_declared_and_none_is_a_server_error(http: httpx.AsyncClient, operation: Any) -> None:
    cases: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        cases.append(case)

    await asyncio.to_thread(collect)
    assert cases
    for place, case in enumerate(cases):
        query = dict(case.query or {})
        if place % 2:  # every second one goes past the door of names, so that what lies behind is tried too
            query |= {name: value for name, value in HINTS.items() if name in {item.name for item in operation.query}}
        await _send(http, case, query)


async def _send(http: httpx.AsyncClient, case: Any, query: dict[str, Any]) -> None:
    arguments = case.as_transport_kwargs(base_url="http://127.0.0.1:8080")
    headers = {key: value for key, value in dict(arguments.get("headers") or {}).items() if key.lower() != "authorization"}
    request = http.build_request(
        arguments["method"],
        arguments["url"],
        params={key: value for key, value in query.items() if value is not None},
        json=arguments.get("json"),
        headers={**headers, **OWNER},
    )
    answer = await http.send(request)
    assert answer.status_code < 500, (request.method, str(request.url), request.content[:500], answer.text)
    response = schemathesis.Response.from_any(answer)
    for check in CHECKS:
        check(None, response, case)  # these checks take nothing from the run's context
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"]
        assert error["message"]
