"""Create, change, start, pause, resume, stop and roll back deployments.

Each change, its history row and the command that tells the hosting service are one commit.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.ids import deterministic_id
from quantservice.core.instruments import InstrumentBook, InstrumentId
from quantservice.core.messages import Command, Message, Topic, new_event_id
from quantservice.core.money import amount_of
from quantservice.core.periods import check_period
from quantservice.ports import Clock, Deployment, DeploymentChange, StateStore, TradingPair, UnitOfWork

STATES: Final = ("created", "running", "paused", "stopped", "failed")
CHANGED: Final = "deployments.changed"
#: (verb, states it may be said in, state it leads to, the history's word)
_VERBS: Final[dict[str, tuple[tuple[str, ...], str, str]]] = {
    "start": (("created", "stopped", "failed"), "running", "started"),
    "pause": (("running",), "paused", "paused"),
    "resume": (("paused",), "running", "resumed"),
    "stop": (("running", "paused", "failed"), "stopped", "stopped"),
}


class StrategyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the registry says of a strategy with parameters: all parameters bound, and the hashes of its code."""

    parameters: dict[str, Any]
    code_hash: str = ""
    family: str = ""


#: Name and parameters -> facts; raises UnknownName or InvalidValue naming what is wrong.
Inspect = Callable[[str, Mapping[str, Any]], Awaitable[StrategyFacts]]


class Deployments:
    """The deployments (tables deployment, deployment_history)."""

    def __init__(self, state: StateStore, clock: Clock, instruments: Callable[[], InstrumentBook], inspect: Inspect) -> None:
        self._state = state
        self._clock = clock
        self._instruments = instruments
        self._inspect = inspect

    async def list(self) -> builtins.list[Deployment]:
        """Return all deployments by name."""
        async with self._state.transaction() as work:
            return await work.deployments.list()

    async def get(self, reference: str) -> Deployment:
        """Return a deployment by id or name; UnknownName names the nearest."""
        async with self._state.transaction() as work:
            return await _found(work, reference)

    async def history(self, reference: str, *, limit: int = 200) -> builtins.list[DeploymentChange]:
        """Return who changed what, newest first."""
        async with self._state.transaction() as work:
            return await work.deployments.history((await _found(work, reference)).id, limit=limit)

    async def create(  # noqa: PLR0913 - what a deployment is, all by name
        self,
        *,
        name: str,
        strategy: str,
        instruments: Sequence[str],
        period: str,
        parameters: Mapping[str, Any] | None = None,
        account: str = "",
        allocation: str = "0",
        settings: Mapping[str, Any] | None = None,
        who: str = "owner",
    ) -> Deployment:
        """Add a deployment; it does not run until it is started."""
        facts = await self._inspect(strategy, parameters or {})
        now_ms = self._clock.now_ms()
        made = Deployment(
            id=deterministic_id("deployment", name, now_ms),
            name=_name(name),
            strategy=strategy,
            parameters=facts.parameters,
            code_hash=facts.code_hash,
            family=facts.family,
            instruments=self._names(instruments),
            period=check_period(period),
            account=account,
            allocation=_amount(allocation),
            settings=dict(settings or {}),
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        async with self._state.transaction() as work:
            if await work.deployments.find(made.name) is not None:
                raise InvalidValue("name", f"{made.name!r} is taken by another deployment")
            await _check_account(work, made)
            return await self._put(work, made, who=who, what="created")

    async def configure(self, reference: str, *, who: str = "owner", note: str = "", **changes: Any) -> Deployment:
        """Change parameters, instruments, period, account, allocation or settings of a deployment that does not run."""
        allowed = ("name", "parameters", "instruments", "period", "account", "allocation", "settings")
        for field in changes:
            if field not in allowed:
                raise UnknownName("field", field, allowed)
        async with self._state.transaction() as work:
            before = await _found(work, reference)
        if before.state in ("running", "paused"):
            raise UserError(f"deployment {before.name} is {before.state}; stop it before it is changed")
        changed = {key: value for key, value in changes.items() if value is not None}
        facts = await self._inspect(before.strategy, changed.get("parameters", before.parameters))
        changed |= {"parameters": facts.parameters, "code_hash": facts.code_hash, "family": facts.family}
        if "instruments" in changed:
            changed["instruments"] = self._names(changed["instruments"])
        if "period" in changed:
            check_period(changed["period"])
        if "allocation" in changed:
            changed["allocation"] = _amount(changed["allocation"])
        if "name" in changed:
            changed["name"] = _name(changed["name"])
        async with self._state.transaction() as work:
            after = msgspec.structs.replace(await _found(work, before.id), **changed, updated_ms=self._clock.now_ms())
            await _check_account(work, after)
            return await self._put(work, after, who=who, what="configured", note=note)

    async def say(self, reference: str, verb: str, *, who: str = "owner", note: str = "") -> Deployment:
        """Start, pause, resume or stop a deployment."""
        if verb not in _VERBS:
            raise UnknownName("action", verb, _VERBS)
        allowed, state, word = _VERBS[verb]
        async with self._state.transaction() as work:
            before = await _found(work, reference)
            if before.state == state:
                return before
            if before.state not in allowed:
                raise UserError(
                    f"deployment {before.name} is {before.state}; it can be said to {verb} only when {' or '.join(allowed)}"
                )
            if verb == "start":
                await _check_account(work, before)
                _check_collected(before, await work.pairs.list(enabled_only=True))
            after = msgspec.structs.replace(before, state=state, reason="", updated_ms=self._clock.now_ms())
            return await self._put(work, after, who=who, what=word, note=note)

    async def roll_back(self, reference: str, version: int, *, who: str = "owner") -> Deployment:
        """Bring back the strategy, parameters and setting of an earlier version, as a new version; it is left stopped."""
        async with self._state.transaction() as work:
            now = await _found(work, reference)
            if now.state in ("running", "paused"):
                raise UserError(f"deployment {now.name} is {now.state}; stop it before it is rolled back")
            past = {change.version: change for change in await work.deployments.history(now.id, limit=10_000)}
            if version not in past or not past[version].after:
                raise InvalidValue("version", f"{now.name} has no version {version}; it has {', '.join(map(str, sorted(past)))}")
            then = msgspec.convert(past[version].after, Deployment)
            after = msgspec.structs.replace(then, state="stopped", reason="", updated_ms=self._clock.now_ms())
            return await self._put(work, after, who=who, what="rolled_back", note=f"to version {version}")

    async def remove(self, reference: str, *, who: str = "owner") -> bool:
        """Forget a deployment that does not run; its history stays."""
        async with self._state.transaction() as work:
            found = await _found(work, reference)
            if found.state in ("running", "paused"):
                raise UserError(f"deployment {found.name} is {found.state}; stop it before it is removed")
            removed = await work.deployments.remove(found.id, who=who, now_ms=self._clock.now_ms())
            await work.outbox.add(_changed(found.id))
            return removed

    async def fail(self, deployment_id: str, reason: str) -> None:
        """Note that a running deployment was ended, with the reason; used by the hosting service."""
        async with self._state.transaction() as work:
            before = await work.deployments.get(deployment_id)
            if before is None or before.state not in ("running", "paused"):
                return
            after = msgspec.structs.replace(before, state="failed", reason=reason, updated_ms=self._clock.now_ms())
            await self._put(work, after, who="platform", what="failed", note=reason)

    async def _put(self, work: UnitOfWork, deployment: Deployment, *, who: str, what: str, note: str = "") -> Deployment:
        kept = await work.deployments.put(deployment, who=who, what=what, note=note)
        await work.outbox.add(_changed(kept.id))
        return kept

    def _names(self, instruments: Sequence[str]) -> tuple[str, ...]:
        if not instruments:
            raise InvalidValue("instruments", "none are given; a deployment needs at least one")
        book = self._instruments()
        return tuple(dict.fromkeys(str(book.resolve(name).id) for name in instruments))


async def _check_account(work: UnitOfWork, deployment: Deployment) -> None:
    """Raise for an account that is not there, or that cannot trade what the deployment is on: it would signal and never trade."""
    if not deployment.account:
        return
    account = await work.accounts.get(deployment.account)
    if account is None:
        known = [item.name for item in await work.accounts.list()]
        raise UnknownName("account", deployment.account, known, hint="" if known else "qs accounts add makes one")
    for name in deployment.instruments:
        of = InstrumentId.parse(name)
        if (of.venue, of.market) != (account.venue, account.market):
            raise InvalidValue("account", f"{account.name} trades {account.venue} {account.market}, and {name} is not of it")


def _check_collected(deployment: Deployment, pairs: Sequence[TradingPair]) -> None:
    collected = {(str(pair.instrument), period) for pair in pairs for period in pair.periods}
    for name in deployment.instruments:
        if (name, deployment.period) not in collected:
            raise UserError(
                f"{name} {deployment.period} is not collected; add it with qs pairs add {name} --periods {deployment.period}"
            )


async def _found(work: UnitOfWork, reference: str) -> Deployment:
    found = await work.deployments.get(reference) or await work.deployments.find(reference)
    if found is None:
        names = [item.name for item in await work.deployments.list()]
        raise UnknownName(
            "deployment", reference, names, hint="" if names else "none is there yet: qs deployments create makes one"
        )
    return found


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise InvalidValue("name", f"{text[:80]!r} must be 1 to 80 printable characters")
    return name


def _amount(text: str) -> str:
    return format(amount_of("allocation", str(text), zero=True), "f")


def _changed(deployment_id: str) -> Message:
    command = Command(id=new_event_id(), name=CHANGED, arguments={"deployment": deployment_id})
    return Message(topic=Topic.COMMAND, data=command, event_type=CHANGED, key=deployment_id)
