"""One run that is kept; where it repeats a stored one, it is compared to the bit and says what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
import numpy as np

from quantservice.ports import BacktestRecord
from quantservice.quant.metrics import Confidence
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.requests import BacktestRequest
from quantservice.quant.reports.report import DRAWS
from quantservice.services.jobs.programs.context import Context, figure, number_of
from quantservice.services.jobs.versions import BARS
from quantservice.services.jobs.work import Done, Finished, Item, Plan, StoredRun

_SHOWN: Final = ("total_return", "cagr", "sharpe", "sortino", "max_drawdown", "trades", "win_rate", "profit_factor", "fees")


class Backtest:
    """The program of ``backtest`` jobs."""

    def plan(self, context: Context) -> Plan:
        """Check strategy, parameters and bars."""
        context.warm_up({})
        return Plan(items=[Item(b"")], unit="run")

    def work(self, context: Context, number: int, item: bytes) -> Done:
        """Run, and count the run."""
        del number, item
        result = context.evaluator.run({})
        known = context.known_trials(context.family)
        confidence = Confidence(draws=DRAWS, trials=known.runs + 1, variance=known.sharpe_variance)  # this run included
        stored = context.keep(result, {}, confidence=confidence)
        figures = np.array([number_of(stored.record.metrics.get(name)) for name in FIELDS])
        trial = msgspec.structs.replace(context.trial({}, figures, 0, source="backtest"), result_id=stored.record.id)
        shown = {name: figure(figures, name) for name in _SHOWN}
        return Done(content=msgspec.msgpack.encode((stored, shown)), trials=[trial])

    def finish(self, context: Context, parts: Sequence[bytes]) -> Finished:
        """Keep the run; tell what is different from the one that it repeats."""
        request = cast(BacktestRequest, context.request)
        stored, shown = msgspec.msgpack.decode(parts[0], type=tuple[StoredRun, dict[str, Any]])
        summary: dict[str, Any] = {"figures": shown, "run_fingerprint": stored.record.run_fingerprint}
        if request.repeats:
            changed = differences(request.expected, stored.record, bars=context.market.data.fingerprint)
            same = request.expected.get("run_fingerprint") == stored.record.run_fingerprint
            summary |= {"repeats": request.repeats, "identical": same, "changed": changed}
        return Finished(summary=summary, backtests=[stored])


def differences(before: dict[str, Any], now: BacktestRecord, *, bars: str = "") -> list[str]:
    """Return what differs between a stored run and its repetition, a sentence each; empty: nothing does.

    A run of the command line knows the bars' own fingerprint only (``bars:…``); ``bars`` is that of the repetition.
    """
    found = []
    pairs = (
        ("code_hash", "the strategy's code was changed"),
        ("data_fingerprint", "the stored bars, their revisions or the instruments' rules were changed"),
    )
    for name, sentence in pairs:
        old, new = str(before.get(name, "")), str(getattr(now, name))
        if old.startswith(BARS):
            new = BARS + bars
        if old and old != new:
            found.append(f"{sentence} ({old[:12]} -> {new[:12]})")
    for name in ("parameters", "assumptions"):
        new_values = msgspec.to_builtins(getattr(now, name))
        for key in sorted({*before.get(name, {}), *new_values}):
            old_value, new_value = before.get(name, {}).get(key), new_values.get(key)
            if old_value != new_value:
                found.append(f"{name[:-1]} {key} was {old_value!r} and is {new_value!r}")
    old_versions = before.get("versions", {})
    found += [
        f"{name} was {old_versions[name]} and is {version}"
        for name, version in now.versions.items()
        if name in old_versions and old_versions[name] != version
    ]
    if not found and before.get("run_fingerprint") not in ("", None, now.run_fingerprint):
        found.append("nothing that is recorded was changed, yet the run differs: the strategy uses something else (time, chance)")
    return found
