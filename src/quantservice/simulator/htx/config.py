"""HTX's own rules: what is counted, in wall-clock seconds; every figure can be made small for a test."""

from __future__ import annotations

import msgspec

#: name of a market in the referee's counts, in faults and in the ledger
SPOT = "htx.spot"
SWAP = "htx.um"


class Pace(msgspec.Struct, frozen=True):
    """So many requests per span; 0 lifts the limit."""

    most: int
    span_s: float


class HtxConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's published limits.

    ``stamp_s``: a signature's timestamp may be so far off. ``ping_s``: how often a market connection is pinged; after
    ``missed`` pings without an answer it is cut. Paces are per user (private) or address (market data).
    """

    stamp_s: float = 300.0
    ping_s: float = 5.0
    private_ping_s: float = 20.0
    missed: int = 2
    connections_per_5m: int = 600
    subscribes_per_s: int = 50
    request_gap_s: float = 0.1
    kline_ms: int = 500
    depth_ms: int = 100
    market: Pace = Pace(800, 1.0)
    place: Pace = Pace(100, 2.0)
    batch: Pace = Pace(50, 2.0)
    query: Pace = Pace(50, 2.0)
    swap_trade: Pace = Pace(36, 3.0)
    swap_read: Pace = Pace(36, 3.0)
