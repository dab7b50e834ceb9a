"""List, read, delete and repeat stored backtests; count trials. A deletion leaves a tombstone that is counted for ever."""

from __future__ import annotations

import asyncio
import builtins
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from quantservice.core.errors import UnknownName, UserError
from quantservice.ports import BacktestRecord, Clock, StateStore, Trial, TrialSummary, UnitOfWork

if TYPE_CHECKING:
    from quantservice.quant.why_digest import WhyDigest

#: Stands for the id of the newest one; ``latest-1`` is the one before it.
LATEST: Final = "latest"
_MOST_LISTED: Final = 1_000
#: The parts that are no tables: what the report draws (quant/reports/stored.py), and why there was no trade (quant/why_digest.py).
_REPORT: Final = "report"
_WHY: Final = "why"
_NO_TABLES: Final = frozenset({_REPORT, _WHY})
#: The figures that a list shows.
LISTED: Final = ("total_return", "cagr", "sharpe", "sortino", "max_drawdown", "trades", "win_rate", "profit_factor")


class Backtests:
    """The stored results as a person sees them."""

    def __init__(self, state_store: StateStore, clock: Clock) -> None:
        self._state_store = state_store
        self._clock = clock

    async def list(
        self, *, strategy: str | None = None, family: str | None = None, job_id: str | None = None, limit: int = 200
    ) -> builtins.list[BacktestRecord]:
        """Return results, newest first."""
        async with self._state_store.transaction() as work:
            return await work.backtests.list(strategy=strategy, family=family, job_id=job_id, limit=min(limit, _MOST_LISTED))

    async def get(self, result_id: str) -> BacktestRecord:
        """Return a result; raises UnknownName with the newest ids where there is none."""
        async with self._state_store.transaction() as work:
            return await _found(work, result_id)

    async def part(self, result_id: str, name: str) -> bytes:
        """Return one table (trades, fills, orders, funding, liquidations, equity, daily) as an Arrow stream."""
        async with self._state_store.transaction() as work:
            record = await _found(work, result_id)
            content = await work.backtests.part(record.id, name) if name not in _NO_TABLES else None
            if content is None:
                raise UnknownName("table", name, await _tables(work, record.id))
        return content

    async def parts(self, result_id: str) -> builtins.list[str]:
        """Return which tables a result has."""
        async with self._state_store.transaction() as work:
            return await _tables(work, (await _found(work, result_id)).id)

    async def report(self, result_id: str) -> bytes:
        """Return what a result's report draws, as compressed JSON (zlib)."""
        async with self._state_store.transaction() as work:
            record = await _found(work, result_id)
            content = await work.backtests.part(record.id, _REPORT)
        if content is None:
            raise UserError(f"backtest {record.id} was kept without its report; repeat it to have one")
        return content

    async def why(self, result_id: str) -> WhyDigest:
        """Return which gates said no to a result's trades, and when; its note says why nothing is known."""
        from quantservice.quant.why_digest import WhyDigest, unpack_why  # noqa: PLC0415 - heavy: only where it is asked for

        async with self._state_store.transaction() as work:
            record = await _found(work, result_id)
            content = await work.backtests.part(record.id, _WHY)
        return WhyDigest(note="it was kept without this; repeat it to have it") if content is None else unpack_why(content)

    async def file(self, result_id: str, ending: str, *, language: str = "en") -> tuple[str, bytes]:
        """Return a name (without ending) and the bytes of a report as ``html``, ``json``, ``xlsx`` or ``zip`` (tables as CSV)."""
        record = await self.get(result_id)
        content = await self.report(record.id)
        names = await self.parts(record.id) if ending != "html" else ()
        tables = {name: await self.part(record.id, name) for name in names}
        made = await asyncio.to_thread(_file, content, tables, ending, language)
        return f"{_safe(record.strategy)}-{record.id}", made

    async def compare(self, result_ids: Sequence[str]) -> dict[str, Any]:
        """Return results side by side: every figure, what is different between them, growth by the day, correlations."""
        records = [await self.get(result_id) for result_id in result_ids]
        async with self._state_store.transaction() as work:
            days = [await work.backtests.part(record.id, "daily") for record in records]
        made = await asyncio.to_thread(_comparison, records, days)
        return {"data": [backtest_row(record) for record in records], **made}

    async def keep(self, record: BacktestRecord, parts: Mapping[str, bytes], trial: Trial | None = None) -> BacktestRecord:
        """Keep a result that was computed elsewhere (a notebook, the command line), and count its run, in one commit."""
        now_ms = self._clock.now_ms()
        kept = msgspec.structs.replace(record, id=record.id or new_result_id(), created_ms=record.created_ms or now_ms)
        async with self._state_store.transaction() as work:
            await work.backtests.add(kept, parts)
            if trial is not None:
                await work.trials.add([msgspec.structs.replace(trial, result_id=kept.id, created_ms=now_ms)])
        return kept

    async def remove(self, result_id: str) -> BacktestRecord:
        """Delete a result and its tables; its run stays counted, without its parameters."""
        async with self._state_store.transaction() as work:
            record = await _found(work, result_id)
            await work.backtests.remove(record.id)
            await work.trials.bury(now_ms=self._clock.now_ms(), result_id=record.id)
        return record

    async def repetition(self, result_id: str) -> dict[str, Any]:
        """Return the request of a ``backtest`` job that does a run again from its record and compares the two to the bit.

        Submit it with ``Jobs.submit("backtest", …)``; the job's result has ``identical`` and ``changed``, a sentence for each thing
        that is not as it was.
        """
        record = await self.get(result_id)
        if not record.data:
            raise UserError(f"backtest {record.id} ran on a table of its own, which is not stored; it cannot be repeated from here")
        return {
            "strategy": record.strategy,
            "parameters": record.parameters,
            "data": record.data,
            "assumptions": record.assumptions,
            "title": f"repeats {record.id}",
            "repeats": record.id,
            "expected": {
                "code_hash": record.code_hash,
                "data_fingerprint": record.data_fingerprint,
                "run_fingerprint": record.run_fingerprint,
                "parameters": record.parameters,
                "assumptions": record.assumptions,
                "versions": record.versions,
            },
        }


class Trials:
    """The lifetime ledger of a person's tries, by family of strategies."""

    def __init__(self, state_store: StateStore, clock: Clock) -> None:
        self._state_store = state_store
        self._clock = clock

    async def count(self, trials: Sequence[Trial]) -> int:
        """Count runs; one that is counted already (run and number) is not counted again. Returns how many were new."""
        now_ms = self._clock.now_ms()
        dated = [trial if trial.created_ms else msgspec.structs.replace(trial, created_ms=now_ms) for trial in trials]
        async with self._state_store.transaction() as work:
            return await work.trials.add(dated)

    async def summary(self, family: str) -> TrialSummary:
        """Return a family's life so far: what a deflated Sharpe ratio needs."""
        async with self._state_store.transaction() as work:
            return await work.trials.summary(family)

    async def families(self) -> list[TrialSummary]:
        """Return every family, the one tried last first."""
        async with self._state_store.transaction() as work:
            return await work.trials.families()

    async def list(self, family: str, *, limit: int = 200) -> builtins.list[Trial]:
        """Return a family's trials, newest first."""
        async with self._state_store.transaction() as work:
            return await work.trials.list(family, limit=min(limit, _MOST_LISTED))


def new_result_id() -> str:
    """Return an id for a stored backtest."""
    return f"b{secrets.token_hex(6)}"


def backtest_row(record: BacktestRecord) -> dict[str, Any]:
    """Return a result as a list shows it; figures that are not defined are None."""
    return {
        "id": record.id,
        "job_id": record.job_id,
        "strategy": record.strategy,
        "title": record.title,
        "parameters": record.parameters,
        "data": record.data,
        "code_hash": record.code_hash,
        "family": record.family,
        "data_fingerprint": record.data_fingerprint,
        "run_fingerprint": record.run_fingerprint,
        "created_ms": record.created_ms,
        "figures": {name: _value(record.metrics.get(name)) for name in LISTED},
    }


def backtest_detail(record: BacktestRecord, parts: Sequence[str]) -> dict[str, Any]:
    """Return a result whole: every metric with its formula, what was assumed, what computed it, which tables it has."""
    return backtest_row(record) | {
        "assumptions": record.assumptions,
        "metrics": record.metrics,
        "gates": record.gates,
        "versions": record.versions,
        "tables": list(parts),
    }


def _value(metric: Any) -> float | None:
    value = metric.get("value") if isinstance(metric, Mapping) else metric
    return float(value) if isinstance(value, int | float) else None


def _file(content: bytes, tables: Mapping[str, bytes], ending: str, language: str) -> bytes:
    from quantservice.quant.reports.stored import StoredReport  # noqa: PLC0415 - heavy: only where a file is asked for

    return StoredReport(content, tables).file(ending, language=language)


def _comparison(records: Sequence[BacktestRecord], days: Sequence[bytes | None]) -> dict[str, Any]:
    from quantservice.services.backtests.comparing import comparison  # noqa: PLC0415 - heavy, as above

    return comparison(records, days)


def _safe(name: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in name) or "backtest"


async def _tables(work: UnitOfWork, result_id: str) -> list[str]:
    return [name for name in await work.backtests.part_names(result_id) if name not in _NO_TABLES]


async def _found(work: UnitOfWork, result_id: str) -> BacktestRecord:
    if result_id == LATEST or result_id.startswith(f"{LATEST}-"):
        text = result_id.removeprefix(LATEST).removeprefix("-") or "0"
        back = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else _MOST_LISTED
        newest = await work.backtests.list(limit=back + 1)
        if len(newest) <= back:
            raise UnknownName("backtest", result_id, [item.id for item in newest[:20]])
        return newest[back]
    record = await work.backtests.get(result_id)
    if record is None:
        raise UnknownName("backtest", result_id, [item.id for item in await work.backtests.list(limit=20)])
    return record
