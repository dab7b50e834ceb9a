"""Risk control by hand: states that hold over restarts, rules changed while trading, and the switch that stops everything."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flow.test_trading_role import WAIT_S, held, orders_of, platform_of, signal, trading, until, wish
from tests.flow.test_trading_role import store as store  # noqa: PLC0414  # the fixture
from tests.support.execution_rig import BTC

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app.kill_switch import FILE, KillSwitch
from quantservice.app.trading import TradingRole
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.intents import Denied
from quantservice.core.orders import Order, OrderState
from quantservice.ports import Deployment, RiskState, TradingAccount
from quantservice.services.execution.commands import Orders

D = Decimal


def desk_of(platform: Any, role: TradingRole) -> tuple[Orders, KillSwitch]:
    orders = Orders(platform.state_store, platform.clock, lambda name: role.desk(name).gateway)
    return orders, KillSwitch(platform.risk, orders, platform.accounts, role.reload_risk, easing=role.risk.easing)


async def test_the_switch_halts_cancels_and_holds_over_a_restart(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders, kill = desk_of(platform, role)
        await orders.place(wish())
        resting = await orders.place(wish(type="limit", limit_price=D(45_000)))
        assert isinstance(resting, Order)
        report = await kill.pull(reason="a test")
        assert (report.state, report.cancelled, report.closing, report.faults) == ("HALTED", 1, 0, [])
        assert (await orders.get(resting.order_id)).state is OrderState.CANCELLED
        assert await held(store, "") == D("0.1"), "what is held stays where closing was not asked"
    again = platform_of(store)
    async with trading(again) as role:
        orders, _ = desk_of(again, role)
        denied = await orders.place(wish())
        assert isinstance(denied, Denied)
        assert (denied.rule, denied.value) == ("state", "HALTED")
        assert "a test" in denied.sentence
        await again.risk.set_state("system", "", "ACTIVE", reason="looked at")
        await role.reload_risk()
        assert isinstance(await orders.place(wish()), Order)


async def test_an_account_that_cannot_be_reached_is_told_only_where_something_is_open_there(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders, kill = desk_of(platform, role)
        resting = await orders.place(wish(type="limit", limit_price=D(45_000)))
        async with store.transaction() as work:
            await work.accounts.put(TradingAccount(name="keyless", venue="binance", market="um", mode="live"))
        assert (await kill.pull(reason="a test")).faults == []
        assert isinstance(resting, Order)
        async with store.transaction() as work:
            terms = msgspec.structs.replace(resting.terms, account="keyless")
            await work.orders.put(msgspec.structs.replace(resting, order_id="other", intent_id="other", terms=terms))
        (fault,) = (await kill.pull(reason="a test")).faults
        assert fault.startswith("keyless: ")


async def test_closing_sells_each_deployments_share_as_its_own(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders, kill = desk_of(platform, role)
        await platform.bus.publish([signal(1.0)])
        await until(lambda: role.stats()["signals"] == 1)
        await orders.place(wish("0.1"))  # a person's own
        assert (await held(store, "d1"), await held(store, "")) == (D("0.2"), D("0.3"))
        report = await kill.pull(reason="close it", close=True)
        assert (report.closing, report.faults) == (2, [])
        assert (await held(store, "d1"), await held(store, "")) == (D(0), D(0))
        assert sorted(order.deployment for order in await orders_of(store) if order.purpose == "flatten") == ["", "d1"]
        assert role.risk.state_of("paper").state == "HALTED"


async def test_closing_sells_what_was_halted_too_and_leaves_it_halted(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        _, kill = desk_of(platform, role)
        await platform.bus.publish([signal(1.0)])
        await until(lambda: role.stats()["signals"] == 1)
        made = Deployment(id="d1", name="d1", strategy="s", account="main", allocation="10000", created_ms=1, updated_ms=1)
        async with store.transaction() as work:
            await work.deployments.put(made, who="owner", what="created")
            await work.risk.set_state(RiskState(scope="deployment", key="gone", state="HALTED"))  # its deployment is no more
        await platform.risk.set_state("deployment", "d1", "HALTED", reason="it lost", who="somebody")
        await role.reload_risk()
        report = await kill.pull(reason="close it", close=True)
        assert (report.closing, report.faults) == (1, [])
        assert await held(store, "d1") == 0
        kept = {(item.scope, item.key): (item.state, item.reason, item.who) for item in await platform.risk.states()}
        assert kept["deployment", "d1"] == ("HALTED", "it lost", "somebody")
        assert kept["system", ""][0] == "HALTED"


async def test_a_process_that_dies_while_it_closes_leaves_all_halted(store: SqlStateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders, kill = desk_of(platform, role)
        await orders.place(wish())
        await platform.risk.set_state("account", "paper", "HALTED", reason="it lost")
        closing = asyncio.Event()

        async def hangs(_account: str) -> list[Any]:
            closing.set()
            await asyncio.Event().wait()
            return []

        monkeypatch.setattr(orders, "close_all", hangs)
        pull = asyncio.create_task(kill.pull(reason="close it", close=True))
        await asyncio.wait_for(closing.wait(), WAIT_S)
        assert role.risk.state_of("paper").state == "REDUCING", "what is held can be sold"
        kept = {item.scope: (item.state, item.reason) for item in await platform.risk.states()}
        assert kept == {"system": ("HALTED", "close it"), "account": ("HALTED", "it lost")}, "what a kill -9 here would leave"
        pull.cancel()
        await asyncio.gather(pull, return_exceptions=True)
        denied = await orders.place(wish())
        assert isinstance(denied, Denied)
        assert denied.value == "HALTED"


async def test_the_file_halts_and_halts_again_while_it_is_there(store: SqlStateStore, tmp_path: Path) -> None:
    platform = platform_of(store, tmp_path)
    async with trading(platform) as role:
        (tmp_path / FILE).touch()
        await until(lambda: role.risk.state_of("paper").state == "HALTED")
        await platform.risk.set_state("system", "", "REDUCING")
        await until(lambda: role.risk.state_of("paper").state == "HALTED")


async def test_no_moment_is_active_while_the_file_is_there(store: SqlStateStore, tmp_path: Path) -> None:
    platform = platform_of(store, tmp_path)
    async with trading(platform) as role:
        (tmp_path / FILE).touch()
        await until(lambda: role.risk.state_of("paper").state == "HALTED")
        with pytest.raises(InvalidValue, match="the system stays HALTED while the file KILL in the data folder is there"):
            await platform.risk.set_state("system", "", "ACTIVE")
        assert role.risk.state_of("paper").state == "HALTED"
        (tmp_path / FILE).unlink()
        await platform.risk.set_state("system", "", "ACTIVE")
        assert role.risk.state_of("paper").state == "ACTIVE"


async def test_no_order_passes_a_state_a_rule_or_a_limit_that_was_told(store: SqlStateStore) -> None:
    """Once the change is answered it holds: nobody waits for a message to come round."""
    platform = platform_of(store)
    async with trading(platform) as role:
        orders, _ = desk_of(platform, role)
        assert isinstance(await orders.place(wish()), Order)
        for scope, key in (("system", ""), ("account", "paper")):
            await platform.risk.set_state(scope, key, "HALTED")
            denied = await orders.place(wish())
            assert isinstance(denied, Denied), scope
            assert denied.rule == "state"
            await platform.risk.set_state(scope, key, "ACTIVE")
            assert isinstance(await orders.place(wish()), Order)
        await platform.risk.set_rule("max_order_value", "enforced", {"limit": "1"})
        assert isinstance(await orders.place(wish()), Denied)
        await platform.risk.set_rule("max_order_value", "off", {})
        assert isinstance(await orders.place(wish()), Order)
        await platform.risk.set_protection("account", "paper", "stop_loss", "enforced", {"limit": "0.01"})
        assert [item.name for item in role.risk.position_rules("paper")].count("stop_loss") == 1


async def test_reducing_lets_only_reducing_orders_through(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders, _ = desk_of(platform, role)
        await orders.place(wish("0.2"))
        await platform.risk.set_state("account", "paper", "REDUCING")
        await role.reload_risk()
        assert isinstance(await orders.place(wish()), Denied)
        sold = await orders.place(wish(side="sell"))
        assert isinstance(sold, Order), sold
        assert await held(store, "") == D("0.1")
        assert len(await orders.close_all("paper", BTC)) == 1
        assert await held(store, "") == D(0)
        assert await orders.close_all("paper") == []


async def test_a_rule_is_changed_while_trading_and_kept(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        orders, _ = desk_of(platform, role)
        await platform.risk.set_rule("max_order_value", "enforced", {"limit": "1000"})
        await role.reload_risk()
        denied = await orders.place(wish())
        assert isinstance(denied, Denied)
        assert (denied.rule, denied.limit, denied.value) == ("max_order_value", "1000", "5000")
        await platform.risk.set_rule("max_order_value", "shadow", {})
        await role.reload_risk()
        assert isinstance(await orders.place(wish()), Order), "on trial it is only noted"
        (noted, *_) = await orders.denials(account="paper")
        assert (noted.rule, noted.limit, noted.shadow) == ("max_order_value", "1000", True)
        await platform.risk.set_rule("max_order_value", "off", {})
    again = platform_of(store)
    async with trading(again) as role:
        assert "max_order_value" not in {rule.name for rule in (*role.risk.rules.enforced, *role.risk.rules.shadow)}
        rules = {row["name"]: row for row in await again.risk.rules()}
        assert (rules["max_order_value"]["mode"], rules["max_order_value"]["parameters"]["limit"]["value"]) == ("off", "1000")


async def test_what_makes_no_sense_is_refused_and_changes_nothing(store: SqlStateStore) -> None:
    risk = platform_of(store).risk
    for arguments, error, words in (
        (("galaxy", "", "HALTED"), UnknownName, "scope"),
        (("system", "", "ASLEEP"), UnknownName, "state"),
        (("system", "paper", "HALTED"), InvalidValue, "key"),
        (("account", "", "HALTED"), InvalidValue, "key"),
        (("account", "nobody", "HALTED"), UnknownName, "account"),
        (("deployment", "nobody", "HALTED"), UnknownName, "deployment"),
    ):
        with pytest.raises(error, match=words):
            await risk.set_state(*arguments)
    for name, mode, parameters in (
        ("no_rule", "enforced", {}),
        ("max_exposure", "perhaps", {}),
        ("max_exposure", "enforced", {"limt": "0.5"}),
        ("max_exposure", "enforced", {"limit": "much"}),
        ("max_exposure", "enforced", {"limit": "NaN"}),
        ("max_exposure", "enforced", {"limit": "-1"}),
    ):
        with pytest.raises((InvalidValue, UnknownName)):
            await risk.set_rule(name, mode, parameters)
    assert await risk.states() == []
    assert {row["mode"] for row in await risk.rules()} == {"enforced", "off"}


async def test_rules_of_positions_are_the_deployments_the_accounts_or_the_systems(store: SqlStateStore) -> None:
    platform = platform_of(store)
    risk = platform.risk
    async with trading(platform) as role:
        assert [rule.name for rule in role.risk.position_rules("paper")] == ["forced_reduction"], "from the start"
        await risk.set_rule("forced_reduction", "off", {})
        await risk.set_rule("stop_loss", "enforced", {"limit": "0.05"})
        await risk.set_rule("trailing_stop", "enforced", {})
        await risk.set_protection("account", "paper", "stop_loss", "enforced", {"limit": "0.02"})
        await risk.set_protection("account", "paper", "trailing_stop", "off", {})
        await role.reload_risk()
        assert [(rule.name, str(rule.limit)) for rule in role.risk.position_rules("paper")] == [("stop_loss", "0.02")]  # type: ignore[attr-defined]
        others = role.risk.position_rules("other", "d1")
        assert [(rule.name, str(rule.limit)) for rule in others] == [("stop_loss", "0.05"), ("trailing_stop", "0.05")]  # type: ignore[attr-defined]
        role.risk.protection["deployment", "d1"] = {"stop_loss": None}
        assert role.risk.position_rules("paper", "d1") == ()
    again = platform_of(store)
    async with trading(again) as role:
        assert [rule.name for rule in role.risk.position_rules("paper")] == ["stop_loss"]
        await risk.set_protection("account", "paper", "stop_loss", "inherit", {})
        assert [item.name for item in await risk.protection()] == ["trailing_stop"]
        await role.reload_risk()
        assert str(role.risk.position_rules("paper")[0].limit) == "0.05"  # type: ignore[attr-defined]
    assert not [rule for rule in role.risk.rules.enforced if rule.name == "stop_loss"], "it is asked of no order"


async def test_rules_of_positions_that_make_no_sense_are_refused(store: SqlStateStore) -> None:
    risk = platform_of(store).risk
    with pytest.raises(InvalidValue, match="mode"):
        await risk.set_rule("stop_loss", "shadow", {})
    for arguments, words in (
        (("account", "nobody", "stop_loss", "enforced", {}), "nobody"),
        (("deployment", "nobody", "stop_loss", "off", {}), "nobody"),
        (("account", "paper", "max_exposure", "off", {}), "rule of one account or deployment"),
        (("system", "", "stop_loss", "off", {}), "scope"),
        (("account", "paper", "stop_loss", "shadow", {}), "mode"),
        (("account", "paper", "stop_loss", "enforced", {"limt": "1"}), "limt"),
    ):
        with pytest.raises((InvalidValue, UnknownName), match=words):
            await risk.set_protection(*arguments)
    assert await risk.protection() == []
