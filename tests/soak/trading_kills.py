"""Kill or stop a trading process again and again, at every point, venue and market in turn, and compare with the venue's ledger.

python -m tests.soak.trading_kills --kills 2000
python -m tests.soak.trading_kills --pauses 200
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from pathlib import Path

from tests.support.trading_child import PAUSES, POINTS
from tests.support.trading_kills import killed_and_recovered, paused_and_fenced

#: the markets of each venue, all points of which are one batch
MARKETS = {"binance": ("spot", "um", "cm"), "okx": ("spot", "um"), "htx": ("spot", "um")}


def main() -> int:
    """Run the kills, or the pauses (goal G18); 0 where every one was recovered from."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=2_000)
    parser.add_argument("--pauses", type=int, default=0, help="stop by SIGSTOP instead, while another process takes the account")
    flags = parser.parse_args()
    wanted, what, run = flags.kills, "kills", killed_and_recovered
    if flags.pauses:
        wanted, what, run = flags.pauses, "pauses", paused_and_fenced
    began, done = time.monotonic(), 0
    for of, markets in itertools.cycle(MARKETS.items()):
        points = POINTS if run is killed_and_recovered else [at for at in PAUSES if (of, at) != ("htx", "signed")]
        batch = list(itertools.product(points, markets))[: wanted - done]
        if not batch:
            break
        with tempfile.TemporaryDirectory() as folder:
            done += asyncio.run(run(Path(folder), batch, of=of))
        sys.stdout.write(f"\r{done:,} of {wanted:,} {what}, {time.monotonic() - began:,.0f} s: nothing doubled, lost or wrong")
        sys.stdout.flush()
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
