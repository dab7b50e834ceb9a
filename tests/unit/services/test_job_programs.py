"""What workers do for each kind of job, in this process: the figures are those of the runs themselves."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from tests.support.waves import waves

from quantservice.core.errors import InvalidValue, UserError
from quantservice.quant.metrics import metrics_of
from quantservice.quant.metrics.summary import FIELDS
from quantservice.quant.optimize.market import Market
from quantservice.quant.optimize.requests import read_request
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.parameters import Range
from quantservice.quant.strategies.templates.ma_cross import MaCross
from quantservice.services.jobs.programs import PROGRAMS, Context
from quantservice.services.jobs.programs.backtest import differences
from quantservice.services.jobs.work import Done, Finished, Plan

SPACE = {"fast": "4:12:4", "slow": "12:24:6"}
COSTS = {"fees": "none"}


class Moody(Strategy):
    """Follows the close, and raises for one of its parameters."""

    mood: Annotated[int, Range(0, 5)] = 1

    def on_bars(self, bars: Any) -> Any:
        if self.mood == 3:
            raise ZeroDivisionError("a bad day")
        return np.where(bars["close"] > 100 + self.mood, 1.0, 0.0)


class Desk:
    """Runs whole jobs in this process."""

    def __init__(self, strategy: type[Strategy] = MaCross, *, days: int = 120, workers: int = 2) -> None:
        self.strategy = strategy
        self.market = Market((waves(days),))
        self.workers = workers
        self.lines: list[str] = []
        self.advanced = 0.0

    def context(self, kind: str, **fields: Any) -> Context:
        """The context of a request."""
        request = read_request(kind, {"strategy": "x", "data": {"symbols": ["WAVE"]}, "assumptions": COSTS, **fields})

        def exchange(new: list[str], after: int) -> list[str]:
            self.lines.extend(new)
            return self.lines[after:]

        def advance(done: float) -> None:
            self.advanced += done

        return Context(
            job_id="j1",
            name="x",
            strategy=self.strategy,
            market=self.market,
            request=request,
            data_fingerprint="data",
            advance=advance,
            exchange=exchange,
            workers=self.workers,
        )

    def run(self, kind: str, **fields: Any) -> tuple[Plan, list[Done], Finished]:
        """Plan, work and finish."""
        context, program = self.context(kind, **fields), PROGRAMS[kind]
        plan = program.plan(context)
        done = [program.work(context, number, item.content) for number, item in enumerate(plan.items)]
        return plan, done, program.finish(context, [item.content for item in done])


def rows_of(content: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.ipc.open_stream(content).read_all().to_pylist()
    return rows


@pytest.fixture(scope="module")
def swept() -> tuple[Desk, Plan, list[Done], Finished]:
    desk = Desk()
    return desk, *desk.run("sweep", space=SPACE, objective="total_return")


def test_a_sweep_tells_of_every_combination_what_a_run_tells(swept: tuple[Desk, Plan, list[Done], Finished]) -> None:
    desk, plan, done, finished = swept
    rows = rows_of(finished.tables["combinations"])
    assert [(row["p_fast"], row["p_slow"]) for row in rows] == [(fast, slow) for fast in (4, 8, 12) for slow in (12, 18, 24)]
    skipped = [row for row in rows if row["state"] == "skipped"]
    assert [(row["p_fast"], row["p_slow"]) for row in skipped] == [(12, 12)]
    assert skipped[0]["reason"] == "fast: 12 must be less than slow, 12"
    assert sum(item.weight for item in plan.items) == desk.advanced == 9
    evaluator = desk.context("sweep", space=SPACE).evaluator
    for row in (rows[0], rows[5]):
        metrics = metrics_of(evaluator.run({"fast": row["p_fast"], "slow": row["p_slow"]}))
        for name in ("total_return", "sharpe_daily", "max_drawdown", "trades", "profit_factor", "fees"):
            assert row[name] == pytest.approx(metrics.number(name), rel=1e-12, nan_ok=True), name
    trials = [trial for item in done for trial in item.trials]
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4, 5, 7, 8], "what did not run is not counted"
    assert {trial.family for trial in trials} == {desk.context("sweep", space=SPACE).family}
    assert trials[0].parameters == {"fast": 4, "slow": 12, "average": "sma", "short": False}
    assert trials[0].sharpe_daily == pytest.approx(rows[0]["sharpe_daily"])
    assert len({trial.parameter_hash for trial in trials}) == 8


def test_a_sweep_keeps_the_best_and_says_how_much_to_believe(swept: tuple[Desk, Plan, list[Done], Finished]) -> None:
    _desk, _plan, _done, finished = swept
    summary, rows = finished.summary, rows_of(finished.tables["combinations"])
    best = max((row for row in rows if row["state"] == "done"), key=lambda row: row["total_return"])
    assert summary["best"]["parameters"] == {"fast": best["p_fast"], "slow": best["p_slow"]}
    assert summary["top"][0]["number"] == best["number"]
    assert (summary["done"], summary["skipped"], summary["failed"]) == (8, 1, 0)
    assert summary["stability"]["best"]["parameters"] == summary["best"]["parameters"]
    assert 0.0 <= summary["overfitting"]["probability"] <= 1.0
    assert summary["overfitting"]["combinations"] == 8
    cells = summary["map"]["cells"]
    assert len(cells) == len(summary["map"]["down_values"])
    assert sum(cell is None for row in cells for cell in row) == 1
    (stored,) = finished.backtests
    assert stored.record.parameters["fast"] == best["p_fast"]
    assert stored.record.metrics["total_return"]["value"] == pytest.approx(best["total_return"])
    assert set(stored.parts) >= {"trades", "fills", "equity"}
    assert len(rows_of(stored.parts["equity"])) == 120 * 24
    assert len(rows_of(stored.parts["trades"])) >= best["trades"]
    assert stored.record.versions["numpy"] == np.__version__


def test_a_sample_and_another_number_of_workers_find_the_same_figures() -> None:
    sample = {"space": SPACE, "sample": 4, "seed": 7}
    one, two = (Desk(workers=workers, days=40).run("sweep", **sample)[2] for workers in (1, 3))
    rows = rows_of(one.tables["combinations"])
    assert len(rows) == 4
    assert [str(row) for row in rows] == [str(row) for row in rows_of(two.tables["combinations"])]  # as text: NaN is not itself


def test_a_combination_that_raises_does_not_stop_the_others() -> None:
    _plan, done, finished = Desk(Moody, days=40).run("sweep", space={"mood": "0:5:1"}, objective="total_return")
    states = {row["p_mood"]: (row["state"], row["reason"]) for row in rows_of(finished.tables["combinations"])}
    state, reason = states[3]
    assert state == "failed"
    assert re.fullmatch(r"Moody\.on_bars: raised ZeroDivisionError in line \d+ of test_job_programs\.py: a bad day", reason)
    assert [mood for mood, (how, _) in states.items() if how == "done"] == [0, 1, 2, 4, 5]
    assert finished.summary["reasons"] == {reason: 1}
    assert 3 not in {trial.parameters["mood"] for item in done for trial in item.trials}


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        ("sweep", {"space": {"fast": "20", "slow": "5,10"}}, "no combination is valid for x: fast: 20 must be less than slow, 5"),
        ("sweep", {"space": SPACE, "parameters": {"fast": 3}}, "parameter fast is both fixed and varied"),
        ("walkforward", {"space": SPACE, "train_days": 100, "test_days": 50}, "do not fit into the 30.0 days of bars"),
        ("crossvalidate", {"space": SPACE, "groups": 20}, "days cannot be cut into 20 groups"),
        ("optimize", {"space": {"fast": "4:8:1"}, "sampler": "cmaes"}, "cmaes moves in two numbers or more"),
        ("montecarlo", {"method": "bootstrap", "block_bars": 400}, "720 bars hold no two blocks of 400"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_is_begun(kind: str, fields: dict[str, Any], sentence: str) -> None:
    context = Desk(days=30).context(kind, **fields)
    with pytest.raises((InvalidValue, UserError)) as caught:
        PROGRAMS[kind].plan(context)
    assert sentence in str(caught.value)


def test_workers_of_an_optimisation_learn_from_each_other() -> None:
    desk = Desk(days=40)
    wide = {"fast": "2:20:1", "slow": "21:60:1"}
    plan, done, finished = desk.run("optimize", space=wide, trials=12, objectives=["total_return"])
    rows = rows_of(finished.tables["trials"])
    assert len(plan.items) > 1
    assert [row["number"] for row in rows] == list(range(12)), "one study, one numbering"
    best = max(rows, key=lambda row: row["value_total_return"])
    assert finished.summary["best"]["parameters"] == {"fast": best["p_fast"], "slow": best["p_slow"]}
    assert finished.summary["complete"] == 12
    counted = {trial.number for item in done for trial in item.trials}
    assert counted <= set(range(12))
    assert len(counted) >= 8, "a parameter set that was known already is not run, and not counted, again"
    record = finished.backtests[0].record
    assert record.metrics["total_return"]["value"] == pytest.approx(best["value_total_return"])


def test_an_interrupted_item_goes_on_where_it_ended() -> None:
    desk = Desk(days=40, workers=1)
    context, program = desk.context("optimize", space={"fast": "2:20:1", "slow": "21:60:1"}, trials=8), PROGRAMS["optimize"]
    plan = program.plan(context)
    size = msgspec.json.decode(plan.items[0].content)
    begun = 0

    def stop(_done: float) -> None:
        nonlocal begun
        begun += 1
        if begun == 2:  # one trial is through; the process dies with the second asked for but not told
            raise KeyboardInterrupt

    context.advance = stop
    with pytest.raises(KeyboardInterrupt):
        program.work(context, 0, plan.items[0].content)
    context = desk.context("optimize", space={"fast": "2:20:1", "slow": "21:60:1"}, trials=8)
    context.attempt = 2
    done = [program.work(context, number, item.content) for number, item in enumerate(plan.items)]
    finished = program.finish(context, [])
    rows = rows_of(finished.tables["trials"])
    assert sum(row["state"] == "complete" for row in rows) == 8
    assert size > 1
    assert len({trial.number for item in done for trial in item.trials}) == len([t for item in done for t in item.trials])


def test_several_objectives_end_in_a_front_and_pruning_gives_up_early() -> None:
    desk = Desk(days=60)
    wide = {"fast": "2:20:1", "slow": "21:60:1"}
    summary = desk.run("optimize", space=wide, trials=16, objectives=["total_return", "traded_notional:min"], sampler="nsga2")[
        2
    ].summary
    assert summary["best"] is None
    returns = [row["values"][0] for row in summary["front"]]
    volumes = [row["values"][1] for row in summary["front"]]
    assert len(summary["front"]) >= 1
    order = np.argsort(returns)
    assert (np.diff(np.array(volumes)[order]) >= 0).all(), "on a front more return costs more trading"
    pruned = Desk(days=60).run("optimize", space=wide, trials=20, objectives=["total_return"], pruner="median", seed=3)[2]
    states = [row["state"] for row in rows_of(pruned.tables["trials"])]
    assert states.count("pruned") > 0
    assert states.count("complete") > 0
    assert all("given up after" in row["reason"] for row in rows_of(pruned.tables["trials"]) if row["state"] == "pruned")


def test_walk_forward_judges_every_window_by_what_came_after() -> None:
    desk = Desk(days=120)
    plan, done, finished = desk.run("walkforward", space=SPACE, train_days=40, test_days=20, objective="total_return")
    assert len(plan.items) == 4
    summary, days = finished.summary, rows_of(finished.tables["days"])
    first_day = desk.market.start_ms // 86_400_000
    assert [row["day"] for row in days] == list(range(first_day + 40, first_day + 120)), "every day after the first training, once"
    choice = summary["choices"][1]
    training = desk.context("sweep", space=SPACE).evaluator.on(desk.market.between(choice["train_start"], choice["test_start"]))
    combinations = [{"fast": fast, "slow": slow} for fast in (4, 8, 12) for slow in (12, 18, 24) if fast < slow]
    figures = training.evaluate(combinations).figures[:, FIELDS.index("total_return")]
    assert choice["parameters"] == combinations[int(np.argmax(figures))]
    assert choice["score"] == pytest.approx(figures.max())
    numbers = [trial.number for item in done for trial in item.trials]
    assert len(numbers) == len(set(numbers)) == 4 * 9
    joined = np.prod([1.0 + row["return"] for row in days]) - 1.0
    assert summary["total_return"] == pytest.approx(joined)
    assert finished.backtests[0].record.parameters["fast"] == summary["choices"][-1]["parameters"]["fast"]


def test_cross_validation_uses_each_combinations_own_days() -> None:
    desk = Desk(days=60)
    _plan, done, finished = desk.run("crossvalidate", space=SPACE, groups=5, test_groups=2)
    paths, splits = rows_of(finished.tables["paths"]), rows_of(finished.tables["splits"])
    assert (finished.summary["splits"], finished.summary["paths"], len(splits), len(paths)) == (10, 4, 10, 60)
    assert finished.summary["combinations"] == 8
    assert sum(item["times"] for item in finished.summary["choices"]) == 10
    number = splits[0]["number"]
    space = desk.context("crossvalidate", space=SPACE).space(SPACE)
    whole = desk.context("crossvalidate", space=SPACE).evaluator.evaluate([space.combination(number)], daily=True)
    assert [row["path_0"] for row in paths[:12]] == pytest.approx(whole.returns[0][:12].tolist())
    assert len({trial.number for item in done for trial in item.trials}) == 8


@pytest.mark.parametrize("method", ["shuffle", "resample", "bootstrap", "noise"])
def test_monte_carlo_says_where_the_run_as_it_was_lies(method: str) -> None:
    runs = 12
    plan, done, finished = Desk(days=60).run(
        "montecarlo", method=method, runs=runs, block_bars=24, parameters={"fast": 6, "slow": 20}
    )
    summary = finished.summary
    assert (summary["method"], summary["runs"]) == (method, runs)
    assert [trial.number for item in done for trial in item.trials] == [0], "only the run as it was is a try"
    assert sum(item.weight for item in plan.items) == runs
    figures = summary["figures"]["total_return"]
    actual = metrics_of(Desk(days=60).context("montecarlo", parameters={"fast": 6, "slow": 20}).evaluator.run({}))
    if method in ("bootstrap", "noise"):
        assert figures["actual"] == pytest.approx(actual.number("total_return"))
    if method == "shuffle":
        assert figures["std"] == pytest.approx(0.0, abs=1e-9)
    else:
        assert figures["std"] > 0.0
    again = Desk(days=60, workers=5).run("montecarlo", method=method, runs=runs, block_bars=24, parameters={"fast": 6, "slow": 20})[
        2
    ]
    assert again.summary["figures"] == summary["figures"], "the same runs, however they are shared out"


def test_trades_without_an_order_to_change_are_said() -> None:
    with pytest.raises(InvalidValue, match=r"\d closed trades have no order to change"):
        Desk(days=2).run("montecarlo", parameters={"fast": 20, "slow": 40})


def test_a_repeated_backtest_is_the_same_to_the_bit_or_says_why_not() -> None:
    desk = Desk(days=40)
    _plan, done, first = desk.run("backtest", parameters={"fast": 6, "slow": 20})
    record = first.backtests[0].record
    assert done[0].trials[0].result_id == record.id
    expected = msgspec.to_builtins(record)
    repeated = desk.run("backtest", parameters={"fast": 6, "slow": 20}, repeats=record.id, expected=expected)[2].summary
    assert (repeated["repeats"], repeated["identical"], repeated["changed"]) == (record.id, True, [])
    other = desk.run("backtest", parameters={"fast": 7, "slow": 20}, repeats=record.id, expected=expected)[2].summary
    assert not other["identical"]
    assert other["changed"] == ["parameter fast was 6 and is 7"]


def test_every_kind_of_change_has_its_sentence() -> None:
    record = Desk(days=40).run("backtest")[2].backtests[0].record
    before = msgspec.to_builtins(record) | {
        "code_hash": "c" * 64,
        "data_fingerprint": "d" * 64,
        "run_fingerprint": "r" * 64,
        "assumptions": {**record.assumptions, "leverage": 3.0},
        "versions": {**record.versions, "numpy": "1.0"},
    }
    sentences = differences(before, record)
    assert [sentence.split(" (")[0] for sentence in sentences[:2]] == [
        "the strategy's code was changed",
        "the stored bars, their revisions or the instruments' rules were changed",
    ]
    assert sentences[2:] == ["assumption leverage was 3.0 and is 1.0", f"numpy was 1.0 and is {np.__version__}"]
    only_run = msgspec.to_builtins(record) | {"run_fingerprint": "r" * 64}
    assert "uses something else (time, chance)" in differences(only_run, record)[0]


def test_nan_is_told_as_nothing() -> None:
    _plan, _done, finished = Desk(days=40).run("sweep", space={"fast": "4,8"}, objective="sharpe")
    assert math.isnan(rows_of(finished.tables["combinations"])[0]["sharpe"]), "forty days are too few for an annual figure"
    assert finished.summary["best"] is None
    assert finished.summary["note"].startswith("no combination has a sharpe on these 40 days; annualised figures need 90 days")
    assert finished.backtests == []
