"""What is kept of "why was there no trade"."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.strategies import START_MS, random_bars

from quantservice.quant import why_digest
from quantservice.quant.reports.table import Table
from quantservice.quant.research import Backtest
from quantservice.quant.why import TRADED
from quantservice.quant.why_digest import WhyDigest, WhyGate, WhyStretch, digest_of, digest_of_run, pack_why, unpack_why

HOUR = 3_600_000


def table(gates: list[str], said: list[str] | None = None, instruments: tuple[str, ...] = ("A",)) -> Table:
    count = len(instruments)
    bars = len(gates) // count
    time = np.repeat(np.arange(bars).astype("datetime64[h]").astype("datetime64[ms]"), count)
    columns: dict[str, Any] = {
        "time": time,
        "instrument": np.array(instruments * bars, dtype=object),
        "said": np.array(said or [""] * len(gates), dtype=object),
        "gate": np.array(gates, dtype=object),
    }
    return Table("why", columns)


def test_gates_and_stretches_of_two_instruments() -> None:
    gates = ["x", "y", "x", TRADED, TRADED, "y", "x", "y"]  # A: x x traded x; B: y traded y y
    found = digest_of(table(gates, ["p", "q", "r", "s", "t", "u", "v", "w"], ("A", "B")))
    assert (found.rows, found.traded, found.stretches_total, found.note) == (8, 2, 4, "")
    assert found.gates == (
        WhyGate(gate="x", rows=3, first_ms=0, last_ms=3 * HOUR),
        WhyGate(gate="y", rows=3, first_ms=0, last_ms=3 * HOUR),
    )
    assert found.stretches == (
        WhyStretch(instrument="A", gate="x", said="p", bars=2, first_ms=0, last_ms=HOUR),
        WhyStretch(instrument="B", gate="y", said="q", bars=1, first_ms=0, last_ms=0),
        WhyStretch(instrument="B", gate="y", said="u", bars=2, first_ms=2 * HOUR, last_ms=3 * HOUR),
        WhyStretch(instrument="A", gate="x", said="v", bars=1, first_ms=3 * HOUR, last_ms=3 * HOUR),
    )


def test_the_list_is_bounded_and_rare_gates_are_whole() -> None:
    found = digest_of(table(["rare", *["a", "b"] * 50]), most=11)
    kept = [item.gate for item in found.stretches]
    assert (found.stretches_total, kept.count("rare"), kept.count("a"), kept.count("b")) == (101, 1, 5, 5)
    assert found.stretches[-1].last_ms == 100 * HOUR, "of the frequent ones the last"
    assert [gate.rows for gate in found.gates] == [50, 50, 1]


def test_a_run_that_only_traded_has_no_stretch() -> None:
    found = digest_of(table([TRADED, TRADED]))
    assert (found.rows, found.traded, found.gates, found.stretches) == (2, 2, (), ())


def test_of_a_run_with_other_parameters() -> None:
    backtest = Backtest("ma_cross", random_bars(200), fees="none")
    found = digest_of_run(backtest, {"fast": 5, "slow": 60})
    warm_up = [gate for gate in found.gates if "warm-up" in gate.gate]
    assert (sum(gate.rows for gate in warm_up), min(gate.first_ms for gate in warm_up)) == (59, START_MS)
    assert found == digest_of(backtest.why(fast=5, slow=60))
    assert unpack_why(pack_why(found)) == found


def test_what_cannot_be_said_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest = Backtest("ma_cross", random_bars(200))
    with monkeypatch.context() as patched:
        patched.setattr(Backtest, "why", lambda *_, **__: 1 / 0)
        assert digest_of_run(backtest) == WhyDigest(rows=200, note="the strategy did not run a second time: division by zero")
    monkeypatch.setattr(why_digest, "MOST_ROWS", 199)
    assert digest_of_run(backtest).note == ("200 rows (bars by instruments) are more than 199; qs backtest --why FILE writes them")
    assert unpack_why(b"nothing").note == unpack_why(pack_why(WhyDigest())[:-3]).note == "what was kept of it cannot be read"
