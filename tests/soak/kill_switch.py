"""The kill switch again and again (goal G17): ``python -m tests.soak.kill_switch --runs 100``.

At a healthy venue it must be heard within a second and have cancelled everything within five; half of the runs lose answers, and
have no bound but that everything is cancelled.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from typing import Final

import structlog

from tests.support.kill_switch_load import Pulled, pulled_under_load
from tests.support.trading_desk import HARNESSES
from tests.support.trading_kills import BENCHES

MARKETS: Final = (("binance", "um"), ("binance", "cm"), ("okx", "um"), ("htx", "um"))
RESTING: Final = 200
HALTED_S: Final = 1.0
CLEARED_S: Final = 5.0


async def one(number: int) -> Pulled:
    """Pull once, at the next market."""
    of, market = MARKETS[number // 2 % len(MARKETS)]
    bench, _ = BENCHES[of]
    with tempfile.TemporaryDirectory() as folder:
        async with bench(start_ms=None) as made:
            venue = HARNESSES[of](made, market)
            try:
                await venue.open()
                return await pulled_under_load(venue, Path(folder), resting=RESTING, lost=40 * (number % 2))
            finally:
                await venue.close()


def main() -> None:
    """Read the flags, run, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.kill_switch", description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    flags = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    runs = [asyncio.run(one(number)) for number in range(flags.runs)]
    healthy, lossy = runs[::2], runs[1::2]
    halted_s, cleared_s = max(run.halted_s for run in runs), max(run.cleared_s for run in healthy)
    print(
        f"{len(runs)} pulls, {sum(run.rushed for run in runs)} orders rushed in, {sum(run.denied for run in runs)} denied; "
        f"the last got through {halted_s:.2f} s after a pull; all cancelled after {cleared_s:.2f} s at most"
        + (f", {max(run.cleared_s for run in lossy):.2f} s where 40 answers were lost" if lossy else "")
    )
    if halted_s > HALTED_S or cleared_s > CLEARED_S:
        sys.exit("the switch was too slow")


if __name__ == "__main__":
    main()
