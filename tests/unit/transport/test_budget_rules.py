"""The weight budget's set figures and its borders, to the unit and the millisecond."""

from __future__ import annotations

from typing import Any

import pytest

from quantservice.adapters.venues.transport.budget_state import BudgetRules, BudgetState, Lane
from quantservice.core.errors import InvalidValue

RULES = BudgetRules(limit=100, window_ms=1_000, edge_ms=50)


def used(weight: int, *, lane: Lane = Lane.CANCEL, at_ms: int = 10_500, rules: BudgetRules = RULES) -> BudgetState:
    """A budget of which ``weight`` was used and answered in the middle of a window."""
    state = BudgetState(rules)
    state.roll(at_ms)
    if weight:
        state.answered(state.grant(lane, weight, at_ms), at_ms + 1)
    return state


def test_the_designs_shares() -> None:
    rules = BudgetRules(limit=6_000)
    assert (rules.window_ms, rules.edge_ms) == (60_000, 200)
    assert [rules.ceiling(lane) for lane in Lane] == [6_000, 5_700, 5_400, 5_100]
    assert (rules.history_alone, rules.history_shared, rules.needed_from) == (0.8, 0.5, 0.05)
    assert list(Lane) == [Lane.CANCEL, Lane.ORDER, Lane.LIVE, Lane.HISTORY]


@pytest.mark.parametrize("values", [{"limit": 0}, {"limit": -1}, {"limit": 1, "window_ms": 0}, {"limit": 1, "window_ms": 400}])
def test_nonsense_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        BudgetRules(**values)
    assert BudgetRules(limit=1, window_ms=401).edge_ms == 200


@pytest.mark.parametrize(("lane", "ceiling"), [(Lane.CANCEL, 100), (Lane.ORDER, 95), (Lane.LIVE, 90)])
def test_a_lane_may_fill_up_to_its_ceiling_exactly(lane: Lane, ceiling: int) -> None:
    state = used(ceiling - 7)
    assert state.wait_ms(lane, 7, 10_600) == 0
    assert state.wait_ms(lane, 8, 10_600) == 400


def test_history_may_fill_its_share_and_stops_at_its_ceiling() -> None:
    alone = used(70, lane=Lane.HISTORY)
    assert alone.wait_ms(Lane.HISTORY, 10, 10_600) == 0
    assert alone.wait_ms(Lane.HISTORY, 11, 10_600) == 400
    assert alone.wait_ms(Lane.HISTORY, 10, 10_600, others_waiting=True) == 400
    shared = used(40, lane=Lane.HISTORY)
    assert shared.wait_ms(Lane.HISTORY, 10, 10_600, others_waiting=True) == 0
    crowded = used(36, lane=Lane.ORDER)
    assert crowded.wait_ms(Lane.HISTORY, 49, 10_600) == 0
    assert crowded.wait_ms(Lane.HISTORY, 50, 10_600) == 400, "36 and 50 pass the ceiling of 85"


@pytest.mark.parametrize(("weight", "need"), [(4, False), (5, True)])
def test_others_need_weight_from_five_percent_on(weight: int, need: bool) -> None:
    state = used(weight, lane=Lane.LIVE)
    assert state.others_need(waiting=False) is need
    assert state.others_need(waiting=True)
    assert not used(50, lane=Lane.HISTORY).others_need(waiting=False)


def test_figures_per_lane() -> None:
    state = used(3, lane=Lane.HISTORY)
    state.grant(Lane.LIVE, 5, 10_600)
    assert (state.window.used, state.window.history, state.window.others) == (8, 3, 5)
    assert (state.granted, state.granted_by_lane) == (8, {Lane.CANCEL: 0, Lane.ORDER: 0, Lane.LIVE: 5, Lane.HISTORY: 3})
    fresh = BudgetState(RULES)
    assert (fresh.granted, fresh.total_used(), fresh.elsewhere, fresh.blocked_until_ms, fresh.leased_weight) == (0, 0, 0, 0, 0)
    assert fresh.wait_ms(Lane.CANCEL, 100, 5) == 0, "the first window of all begins empty"


def test_open_history_is_charged_to_the_new_window_as_history() -> None:
    state = BudgetState(RULES)
    state.roll(10_500)
    state.grant(Lane.HISTORY, 30, 10_500)
    state.grant(Lane.LIVE, 20, 10_500)
    assert state.roll(11_000)
    assert (state.window.used, state.window.history, state.window.others) == (50, 30, 0)
    assert (state.previous.used, state.previous.index) == (50, 10)
    assert not state.roll(11_999)


@pytest.mark.parametrize(("sent_ms", "carried"), [(10_949, 0), (10_950, 30), (10_999, 30)])
def test_the_edge_before_a_turn(sent_ms: int, carried: int) -> None:
    state = used(30, at_ms=sent_ms)
    state.roll(11_000)
    assert state.total_used() == carried


@pytest.mark.parametrize(("now_ms", "wait_ms"), [(11_000, 50), (11_049, 1), (11_050, 0)])
def test_the_edge_after_a_turn(now_ms: int, wait_ms: int) -> None:
    state = used(60)
    state.roll(now_ms)
    assert state.wait_ms(Lane.CANCEL, 41, now_ms) == wait_ms
    assert state.wait_ms(Lane.CANCEL, 40, now_ms) == 0


@pytest.mark.parametrize(("sent_ms", "charged"), [(11_000, 70), (11_049, 70), (11_050, 60)])
def test_what_goes_in_the_edge_is_charged_to_the_window_before_too(sent_ms: int, charged: int) -> None:
    state = used(60)
    state.roll(sent_ms)
    state.grant(Lane.CANCEL, 10, sent_ms)
    assert (state.previous.used, state.window.used) == (charged, 10)


def test_windows_that_do_not_follow_each_other_share_nothing() -> None:
    state = used(60)
    state.roll(12_010)
    assert (state.previous.index, state.previous.used) == (11, 0)
    assert state.wait_ms(Lane.CANCEL, 100, 12_010) == 0


def test_the_venues_count_contains_what_is_answered_and_not_what_is_under_way() -> None:
    state = used(10)
    state.grant(Lane.LIVE, 20, 10_600)
    state.venue_said(15, 10_700, sent_ms=10_600)
    assert (state.elsewhere, state.total_used()) == (5, 35)
    state.venue_said(12, 10_700, sent_ms=10_600)
    assert state.elsewhere == 5
    state.venue_said(90, 11_000, sent_ms=10_999)
    assert state.elsewhere == 0


def test_an_answer_that_is_not_known_changes_nothing() -> None:
    state = used(10)
    state.answered(99, 10_600)
    number = state.grant(Lane.LIVE, 5, 10_600)
    state.answered(number, 10_610)
    state.answered(number, 10_620)
    assert state.total_used() == 15


def test_leases() -> None:
    alone = used(10)
    assert alone.needs_lease(50) == 0
    state = BudgetState(RULES, leased=True)
    state.roll(10_500)
    assert state.needs_lease(20) == 20
    state.leased_weight = 30
    assert (state.needs_lease(30), state.needs_lease(31)) == (0, 1)
    state.grant(Lane.LIVE, 10, 10_500)
    assert (state.needs_lease(20), state.needs_lease(21)) == (0, 1)
    state.roll(11_500)
    assert state.leased_weight == 0, "a lease is of its window"


def test_blocks_end_at_their_instant() -> None:
    state = BudgetState(RULES)
    state.block(10_500)
    assert (state.wait_ms(Lane.CANCEL, 1, 10_499), state.wait_ms(Lane.CANCEL, 1, 10_500)) == (1, 0)
    state.block(10_700, lane=Lane.ORDER)
    assert (state.wait_ms(Lane.ORDER, 1, 10_600), state.wait_ms(Lane.ORDER, 1, 10_700)) == (100, 0)
    state.block(10_900)
    assert state.wait_ms(Lane.ORDER, 1, 10_600) == 300
