"""``python -m quantservice.simulator``: the exchange simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from quantservice.simulator.config import MARKET_NAMES, FirehoseConfig, ReplayConfig, SimulatorConfig
from quantservice.simulator.faces import lines_of
from quantservice.simulator.markets.catalog import default_symbols, many_symbols
from quantservice.simulator.server import Simulator, serve


def main() -> None:
    """Read the flags and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="quantservice.simulator", description="An exchange in a box, speaking the venues' own protocols."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9443)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--start-ms", type=int, default=None)
    parser.add_argument("--many", type=int, default=0, help="list this many extra um symbols, for load")
    parser.add_argument(
        "--firehose", type=int, default=-1, help="closed um klines at this rate a second; 0 is as fast as they are taken"
    )
    parser.add_argument("--firehose-wait", type=int, default=1, help="begin when this many streams are subscribed")
    parser.add_argument("--firehose-frames", type=int, default=0, help="end after this many frames")
    parser.add_argument("--replay", nargs="*", default=[], help="kline files to serve instead of generated markets")
    parser.add_argument(
        "--market", choices=MARKET_NAMES, default=None, help="market of the replayed files, if their folder does not tell"
    )
    parser.add_argument("--okx", action="store_true", help="serve OKX v5 beside Binance and HTX")
    parser.add_argument(
        "--trading", action="store_true", help="take orders: the private sides of Binance, OKX and HTX, and ledgers"
    )
    flags = parser.parse_args()
    symbols = default_symbols()
    if flags.many:
        symbols["um"] = (*symbols["um"], *many_symbols(flags.many))
    firehose = FirehoseConfig(rate=flags.firehose, wait_streams=flags.firehose_wait, frames=flags.firehose_frames)
    config = SimulatorConfig(
        host=flags.host,
        port=flags.port,
        seed=flags.seed,
        speed=flags.speed,
        start_ms=flags.start_ms,
        symbols=symbols,
        firehose=firehose if flags.firehose >= 0 else None,
        replay=ReplayConfig(files=tuple(flags.replay), market=flags.market) if flags.replay else None,
    ).with_faces(trading=flags.trading, okx=flags.okx)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(config, told=_tell))


def _tell(simulator: Simulator) -> None:
    """Print where the simulator is."""
    sys.stdout.write("\n".join(lines_of(simulator)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
