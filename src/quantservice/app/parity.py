"""A run done again: reads what was kept of it, has the backtester do it in a process of its own, and compares.

A strategy is a person's code: it runs where it can block or leak nobody else, as it does live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from quantservice.app.hosting import PRELOAD, inspector, run_child
from quantservice.core.errors import UnknownName, UserError
from quantservice.core.events import StreamId
from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.orders import Order, VenueFill
from quantservice.core.periods import close_of
from quantservice.core.spans import Span
from quantservice.ports import (
    HostedBars,
    HostedRate,
    HostedReplay,
    HostedReplayed,
    HostedStrategy,
    IntentRecord,
    RunFact,
    RunSized,
    RunTold,
    StateStore,
    StrategyFault,
    fact_of,
)
from quantservice.services.accounts.commands import kept_fees
from quantservice.services.parity import Memory, Outcomes, ParityReport, compare, memories_of, request_of
from quantservice.services.parity.comparing import Rows
from quantservice.services.strategies.commands import Deployments
from quantservice.services.strategies.giving import FundingRates, MarketSource
from quantservice.services.strategies.seen import KLINE_FLOATS, hosted_bars, span_of

_PAGE: Final = 5_000
_MOST_ORDERS: Final = 200_000
#: What the fill model takes for a taker's slippage where nobody says otherwise: as a paper account does.
SLIPPAGE_BPS: Final = 1.0
TOLERANCE_BPS: Final = 1.0


class Parity:
    """Answers ``qs parity``. One run at a time: each takes a process and a moment of the machine."""

    def __init__(
        self,
        state_store: StateStore,
        market_store: MarketSource,
        deployments: Deployments,
        instruments: Callable[[], InstrumentBook],
        plugins_dir: Path,
    ) -> None:
        self._state_store, self._market_store, self._deployments = state_store, market_store, deployments
        self._instruments, self._plugins_dir = instruments, plugins_dir
        self._turn = asyncio.Lock()

    async def report(
        self, reference: str, *, slippage_bps: float = SLIPPAGE_BPS, tolerance_bps: float = TOLERANCE_BPS
    ) -> dict[str, Any]:
        """Compare a deployment's run (its name or id) with the backtester's; UserError where nothing of it is kept."""
        async with self._turn:
            run, name = await self._find(reference)
            facts = await self._facts(run)
            memories = memories_of([fact for _, fact in facts])
            if not memories:
                raise UserError(
                    f"nothing is kept of {name} yet: what it decides is written down while it runs on live klines "
                    "(qs deployments start), from its first kline on"
                )
            report = await self._compare(run, facts, memories, slippage_bps, tolerance_bps)
        return {"run": run, "name": name, "strategy": memories[-1].began.strategy, **msgspec.to_builtins(report)}

    async def _find(self, reference: str) -> tuple[str, str]:
        """Return the run and its name; a deployment that was removed is found by its id."""
        try:
            found = await self._deployments.get(reference)
        except UnknownName:
            async with self._state_store.transaction() as work:
                if reference not in await work.runs.runs():
                    raise
            return reference, reference
        return found.id, found.name

    async def _facts(self, run: str) -> list[tuple[int, RunFact]]:
        """Return what is kept of a run, each with its place."""
        facts: list[tuple[int, RunFact]] = []
        after = 0
        while True:
            async with self._state_store.transaction() as work:
                page = await work.runs.read(run, after=after, limit=_PAGE)
            facts += [(event.sequence, fact_of(event.data)) for event in page]
            if len(page) < _PAGE:
                return facts
            after = page[-1].sequence

    async def _compare(
        self, run: str, facts: Sequence[tuple[int, RunFact]], memories: Sequence[Memory], slippage_bps: float, tolerance_bps: float
    ) -> ParityReport:
        rules = self._rules(memories)
        intents, orders, fills = await self._traded(run)
        sized = [fact for _, fact in facts if isinstance(fact, RunSized)]
        told = [(place, fact.update) for place, fact in facts if isinstance(fact, RunTold)]
        outcomes = Outcomes(memories, sized, intents, orders, fills, rules, tolerance_bps=tolerance_bps)
        fees = await self._fees({order.terms.account for order in orders})
        replays: list[HostedReplayed] = []
        truth: list[dict[str, Rows]] = []
        rates: list[list[HostedRate]] = []
        for memory in memories:
            tables = await self._tables(memory)
            rates.append(await self._rates(memory, tables))
            sent = outcomes.sent_of(memory)
            request = request_of(memory, tables, rates[-1], told, sent, rules, slippage_bps=slippage_bps, fees=fees)
            replays.append(await self._replay(memory, request))
            truth.append(await asyncio.to_thread(_rows, tables))
        last = memories[-1].began
        facts_now = await inspector(self._plugins_dir)(last.strategy, last.parameters)
        return await asyncio.to_thread(compare, memories, replays, truth, outcomes, rates=rates, code_hash=facts_now.code_hash)

    def _rules(self, memories: Sequence[Memory]) -> dict[str, Instrument]:
        names = {name for memory in memories for name in memory.began.instruments}
        found = {name: self._instruments().get(InstrumentId.parse(name)) for name in names}
        return {name: rules for name, rules in found.items() if rules is not None}

    async def _traded(self, run: str) -> tuple[list[IntentRecord], list[Order], list[tuple[VenueFill, str]]]:
        async with self._state_store.transaction() as work:
            intents = await work.intents.list(deployment=run, limit=_MOST_ORDERS)
            orders = await work.orders.list(deployment=run, limit=_MOST_ORDERS)
            fills = await work.fills.list(deployment=run, limit=_MOST_ORDERS)
        return intents, orders, [(fill, order_id) for fill, order_id, _ in fills]

    async def _fees(self, accounts: set[str]) -> tuple[float, float] | None:
        """Return what the run's account pays as maker and taker, where its venue said; None where it traded on several."""
        if len(accounts) != 1:
            return None
        async with self._state_store.transaction() as work:
            found = (await kept_fees(work)).get(accounts.pop())
        return None if found is None else (float(found.maker), float(found.taker))

    async def _tables(self, memory: Memory) -> list[HostedBars]:
        """Read the klines that a memory rests on, as they are stored now."""
        began, tables = memory.began, []
        for name in began.instruments:
            stream = StreamId.kline(InstrumentId.parse(name), began.period)
            first = min(began.first.get(name, memory.asked[0].open_time), memory.asked[0].open_time)
            columns = await self._market_store.read(stream, Span(first, memory.last_open + 1))
            if not len(columns["open_time"]):
                raise UserError(f"no klines of {name} {began.period} are stored any more for the time of this run")
            tables.append(hosted_bars(stream, columns))
        return tables

    async def _rates(self, memory: Memory, tables: Sequence[HostedBars]) -> list[HostedRate]:
        """Read the funding rates that the strategy looks at, as they are stored now."""
        settled = FundingRates(self._market_store, memory.began.funding)
        span = span_of(tables)
        return [] if span is None else await settled.until(span[0], close_of(memory.began.period, span[1]))

    async def _replay(self, memory: Memory, request: HostedReplay) -> HostedReplayed:
        from quantservice.adapters.strategy_host.processes import ProcessStrategyHost

        began = memory.began
        host = ProcessStrategyHost(run_child, (str(self._plugins_dir),), preload=PRELOAD)
        hosted = HostedStrategy(
            strategy=began.strategy, parameters=began.parameters, instruments=began.instruments, period=began.period
        )
        try:
            process = await host.start(hosted)
            return await process.replay(request)
        except StrategyFault as fault:
            raise UserError(f"the run cannot be done again, {began.strategy} failed ({fault.kind}): {fault}") from None
        finally:
            await host.close()


def _rows(tables: Sequence[HostedBars]) -> dict[str, Rows]:
    return {table.instrument: _rows_of(table.columns) for table in tables}


def _rows_of(columns: Mapping[str, bytes]) -> Rows:
    times = np.frombuffer(columns["open_time"], dtype="<i8").tolist()
    values = [np.frombuffer(columns[name], dtype="<f8").tolist() for name in KLINE_FLOATS]
    return dict(zip(times, zip(*values, strict=True), strict=True))
