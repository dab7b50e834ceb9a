"""Live through many seeds, or through one again.

    python -m tests.deterministic --seeds 10000 [--first 0] [--jobs 2]
    python -m tests.deterministic --seed 4711 [--trace FILE]

A seed that breaks an invariant is printed with the sentence of what broke, and lives again the same way with ``--seed``.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.deterministic.many import live_all, live_many, report_of
from tests.deterministic.run import empty_store, live


def main() -> int:
    """Run; 0 where nothing broke."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--seed", type=int, help="live through this seed alone")
    parser.add_argument("--trace", type=Path, help="write everything that happens in it to this file")
    parser.add_argument("--hashes", action="store_true", help="print the hash of each seed's trace, in their order")
    wanted = parser.parse_args()
    if wanted.hashes:
        outcomes = live_all(range(wanted.first, wanted.first + wanted.seeds))
        sys.stdout.write("".join(f"{item.seed} {item.digest}\n" for item in outcomes))
        return 0
    return _one(wanted.seed, wanted.trace) if wanted.seed is not None else _many(wanted.first, wanted.seeds, wanted.jobs)


def _one(seed: int, trace: Path | None) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        outcome = live(seed, empty_store(Path(folder)), Path(folder), lines=lines)
    if trace is not None:
        trace.write_text("\n".join(lines) + "\n")
    faults = ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items()))
    sys.stdout.write(f"seed {seed} at {outcome.venue}: {outcome.events:,} events, hash {outcome.digest}\nfaults: {faults}\n")
    sys.stdout.write("".join(f"BROKEN {sentence}\n" for sentence in outcome.broken) or "nothing is broken\n")
    return 1 if outcome.broken else 0


def _many(first: int, count: int, jobs: int) -> int:
    began, outcomes = time.monotonic(), []
    for outcome in live_many(first, count, jobs):
        outcomes.append(outcome)
        if outcome.broken:
            sys.stdout.write(f"\rseed {outcome.seed}: {'; '.join(outcome.broken)}\n")
        if len(outcomes) % 20 == 0:
            sys.stdout.write(f"\r{len(outcomes):,} of {count:,} seeds, {time.monotonic() - began:,.0f} s")
            sys.stdout.flush()
    report = report_of(outcomes)
    sys.stdout.write(f"\n{report.text}\n")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
