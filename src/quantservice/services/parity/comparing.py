"""The comparison: close by close what was decided, and where it parts from the backtester, why."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from quantservice.core.periods import close_of
from quantservice.ports import HostedBar, HostedRate, HostedReplayed, RunAsked, RunBegan, RunFact, RunRebuilt, RunSilent
from quantservice.services.parity.memories import Memory
from quantservice.services.parity.outcomes import Outcomes
from quantservice.services.parity.report import MOST_LISTED, Cause, Divergence, ParityReport, words

#: Open time -> open, high, low, close, volume, quote volume, count, taker base and quote volume, as they are stored now.
Rows: TypeAlias = Mapping[int, tuple[float, ...]]


def compare(
    memories: Sequence[Memory],
    replays: Sequence[HostedReplayed],
    truth: Sequence[Mapping[str, Rows]],
    outcomes: Outcomes,
    *,
    rates: Sequence[Sequence[HostedRate]] = (),
    code_hash: str,
) -> ParityReport:
    """Compare a run, cut into memories, with its replays; ``truth``: per memory and instrument the klines as stored now.

    ``rates``: per memory the funding rates as stored now. ``code_hash`` is the strategy's code as it is now, which the replay ran.
    """
    walk = _Walk(code_hash)
    for memory, replay, rows, paid in zip(memories, replays, truth, rates or [()] * len(memories), strict=True):
        walk.through(memory, replay, rows, paid)
    differing = sorted([*walk.divergences, *outcomes.divergences(replays)], key=lambda item: (item.open_time, item.kind))
    asked = [fact for memory in memories for fact in memory.asked]
    return ParityReport(
        closes=walk.closes,
        decisions=walk.decisions,
        identical=walk.identical,
        missed=walk.missed,
        share=walk.identical / walk.decisions if walk.decisions else None,
        first_open=min((fact.open_time for fact in asked), default=0),
        last_open=max((fact.open_time for fact in asked), default=0),
        memories=len(memories),
        restarts=sum(memory.restarts for memory in memories),
        orders=outcomes.order_count,
        fills=outcomes.fill_count,
        fill_error=outcomes.error(replays),
        causes=dict(Counter(item.cause for item in differing).most_common()),
        first=differing[0] if differing else None,
        first_decision=next((item for item in differing if item.kind == "decision"), None),
        divergences=tuple(differing[:MOST_LISTED]),
        code_changed=walk.code_changed,
    )


_REBUILT: tuple[tuple[Cause, str], ...] = (("late_kline", "healed"), ("revised_kline", "revised"))


class _Walk:
    """Goes through what happened in its order and knows at each place what may have led astray."""

    def __init__(self, code_hash: str) -> None:
        self.closes = self.decisions = self.identical = self.missed = 0
        self.code_changed = False
        self.divergences: list[Divergence] = []
        self._code_hash = code_hash
        self._last_asked: int | None = None

    def through(self, memory: Memory, replay: HostedReplayed, rows: Mapping[str, Rows], rates: Sequence[HostedRate] = ()) -> None:
        """Compare one memory."""
        self._acts_from = memory.acts_from()
        self._settled = sorted(rates, key=lambda rate: rate.time)
        self._funding = memory.began.funding
        self._paid: dict[str, int] = {}
        self._period, self._rows = memory.began.period, rows
        self._clock = sorted({time for table in rows.values() for time in table})
        self._newest = {name: max(table) for name, table in rows.items() if table}
        self._expected = {
            time: tuple(item for _, item in group) for time, group in groupby(replay.decisions, key=lambda pair: pair[0])
        }
        self._other_code = bool(memory.began.code_hash) and memory.began.code_hash != self._code_hash
        self.code_changed |= self._other_code
        self._astray: tuple[Cause, str] | None = None  # what the strategy remembers of and the store does not
        self._away = True  # a process began and was not asked since
        self._known = dict(memory.began.last)  # the newest kline of each instrument that the strategy has
        self._rebuilds = [fact for fact in memory.facts if isinstance(fact, RunRebuilt)]
        close: list[RunAsked] = []  # what was asked at one close and after it, until the next
        for place, fact in enumerate(memory.facts):
            if isinstance(fact, RunAsked):
                if close and close[0].open_time != fact.open_time:
                    self._asked(close)
                    close = []
                close.append(fact)
            else:
                if close and not (isinstance(fact, RunRebuilt) and _goes_on(close, memory.facts[place + 1 :])):
                    self._asked(close)
                    close = []
                self._passed(fact)
        if close:
            self._asked(close)

    def _passed(self, fact: RunFact) -> None:
        if isinstance(fact, RunBegan):
            self._away = True
        elif isinstance(fact, RunRebuilt):
            if self._acts_from is None:  # one that acts keeps what it remembers of the other klines
                self._astray = None
            self._rebuilds.remove(fact)
        if isinstance(fact, RunBegan | RunRebuilt | RunSilent):
            self._known.update(fact.last)

    def _asked(self, facts: Sequence[RunAsked]) -> None:
        """Compare one close; where klines of it came apart it was asked several times."""
        open_time = facts[0].open_time
        if any(open_time > self._newest.get(bar.instrument, open_time) for fact in facts for bar in fact.bars):
            return  # the recorder is about to store it
        self._skipped(open_time)
        self._last_asked, self._away = open_time, False
        live = tuple(item for fact in facts for item in fact.decisions)
        expected = self._expected.get(open_time, ())
        self.closes += 1
        here = self._differing([fact for fact in facts if fact.bars]) or self._unseen(open_time) or self._unpaid(facts)
        self._known.update({bar.instrument: open_time for fact in facts for bar in fact.bars})
        if here is not None:
            self._astray = here
        if not live and not expected:
            return
        self.decisions += 1
        if live == expected:
            self.identical += 1
            return
        cause, detail = here or self._why(open_time)
        self._note(open_time, cause, live=words(live), backtest=words(expected), detail=detail)

    def _skipped(self, open_time: int) -> None:
        """Count closes before this one at which only the backtester was asked."""
        if self._last_asked is None:
            return
        for time in self._clock[bisect_right(self._clock, self._last_asked) : bisect_left(self._clock, open_time)]:
            cause: Cause = "downtime" if self._away else "late_kline"
            detail = (
                "the strategy's process was away when it closed"
                if self._away
                else "it came after a later one, or only from the store: the strategy took it silently"
            )
            self._astray = self._astray or (cause, f"the kline that opened at {time} was not asked about: {detail}")
            expected = self._expected.get(time, ())
            if expected:
                self.decisions += 1
                self.missed += 1
                self._note(time, cause, live="not asked", backtest=words(expected), detail=detail)

    def _unpaid(self, facts: Sequence[RunAsked]) -> tuple[Cause, str] | None:
        """Say which funding rate was settled by this close, and was not known yet."""
        close_time = facts[0].close_time
        for rate in (rate for fact in facts for rate in fact.rates):
            self._paid[rate.instrument] = max(rate.time, self._paid.get(rate.instrument, 0))
        for name in self._funding:
            due = [rate.time for rate in self._settled if rate.instrument == name and rate.time <= close_time]
            if due and name not in self._paid:  # the warm-up took those before
                before = [time for time in due if time <= close_of(self._period, self._known.get(name, 0))]
                self._paid[name] = before[-1] if before else due[-1]
            if due and due[-1] > self._paid[name]:
                return "late_funding", f"the funding rate of {name} settled at {due[-1]} was not stored yet when this was decided"
        return None

    def _differing(self, facts: Sequence[RunAsked]) -> tuple[Cause, str] | None:
        """Say what of the klines given here is not as the store has it."""
        if not facts:
            return None
        given = {bar.instrument: bar for fact in facts for bar in fact.bars}
        open_time = facts[0].open_time
        for name, bar in given.items():
            stored = self._rows.get(name, {}).get(open_time)
            if stored is None:
                return "revised_kline", f"{name} had a kline that opened at {open_time}; the store has none"
            if stored != row_of(bar):
                return "revised_kline", f"{name} at {open_time}: {_change(row_of(bar), stored)}"
        absent = [name for name, table in self._rows.items() if open_time in table and name not in given]
        if absent:
            return "late_kline", f"{', '.join(absent)} was not there when the klines of {open_time} were answered"
        if len(facts) > 1:
            return "late_kline", f"the klines that opened at {open_time} came apart and were answered {len(facts)} times"
        return None

    def _unseen(self, open_time: int) -> tuple[Cause, str] | None:
        """Say which klines before this one are stored by now and were not given."""
        for name, table in self._rows.items():
            known = self._known.get(name)
            unseen = [] if known is None else self._clock[bisect_right(self._clock, known) : bisect_left(self._clock, open_time)]
            absent = next((time for time in unseen if time in table), None)
            if absent is not None:
                return "late_kline", f"the kline of {name} that opened at {absent} was not stored yet when this was decided"
        return None

    def _why(self, open_time: int) -> tuple[Cause, str]:
        if self._astray is not None:
            return self._astray
        for rebuilt in self._rebuilds:  # what was healed or revised after this, in what it rests on
            for cause, changed in _REBUILT:
                for name, time in getattr(rebuilt, changed).items():
                    if time <= open_time:
                        return cause, f"the kline of {name} that opened at {time} was {changed} after this was decided"
        if self._other_code:
            return "code_changed", "the strategy's code is not what it was when this was decided"
        return "unexplained", "the same klines and the same account gave another answer"

    def _note(self, open_time: int, cause: Cause, *, live: str, backtest: str, detail: str) -> None:
        self.divergences.append(
            Divergence(
                kind="decision",
                cause=cause,
                open_time=open_time,
                close_time=close_of(self._period, open_time),
                live=live,
                backtest=backtest,
                detail=detail,
            )
        )


def _goes_on(close: Sequence[RunAsked], later: Sequence[RunFact]) -> bool:
    """Say whether the market after a close was answered still."""
    following = next((fact for fact in later if isinstance(fact, RunAsked)), None)
    return following is not None and following.open_time == close[0].open_time


def row_of(bar: HostedBar) -> tuple[float, ...]:
    """Return a kline's values in the order of :data:`Rows`."""
    return (
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.quote_volume,
        float(bar.count),
        bar.taker_buy_base_volume,
        bar.taker_buy_quote_volume,
    )


_NAMES = ("open", "high", "low", "close", "volume", "quote volume", "count", "taker base volume", "taker quote volume")


def _change(seen: tuple[float, ...], stored: tuple[float, ...]) -> str:
    changed = [(name, a, b) for name, a, b in zip(_NAMES, seen, stored, strict=True) if a != b]
    return ", ".join(f"{name} was {a:g} and is {b:g}" for name, a, b in changed)
