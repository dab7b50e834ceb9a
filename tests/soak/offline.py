"""Hundreds of episodes in which nobody listens (goal G6): ``python -m tests.soak.offline --episodes 500 --seed N``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import tempfile
import time
from pathlib import Path

import structlog

from tests.support.offline import episodes


def main() -> None:
    """Read the flags, run; the first wrong lot ends it with what was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.offline", description=__doc__)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    flags = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"seed {flags.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        happened = asyncio.run(episodes(Path(folder), flags.episodes, flags.seed))
    print(
        f"{flags.episodes} episodes in {time.monotonic() - began:.0f} s, every position to the last lot: {dict(happened)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
