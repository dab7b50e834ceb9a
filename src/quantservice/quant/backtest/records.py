"""The rows in which a run is told: structured numpy types, and the words behind their small numbers."""

from __future__ import annotations

from typing import Final

import numpy as np

#: ``reason`` of a fill and ``exit_reason`` of a trade index into this; an open trade has the last one.
FILL_REASONS: Final = (
    "signal",
    "market",
    "limit",
    "stop",
    "stop_limit",
    "trailing_stop",
    "take_profit",
    "liquidation",
    "delisting",
    "open",
)
#: ``type`` of an order: what a change of target makes is ``signal``.
ORDER_TYPES: Final = ("signal", "market", "limit", "stop", "stop_limit", "trailing_stop", "take_profit")
ORDER_STATES: Final = ("accepted", "partially_filled", "filled", "cancelled", "expired", "rejected")
#: ``reason`` of an order that was not filled whole.
ORDER_REASONS: Final = (
    "",
    "less than the smallest quantity",
    "less than the smallest notional",
    "margin is insufficient",
    "a spot account cannot sell what it does not hold",
    "post-only order would take",
    "nothing to reduce",
    "cancelled by the strategy",
    "another order of its group filled",
    "the position was closed",
    "its time ran out",
    "not filled at once",
    "replaced by a newer target",
    "the instrument is not trading",
    "the position was liquidated",
    "above the largest position at this leverage",
    "end of the data",
    "the wrong side of a hedged position",
)

#: One execution. Amounts are in the settlement currency; ``rate`` converts them into the reporting currency. ``side`` is 1 (buy)
#: or -1 (sell); ``leg`` 0 (both, long) or 1 (short in hedge mode). ``slippage`` is what it cost against the reference price,
#: ``realised`` the profit of what it closed, before fees.
FILL: Final = np.dtype(
    [
        ("time", "i8"),
        ("bar", "i4"),
        ("instrument", "i4"),
        ("leg", "i1"),
        ("side", "i1"),
        ("price", "f8"),
        ("quantity", "f8"),
        ("fee", "f8"),
        ("maker", "?"),
        ("slippage", "f8"),
        ("realised", "f8"),
        ("rate", "f8"),
        ("order_id", "i8"),
        ("reason", "i1"),
        ("tag", "i4"),
    ]
)

#: A round trip, from flat to flat of one leg. Money is in the reporting currency at the exit's rate: ``net = gross - fees +
#: funding``; ``value`` is the entry notional and ``return`` net over it. ``mae`` and ``mfe`` are the worst and best price while
#: open as a signed fraction of the entry price. An open trade is valued at the last mark, its ``exit_bar`` is the last bar.
#: ``entry_tag`` and ``exit_tag`` index into the run's ``tags``.
TRADE: Final = np.dtype(
    [
        ("entry_time", "i8"),
        ("exit_time", "i8"),
        ("entry_bar", "i4"),
        ("exit_bar", "i4"),
        ("instrument", "i4"),
        ("leg", "i1"),
        ("side", "i1"),
        ("quantity", "f8"),
        ("entry_price", "f8"),
        ("exit_price", "f8"),
        ("value", "f8"),
        ("gross", "f8"),
        ("fees", "f8"),
        ("funding", "f8"),
        ("slippage", "f8"),
        ("net", "f8"),
        ("return", "f8"),
        ("bars", "i4"),
        ("mae", "f8"),
        ("mfe", "f8"),
        ("entry_tag", "i4"),
        ("exit_tag", "i4"),
        ("exit_reason", "i1"),
        ("open", "?"),
    ]
)

#: An order with what became of it. ``time`` and ``bar`` are of its decision, ``end_time`` of its last change.
ORDER: Final = np.dtype(
    [
        ("order_id", "i8"),
        ("time", "i8"),
        ("bar", "i4"),
        ("end_time", "i8"),
        ("instrument", "i4"),
        ("leg", "i1"),
        ("side", "i1"),
        ("type", "i1"),
        ("quantity", "f8"),
        ("limit_price", "f8"),
        ("stop_price", "f8"),
        ("filled", "f8"),
        ("average_price", "f8"),
        ("fee", "f8"),
        ("state", "i1"),
        ("reason", "i1"),
        ("tag", "i4"),
    ]
)

#: A funding settlement of an open position; ``amount`` (settlement currency) is received, negative: paid. ``missing``: its rate is
#: not known, nothing was booked.
FUNDING: Final = np.dtype(
    [
        ("time", "i8"),
        ("bar", "i4"),
        ("instrument", "i4"),
        ("leg", "i1"),
        ("quantity", "f8"),
        ("mark_price", "f8"),
        ("funding_rate", "f8"),
        ("amount", "f8"),
        ("rate", "f8"),
        ("missing", "?"),
    ]
)

#: A forced closing. ``loss`` is what the position's margin lost, ``insured`` what a loss beyond it would have taken.
LIQUIDATION: Final = np.dtype(
    [
        ("time", "i8"),
        ("bar", "i4"),
        ("instrument", "i4"),
        ("leg", "i1"),
        ("quantity", "f8"),
        ("price", "f8"),
        ("loss", "f8"),
        ("fee", "f8"),
        ("insured", "f8"),
        ("rate", "f8"),
    ]
)
