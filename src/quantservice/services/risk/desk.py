"""The desk: states first, then the rules in their order; the first no is the answer. Approved is made here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.intents import Approved, Denied, Intent
from quantservice.core.money import ZERO
from quantservice.core.orders import Order
from quantservice.ports import HeldPosition, RiskDecision, RiskState, StrategyQuota, UnitOfWork
from quantservice.quant.risk_rules import DEFAULT_RULES, Breach, PositionRule, RiskRule, RiskView, plains
from quantservice.services.risk.exposure import ExposureBook
from quantservice.services.risk.recalling import Recalled, recall, resume
from quantservice.services.risk.trust import Faults

_MS_NS: Final = 1_000_000
_LATE_DIGITS: Final = 3  # of seconds
_STRICTER: Final[dict[str, int]] = {"ACTIVE": 0, "REDUCING": 1, "HALTED": 2}


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: ``enforced`` rules deny, ``shadow`` rules are only noted, until a person trusts them."""

    enforced: tuple[RiskRule, ...] = DEFAULT_RULES
    shadow: tuple[RiskRule, ...] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, and what rules on trial would have said."""

    answer: Approved | Denied
    shadow: tuple[Denied, ...] = ()

    @property
    def decisions(self) -> tuple[RiskDecision, ...]:
        """The denials as they are kept."""
        denied = (*((self.answer,) if isinstance(self.answer, Denied) else ()), *self.shadow)
        return tuple(_kept(item) for item in denied)


class RiskDesk:
    """Checks intents. Holds the states and, per account, its exposure; whoever reserves does so before the next check.

    ``protection``: per scope (system, account or deployment, and its key) the rules of positions by name, None where one is off.
    ``own``: in the same way the rules of orders that accounts and deployments have in the place of the system's.
    """

    def __init__(self, rules: RuleSet | None = None) -> None:
        self.rules = rules or RuleSet()
        self.own: dict[tuple[str, str], dict[str, RiskRule | None]] = {}
        self.books: dict[str, ExposureBook] = {}
        self.protection: dict[tuple[str, str], dict[str, PositionRule | None]] = {}
        self.quotas: dict[str, StrategyQuota] = {}  # by deployment; the accounts' exposures look here
        self.data_faults: Faults = {}  # by deployment and instrument; the accounts' exposures look here
        self._states: dict[tuple[str, str], RiskState] = {}
        self._easing = 0

    @contextmanager
    def easing(self) -> Iterator[None]:
        """Let what is HALTED reduce meanwhile: what is held is being closed. Nothing of it is kept: a crash leaves all HALTED."""
        self._easing += 1
        try:
            yield
        finally:
            self._easing -= 1

    def set_state(self, state: RiskState) -> None:
        """Take a state of the system, an account or a deployment. A new ACTIVE is a person's look: counts in a row begin anew."""
        before = self._states.get((state.scope, state.key))
        self._states[state.scope, state.key] = state
        if state.state != "ACTIVE" or (before is not None and before.since_ms == state.since_ms):
            return
        for account, book in self.books.items():
            if state.scope != "account" or state.key == account:
                book.forgive(state.key if state.scope == "deployment" else None)

    def load_states(self, states: Iterable[RiskState]) -> None:
        """Take the states that were kept over a restart."""
        for state in states:
            self.set_state(state)

    def state_of(self, account: str, deployment: str = "") -> RiskState:
        """Return the strictest state that applies."""
        found = [
            self._states.get(key)
            for key in (("system", ""), ("account", account), *((("deployment", deployment),) if deployment else ()))
        ]
        known = [state for state in found if state is not None]
        strictest = max(known, key=lambda state: _STRICTER[state.state], default=RiskState(scope="system"))
        eased = self._easing and strictest.state == "HALTED"
        return msgspec.structs.replace(strictest, state="REDUCING") if eased else strictest

    def position_rules(self, account: str, deployment: str = "") -> tuple[PositionRule, ...]:
        """Return the rules that watch a deployment's positions, or a person's: of each the deployment's, account's or system's."""
        scopes = [("system", ""), ("account", account), *([("deployment", deployment)] if deployment else [])]
        found: dict[str, PositionRule | None] = {}
        for scope in scopes:
            found |= self.protection.get(scope, {})
        return tuple(rule for rule in found.values() if rule is not None)

    def apply_order(self, order: Order) -> None:
        """Take an order as it is now into its account's exposure; of an account that is not traded here nothing is kept."""
        book = self.books.get(order.terms.account)
        if book is not None:
            book.apply_order(order)

    def reload(self, account: str, held: Iterable[HeldPosition]) -> None:
        """Forget an account's orders and positions, and take these positions."""
        book = self.books.get(account)
        if book is not None:
            book.reload(held)

    async def recall(self, work: UnitOfWork, account: str, now_ns: int) -> Recalled:
        """Read what an account's risk control must know of the time before this process; :meth:`resume` takes it."""
        return await recall(work, account, now_ns)

    def resume(self, account: str, held: Sequence[HeldPosition], recalled: Recalled) -> None:
        """Go on where the process before left an account: rates, refusals, losses in a row, peak and the day's start."""
        book = self.books.get(account)
        if book is not None:
            resume(book, held, recalled, lambda deployment: self._looked_ns(account, deployment))

    def _looked_ns(self, account: str, deployment: str) -> int:
        """Return when a person last set ACTIVE what an account's deployment, or the account itself, is under."""
        scopes = [("system", ""), ("account", account), *([("deployment", deployment)] if deployment else [])]
        found = [self._states[scope] for scope in scopes if scope in self._states]
        return max((state.since_ms for state in found if state.state == "ACTIVE"), default=0) * _MS_NS

    def uncovered(self, intent: Intent) -> bool:
        """Say whether an order that only reduces a deployment's part, and ends at once, is more than the account covers."""
        book = self.books.get(intent.terms.account)
        return book is not None and book.uncovered(intent)

    def check(self, intent: Intent, now_ns: int, also: Sequence[RiskRule] = ()) -> Verdict:
        """Approve or deny. An approved intent is reserved at once: the next check counts it.

        What is approved may only reduce where the account's own position covers it: the venue would refuse it otherwise.

        ``also``: rules of this order alone; they can only make it stricter.
        """
        book = self.books.get(intent.terms.account)
        if book is None:
            return Verdict(
                answer=_denied(intent, "account", "known", intent.terms.account, "the account is not traded here", now_ns)
            )
        if intent.valid_until_ns and now_ns > intent.valid_until_ns:
            _, late = plains(ZERO, Decimal(now_ns - intent.valid_until_ns).scaleb(-9), digits=_LATE_DIGITS)
            return Verdict(answer=_denied(intent, "deadline", "0 s", f"{late} s", f"it came {late} s after it was valid", now_ns))
        intent = book.as_the_venue_takes_it(intent)
        view = book.view(intent, now_ns)
        if intent.terms.reduce_only and not view.reduces:
            said = "spot knows no orders that only reduce, and this one could do more than sell what is held and not being sold yet"
            return Verdict(answer=_denied(intent, "reduce_only", "what is held", f"{intent.terms.quantity:f}", said, now_ns))
        barred = self._barred(intent, view, now_ns)
        if barred is not None:
            return Verdict(answer=barred)
        rules = self._rules_of(intent)
        shadow = tuple(
            msgspec.structs.replace(_of_breach(intent, rule, breach, now_ns), shadow=True)
            for rule in rules.shadow
            if (breach := rule.check(view)) is not None
        )
        for rule in (*rules.enforced, *also):
            breach = rule.check(view)
            if breach is not None:
                return Verdict(answer=_of_breach(intent, rule, breach, now_ns), shadow=shadow)
        book.note_sent(intent, now_ns)
        names = tuple(rule.name for rule in (*rules.enforced, *also))
        approved = Approved(
            intent=intent,
            approved_ns=now_ns,
            rules=names,
            reserved=view.order_value,
            reduces=_reduces(intent, view),
            closes=view.closes,
        )
        return Verdict(answer=approved, shadow=shadow)

    def _rules_of(self, intent: Intent) -> RuleSet:
        """Return what is asked of an order: of each rule the deployment's, else the account's, else the system's."""
        if not self.own:
            return self.rules
        own = dict(self.own.get(("account", intent.terms.account), {}))
        if intent.deployment:
            own |= self.own.get(("deployment", intent.deployment), {})
        if not own:
            return self.rules
        mine = (rule for rule in own.values() if rule is not None)
        return RuleSet(
            enforced=(*(rule for rule in self.rules.enforced if rule.name not in own), *mine),
            shadow=tuple(rule for rule in self.rules.shadow if rule.name not in own),
        )

    def barred(self, approved: Approved) -> str:
        """Say why an approved order may not be sent any more: a state that was set after the approval; empty where it may."""
        terms = approved.intent.terms
        state = self.state_of(terms.account, approved.intent.deployment)
        if _allowed(state, reduces=approved.reduces, closes=approved.closes):
            return ""
        return f"{f'{state.scope} {state.key}'.strip()} is {state.state}{f': {state.reason}' if state.reason else ''}"

    def _barred(self, intent: Intent, view: RiskView, now_ns: int) -> Denied | None:
        state = self.state_of(intent.terms.account, intent.deployment)
        if _allowed(state, reduces=_reduces(intent, view), closes=view.closes):
            return None
        of = f"{state.scope} {state.key}".strip()
        why = f": {state.reason}" if state.reason else ""
        what = "nothing is sent" if state.state == "HALTED" else "only reducing orders are sent"
        return _denied(intent, "state", "ACTIVE", state.state, f"{of} is {state.state}{why}; {what}", now_ns)


def _reduces(intent: Intent, view: RiskView) -> bool:
    return view.reduces or intent.purpose in ("flatten", "protective")


def _allowed(state: RiskState, *, reduces: bool, closes: bool) -> bool:
    if state.state == "REDUCING":  # a deployment may leave its part; an account may not come to hold more by it
        return reduces or (closes and state.scope == "deployment")
    return state.state == "ACTIVE"


def rehearse(rules: Sequence[RiskRule], views: Iterable[tuple[Intent, RiskView]]) -> dict[str, list[Denied]]:
    """Ask rules of a past stream of orders: what each would have denied, by its name."""
    found: dict[str, list[Denied]] = {rule.name: [] for rule in rules}
    for intent, view in views:
        for rule in rules:
            breach = rule.check(view)
            if breach is not None:
                found[rule.name].append(_of_breach(intent, rule, breach, view.now_ns))
    return found


def _of_breach(intent: Intent, rule: RiskRule, breach: Breach, now_ns: int) -> Denied:
    return _denied(intent, rule.name, breach.limit, breach.value, breach.sentence, now_ns)


def _denied(intent: Intent, rule: str, limit: str, value: str, sentence: str, now_ns: int) -> Denied:
    return Denied(intent=intent, rule=rule, limit=limit, value=value, sentence=sentence, denied_ns=now_ns)


def _kept(denied: Denied) -> RiskDecision:
    terms = denied.intent.terms
    return RiskDecision(
        intent_id=denied.intent.intent_id,
        account=terms.account,
        deployment=denied.intent.deployment,
        instrument=str(terms.instrument),
        rule=denied.rule,
        limit=denied.limit,
        value=denied.value,
        sentence=denied.sentence,
        shadow=denied.shadow,
        time_ns=denied.denied_ns,
    )
