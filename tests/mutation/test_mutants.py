"""The mutation harness itself: what it changes, and what it leaves alone."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.mutants import mutate, sites
from tests.mutation.run import PROJECT, TARGETS, TRADING, Failure, draw, failure_of, lower_bound, targets_of


def mutants(source: str) -> set[str]:
    return {mutate(source, site)[1] for site in sites(source)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", {"x = a <= b", "x = a >= b"}),
        ("x = a and b", {"x = a or b"}),
        ("x = a + b", {"x = a - b"}),
        ("x = -a", {"x = a"}),
        ("x = 7", {"x = 8", "x = 6"}),
        ("x = True", {"x = False"}),
        ("f()", {"pass"}),
        ("x = min(a, b)", {"x = max(a, b)"}),
        ("x = [a for a in b if a]", {"x = [a for a in b if not a]"}),
        ("x = range(a)", {"x = range(a + 1)"}),
        ("del a[b]", {"pass"}),
        ("self.x = a", {"pass"}),
    ],
)
def test_each_fault_is_a_small_change(source: str, expected: set[str]) -> None:
    assert mutants(source) == expected


def test_statements_of_a_function() -> None:
    source = "def f(a):\n    if a:\n        raise ValueError(f'{a + 1}')\n    return a"
    assert mutants(source) == {
        "def f(a):\n    if not a:\n        raise ValueError(f'{a + 1}')\n    return a",
        "def f(a):\n    if a:\n        pass\n    return a",
        "def f(a):\n    if a:\n        raise ValueError(f'{a + 1}')\n    return None",
    }


@pytest.mark.parametrize(
    "source",
    [
        '"""Text."""',
        "x: int | None",
        "Name = A | B",
        "_log.info('said', rows=1 + 1)",
        "def __repr__(self):\n    return 'x' + str(1)",
        "class A(B, frozen=True):\n    pass",
        "__all__ = ['a' + 'b']",
        "if TYPE_CHECKING:\n    f(1)",
        "x = 'a' + b",
    ],
)
def test_what_is_left_out(source: str) -> None:
    assert mutants(source) == set()


def test_every_mutant_of_the_targets_is_valid_python_and_differs() -> None:
    for module, site in draw(list(targets_of(["core/"])), 40, seed=5):
        before, after = mutate((PROJECT / module).read_text(encoding="utf-8"), site)
        ast.parse(after)
        assert before != after, (module, site)


def test_the_tests_that_are_named_exist() -> None:
    for target in (*TARGETS, *TRADING):
        for name in (*target.near, *target.wide):
            assert (PROJECT / name).exists(), name


def test_one_seed_draws_the_same_and_another_others() -> None:
    modules = list(targets_of(["core/spans.py"]))
    assert draw(modules, 5, 1) == draw(modules, 5, 1) != draw(modules, 5, 2)


@pytest.mark.parametrize(("killed", "tried", "bound"), [(0, 0, 0), (80, 100, 0.726), (95, 100, 0.899), (100, 100, 0.973)])
def test_the_bound(killed: int, tried: int, bound: float) -> None:
    assert lower_bound(killed, tried) == pytest.approx(bound, abs=0.002)


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("FAILED a.py::test_b[x y] - assert 1 == 2", Failure("FAILED a.py::test_b[x y]", "a.py::test_b[x y]")),
        (
            "FAILED a.py::test_b - Failed: Timeout (>30.0s) from pytest-timeout.",
            Failure("FAILED a.py::test_b", "a.py::test_b", True),
        ),
        ("FAILED a.py::test_b - TimeoutError", Failure("FAILED a.py::test_b", "a.py::test_b", True)),
        ("ERROR a.py - TypeError: no", Failure("ERROR a.py")),
        ("1 error", Failure("pytest ended with 4")),
    ],
)
def test_what_may_only_have_run_out_of_time_is_told_from_what_failed(line: str, failure: Failure) -> None:
    assert failure_of(f"...\n{line}\n1 failed", 4) == failure
