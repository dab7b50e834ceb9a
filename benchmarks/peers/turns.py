"""A peer's side of a benchmark: it waits for its turn, runs once, and says how long that took.

This file runs under the peer's interpreter: only the standard library and numpy are there. Each line of standard input is the
keywords of one turn as JSON; each answer is one line of JSON. What the peer prints goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: What is compared of a trade: bars of entry and exit, their prices, the quantity (unsigned), the profit after fees.
TRADE_COLUMNS = ("entry", "exit", "entry_price", "exit_price", "quantity", "profit")

Columns = dict[str, "np.ndarray[Any, Any]"]


def market(folder: Path) -> Columns:
    """Read the bars that both sides run on."""
    return {file.stem: np.load(file) for file in sorted((folder / "market").glob("*.npy"))}


def serve(run: Callable[..., Any], trades: Callable[[Any], Columns], folder: Path, **facts: Any) -> None:
    """Answer turns until standard input ends.

    ``run(**keywords)`` is timed; ``trades`` reads its answer into columns (see ``TRADE_COLUMNS``, and ``equity`` of one value),
    which are left as ``trades.npz`` in the folder. ``facts`` go with the answer to the question ``{"facts": true}``.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        keywords = json.loads(line)
        if keywords.pop("facts", False):
            answers.write(json.dumps(facts) + "\n")
            continue
        wanted = keywords.pop("trades", False)
        gc.collect()
        started, busy = time.perf_counter(), time.process_time()
        made = run(**keywords)
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - busy
        if wanted:
            np.savez(folder / "trades.npz", allow_pickle=False, **trades(made))
        del made
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        answers.write(json.dumps({"seconds": seconds, "cpu_s": cpu_s, "peak_mb": peak_mb}) + "\n")
