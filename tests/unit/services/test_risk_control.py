"""Risk control as a person steers it: what is kept and told of each change, where figures end, what a desk is brought to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.messages import Alert, Command, Topic
from quantservice.ports import Deployment, RiskDecision, StrategyQuota, TradingAccount
from quantservice.ports.trading_store import CHANGES
from quantservice.quant.risk_rules import DEFAULT_PROTECTION, DEFAULT_RULES, POSITION_RULES, RULES, rule_of
from quantservice.services.risk import RiskDesk
from quantservice.services.risk.commands import RiskControl

D = Decimal
HOUR_NS = 3_600 * 10**9


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    made = Deployment(id="d1", name="one", strategy="s", account="paper", allocation="500", created_ms=1, updated_ms=1)
    async with sqlite_store(tmp_path) as opened:
        async with opened.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
            await work.deployments.put(made, who="owner", what="created")
        yield opened


class Rig:
    def __init__(self, store: SqlStateStore) -> None:
        self.store, self.clock = store, ManualClock()
        self.control = RiskControl(store, self.clock)
        self.heard = 0

    async def told(self) -> list[Any]:
        """What was told since the last time, as topic, type, key and payload."""
        async with self.store.transaction() as work:
            rows = [(item.topic, item.event_type, item.key, item.data) for item in await work.outbox.pending(1_000)]
        fresh, self.heard = rows[self.heard :], len(rows)
        return fresh

    async def changes(self) -> Any:
        async with self.store.transaction() as work:
            return await work.values.get(CHANGES, "risk")


@pytest.fixture
def rig(store: SqlStateStore) -> Rig:
    return Rig(store)


# --- states ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "key", "state", "level", "cleared", "named"),
    [
        ("system", "", "HALTED", "critical", False, ("", "")),
        ("account", "paper", "REDUCING", "warning", False, ("paper", "")),
        ("deployment", "d1", "ACTIVE", "warning", True, ("", "d1")),
    ],
)
async def test_a_state_is_kept_and_told_to_traders_and_people(
    rig: Rig, scope: str, key: str, state: str, level: str, cleared: bool, named: tuple[str, str]
) -> None:
    made = await rig.control.set_state(scope, key, state, reason="looked at", who="somebody")
    assert (made.scope, made.key, made.state, made.reason, made.who) == (scope, key, state, "looked at", "somebody")
    assert made.since_ms == rig.clock.now_ms()
    assert await rig.control.states() == [made]
    command, alert = await rig.told()
    assert command[:3] == (Topic.COMMAND, "risk.changed", "risk")
    assert isinstance(command[3], Command)
    assert command[3].name == "risk.changed"
    assert alert[:3] == (Topic.ALERT, "risk_state", key)
    told = alert[3]
    assert isinstance(told, Alert)
    assert (told.level, told.cleared, told.account, told.deployment, told.time_ms) == (level, cleared, *named, made.since_ms)
    assert told.sentence == f"{scope}{f' {key}' if key else ''} is {state} (set by somebody): looked at"


async def test_a_reason_is_kept_to_two_hundred_letters_and_none_is_none(rig: Rig) -> None:
    made = await rig.control.set_state("system", "", "HALTED", reason="x" * 201)
    assert made.reason == "x" * 200
    made = await rig.control.set_state("system", "", "ACTIVE")
    assert (made.reason, made.who) == ("", "owner")
    assert (await rig.told())[-1][3].sentence == "system is ACTIVE (set by owner)"


async def test_while_something_outside_holds_the_system_halted_only_that_state_is_refused(store: SqlStateStore) -> None:
    control = RiskControl(store, ManualClock(), halted_by=lambda: "a file")
    with pytest.raises(InvalidValue, match="the system stays HALTED while a file is there"):
        await control.set_state("system", "", "ACTIVE")
    assert await control.states() == []
    await control.set_state("system", "", "REDUCING")
    await control.set_state("account", "paper", "ACTIVE")
    assert [(item.scope, item.state) for item in await control.states()] == [("account", "ACTIVE"), ("system", "REDUCING")]


async def test_a_trial_alert_says_that_alerts_arrive(rig: Rig) -> None:
    alert = await rig.control.try_alert()
    assert (alert.cleared, alert.level, alert.time_ms) == (False, "warning", rig.clock.now_ms())
    assert await rig.told() == [(Topic.ALERT, alert.name, "", alert)]


# --- who follows ----------------------------------------------------------------------------------------------------------


async def test_each_change_is_awaited_by_those_who_follow_and_noted_for_others(rig: Rig) -> None:
    seen: list[str] = []

    async def reload() -> None:
        seen.append("reloaded")

    async with rig.control.followed(reload):
        notes = [await rig.changes()]
        changes: list[Callable[[], Awaitable[Any]]] = [
            lambda: rig.control.set_state("system", "", "REDUCING"),
            lambda: rig.control.set_rule("max_exposure", "shadow", {}),
            lambda: rig.control.set_protection("account", "paper", "stop_loss", "enforced", {}),
            lambda: rig.control.set_quota("d1", max_position=D(1), orders_per_day=1),
        ]
        for number, change in enumerate(changes, 1):
            await change()
            assert len(seen) == number
            notes.append(await rig.changes())
            assert [row[1] for row in await rig.told() if row[0] == Topic.COMMAND] == ["risk.changed"]
        assert len(set(notes)) == 5, "each is another one"
    await rig.control.set_state("system", "", "ACTIVE")
    assert len(seen) == 4, "who has gone is not asked"


# --- rules ----------------------------------------------------------------------------------------------------------------


async def test_rules_are_shown_as_they_are_asked_with_what_they_denied_in_a_day(rig: Rig) -> None:
    now_ns = rig.clock.now_ns()
    async with rig.store.transaction() as work:
        for age_ns, shadow in ((0, False), (24 * HOUR_NS, False), (24 * HOUR_NS + 1, False), (1, True)):
            row: dict[str, Any] = {
                "intent_id": "i",
                "account": "paper",
                "instrument": "x",
                "limit": "1",
                "value": "2",
                "sentence": "s",
            }
            await work.risk.note(RiskDecision(rule="max_position", shadow=shadow, time_ns=now_ns - age_ns, **row))
    rows = {row["name"]: row for row in await rig.control.rules()}
    assert list(rows) == [*RULES, *POSITION_RULES]
    default = {rule.name for rule in DEFAULT_RULES} | {rule.name for rule in DEFAULT_PROTECTION}
    assert {name for name, row in rows.items() if row["mode"] == "enforced"} == default
    assert {row["mode"] for row in rows.values()} == {"enforced", "off"}
    shown = rows["max_position"]
    assert (shown["denied"], shown["noted"]) == (2, 1)
    assert (rows["max_exposure"]["denied"], rows["max_exposure"]["noted"]) == (0, 0)
    assert (shown["kind"], shown["own"], shown["unasked"]) == ("order", False, "")
    assert shown["parameters"]["limit"]["value"] == shown["parameters"]["limit"]["default"] == "250000"
    assert shown["parameters"]["limit"]["doc"] == "in the account's currency"
    assert rows["margin_ratio"]["unasked"] == "the venue's margin ratio when an order was made is not kept"
    assert (rows["stop_loss"]["kind"], rows["stop_loss"]["own"], rows["cooldown"]["own"]) == ("position", True, True)


async def test_what_is_set_of_a_rule_stays_until_it_is_set_otherwise(rig: Rig) -> None:
    await rig.control.set_rule("order_rate", "shadow", {"limit": 7})
    rows = {row["name"]: row for row in await rig.control.set_rule("order_rate", "enforced", {"window_s": 9})}
    values = {name: field["value"] for name, field in rows["order_rate"]["parameters"].items()}
    assert (rows["order_rate"]["mode"], values) == ("enforced", {"limit": 7, "window_s": 9, "deployment_limit": 20})
    with pytest.raises(UnknownName, match="rule"):
        await rig.control.set_rule("no_rule", "off", {})
    await rig.control.set_rule("stop_loss", "enforced", {"limit": "0.03"})
    with pytest.raises(InvalidValue, match="enforced or off"):
        await rig.control.set_rule("stop_loss", "shadow", {})


async def test_what_one_account_or_deployment_has_of_its_own(rig: Rig) -> None:
    async def own() -> list[tuple[str, str, str, str, dict[str, Any]]]:
        return [(item.scope, item.key, item.name, item.mode, dict(item.parameters)) for item in await rig.control.protection()]

    await rig.control.set_protection("account", "paper", "forced_reduction", "enforced", {"limit": "0.7"})
    await rig.control.set_protection("account", "paper", "forced_reduction", "off", {"share": "0.2"})
    assert await own() == [("account", "paper", "forced_reduction", "off", {"limit": "0.7", "share": "0.2"})]
    await rig.control.set_protection("deployment", "d1", "cooldown", "enforced", {"seconds": 5})
    await rig.control.set_protection("account", "paper", "forced_reduction", "inherit", {})
    await rig.control.set_protection("account", "paper", "stop_loss", "inherit", {})
    assert await own() == [("deployment", "d1", "cooldown", "enforced", {"seconds": 5})]


# --- quotas ---------------------------------------------------------------------------------------------------------------


async def test_a_quota_may_be_nothing_and_a_million_orders(rig: Rig) -> None:
    for position, orders in (("0", 0), ("0.5", 1_000_000)):
        made = await rig.control.set_quota("d1", max_position=D(position), orders_per_day=orders)
        assert made == StrategyQuota(
            deployment="d1",
            account="paper",
            allocation=D(500),
            max_position=D(position),
            orders_per_day=orders,
            updated_ms=rig.clock.now_ms(),
        )
        assert await rig.control.quotas() == {"d1": made}
    for position, orders in (("-0.1", 0), ("Infinity", 0), ("1", -1), ("1", 1_000_001)):
        with pytest.raises(InvalidValue):
            await rig.control.set_quota("d1", max_position=D(position), orders_per_day=orders)
    with pytest.raises(UnknownName):
        await rig.control.set_quota("d2", max_position=D(1), orders_per_day=1)
    assert (await rig.control.quotas())["d1"].orders_per_day == 1_000_000


async def test_a_deployment_without_an_allocation_has_none(rig: Rig) -> None:
    made = Deployment(id="d2", name="two", strategy="s", account="paper", allocation="", created_ms=1, updated_ms=1)
    async with rig.store.transaction() as work:
        await work.deployments.put(made, who="owner", what="created")
    assert (await rig.control.set_quota("d2", max_position=D(1), orders_per_day=1)).allocation == 0


# --- the desk -------------------------------------------------------------------------------------------------------------


async def test_a_desk_is_brought_in_line_with_what_is_kept(rig: Rig) -> None:
    control, desk = rig.control, RiskDesk()
    desk.quotas["gone"] = StrategyQuota(deployment="gone", account="paper")
    quotas = desk.quotas
    await control.set_rule("max_position", "off", {})
    await control.set_rule("max_exposure", "shadow", {"limit": "0.7"})
    await control.set_rule("stop_loss", "enforced", {"limit": "0.03"})
    await control.set_rule("take_profit", "off", {"limit": "0.2"})
    await control.set_protection("account", "paper", "stop_loss", "off", {})
    await control.set_protection("deployment", "d1", "take_profit", "enforced", {"limit": "0.4"})
    await control.set_protection("deployment", "d1", "cooldown", "enforced", {"seconds": 5})
    await control.set_protection("account", "paper", "cooldown", "off", {})
    quota = await control.set_quota("d1", max_position=D(1), orders_per_day=1)
    await control.set_state("account", "paper", "REDUCING")
    await control.apply(desk)
    names = [rule.name for rule in DEFAULT_RULES if rule.name not in ("max_position", "max_exposure")]
    assert [rule.name for rule in desk.rules.enforced] == names, "in the order in which they are asked"
    assert desk.rules.shadow == (rule_of("max_exposure", {"limit": "0.7"}),)
    assert desk.protection == {
        ("system", ""): {"stop_loss": rule_of("stop_loss", {"limit": "0.03"}), "forced_reduction": rule_of("forced_reduction")},
        ("account", "paper"): {"stop_loss": None},
        ("deployment", "d1"): {"take_profit": rule_of("take_profit", {"limit": "0.4"})},
    }
    assert desk.own == {
        ("deployment", "d1"): {"cooldown": rule_of("cooldown", {"seconds": 5})},
        ("account", "paper"): {"cooldown": None},
    }
    assert desk.quotas is quotas, "the accounts' exposures look there"
    assert desk.quotas == {"d1": quota}
    assert desk.state_of("paper").state == "REDUCING"


async def test_two_that_apply_do_so_one_after_the_other(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, working = RiskDesk(), list[str]()
    original = rig.control._apply

    async def watched(wanted: RiskDesk) -> None:
        working.append("begun")
        await original(wanted)
        working.append("ended")

    monkeypatch.setattr(rig.control, "_apply", watched)
    await asyncio.gather(rig.control.apply(desk), rig.control.apply(desk))
    assert working == ["begun", "ended"] * 2
