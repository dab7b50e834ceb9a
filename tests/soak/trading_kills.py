"""Kill a trading process again and again, at every named point and market in turn, and compare with the venue's ledger each time.

python -m tests.soak.trading_kills --kills 2000
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

from quantservice.simulator.config import MarketName
from tests.support.trading_child import POINTS
from tests.support.trading_kills import killed_and_recovered

_AT_ONCE = 18


def main() -> int:
    """Run the kills; 0 where every one was recovered from."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=2_000)
    wanted: int = parser.parse_args().kills
    cases = itertools.islice(itertools.cycle(itertools.product(POINTS, get_args(MarketName))), wanted)
    began, done = time.monotonic(), 0
    while batch := list(itertools.islice(cases, _AT_ONCE)):
        with tempfile.TemporaryDirectory() as folder:
            done += asyncio.run(killed_and_recovered(Path(folder), batch))
        sys.stdout.write(f"\r{done:,} of {wanted:,} kills, {time.monotonic() - began:,.0f} s: nothing doubled, lost or wrong")
        sys.stdout.flush()
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
