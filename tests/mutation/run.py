"""Break the code on purpose, many times, and see whether the tests notice.

    python -m tests.mutation.run --count 100 --seed 1

Random faults (see :mod:`tests.mutation.mutants`) are drawn over all places of the targets alike. Each is put into a temporary
copy of the project, never into the work tree, and the tests that belong to its module are run: first the near ones, then, where
the fault survived them, the wider ones. What only ran out of time is a kill where it does so again and does not without the fault:
a machine that is busy with something else notices no fault.
"""

from __future__ import annotations

import argparse
import difflib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.mutation.mutants import Site, mutate, sites

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
SOURCE: Final = Path("src/quantservice")
#: Loaded into pytest in the copy: a failing example is enough, it need not be made small or remembered.
_PLUGIN: Final = """
from hypothesis import Phase, settings
settings.register_profile("mutation", phases=[Phase.explicit, Phase.generate], database=None)
settings.load_profile("mutation")
"""


@dataclass(frozen=True)
class Target:
    """Modules with the tests that speak of them; ``wide`` is run where ``near`` did not notice."""

    modules: str
    near: tuple[str, ...]
    wide: tuple[str, ...] = ()


def _unit(room: str, *names: str) -> tuple[str, ...]:
    return tuple(f"tests/unit/{room}/test_{name}.py" for name in names)


def _property(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/property/test_{name}.py" for name in names)


_FILES: Final = "tests/unit/adapters/files"
_BACKFILL: Final = _unit("services", "absent_ranges", "backfill_parts", "backfill_figures", "backfill")
_FILTER: Final = _unit("services", "stream_filter_figures", "stream_filter")
_RECORDER: Final = _unit("services", "recorder_figures", "recorder")
_SPOOL: Final = _unit("services", "spool_edges", "spool")
#: The first target whose pattern fits a module is its own.
TARGETS: Final = (
    Target("core/book.py", (*_unit("core", "book"), *_property("order_book_model"))),
    Target("core/digest.py", (*_unit("core", "digest"), *_property("digest_chain")), _unit("services", "ledger")),
    Target("core/kline_rows.py", (*_unit("core", "kline_rows"), _FILES)),
    Target(
        "core/*.py",
        ("tests/unit/core", *_property("core_vocabulary", "money_laws", "resampling")),
        (*_property("digest_chain"), *_FILTER, *_BACKFILL, _FILES),
    ),
    Target("services/recorder/spool.py", _SPOOL, _RECORDER),
    Target("services/recorder/*.py", _RECORDER, _SPOOL),
    Target("services/backfill/*.py", _BACKFILL, ("tests/flow/test_market_line_catch_up.py",)),
    Target("services/collector/filter.py", _FILTER, _unit("services", "collector")),
    Target(
        "adapters/venues/transport/budget_state.py",
        _unit("transport", "budget_rules", "budget_state", "budget"),
        _property("weight_lease"),
    ),
)


def _flow(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/flow/test_{name}.py" for name in names)


_GATEWAY: Final = _flow(
    "execution_gateway",
    "execution_doubts",
    "resolving_borders",
    "resolving_counts",
    "keeper_look_up",
    "group_commit",
    "execution_groups",
    "gateway_figures",
)
_WIDE: Final = (
    *_property("execution_faults"),
    *_flow("execution_amending", "execution_deadlines", "execution_service", "trading_role", "bug_bank_cases"),
    *_flow("trading_service", "execution_guarding"),
)
#: State machine, reconciler, risk rules, books, signer: ``--of trading``.
TRADING: Final = (
    Target(
        "core/orders.py",
        _unit("core", "orders", "orders_folding"),
        (*_GATEWAY, *_flow("execution_amending", "execution_deadlines")),
    ),
    Target(
        "services/execution/sending.py",
        _unit("services", "execution_sending"),
        (*_GATEWAY, "tests/flow/test_execution_amending.py"),
    ),
    Target("core/ledger.py", _unit("core", "ledger", "money"), ("tests/flow/test_portfolio_books.py",)),
    Target("services/execution/slicing.py", _unit("services", "execution_slicing"), ("tests/flow/test_execution_algorithms.py",)),
    Target("services/execution/amending.py", _flow("execution_amending", "gateway_figures")),
    Target(
        "services/execution/guarding.py",
        (*_unit("services", "execution_guard", "execution_guard_keeping"), *_flow("execution_guarding")),
        _flow("guarding_binance", "risk_feed"),
    ),
    Target("services/execution/algorithms.py", _flow("algorithm_figures", "execution_algorithms"), _property("algorithm_parts")),
    Target("services/execution/keeper.py", _GATEWAY, _WIDE),
    Target("services/execution/gateway.py", _GATEWAY, _WIDE),
    Target("services/execution/resolving.py", _GATEWAY, _WIDE),
    Target(
        "services/execution/folding.py",
        _unit("services", "execution_folding"),
        (*_GATEWAY, "tests/flow/test_execution_amending.py"),
    ),
    Target("services/execution/committing.py", _GATEWAY, _WIDE),
    Target("services/execution/telling.py", _unit("services", "execution_telling")),
    Target("services/execution/remembering.py", _unit("services", "execution_memory"), _GATEWAY),
    Target("quant/risk_rules/*.py", _unit("quant", "risk_rules", "risk_rule_figures"), _unit("services", "risk_desk")),
    Target("services/risk/trust.py", _unit("services", "risk_trust"), _flow("risk_feed")),
    Target(
        "services/risk/commands.py",
        _unit("services", "risk_control"),
        _flow("quotas", "kill_switch", "risk_feed", "api_trading", "risk_rehearsal"),
    ),
    Target("services/risk/margin.py", _unit("services", "risk_margin"), _flow("risk_feed")),
    Target("services/risk/recalling.py", _unit("services", "risk_recalling"), _flow("risk_feed")),
    Target("services/risk/rehearsals.py", _unit("services", "risk_rehearsal_reading"), _flow("risk_rehearsal")),
    Target(
        "services/risk/rehearsing.py",
        _unit("services", "risk_rehearsal", "risk_rehearsal_borders", "risk_rehearsal_reading"),
        _flow("risk_rehearsal"),
    ),
    Target("services/risk/attribution.py", _unit("services", "risk_attribution", "risk_rehearsal"), _flow("risk_rehearsal")),
    Target(
        "services/risk/*.py",
        _unit("services", "risk_view", "risk_desk"),
        (
            *_unit("services", "risk_rehearsal", "risk_rehearsal_borders"),
            *_flow("risk_feed", "quotas", "kill_switch", "following", "execution_gateway"),
        ),
    ),
    Target("services/portfolio/chain.py", _unit("services", "portfolio_chain", "portfolio_chain_facts"), _flow("order_chain")),
    Target("services/portfolio/tracing.py", _flow("order_chain")),
    Target("services/portfolio/sizing.py", _unit("services", "portfolio_sizing"), _flow("following", "paper_trading")),
    Target("services/portfolio/equity.py", _unit("services", "portfolio_equity"), _flow("equity_history")),
    Target("services/portfolio/reading.py", _unit("services", "portfolio_earned"), _flow("account_fees")),
    Target(
        "services/portfolio/*.py",
        (*_unit("services", "portfolio_bookkeeping", "third_currency_fees"), *_flow("portfolio_books")),
        _flow("following", "paper_trading", "account_fees"),
    ),
    Target("adapters/venues/binance/trading/signer.py", ("tests/unit/adapters/venues/binance/test_trading_signer.py",)),
    Target("adapters/venues/okx/trading/signer.py", ("tests/unit/adapters/venues/okx/test_okx_trading_tables.py",)),
    Target("adapters/venues/htx/trading/signer.py", ("tests/unit/adapters/venues/htx/test_htx_trading_tables.py",)),
)


@dataclass(frozen=True)
class Failure:
    """What failed first: in words, and the test where one was named. ``late``: it may be that the time alone ran out."""

    words: str
    test: str = ""
    late: bool = False


@dataclass
class Outcome:
    """What became of one mutant."""

    module: str
    line: int
    kind: str
    killed: bool
    by: str
    seconds: float
    diff: str


def targets_of(only: Sequence[str], targets: Sequence[Target] = TARGETS) -> dict[str, Target]:
    """Return module path -> target for every mutated module (``only``: parts of the paths that are wanted)."""
    chosen: dict[str, Target] = {}
    for target in targets:
        for path in sorted((PROJECT / SOURCE).glob(target.modules)):
            chosen.setdefault(path.relative_to(PROJECT).as_posix(), target)
    return {name: target for name, target in sorted(chosen.items()) if not only or any(part in name for part in only)}


def draw(modules: Sequence[str], count: int, seed: int) -> list[tuple[str, Site]]:
    """Draw ``count`` different sites, every site of every module being as likely as any other."""
    every = [(module, site) for module in modules for site in sites((PROJECT / module).read_text(encoding="utf-8"))]
    return random.Random(seed).sample(every, min(count, len(every)))


class Workshop:
    """A temporary copy of the project in which mutants are tried."""

    def __init__(self, folder: Path, *, seed: int, limit_s: float) -> None:
        self._folder = folder
        self._seed = seed
        self._limit_s = limit_s
        ignore = shutil.ignore_patterns("__pycache__", "node_modules", ".hypothesis", "browser", "golden")
        for name in ("src", "tests"):
            shutil.copytree(PROJECT / name, folder / name, ignore=ignore)
        shutil.copy(PROJECT / "pyproject.toml", folder)
        (folder / "mutation_profile.py").write_text(_PLUGIN, encoding="utf-8")

    def try_one(self, module: str, site: Site, target: Target) -> Outcome:
        """Put the fault in, run the tests, take it out again."""
        path = self._folder / module
        original = path.read_text(encoding="utf-8")
        before, after = mutate(original, site)
        diff = "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), module, module, lineterm="", n=2))
        began = time.monotonic()
        path.write_text(after, encoding="utf-8")
        try:
            by = self._noticed(target.near, path, original) or (self._noticed(target.wide, path, original) if target.wide else "")
        finally:
            path.write_text(original, encoding="utf-8")
        return Outcome(module, site.line, site.kind, bool(by), by, round(time.monotonic() - began, 1), diff)

    def _noticed(self, tests: Sequence[str], path: Path, original: str) -> str:
        """Run tests with the fault that is in ``path`` now; return what noticed it ("" when nothing surely did)."""
        found = self._run(tests)
        if found is None or not found.late:
            return "" if found is None else found.words
        again = (found.test,) if found.test else tests
        if self._run(again) is not None:
            after = path.read_text(encoding="utf-8")
            path.write_text(original, encoding="utf-8")
            try:
                if self._run(again) is None:
                    return found.words
            finally:
                path.write_text(after, encoding="utf-8")
        found = self._run(tests)
        return "" if found is None or found.late else found.words

    def failure(self, tests: Sequence[str]) -> str:
        """Run tests; return what failed ("" when all passed)."""
        found = self._run(tests)
        return "" if found is None else found.words

    def _run(self, tests: Sequence[str]) -> Failure | None:
        present = [name for name in tests if (self._folder / name.split("::")[0]).exists()]
        command = [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            "-q",
            "-x",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-p",
            "mutation_profile",
        ]
        command += [f"--hypothesis-seed={self._seed}", "--timeout=30", "--tb=no", *present]
        data = os.environ.get("QS_TEST_DATA") or str(PROJECT.parent / "shared" / "data")
        environment = os.environ | {"PYTHONPATH": f"{self._folder / 'src'}{os.pathsep}{self._folder}", "QS_TEST_DATA": data}
        environment["COLUMNS"] = "1000"  # a line of the summary that is cut off does not say why
        process = subprocess.Popen(
            command,
            cwd=self._folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self._limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Failure("time limit", late=True)
        return None if process.returncode == 0 else failure_of(output, process.returncode)


def failure_of(output: str, code: int) -> Failure:
    """Return what pytest says failed first. Its own time limit and those within tests all speak of a timeout."""
    named = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if not named:
        return Failure(f"pytest ended with {code}")
    words, _, why = named[0].partition(" - ")
    kind, _, test = words.partition(" ")
    return Failure(words, test if kind == "FAILED" else "", late="timeout" in why.lower())


def lower_bound(killed: int, tried: int) -> float:
    """Return the 95 % lower bound of the share of killed mutants (Wilson)."""
    if not tried:
        return 0.0
    z, share = 1.645, killed / tried
    middle = share + z * z / (2 * tried)
    spread = z * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    return (middle - spread) / (1 + z * z / tried)


def main() -> int:
    """Run from the command line; exit 1 when the score is below ``--at-least``."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="which mutants, and which random examples the tests see")
    parser.add_argument("--only", action="append", default=[], help="only modules whose path contains this (repeatable)")
    parser.add_argument("--of", choices=("data", "trading"), default="data", help="the market data line, or what trades")
    parser.add_argument("--limit-s", type=float, default=180.0, help="longest run of one mutant's tests")
    parser.add_argument("--no-check", action="store_true", help="do not first see that the tests pass without a mutant")
    parser.add_argument("--at-least", type=float, default=80.0, help="percent of killed mutants asked for")
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    arguments = parser.parse_args()

    modules = targets_of(arguments.only, TRADING if arguments.of == "trading" else TARGETS)
    drawn = draw(list(modules), arguments.count, arguments.seed)
    with tempfile.TemporaryDirectory(prefix="qs-mutation-") as name:
        workshop = Workshop(Path(name), seed=arguments.seed, limit_s=arguments.limit_s)
        checked = {} if arguments.no_check else {id(modules[module]): modules[module] for module, _ in drawn}
        for target in checked.values():
            broken = workshop.failure((*target.near, *target.wide))
            if broken:
                print(f"without any mutant, the tests of {target.modules} do not pass: {broken}")
                return 2
        outcomes: list[Outcome] = []
        for module, site in drawn:
            outcome = workshop.try_one(module, site, modules[module])
            outcomes.append(outcome)
            word = "killed  " if outcome.killed else "SURVIVED"
            print(f"{len(outcomes):3d} {word} {module}:{site.line} {site.kind} ({outcome.seconds:g} s) {outcome.by}", flush=True)
            if not outcome.killed:
                print(outcome.diff, flush=True)
    return report(outcomes, arguments)


def report(outcomes: Sequence[Outcome], arguments: argparse.Namespace) -> int:
    """Print and write the score."""
    killed = sum(outcome.killed for outcome in outcomes)
    percent = 100 * killed / max(len(outcomes), 1)
    bound = 100 * lower_bound(killed, len(outcomes))
    print(f"killed {killed} of {len(outcomes)} mutants (seed {arguments.seed}): {percent:.1f} %; at least {bound:.1f} % (95 %)")
    if arguments.json is not None:
        figures = {"seed": arguments.seed, "tried": len(outcomes), "killed": killed, "percent": percent, "at_least_percent": bound}
        text = json.dumps(figures | {"mutants": [asdict(outcome) for outcome in outcomes]}, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0 if percent >= arguments.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
