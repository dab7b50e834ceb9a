"""Our trades and final equity beside backtesting.py's and vectorbt's, live, on the real bars of ``metrics/ohlcv_reference``.

    python -m benchmarks.agreement_trades [--golden]

It needs the peers (``./qs bench --peers``) and the shared data, and exits with 1 where anything differs. The fill models are set
equal: the close of the decision for vectorbt (all cash), the next open for backtesting.py (one unit). What stays different is
printed. ``--golden`` keeps what the peers answered (bars of entry and exit, profits, the final equity) in
tests/golden/agreement/, which tests/golden/test_agreement_peers.py compares on machines without them.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_sma import EXACT, MONEY, Cross
from benchmarks.markets import Columns, bars_of, differing, trades_of
from benchmarks.peers.launch import PeerMissingError, peer
from benchmarks.results import PROJECT, data_folder
from quantservice import Backtest, Bar, OrderRequest, Strategy, View

FEE = 0.0005
GOLDEN = PROJECT / "tests" / "golden" / "agreement"
DAY_MS = 86_400_000
UNIT = {**EXACT, "equity": 1e-12}
#: What each peer does otherwise even where the fill model is the same.
DIFFERENCES = {
    "vectorbt": ("a position that is open at the end is one of its trades", "quantities under 1e-9 are taken for nothing"),
    "backtesting": ("it first asks one bar after all indicators have a value", "quantities are whole units"),
}


class OneUnit(Strategy):
    """Hold one unit while the fast average is above the slow one; begin one bar after both are there."""

    def indicators(self) -> dict[str, Any]:
        """Ask for both averages."""
        return {"fast": ("sma", 10), "slow": ("sma", 50)}

    def on_kline(self, kline: Bar, view: View) -> OrderRequest | None:
        """Buy or sell one unit where the averages say so."""
        if math.isnan(view.previous("slow")):
            return None
        held, above = view.position() != 0.0, view["fast"] > view["slow"]
        if above == held:
            return None
        return OrderRequest(instrument=kline.instrument, side="buy" if above else "sell", quantity=1.0)


def columns_of(file: Path) -> Columns:
    """A reference file's bars, put on a clock of days: only their order matters here."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = {key.lower(): key for key in rows[0]}
    columns = {name: np.array([float(row[names[name]]) for row in rows]) for name in ("open", "high", "low", "close", "volume")}
    made: Columns = {"open_time": np.arange(len(rows), dtype=np.int64) * DAY_MS, **columns}
    for name in ("quote_volume", "count", "taker_buy_base_volume", "taker_buy_quote_volume"):
        made[name] = np.zeros(len(rows))
    return made


def ours_of(module: str, columns: Columns) -> Columns:
    """Our closed trades under a peer's fill model."""
    bars = bars_of(columns, "binance:spot:REF-USDT", "1d")
    more: dict[str, Any] = {"fees": FEE, "enforce_rules": False, "fill_on_synthetic": True, "fill_on_stale": True}
    if module == "vectorbt":
        return trades_of(Backtest(Cross, bars, fill="close", initial_equity=MONEY, **more).simulate())
    return trades_of(Backtest(OneUnit, bars, initial_equity=1e9, **more).simulate())


def compare(module: str, script: str, columns: Columns) -> tuple[str, int, Columns, str]:
    """Return the first difference (empty: none), how many trades were compared, the peer's trades and its version."""
    ours = ours_of(module, columns)
    asked: dict[str, Any] = {"windows": [10, 50]} if module == "vectorbt" else {"bars": len(columns["close"])}
    with peer(module, script, columns) as other:
        theirs = other.trades(**asked, fees=FEE)
        found = differing(ours, theirs, EXACT if module == "vectorbt" else UNIT)
        return found, len(ours["entry"]), theirs, other.version


def told(theirs: Columns, version: str) -> dict[str, Any]:
    """What is kept of a peer's answer."""
    kept = ~theirs["open"] if "open" in theirs else np.ones(len(theirs["entry"]), dtype=bool)
    return {
        "version": version,
        "entry": [int(bar) for bar in theirs["entry"][kept]],
        "exit": [int(bar) for bar in theirs["exit"][kept]],
        "profit": [float(value) for value in theirs["profit"][kept]],
        "equity": float(theirs["equity"][-1]),
    }


def _equal(count: int) -> str:
    return (
        f"{count} closed trades and the final equity are equal" if count else "no closed trade; only the final equity is compared"
    )


def main() -> int:
    """Compare every file with every peer."""
    failed = 0
    golden: dict[str, dict[str, Any]] = {module: {} for module in DIFFERENCES}
    for file in sorted((data_folder() / "metrics" / "ohlcv_reference").glob("*.csv.gz")):
        for module, script in (("vectorbt", "of_vectorbt"), ("backtesting", "of_backtesting")):
            try:
                found, count, theirs, version = compare(module, script, columns_of(file))
                golden[module][file.name] = told(theirs, version)
            except PeerMissingError as missing:
                found, count = str(missing), 0
            failed += bool(found)
            print(f"{file.name} {module}: {found or _equal(count)}")
    for module, words in DIFFERENCES.items():
        print(f"{module} otherwise: {'; '.join(words)}")
        if "--golden" in sys.argv[1:] and golden[module]:
            GOLDEN.mkdir(parents=True, exist_ok=True)
            (GOLDEN / f"{module}.json").write_text(json.dumps(golden[module], indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
