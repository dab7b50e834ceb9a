"""Three engines, one arithmetic: compiled targets and orders, Python kline by kline, and plain exact decimals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.random_backtests import Case, Replay, make_case

from quantservice.quant.backtest import MarketData, RunResult, run_events, run_targets

TOLERANCE = 1e-9
CASES = 1_000


def run(case: Case) -> RunResult:
    return run_targets(case.data, orders=case.orders, assumptions=case.assumptions)


def close(found: np.ndarray, wanted: np.ndarray) -> bool:
    return bool(np.all(np.abs(found - wanted) <= TOLERANCE * np.maximum(1.0, np.abs(wanted))))


@pytest.mark.parametrize("part", range(4))
def test_the_compiled_account_equals_exact_decimals(part: int) -> None:
    """1,000 random markets and decisions in four parts: every order type, margin, funding, delisting."""
    for seed in range(part, CASES, 4):
        case = make_case(seed)
        result, reference = run(case), case.reference()
        assert close(result.equity, np.array([float(value) for value in reference.equity])), f"equity of case {seed}"
        assert close(result.worst_equity, np.array([float(value) for value in reference.worst])), f"worst equity of case {seed}"
        found = [(row["bar"], row["side"] * row["quantity"], row["price"], row["fee"], row["realised"]) for row in result.fills]
        wanted = [(bar, *(float(value) for value in numbers)) for bar, _symbol, _leg, *numbers in reference.fills]
        assert len(found) == len(wanted), f"fills of case {seed}"
        assert not found or close(in_order(found), in_order(wanted)), f"fills of case {seed}"


def in_order(fills: Sequence[tuple[float, ...]]) -> np.ndarray:
    """Two positions that are liquidated in one row are so in no particular order."""
    table = np.array(fills, dtype=float)
    return table[np.lexsort(np.round(table[:, ::-1], 6).T)]


@settings(max_examples=60)
@given(seed=st.integers(CASES, 10**9), looks=st.booleans())
def test_the_event_engine_equals_the_compiled_one(seed: int, looks: bool) -> None:
    """Bit for bit, whether the strategy looks at its account at every kline (bar by bar) or never (all at the end)."""
    case = make_case(seed)
    by_events = run_events(case.data, Replay(looks=looks).plan(case), case.assumptions)
    assert by_events.fingerprint() == run(case).fingerprint()


@settings(max_examples=60)
@given(seed=st.integers(CASES, 10**9))
def test_no_money_appears_or_vanishes(seed: int) -> None:
    """Equity is what was put in, plus profits, minus fees, plus funding, plus what insurance bore; positions fold from fills."""
    case = make_case(seed)
    result = run(case)
    fills, funding = result.fills, result.funding
    if all(name.market != "cm" for name in result.instruments):  # one settlement currency at a rate of 1
        realised = fills["realised"].sum() - fills["fee"].sum() + funding["amount"].sum() + result.liquidations["insured"].sum()
        open_trades = result.trades[result.trades["open"]]
        unrealised = result.trades["gross"].sum() - fills["realised"].sum()
        assert result.equity[-1] == pytest.approx(result.initial_equity + realised + unrealised, rel=1e-9, abs=1e-7)
        total = result.trades["net"].sum() + result.liquidations["insured"].sum()
        assert result.equity[-1] == pytest.approx(result.initial_equity + total, rel=1e-9, abs=1e-7)
        assert open_trades["exit_bar"].tolist() == [len(result) - 1] * len(open_trades)
    assert bool(np.all(result.worst_equity <= result.equity + 1e-9 * np.abs(result.equity)))
    held = result.positions[-1].reshape(len(result.instruments), -1)
    still = {(row["instrument"], row["leg"]) for row in result.trades if row["open"]}
    assert {(s, k) for s, k in np.argwhere(held != 0.0).tolist()} == still
    filled = {number: fills["quantity"][fills["order_id"] == number].sum() for number in np.unique(fills["order_id"])}
    for order in result.orders:
        assert order["filled"] == pytest.approx(filled.get(order["order_id"], 0.0))


@settings(max_examples=40)
@given(seed=st.integers(CASES, 10**9), share=st.floats(0.2, 0.9))
def test_a_prefix_gives_the_prefix_of_the_result(seed: int, share: float) -> None:
    """What happens up to a bar does not depend on what comes after it."""
    case = make_case(seed)
    cut = max(4, int(len(case.data) * share))
    while cut > 1 and not np.all(case.data.rows[cut - 1] & 1):
        cut -= 1  # an instrument without a kline at the cut would leave there
    if np.any(case.data.rows[:cut] & 8) or cut < 3:
        return
    end = case.data.time[cut - 1]
    tables = {
        str(item.instrument): {name: values[item.times <= end] for name, values in item.columns.items()}
        for item in case.data.series
    }
    rules = [version for versions in case.data.versions.values() for version in versions]
    tiers = {str(name): list(dated) for name, dated in case.data.brackets.items()}
    funding = {str(name): table for name, table in case.data.funding.items()} or None
    part = MarketData.of(tables, period="1h", instruments=rules, brackets=tiers, funding=funding)
    early = Case(part, case.assumptions, {bar: made for bar, made in case.decisions.items() if bar < cut}, case.markets)
    whole, head = run(case), run(early)
    before = cut - 1 if case.assumptions.fill == "close" else cut  # at the cut itself the last decisions differ in nothing else
    assert head.equity[:before].tolist() == whole.equity[:before].tolist()
    assert head.worst_equity[:before].tolist() == whole.worst_equity[:before].tolist()
    assert head.fills[head.fills["bar"] < before].tobytes() == whole.fills[whole.fills["bar"] < before].tobytes()


def test_a_run_is_the_same_to_the_bit() -> None:
    """A fingerprint over twenty runs: it changes only when what the engine does changes, and then it is looked at."""
    import hashlib

    digest = hashlib.sha256()
    for seed in range(20):
        digest.update(run(make_case(seed)).fingerprint().encode())
    assert digest.hexdigest() == FINGERPRINT


FINGERPRINT = "3c9602bcb47a8336fbf7c557bcf36e754951b25c861e5bbd5bda8d84e69aa375"
