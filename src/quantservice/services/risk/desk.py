"""The desk: states first, then the rules in their order; the first no is the answer. Approved is made here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from quantservice.core.intents import Approved, Denied, Intent
from quantservice.core.orders import Order
from quantservice.ports import RiskDecision, RiskState, RiskStateName
from quantservice.quant.risk_rules import DEFAULT_RULES, Breach, RiskRule, RiskView
from quantservice.services.risk.exposure import ExposureBook

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
    """Checks intents. Holds the states and, per account, its exposure; whoever reserves does so before the next check."""

    def __init__(self, rules: RuleSet | None = None, *, per_deployment: Mapping[str, RuleSet] | None = None) -> None:
        self.rules = rules or RuleSet()
        self.per_deployment = dict(per_deployment or {})
        self.books: dict[str, ExposureBook] = {}
        self._states: dict[tuple[str, str], RiskState] = {}

    def set_state(self, state: RiskState) -> None:
        """Take a state of the system, an account or a deployment."""
        self._states[state.scope, state.key] = state

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
        return max(known, key=lambda state: _STRICTER[state.state], default=RiskState(scope="system"))

    def apply_order(self, order: Order) -> None:
        """Take an order as it is now into its account's exposure; of an account that is not traded here nothing is kept."""
        book = self.books.get(order.terms.account)
        if book is not None:
            book.apply_order(order)

    def check(self, intent: Intent, now_ns: int, also: Sequence[RiskRule] = ()) -> Verdict:
        """Approve or deny. An approved intent is reserved at once: the next check counts it.

        ``also``: rules of this order alone; they can only make it stricter.
        """
        book = self.books.get(intent.terms.account)
        if book is None:
            return Verdict(
                answer=_denied(intent, "account", "known", intent.terms.account, "the account is not traded here", now_ns)
            )
        if intent.valid_until_ns and now_ns > intent.valid_until_ns:
            late = f"{(now_ns - intent.valid_until_ns) / 1e9:.3f} s"
            return Verdict(answer=_denied(intent, "deadline", "0 s", late, f"it came {late} after it was valid", now_ns))
        view = book.view(intent, now_ns)
        barred = self._barred(intent, view, now_ns)
        if barred is not None:
            return Verdict(answer=barred)
        rules = self.per_deployment.get(intent.deployment, self.rules)
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
            intent=intent, approved_ns=now_ns, rules=names, reserved=view.order_value, reduces=_reduces(intent, view)
        )
        return Verdict(answer=approved, shadow=shadow)

    def barred(self, approved: Approved) -> str:
        """Say why an approved order may not be sent any more: a state that was set after the approval; empty where it may."""
        terms = approved.intent.terms
        state = self.state_of(terms.account, approved.intent.deployment)
        if _allowed(state.state, reduces=approved.reduces):
            return ""
        return f"{f'{state.scope} {state.key}'.strip()} is {state.state}{f': {state.reason}' if state.reason else ''}"

    def _barred(self, intent: Intent, view: RiskView, now_ns: int) -> Denied | None:
        state = self.state_of(intent.terms.account, intent.deployment)
        if _allowed(state.state, reduces=_reduces(intent, view)):
            return None
        of = f"{state.scope} {state.key}".strip()
        why = f": {state.reason}" if state.reason else ""
        what = "nothing is sent" if state.state == "HALTED" else "only reducing orders are sent"
        return _denied(intent, "state", "ACTIVE", state.state, f"{of} is {state.state}{why}; {what}", now_ns)


def _reduces(intent: Intent, view: RiskView) -> bool:
    return view.reduces or intent.purpose in ("flatten", "protective")


def _allowed(state: RiskStateName, *, reduces: bool) -> bool:
    return state == "ACTIVE" or (state == "REDUCING" and reduces)


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
