"""Risk control as a person steers it: states, and which rules are asked with which limits. Durable, and told to who trades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
import structlog

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.messages import TEST_ALERT, Alert, Command, Message, Topic, new_event_id
from quantservice.ports import Clock, RiskState, StateStore, UnitOfWork
from quantservice.ports.trading_store import RiskScope, RiskStateName
from quantservice.quant.risk_rules import DEFAULT_RULES, RULES, RiskRule, describe_rules, rule_of
from quantservice.services.risk.desk import RiskDesk, RuleSet

_log = structlog.get_logger(__name__)
#: Event type of the command that tells traders to look at states and rules again.
CHANGED: Final = "risk.changed"
#: ``enforced`` denies, ``shadow`` is only noted, ``off`` is not asked.
RuleMode: TypeAlias = Literal["enforced", "shadow", "off"]
_SCOPE: Final = "risk"
_RULES: Final = "rules"
_LONGEST: Final = 200


class RuleSetting(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule is asked."""

    name: str
    mode: RuleMode = "enforced"
    parameters: Mapping[str, Any] = {}


class RiskControl:
    """The states (tables risk_state) and the rules in force (the state store's values)."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state, self._clock = state, clock

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
        made = RiskState(
            scope=scope,  # type: ignore[arg-type]  # looked at above
            key=key,
            state=state,  # type: ignore[arg-type]  # looked at above
            reason=reason[:_LONGEST],
            who=who,
            since_ms=self._clock.now_ms(),
        )
        async with self._state.transaction() as work:
            if scope == "account" and await work.accounts.get(key) is None:
                raise UnknownName("account", key, [item.name for item in await work.accounts.list()])
            if scope == "deployment" and await work.deployments.get(key) is None:
                raise UnknownName("deployment", key, (), hint="qs deployments list shows them")
            await work.risk.set_state(made)
            await _tell(work)
            alert = _alert_of(made)
            await work.outbox.add(Message(topic=Topic.ALERT, data=alert, event_type=alert.name, key=key))
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
        """Return every rule of orders: name, doc, mode, and its parameters with value, default and meaning."""
        settings = {item.name: item for item in await self._settings()}
        rows = []
        for row in describe_rules():
            if row["kind"] != "order":
                continue
            setting = settings[row["name"]]
            rule = msgspec.to_builtins(rule_of(setting.name, setting.parameters))
            fields = {
                name: {"value": rule[name], "default": field["default"], "doc": field["doc"]}
                for name, field in row["parameters"].items()
            }
            rows.append({"name": row["name"], "doc": row["doc"], "mode": setting.mode, "parameters": fields})
        return rows

    async def set_rule(self, name: str, mode: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Set how a rule is asked, and those of its parameters that are given; return all rules."""
        if name not in RULES:
            raise UnknownName("rule", name, tuple(RULES))
        if mode not in get_args(RuleMode):
            raise UnknownName("mode", mode, get_args(RuleMode))
        settings = {item.name: item for item in await self._settings()}
        wanted = {**settings[name].parameters, **parameters}
        rule_of(name, wanted)  # says what is wrong with it
        settings[name] = RuleSetting(name=name, mode=mode, parameters=wanted)  # type: ignore[arg-type]  # looked at above
        async with self._state.transaction() as work:
            await work.values.put(_SCOPE, _RULES, [msgspec.to_builtins(item) for item in settings.values()])
            await _tell(work)
        _log.warning("risk.rule_set", rule=name, mode=mode, parameters=dict(parameters))
        return await self.rules()

    async def apply(self, desk: RiskDesk) -> None:
        """Bring a desk in line with what is kept."""
        settings, states = await self._settings(), await self.states()
        rules: dict[str, list[RiskRule]] = {"enforced": [], "shadow": []}
        for item in settings:
            made = rule_of(item.name, item.parameters)
            if item.mode != "off" and isinstance(made, RiskRule):
                rules[item.mode].append(made)
        desk.load_states(states)
        desk.rules = RuleSet(enforced=tuple(rules["enforced"]), shadow=tuple(rules["shadow"]))

    async def _settings(self) -> list[RuleSetting]:
        """Return how each rule is asked, in the order in which they are: those not set yet as they are by default."""
        async with self._state.transaction() as work:
            kept = await work.values.get(_SCOPE, _RULES)
        known = {item.name: item for item in msgspec.convert(kept or [], list[RuleSetting]) if item.name in RULES}
        order = [*(rule.name for rule in DEFAULT_RULES), *(name for name in RULES if name not in {r.name for r in DEFAULT_RULES})]
        default = {rule.name for rule in DEFAULT_RULES}
        return [known.get(name) or RuleSetting(name=name, mode="enforced" if name in default else "off") for name in order]


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


async def _tell(work: UnitOfWork) -> None:
    command = Command(id=new_event_id(), name=CHANGED, arguments={})
    await work.outbox.add(Message(topic=Topic.COMMAND, data=command, event_type=CHANGED, key="risk"))
