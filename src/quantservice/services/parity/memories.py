"""A run cut into memories: from where a strategy began anew to where it does so next. Each is replayed as one backtest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from quantservice.core.instruments import Instrument
from quantservice.core.signals import CancelOrders, OrderRequest, OrderUpdate
from quantservice.ports import (
    HostedAccount,
    HostedBars,
    HostedGiven,
    HostedRate,
    HostedReplay,
    HostedSent,
    RunAsked,
    RunBegan,
    RunFact,
    RunSilent,
    RunSized,
    RunTold,
)


@dataclass(frozen=True)
class Memory:
    """One memory of a strategy: how it began, and what happened in it, in order."""

    began: RunBegan
    facts: list[RunFact] = field(default_factory=list)

    @property
    def asked(self) -> list[RunAsked]:
        """The closes that were answered."""
        return [fact for fact in self.facts if isinstance(fact, RunAsked)]

    @property
    def restarts(self) -> int:
        """How often the process began again with this memory."""
        return sum(isinstance(fact, RunBegan) for fact in self.facts)

    @property
    def last_open(self) -> int:
        """Open time of the last kline that was answered."""
        return max(fact.open_time for fact in self.asked)

    def accounts(self) -> list[tuple[int, HostedAccount | None]]:
        """Return from which kline on the strategy saw which account; a new process knows none until it is asked."""
        given: list[tuple[int, HostedAccount | None]] = []
        last = -1
        for fact in self.facts:
            if isinstance(fact, RunAsked) and fact.ticker is None:
                last = fact.open_time
                given.append((last, fact.account))
            elif isinstance(fact, RunBegan):
                given.append((last + 1, None))
        return given if any(account is not None for _, account in given) else []

    def given(self, told: Sequence[tuple[int, OrderUpdate]]) -> list[HostedGiven]:
        """Return what was given beside klines at each close that was answered; ``told``: the updates by their place in the log."""
        found: dict[int, HostedGiven] = {}
        heard = self.began.heard
        for fact in self.asked:
            item = found.get(fact.open_time, HostedGiven(fact.open_time))
            if fact.ticker is not None:
                item = msgspec.structs.replace(item, tickers=(*item.tickers, (fact.ticker, fact.account)))
            else:
                updates = tuple(update for place, update in told if heard < place <= fact.heard)
                item = msgspec.structs.replace(item, updates=item.updates + updates)
                heard = max(heard, fact.heard)
            found[fact.open_time] = item
        return list(found.values())

    def acts_from(self) -> int | None:
        """Return the open time from which on the strategy was asked about live klines alone; None where it never acted."""
        if self.began.acts:
            return 0
        last = -1
        for fact in self.facts:
            if isinstance(fact, RunAsked):
                last = fact.open_time
                if any(isinstance(decision, OrderRequest | CancelOrders) for decision in fact.decisions):
                    return last + 1
            elif isinstance(fact, RunBegan | RunSilent) and fact.acts:
                return last + 1
        return None


def memories_of(facts: Sequence[RunFact]) -> list[Memory]:
    """Cut a run; memories in which nothing was answered are left out, and so is what comes before the first beginning."""
    found: list[Memory] = []
    for fact in facts:
        if isinstance(fact, RunBegan) and (not fact.resumed or not found or not _goes_on(found[-1].began, fact)):
            found.append(Memory(fact))
        elif found and not isinstance(fact, RunSized | RunTold):
            found[-1].facts.append(fact)
    return [memory for memory in found if memory.asked]


def _goes_on(before: RunBegan, after: RunBegan) -> bool:
    return (before.strategy, before.parameters, before.code_hash, before.instruments, before.period) == (
        after.strategy,
        after.parameters,
        after.code_hash,
        after.instruments,
        after.period,
    )


def request_of(
    memory: Memory,
    tables: Sequence[HostedBars],
    rates: Sequence[HostedRate],
    told: Sequence[tuple[int, OrderUpdate]],
    sent: Sequence[HostedSent],
    rules: Mapping[str, Instrument],
    *,
    slippage_bps: float,
    fees: tuple[float, float] | None = None,
) -> HostedReplay:
    """Return what the backtester is asked to do again of a memory."""
    return HostedReplay(
        tables=tuple(tables),
        rates=tuple(rates),
        given=tuple(memory.given(told)),
        acts_from=memory.acts_from(),
        accounts=tuple(memory.accounts()),
        sent=tuple(sent),
        rules=tuple(rules[name] for name in memory.began.instruments if name in rules),
        slippage_bps=slippage_bps,
        fees=fees,
    )
