"""The weight budget's arithmetic against a venue that counts by arrival, on its own clock."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantservice.adapters.venues.transport.budget_state import BudgetRules, BudgetState, Lane
from quantservice.core.errors import InvalidValue

WINDOW = 1000
EDGE = 50
RULES = BudgetRules(limit=100, window_ms=WINDOW, edge_ms=EDGE)

asks = st.lists(
    st.tuples(
        st.sampled_from(list(Lane)),
        st.integers(1, 30),  # weight
        st.integers(0, 220),  # ms since the one before
        st.integers(0, 900),  # ms the answer takes
        st.integers(0, EDGE - 1),  # ms until the venue has it (and the error of our clock)
    ),
    max_size=120,
)


@given(asks)
@settings(max_examples=300, deadline=None)
def test_the_venues_own_count_never_passes_its_limit(plan: list[tuple[Lane, int, int, int, int]]) -> None:
    state = BudgetState(RULES)
    counted: Counter[int] = Counter()
    open_requests: list[tuple[int, int]] = []
    now = 10_000
    for lane, weight, gap, takes, travel in plan:
        now += gap
        for number, done in [item for item in open_requests if item[1] <= now]:
            state.answered(number, done)
            open_requests.remove((number, done))
        if state.wait_ms(lane, weight, now):
            continue
        number = state.grant(lane, weight, now)
        # The venue counts it at any instant between its leaving and its answer.
        counted[(now + min(travel, takes)) // WINDOW] += weight
        open_requests.append((number, now + takes))
    assert all(weight <= RULES.limit for weight in counted.values()), counted


@given(asks, st.integers(0, 119), st.integers(1, 5000))
@settings(max_examples=150, deadline=None)
def test_nothing_leaves_inside_a_block(plan: list[tuple[Lane, int, int, int, int]], at: int, length: int) -> None:
    state = BudgetState(RULES)
    now = 10_000
    blocked = (0, 0)
    for index, (lane, weight, gap, _, _) in enumerate(plan):
        now += gap
        if index == at:
            blocked = (now, now + length)
            state.block(now + length)
        if not state.wait_ms(lane, weight, now):
            assert not blocked[0] <= now < blocked[1]
            state.answered(state.grant(lane, weight, now), now)


@given(asks)
@settings(max_examples=150, deadline=None)
def test_history_keeps_to_its_share(plan: list[tuple[Lane, int, int, int, int]]) -> None:
    state = BudgetState(RULES)
    history: Counter[int] = Counter()
    others: Counter[int] = Counter()
    now = 10_000
    for lane, weight, gap, _, _ in plan:
        now += gap
        if state.wait_ms(lane, weight, now):
            continue
        state.answered(state.grant(lane, weight, now), now)
        (history if lane is Lane.HISTORY else others)[now // WINDOW] += weight
    for window, used in history.items():
        assert used <= 80
        if others[window - 1] >= 5:
            assert used <= 50, "others needed weight in the window before"


@given(asks)
@settings(max_examples=100, deadline=None)
def test_a_cancel_finds_room_after_any_use_of_the_worse_lanes(plan: list[tuple[Lane, int, int, int, int]]) -> None:
    state = BudgetState(RULES)
    now = 10_000
    for lane, weight, gap, _, _ in plan:
        now += gap
        wanted = max(lane, Lane.ORDER)
        if not state.wait_ms(Lane(wanted), weight, now):
            state.answered(state.grant(Lane(wanted), weight, now), now)
        if now % WINDOW >= EDGE:
            assert state.wait_ms(Lane.CANCEL, 5, now) == 0


def test_waits_name_the_next_window() -> None:
    state = BudgetState(RULES)
    now = 10_100
    while not state.wait_ms(Lane.HISTORY, 10, now):
        state.answered(state.grant(Lane.HISTORY, 10, now), now)
    assert state.window.history == 80
    assert state.wait_ms(Lane.HISTORY, 10, now) == 900
    assert state.wait_ms(Lane.LIVE, 10, now) == 0
    assert state.wait_ms(Lane.HISTORY, 10, 11_000 + EDGE) == 0


def test_the_venues_figure_raises_ours_and_never_lowers_it() -> None:
    state = BudgetState(RULES)
    number = state.grant(Lane.LIVE, 1, 10_100) if not state.wait_ms(Lane.LIVE, 1, 10_100) else 0
    state.answered(number, 10_120)
    state.venue_said(60, 10_120, sent_ms=10_100)
    assert state.total_used() == 60
    state.venue_said(2, 10_130, sent_ms=10_125)
    assert state.total_used() == 60
    assert state.wait_ms(Lane.LIVE, 31, 10_140) > 0
    state.roll(11_100)
    assert state.total_used() == 0


def test_an_answer_of_the_window_before_says_nothing_of_this_one() -> None:
    state = BudgetState(RULES)
    state.roll(11_010)
    state.venue_said(99, 11_010, sent_ms=10_990)
    assert state.total_used() == 0


def test_an_unanswered_request_is_charged_to_the_next_window_too() -> None:
    state = BudgetState(RULES)
    state.wait_ms(Lane.LIVE, 30, 10_500)
    state.grant(Lane.LIVE, 30, 10_500)
    state.roll(11_100)
    assert state.total_used() == 30


def test_a_lane_of_its_own_block_does_not_hold_the_others() -> None:
    state = BudgetState(RULES)
    state.block(13_000, lane=Lane.ORDER)
    assert state.wait_ms(Lane.ORDER, 1, 10_100) == 2_900
    assert state.wait_ms(Lane.LIVE, 1, 10_100) == 0


def test_a_clock_that_steps_back_opens_no_fresh_window() -> None:
    state = BudgetState(RULES)
    state.wait_ms(Lane.CANCEL, 100, 20_100)
    state.answered(state.grant(Lane.CANCEL, 100, 20_100), 20_110)
    assert state.wait_ms(Lane.CANCEL, 1, 19_500) > 0


def test_rules_refuse_nonsense() -> None:
    with pytest.raises(InvalidValue, match="limit"):
        BudgetRules(limit=0)
    with pytest.raises(InvalidValue, match="edge_ms"):
        BudgetRules(limit=1, window_ms=100, edge_ms=50)


def test_a_request_sent_just_before_the_turn_counts_in_both_windows_though_answered() -> None:
    state = BudgetState(RULES)
    state.roll(10_960)
    state.answered(state.grant(Lane.LIVE, 30, 10_960), 10_970)
    state.roll(11_000)
    assert state.total_used() == 30
    state.roll(12_000)
    assert state.total_used() == 0


def test_a_request_answered_long_before_the_turn_counts_once() -> None:
    state = BudgetState(RULES)
    state.roll(10_500)
    state.answered(state.grant(Lane.LIVE, 30, 10_500), 10_510)
    state.roll(11_000)
    assert state.total_used() == 0


def test_just_after_the_turn_a_request_must_fit_into_the_window_before_too() -> None:
    state = BudgetState(RULES)
    state.roll(10_100)
    state.answered(state.grant(Lane.CANCEL, 90, 10_100), 10_110)
    assert state.wait_ms(Lane.CANCEL, 11, 11_010) == EDGE - 10
    assert state.wait_ms(Lane.CANCEL, 6, 11_010) == 0
    state.answered(state.grant(Lane.CANCEL, 6, 11_010), 11_015)
    assert state.wait_ms(Lane.CANCEL, 6, 11_020) == EDGE - 20, "what went at the border is charged to the window before"
    assert state.wait_ms(Lane.CANCEL, 11, 11_000 + EDGE) == 0


def test_a_need_of_the_window_before_still_halves_history() -> None:
    state = BudgetState(RULES)
    state.roll(10_100)
    state.answered(state.grant(Lane.LIVE, 5, 10_100), 10_110)
    state.roll(11_100)
    assert state.history_limit(waiting=False) == 50
    state.roll(12_100)
    assert state.history_limit(waiting=False) == 80
    assert state.history_limit(waiting=True) == 50


def test_a_shorter_block_never_shortens_a_longer_one() -> None:
    state = BudgetState(RULES)
    state.block(15_000)
    state.block(12_000)
    assert state.wait_ms(Lane.CANCEL, 1, 14_000) == 1_000
    state.block(20_000, lane=Lane.ORDER)
    state.block(16_000, lane=Lane.ORDER)
    assert state.wait_ms(Lane.ORDER, 1, 16_000) == 4_000
