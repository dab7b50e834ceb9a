"""Fifty lines on which money depends: no fault in any of them survives. In CI, and by ``python -m tests.mutation.named``.

A line is named by its text, so it may move; where it is gone, whoever changed it names its successor.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.mutation.forked import PROJECT, Trial, Verdict, verdicts
from tests.mutation.mutants import sites

_RULES: Final = ("tests/unit/quant/test_risk_rules.py", "tests/unit/quant/test_risk_rule_figures.py")
_ORDERS: Final = ("tests/unit/core/test_orders.py", "tests/unit/core/test_orders_folding.py")
_DOUBTS: Final = "tests/flow/test_execution_doubts.py::"
_GATEWAY: Final = "tests/flow/test_execution_gateway.py::"
#: module -> the tests that must notice -> the lines
NAMED: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "core/orders.py": (
        _ORDERS,
        (
            "return ZERO if self.final else max(ZERO, self.most - max(self.filled, self.reported))",
            "return self.reported > self.filled",
            "if after is None:",
            "if after in FINAL and after is not self.state and event.evidence is None:",
            "moved = after is not self.state",
            "venue_order_id=self.venue_order_id or event.venue_order_id,",
            "reported=max(self.reported, event.filled) if event.filled is not None else self.reported,",
            "evidence=event.evidence if moved and event.evidence is not None else self.evidence,",
            "revived=self.revived or (moved and self.state is OrderState.NOT_SENT),",
            "if fill.instrument != self.terms.instrument or fill.side != self.terms.side:",
            "filled = self.filled + fill.quantity",
            "cost=self.cost + fill.price * fill.quantity,",
            "return order.cost / order.filled if order.filled else None",
        ),
    ),
    "core/ledger.py": (
        ("tests/unit/core/test_ledger.py",),
        (
            "if total != 0:",
            "if entry.entry_id in applied:",
            "applied.add(entry.entry_id)",
            "balances[key] = balances.get(key, ZERO) + posting.amount",
            "Posting(account=source, currency=currency, amount=-amount),",
        ),
    ),
    "quant/risk_rules/orders.py": (
        _RULES,
        (
            "if view.order_value <= self.limit or view.reduces:",
            "if view.reduces or view.order_value <= self.limit * view.equity:",
            "if reference <= 0:",
            "if distance <= self.limit * reference:",
            "count = sum(time > begin for time in times)",
            "leverage = view.leverage if view.leverage > 0 else Decimal(1)",
            "needed, free = view.order_value / leverage, view.free_margin - self.reserve * view.equity",
            "if needed <= free:",
        ),
    ),
    "quant/risk_rules/exposure.py": (
        _RULES,
        (
            "if view.reduces or view.after_position_value <= self.limit:",
            "if view.reduces or view.margin_ratio <= self.limit:",
            "if view.reduces or view.peak_equity <= 0 or view.peak_equity - view.equity <= self.limit * view.peak_equity:",
            "if view.reduces or begin <= 0 or begin - view.equity <= self.limit * begin:",
        ),
    ),
    "quant/risk_rules/conditions.py": (
        _RULES,
        (
            "if view.reduces or view.data_age_ms <= self.limit_ms:",
            "if view.reduces or not view.data_faults:",
        ),
    ),
    "services/portfolio/books.py": (
        ("tests/unit/services/test_portfolio_bookkeeping.py",),
        (
            "if await self.opened_ms(work) is not None:",
            "if await work.books.posted(entry_id_of(fill)):",
            "realised = booked(after.realised - before.realised) if fill.realised is None else fill.realised",
            "cost = size / found.entry_price if instrument.inverse else size * found.entry_price",
        ),
    ),
    "services/execution/folding.py": (
        ("tests/unit/services/test_execution_folding.py", "tests/flow/test_execution_amending.py"),
        (
            "if change is Change.ACCEPT and report.filled > 0:",
            "if order.filled >= order.most:",
        ),
    ),
    "services/execution/remembering.py": (
        ("tests/unit/services/test_execution_memory.py",),
        (
            "self._booked.update(dict.fromkeys(self._fresh_booked))",
            "(self._ended if order.final else self._open)[order_id] = None",
        ),
    ),
    "services/execution/resolving.py": (
        (
            _GATEWAY + "test_or2_a_lost_request_is_absent_only_after_its_time_and_several_answers",
            _DOUBTS + "test_answers_before_the_deadline_do_not_count",
            _DOUBTS + "test_answers_are_five_seconds_apart",
            _DOUBTS + "test_a_request_in_flight_is_not_taken_for_absent",
            "tests/flow/test_resolving_borders.py",
            "tests/flow/test_execution_amending.py",
        ),
        (
            "if order.order_id in self.sending:",
            "early = now_ns < after_ns or now_ns < last_ns + round(config.apart_s * _S_NS)",
            "if report.client_id == order.order_id and report.instrument == order.terms.instrument:",
            "if count + 1 < needed:",
        ),
    ),
    "services/execution/keeper.py": (
        (
            "tests/flow/test_bug_bank_cases.py::test_a_fill_told_again_after_a_restart_is_booked_once",
            _DOUBTS + "test_a_fill_that_could_not_be_booked_counts_when_it_is_told_again",
            _DOUBTS + "test_external_orders_of_two_accounts_do_not_meet",
            _DOUBTS + "test_a_reused_external_client_id_is_another_order",
        ),
        (
            "if self.memory.is_booked(fill.key):",
            "if not new:",
        ),
    ),
    "adapters/venues/binance/trading/signer.py": (
        ("tests/unit/adapters/venues/binance/test_trading_signer.py",),
        (
            "return self.digest(text).hex()",
            "if not 1 <= recv_window_ms <= 60_000:",
            'return f"{text}&signature={self._credentials.sign(text)}"',
        ),
    ),
    "adapters/venues/transport/private/credentials.py": (
        ("tests/unit/adapters/venues/binance/test_trading_signer.py",),
        ("return hmac.new(self._secret, text.encode(), hashlib.sha256).digest()",),
    ),
    "adapters/venues/transport/private/clock.py": (
        ("tests/unit/adapters/venues/binance/test_trading_signer.py",),
        ("return self._told_ms + int((self._clock.monotonic() - self._at) * 1_000)",),
    ),
}


def trials_of(named: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]) -> list[Trial]:
    """Return every fault of every named line; LookupError where a line is gone or has nothing that can be broken."""
    made: list[Trial] = []
    for name, (tests, lines) in named.items():
        module = f"src/quantservice/{name}"
        source = (PROJECT / module).read_text(encoding="utf-8")
        texts = [line.strip() for line in source.splitlines()]
        found = sites(source)
        for wanted in lines:
            here = [Trial(module, site, tests) for site in found if site.line and texts[site.line - 1] == wanted]
            if not here:
                raise LookupError(f"{name} has no such line, or nothing in it to break: {wanted!r}; name its successor")
            made += here
    return made


def survivors(trials: Sequence[Trial], *, workers: int = 2) -> list[Verdict]:
    """Return the trials that nothing noticed; RuntimeError where the tests fail without any fault."""
    whole = {trial.tests: Trial(trial.module, None, trial.tests) for trial in trials}
    for verdict in verdicts(list(whole.values()), workers=workers):
        if verdict.killed:
            raise RuntimeError(f"without any fault the tests of {verdict.trial.module} do not pass: {verdict.by}")
    return [verdict for verdict in verdicts(trials, workers=workers) if not verdict.killed]


def main() -> int:
    """Run from the command line; exit 1 when a fault survives."""
    argparse.ArgumentParser(prog="python -m tests.mutation.named", description=__doc__).parse_args()
    trials = trials_of(NAMED)
    alive = survivors(trials, workers=min(2, os.cpu_count() or 1))
    for verdict in alive:
        site = verdict.trial.site
        assert site is not None
        line = Path(PROJECT / verdict.trial.module).read_text(encoding="utf-8").splitlines()[site.line - 1].strip()
        print(f"SURVIVED {verdict.trial.module}:{site.line} {site.kind}: {line}")
    count = sum(len(lines) for _, lines in NAMED.values())
    print(f"{count} named lines, {len(trials)} faults, {len(trials) - len(alive)} noticed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
