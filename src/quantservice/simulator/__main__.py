"""``python -m quantservice.simulator``: the exchange simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.markets.catalog import default_symbols, many_symbols
from quantservice.simulator.server import serve


def main() -> None:
    """Read the flags and serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="quantservice.simulator", description="An exchange in a box, speaking Binance's protocol."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9443)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--start-ms", type=int, default=None)
    parser.add_argument("--many", type=int, default=0, help="list this many extra um symbols, for load")
    flags = parser.parse_args()
    symbols = default_symbols()
    if flags.many:
        symbols["um"] = (*symbols["um"], *many_symbols(flags.many))
    config = SimulatorConfig(
        host=flags.host, port=flags.port, seed=flags.seed, speed=flags.speed, start_ms=flags.start_ms, symbols=symbols
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(config))


if __name__ == "__main__":
    main()
