"""Risk control as a person steers it: states, and which rules are asked with which limits. Durable, and told to who trades."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
import structlog

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.messages import TEST_ALERT, Alert, Command, Message, Topic, new_event_id
from quantservice.ports import Clock, RiskState, StateStore, StrategyQuota, UnitOfWork
from quantservice.ports.trading_store import CHANGES, RiskScope, RiskStateName
from quantservice.quant.risk_rules import (
    DEFAULT_PROTECTION,
    DEFAULT_RULES,
    OWN_RULES,
    POSITION_RULES,
    RULES,
    PositionRule,
    RiskRule,
    describe_rules,
    rule_of,
)
from quantservice.services.risk.desk import RiskDesk, RuleSet
from quantservice.services.risk.rehearsing import UNKEPT

_log = structlog.get_logger(__name__)
#: Event type of the command that tells traders to look at states and rules again.
CHANGED: Final = "risk.changed"
#: ``enforced`` denies, ``shadow`` is only noted, ``off`` is not asked.
RuleMode: TypeAlias = Literal["enforced", "shadow", "off"]
_SCOPE: Final = "risk"
_RULES: Final = "rules"
_PROTECTION: Final = "protection"
_LONGEST: Final = 200
_MOST_ORDERS: Final = 1_000_000
_DAY_NS: Final = 86_400 * 1_000_000_000


class RuleSetting(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule is asked."""

    name: str
    mode: RuleMode = "enforced"
    parameters: Mapping[str, Any] = {}


class ProtectionSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A rule (of positions, or cooldown) as one account or deployment has it; ``off`` where the system's does not hold for it."""

    scope: Literal["account", "deployment"]
    key: str
    name: str
    mode: Literal["enforced", "off"] = "enforced"
    parameters: Mapping[str, Any] = {}


class RiskControl:
    """The states (tables risk_state) and the rules in force (the state store's values)."""

    def __init__(self, state: StateStore, clock: Clock, *, halted_by: Callable[[], str] = lambda: "") -> None:
        """``halted_by`` names what keeps the system HALTED from outside (the file of the kill switch); empty where nothing does."""
        self._state, self._clock, self._halted_by = state, clock, halted_by
        self._followers: list[Callable[[], Awaitable[None]]] = []
        self._applying = asyncio.Lock()  # what was read first is not put over what was read later

    @asynccontextmanager
    async def followed(self, reload: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Have ``reload`` awaited by each change before it is answered: no order of this process passes a state that was told.

        Traders in other processes hear the command.
        """
        self._followers.append(reload)
        try:
            yield
        finally:
            self._followers.remove(reload)

    # --- states --------------------------------------------------------------------------------------------------------

    async def states(self) -> list[RiskState]:
        """Return the states that were ever set; what has none is ACTIVE."""
        async with self._state.transaction() as work:
            return await work.risk.states()

    async def set_state(self, scope: str, key: str, state: str, *, reason: str = "", who: str = "owner") -> RiskState:
        """Set the system, an account or a deployment ACTIVE, REDUCING (only reducing orders) or HALTED (none)."""
        if scope not in get_args(RiskScope):
            raise UnknownName("scope", scope, get_args(RiskScope))
        if state not in get_args(RiskStateName):
            raise UnknownName("risk state", state, get_args(RiskStateName))
        if (scope == "system") != (key == ""):
            raise InvalidValue("key", "the system has none, an account or a deployment is named by it")
        if scope == "system" and state == "ACTIVE" and (holder := self._halted_by()):
            raise InvalidValue("state", f"the system stays HALTED while {holder} is there; remove it first")
        made = RiskState(
            scope=scope,  # type: ignore[arg-type]  # looked at above
            key=key,
            state=state,  # type: ignore[arg-type]  # looked at above
            reason=reason[:_LONGEST],
            who=who,
            since_ms=self._clock.now_ms(),
        )
        async with self._state.transaction() as work:
            await _check_scope(work, scope, key)
            await work.risk.set_state(made)
            await _tell(work)
            alert = _alert_of(made)
            await work.outbox.add(Message(topic=Topic.ALERT, data=alert, event_type=alert.name, key=key))
        await self._followed()
        _log.warning("risk.state_set", scope=scope, key=key, state=state, reason=made.reason, who=who)
        return made

    async def try_alert(self) -> Alert:
        """Send an alert that says nothing, to see whether alerts arrive."""
        now_ms = self._clock.now_ms()
        alert = Alert(name=TEST_ALERT, sentence="a test: alerts of QuantService arrive here", time_ms=now_ms)
        async with self._state.transaction() as work:
            await work.outbox.add(Message(topic=Topic.ALERT, data=alert, event_type=alert.name, key=""))
        return alert

    # --- rules ---------------------------------------------------------------------------------------------------------

    async def rules(self) -> list[dict[str, Any]]:
        """Return every rule: name, kind, doc, mode, its parameters with value, default and meaning, and what it denied lately.

        ``denied`` and ``noted`` (while on trial) count the last 24 hours; ``unasked`` says why it cannot be asked of past orders.
        """
        settings = {item.name: item for item in await self._settings()}
        async with self._state.transaction() as work:
            counts = await work.risk.counts(self._clock.now_ns() - _DAY_NS)
        rows = []
        for row in describe_rules():
            setting = settings[row["name"]]
            rule = msgspec.to_builtins(rule_of(setting.name, setting.parameters))
            fields = {
                name: {"value": rule[name], "default": field["default"], "doc": field["doc"]}
                for name, field in row["parameters"].items()
            }
            rows.append(
                {
                    "name": row["name"],
                    "kind": row["kind"],
                    "doc": row["doc"],
                    "own": row["own"],
                    "mode": setting.mode,
                    "parameters": fields,
                    "denied": counts.get((setting.name, False), 0),
                    "noted": counts.get((setting.name, True), 0),
                    "unasked": UNKEPT.get(setting.name, ""),
                }
            )
        return rows

    async def protection(self) -> list[ProtectionSetting]:
        """Return the rules that accounts and deployments have of their own."""
        async with self._state.transaction() as work:
            kept = await work.values.get(_SCOPE, _PROTECTION)
        return msgspec.convert(kept or [], list[ProtectionSetting])

    async def set_protection(self, scope: str, key: str, name: str, mode: str, parameters: Mapping[str, Any]) -> None:
        """Set a rule for one account or deployment: a deployment's goes before its account's, and that before the system's.

        ``mode`` is enforced, off, or inherit, which forgets what was set here. Rules not of :data:`OWN_RULES` are everybody's.
        """
        if name not in OWN_RULES:
            raise UnknownName("rule of one account or deployment", name, sorted(OWN_RULES))
        if scope not in ("account", "deployment"):
            raise UnknownName("scope", scope, ("account", "deployment"))
        if mode not in ("enforced", "off", "inherit"):
            raise UnknownName("mode", mode, ("enforced", "off", "inherit"))
        settings: dict[tuple[str, str, str], ProtectionSetting] = {
            (item.scope, item.key, item.name): item for item in await self.protection()
        }
        before = settings.pop((scope, key, name), None)
        if mode != "inherit":
            wanted = {**(before.parameters if before is not None else {}), **parameters}
            rule_of(name, wanted)  # says what is wrong with it
            settings[scope, key, name] = ProtectionSetting(
                scope=scope,  # type: ignore[arg-type]  # looked at above
                key=key,
                name=name,
                mode=mode,  # type: ignore[arg-type]  # looked at above
                parameters=wanted,
            )
        async with self._state.transaction() as work:
            await _check_scope(work, scope, key)
            await work.values.put(_SCOPE, _PROTECTION, [msgspec.to_builtins(item) for item in settings.values()])
            await _tell(work)
        await self._followed()
        _log.warning("risk.protection_set", scope=scope, key=key, rule=name, mode=mode, parameters=dict(parameters))

    async def set_rule(self, name: str, mode: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Set how a rule is asked, and those of its parameters that are given; return all rules."""
        if name not in RULES and name not in POSITION_RULES:
            raise UnknownName("rule", name, (*RULES, *POSITION_RULES))
        if mode not in get_args(RuleMode):
            raise UnknownName("mode", mode, get_args(RuleMode))
        if mode == "shadow" and name in POSITION_RULES:
            raise InvalidValue("mode", f"{name} watches positions: it is enforced or off")
        settings = {item.name: item for item in await self._settings()}
        wanted = {**settings[name].parameters, **parameters}
        rule_of(name, wanted)  # says what is wrong with it
        settings[name] = RuleSetting(name=name, mode=mode, parameters=wanted)  # type: ignore[arg-type]  # looked at above
        async with self._state.transaction() as work:
            await work.values.put(_SCOPE, _RULES, [msgspec.to_builtins(item) for item in settings.values()])
            await _tell(work)
        await self._followed()
        _log.warning("risk.rule_set", rule=name, mode=mode, parameters=dict(parameters))
        return await self.rules()

    async def quotas(self) -> dict[str, StrategyQuota]:
        """Return the quotas that deployments have, by deployment."""
        async with self._state.transaction() as work:
            return {item.deployment: item for item in await work.quotas.list()}

    async def set_quota(self, deployment: str, *, max_position: Decimal, orders_per_day: int) -> StrategyQuota:
        """Set what a deployment may use: the value of its position in any one instrument, and orders per UTC day (0: no limit)."""
        if not max_position.is_finite() or max_position < 0:
            raise InvalidValue("max_position", f"{max_position} is not a number from 0 on")
        if not 0 <= orders_per_day <= _MOST_ORDERS:
            raise InvalidValue("orders_per_day", f"{orders_per_day} is not between 0 and {_MOST_ORDERS}")
        async with self._state.transaction() as work:
            found = await work.deployments.get(deployment)
            if found is None:
                raise UnknownName("deployment", deployment, (), hint="qs deployments list shows them")
            made = StrategyQuota(
                deployment=deployment,
                account=found.account,
                allocation=Decimal(found.allocation or "0"),
                max_position=max_position,
                orders_per_day=orders_per_day,
                updated_ms=self._clock.now_ms(),
            )
            await work.quotas.put(made)
            await _tell(work)
        await self._followed()
        _log.warning("risk.quota_set", deployment=deployment, max_position=f"{max_position:f}", orders_per_day=orders_per_day)
        return made

    async def apply(self, desk: RiskDesk) -> None:
        """Bring a desk in line with what is kept."""
        async with self._applying:
            await self._apply(desk)

    async def _apply(self, desk: RiskDesk) -> None:
        settings, states = await self._settings(), await self.states()
        rules: dict[str, list[RiskRule]] = {"enforced": [], "shadow": []}
        for item in settings:
            made = rule_of(item.name, item.parameters)
            if item.mode != "off" and isinstance(made, RiskRule):
                rules[item.mode].append(made)
        protection: dict[tuple[str, str], dict[str, PositionRule | None]] = {("system", ""): {}}
        for item in settings:
            if item.name in POSITION_RULES and item.mode == "enforced":
                protection["system", ""][item.name] = _position_rule(item.name, item.parameters)
        of_orders: dict[tuple[str, str], dict[str, RiskRule | None]] = {}
        for own in await self.protection():
            rule = rule_of(own.name, own.parameters) if own.mode == "enforced" else None
            if own.name in POSITION_RULES:
                protection.setdefault((own.scope, own.key), {})[own.name] = rule if isinstance(rule, PositionRule) else None
            else:
                of_orders.setdefault((own.scope, own.key), {})[own.name] = rule if isinstance(rule, RiskRule) else None
        desk.protection, desk.own = protection, of_orders
        quotas = await self.quotas()
        desk.quotas.clear()
        desk.quotas.update(quotas)
        desk.load_states(states)
        desk.rules = RuleSet(enforced=tuple(rules["enforced"]), shadow=tuple(rules["shadow"]))

    async def _followed(self) -> None:
        for reload in tuple(self._followers):
            await reload()

    async def _settings(self) -> list[RuleSetting]:
        """Return how each rule is asked, in the order in which they are: those not set yet as they are by default."""
        async with self._state.transaction() as work:
            kept = await work.values.get(_SCOPE, _RULES)
        known = {item.name: item for item in msgspec.convert(kept or [], list[RuleSetting])}
        default = {rule.name: None for rule in DEFAULT_RULES}
        asked = default.keys() | {rule.name for rule in DEFAULT_PROTECTION}
        order = [*default, *(name for name in (*RULES, *POSITION_RULES) if name not in default)]
        return [known.get(name) or RuleSetting(name=name, mode="enforced" if name in asked else "off") for name in order]


def _alert_of(state: RiskState) -> Alert:
    """Return what is told of a state: ACTIVE ends the alert of what was before."""
    of = f"{state.scope} {state.key}".strip()
    why = f": {state.reason}" if state.reason else ""
    return Alert(
        name="risk_state",
        level="critical" if state.state == "HALTED" else "warning",
        account=state.key if state.scope == "account" else "",
        deployment=state.key if state.scope == "deployment" else "",
        sentence=f"{of} is {state.state} (set by {state.who}){why}",
        cleared=state.state == "ACTIVE",
        time_ms=state.since_ms,
    )


async def _check_scope(work: UnitOfWork, scope: str, key: str) -> None:
    """Raise UnknownName for an account or deployment that there is not."""
    if scope == "account" and await work.accounts.get(key) is None:
        raise UnknownName("account", key, [item.name for item in await work.accounts.list()])
    if scope == "deployment" and await work.deployments.get(key) is None:
        raise UnknownName("deployment", key, (), hint="qs deployments list shows them")


def _position_rule(name: str, parameters: Mapping[str, Any]) -> PositionRule | None:
    made = rule_of(name, parameters)
    return made if isinstance(made, PositionRule) else None


async def _tell(work: UnitOfWork) -> None:
    command = Command(id=new_event_id(), name=CHANGED, arguments={})
    await work.values.put(CHANGES, _SCOPE, command.id)
    await work.outbox.add(Message(topic=Topic.COMMAND, data=command, event_type=CHANGED, key="risk"))
