"""The long fault runs, by one command: ``python -m tests.soak.run --kills 50 --minutes 60``.

Every part ends with the judge (missing, doubled, reopened, wrong values), the referee and the audit; the first failure ends
the command with a non-zero code. Figures are printed as they are measured.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import test_platform_away, test_platform_streams
from tests.support.platform_faults import play
from tests.support.platform_kills import kill_many


def main() -> None:
    """Read the flags and run what they ask for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.run", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="kill -9 the platform so often at random moments (0: not at all)")
    parser.add_argument("--minutes", type=float, default=0.0, help="go on with rounds of all stream faults for so long")
    parser.add_argument(
        "--hours", type=float, default=0.0, help="go on with such rounds until so much market time has passed (G7: 24)"
    )
    parser.add_argument("--off", type=float, default=0.0, help="leave 300 symbols alone for so many seconds, half a minute each")
    parser.add_argument("--malformed", type=int, default=100_000, help="malformed frames per round")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31), help="seed of the moments")
    flags = parser.parse_args()
    print(f"seed {flags.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="qs-soak-") as folder:
        if flags.kills:
            _kills(Path(folder), flags.kills, flags.seed)
        if flags.off:
            options = {"off_s": flags.off, "per_market": 100}
            print(play(test_platform_away.__name__, "off_story", Path(folder), timeout_s=3_600.0, options=options), flush=True)
        _rounds(Path(folder), flags.minutes, flags.hours, flags.malformed)
    print("sound", flush=True)


def _kills(folder: Path, kills: int, seed: int) -> None:
    began = time.monotonic()
    answer = kill_many(folder, kills=kills, seed=seed, patience_s=600.0, told=lambda text: print(text, flush=True))
    if answer.digest != answer.clean_digest:
        sys.exit("the digest differs from that of a platform that was never killed")
    print(
        f"{answer.kills} kills in {time.monotonic() - began:.0f} s:"
        f" {answer.rows} klines of {answer.streams} streams equal the truth"
        f" ({answer.sources}), {answer.seals} seals sound, digest equals a clean run's ({answer.digest[:16]})",
        flush=True,
    )


def _rounds(folder: Path, minutes: float, hours: float, malformed: int) -> None:
    until, number, passed, rows = time.monotonic() + minutes * 60, 0, 0.0, 0
    while time.monotonic() < until or passed < hours:
        number += 1
        home = folder / f"round-{number}"
        home.mkdir()
        answer = play(test_platform_streams.__name__, "streams_story", home, timeout_s=3_600.0, options={"malformed": malformed})
        shutil.rmtree(home)
        passed += answer["market_hours"]
        rows += answer["rows"]
        print(f"round {number}: {answer}; {passed:.1f} h of market time, {rows} klines equal the venue's", flush=True)


if __name__ == "__main__":
    main()
