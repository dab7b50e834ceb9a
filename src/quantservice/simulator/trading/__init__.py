"""The venue's trading side: one matching engine with its own ledger, whatever protocol speaks in front of it.

Pure: no clock, no randomness, no I/O. Time comes with each call, so that the engine can be rehearsed against in real time and in
a simulation alike. It is the judge of those who trade on it, and shares nothing with them but core's arithmetic.
"""

from __future__ import annotations

from quantservice.simulator.trading.accounts import Account, Hold
from quantservice.simulator.trading.engine import Engine
from quantservice.simulator.trading.values import (
    AccountEvent,
    BalanceEvent,
    FillEvent,
    Kind,
    OrderEvent,
    PositionEvent,
    Reject,
    SimOrder,
    Status,
    Symbol,
    Ticket,
)

__all__ = [
    "Account",
    "AccountEvent",
    "BalanceEvent",
    "Engine",
    "FillEvent",
    "Hold",
    "Kind",
    "OrderEvent",
    "PositionEvent",
    "Reject",
    "SimOrder",
    "Status",
    "Symbol",
    "Ticket",
]
