"""Every fault scenario and every goal of the trading plane has a test that is named for it here, and that test exists.

The goals' table in CONTRIBUTING.md names the same tests, and the command of each one's long run.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

_GATEWAY, _DOUBTS = "tests/flow/test_execution_gateway.py::", "tests/flow/test_execution_doubts.py::"
_VENUE, _FAULTS = "tests/flow/test_trading_binance.py::", "tests/contracts/test_trading_faults.py::"
_TRADING, _SCENARIOS = "tests/contracts/test_trading.py::", "tests/faults/test_trading_scenarios.py::"
_SIMULATOR, _PAUSED = "tests/faults/test_trading_on_simulator.py::", "tests/faults/test_paused_leader.py::test_g18_stopped_at"
_SWITCH: Final = "tests/faults/test_kill_switch_load.py::test_g17_nothing_is_sent_and_all_is_cancelled"
_MODELS, _BOOK = "tests/property/test_stateful_models.py::", "tests/property/test_order_book_model.py::"
_RUNNER, _SERVICE = "tests/unit/app/test_runner.py::", "tests/flow/test_execution_service.py::"
TESTS: Final[dict[str, tuple[str, ...]]] = {
    "OR1": (_VENUE + "test_or1_or4_lost_answers_are_one_order_each",),
    "OR2": (
        _GATEWAY + "test_or2_a_lost_request_is_absent_only_after_its_time_and_several_answers",
        _FAULTS + "test_a_lost_request_is_unknown_and_was_sent_once",
    ),
    "OR3": (
        _GATEWAY + "test_or3_a_held_request_that_arrives_late_is_taken_back_with_an_alarm",
        _FAULTS + "test_a_held_request_is_absent_first_and_arrives_later",
    ),
    "OR4": (_VENUE + "test_or1_or4_lost_answers_are_one_order_each",),
    "OR5": (
        _SIMULATOR + "test_or5_unknown_error_is_never_sent_again",
        _SIMULATOR + "test_or5_all_failed_is_tried_again_so_often_at_most",
        _SIMULATOR + "test_or5_what_reduces_goes_first",
        _SCENARIOS + "test_or5_unknown_is_never_sent_again_and_all_failed_so_often_at_most",
        _FAULTS + "test_an_answer_that_says_nothing_is_unknown_whatever_happened",
        _FAULTS + "test_an_answer_that_says_all_failed_may_be_tried_again",
    ),
    "OR6": (
        _FAULTS + "test_a_limit_silences_all_until_it_ends",
        _FAULTS + "test_too_many_orders_are_not_sent_and_the_next_waits",
        _DOUBTS + "test_retry_after_is_obeyed",
    ),
    "OR7": (_GATEWAY + "test_or7_fills_before_the_answer_twice_and_out_of_order",),
    "OR8": (
        _GATEWAY + "test_or8_a_cancel_that_races_a_fill_ends_as_the_venue_says",
        _VENUE + "test_or8_a_lost_answer_to_a_cancel_is_asked_after",
        _VENUE + "test_or8_a_lost_cancel_is_asked_again",
    ),
    "OR9": (
        _SERVICE + "test_or9_a_silent_stream_is_found_by_what_it_did_not_tell",
        _VENUE + "test_or9_what_a_cut_stream_did_not_tell_is_taken_over_rest",
    ),
    "OR10": (
        _VENUE + "test_or10_what_happens_beside_us_is_booked_and_marked",
        _SIMULATOR + "test_or10_a_position_that_the_venue_closes_is_external_and_risk_knows",
    ),
    "OR11": (
        _TRADING + "test_a_bad_order_is_refused_with_the_venues_code",
        _TRADING + "test_reduce_only_without_a_position_is_refused",
        _GATEWAY + "test_a_refusal_ends_with_the_venues_code",
    ),
    "OR12": (
        _SIMULATOR + "test_or12_a_strategy_that_loops_is_stopped_alone",
        _SCENARIOS + "test_or12_a_strategy_that_loops_is_stopped_before_the_venue_stops_it",
    ),
    "OR13": (
        _SWITCH,
        _SCENARIOS + "test_or13_cancels_are_tried_until_confirmed_also_by_the_next_process",
        "tests/flow/test_kill_switch.py::test_the_switch_halts_cancels_and_holds_over_a_restart",
    ),
    "OR14": (_PAUSED, _SCENARIOS + "test_or14_after_three_minutes_without_a_turn_nothing_stale_is_sent"),
    "CR1": ("tests/faults/test_trading_kills.py::test_killed_at",),
    "CR2": (
        _PAUSED,
        _GATEWAY + "test_cr2_of_two_gateways_one_sends_also_after_the_other_slept",
        "tests/contracts/test_state_store_trading.py::test_one_gateway_sends_and_a_paused_one_is_fenced",
    ),
    "CR3": (
        "tests/faults/test_trading_crash_loop.py::test_cr3_an_account_whose_record_is_bad_is_parked_and_the_others_trade",
        _RUNNER + "test_a_crash_loop_is_parked_and_the_others_run_on",
        _SERVICE + "test_a_venue_that_is_away_at_the_start_only_delays",
    ),
    "CR4": (
        "tests/faults/test_trading_crash_loop.py::test_cr4_an_end_in_a_burst_drains_and_leaves_what_a_crash_leaves",
        _RUNNER + "test_a_signal_ends_the_run_cleanly",
        _RUNNER + "test_a_service_that_will_not_drain_is_abandoned_in_time",
    ),
    "CR5": ("tests/flow/test_strategy_hosting.py::test_one_that_misbehaves_is_stopped_with_the_reason_and_the_rest_go_on",),
    "CL1": (
        "tests/faults/test_trading_clock_steps.py::test_cl1_a_stepped_clock_stops_no_order_and_ages_none",
        _FAULTS + "test_a_clock_that_went_off_is_asked_and_the_order_is_placed_once",
    ),
    "CL2": (_SCENARIOS + "test_cl2_the_machine_s_time_zone_changes_no_border",),
    "ST1": (
        "tests/faults/test_trading_postmaster_killed.py::test_st1_a_killed_postmaster_holds_orders_back_and_loses_none",
        "tests/faults/test_postgres_killed.py::test_st1_killed_backends_lose_no_acknowledged_row",
    ),
    "ST2": (
        "tests/faults/test_trading_disk_full.py::test_st2_a_full_disk_refuses_orders_lets_cancels_go_and_heals",
        _SCENARIOS + "test_st2_a_full_disk_refuses_orders_cancels_go_and_room_heals",
        _GATEWAY + "test_a_store_that_cannot_write_sends_nothing",
        "tests/faults/test_platform_away.py::test_a_full_disk_holds_the_feeds_back_and_heals_by_itself",
    ),
    "ST7": ("tests/faults/test_intent_durable.py::test_st7_a_sync_that_fails_sends_nothing",),
}
#: of the goals of docs that the trading plane answers for: the test with CI's figure, and the command of the large one
GOALS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "G1": ("make kills", ("tests/faults/test_trading_kills.py::test_killed_at",)),
    "G2": (
        "make seeds",
        tuple(f"tests/deterministic/{file}.py::test_no_seed_breaks_an_invariant" for file in ("test_seeds", "test_more_seeds")),
    ),
    "G3": ("make seeds", ("tests/deterministic/test_harness.py::test_the_same_seed_tells_the_same_history",)),
    "G6": ("make offline", ("tests/faults/test_offline_episodes.py::test_g6_fifty_episodes_without_us_are_known_to_the_last_lot",)),
    "G9": (
        "make frames",
        (
            "tests/property/test_binance_mutated_frames.py::test_damaged_frames",
            "tests/golden/test_okx_recordings.py::test_damaged_frames_are_events_that_can_be_or_malformed",
            "tests/golden/test_htx_recordings.py::test_no_spoilt_frame_does_more_than_be_malformed",
        ),
    ),
    "G11": ("make obedience", ("tests/faults/test_obedience.py::test_g11_ten_hours_break_no_rule",)),
    "G17": ("make switch", (_SWITCH,)),
    "G18": ("make pauses", (_PAUSED, "tests/faults/test_paused_leader.py::test_g18_stopped_under_another_venues_rules")),
    "G20": ("make models", (_MODELS + "TestOrder", _MODELS + "TestLedger", _MODELS + "TestCandles", _BOOK + "TestBook")),
    "G24": ("make canaries", ("tests/faults/test_secret_canaries.py::test_g24_no_secret_comes_out",)),
    "G25": ("make rotation", ("tests/unit/services/test_accounts.py::test_the_master_key_rotates_while_keys_are_used",)),
}
_NUMBERED: Final = (*(f"OR{number}" for number in range(1, 15)), *(f"CR{number}" for number in range(1, 6)))
CODES: Final = frozenset({*_NUMBERED, "CL1", "CL2", "ST1", "ST2", "ST7"})


def test_every_scenario_has_a_test() -> None:
    assert set(TESTS) == CODES


@pytest.mark.parametrize("code", [*TESTS, *GOALS])
def test_the_tests_of_a_scenario_exist(code: str, project_dir: Path) -> None:
    for name in TESTS.get(code) or GOALS[code][1]:
        file, _, function = name.partition("::")
        tree = ast.parse((project_dir / file).read_text(encoding="utf-8"))
        there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        there |= {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert function in there, f"{code}: {file} has no {function}; name its successor"


def test_the_goals_that_are_asked_for_are_there() -> None:
    assert set(GOALS) >= {"G6", "G9", "G11", "G17", "G18", "G20", "G24", "G25"}


@pytest.mark.parametrize("code", GOALS)
def test_a_goal_stands_in_the_table_with_its_tests_and_its_command(code: str, project_dir: Path) -> None:
    command, names = GOALS[code]
    lines = (project_dir / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| {code} ")]
    assert f"`{command}`" in row
    for name in names:
        assert f"`{name.partition('::')[0]}`" in row, name
    targets = (project_dir / "Makefile").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(f"{command.removeprefix('make ')}:") for line in targets)
