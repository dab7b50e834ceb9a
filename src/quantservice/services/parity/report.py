"""What a comparison says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from quantservice.core.signals import CancelOrders, Decision, Signal

#: Why a run and its backtest part. ``paused``: a person kept a decision back; ``code_changed``: the strategy's code is another now;
#: ``unexplained``: none of what is known explains it.
Cause: TypeAlias = Literal[
    "late_kline", "revised_kline", "late_funding", "slippage", "reject", "downtime", "paused", "code_changed", "unexplained"
]
#: Divergences that a report lists; all are counted.
MOST_LISTED: Final = 100


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """One place where the run and its backtest part: a ``decision``, or the ``outcome`` of one that was the same.

    ``open_time`` is of the kline that was decided on, ``detail`` a sentence. ``live`` and ``backtest`` are what each did.
    """

    kind: Literal["decision", "outcome"]
    cause: Cause
    open_time: int
    close_time: int
    live: str = ""
    backtest: str = ""
    detail: str = ""
    order_id: str = ""


class FillError(msgspec.Struct, frozen=True, kw_only=True):
    """How far fills were from the fill model's. Basis points of the price, positive: worse than modelled; fees of the notional.

    ``compared`` orders were filled by both; ``unmodelled`` were filled live and have no modelled fill beside them.
    """

    compared: int = 0
    unmodelled: int = 0
    mean_bps: float = 0.0
    mean_abs_bps: float = 0.0
    worst_bps: float = 0.0
    fee_mean_bps: float = 0.0


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment's run against the backtester's.

    ``closes``: times that the strategy was asked live; ``decisions``: closes at which it, or the backtester, stated something;
    ``identical``: those at which both stated the same; ``missed``: those at which only the backtester was asked; ``share`` is
    ``identical / decisions`` (None: there are none). ``restarts`` went on from a saved memory, ``memories`` began anew.
    """

    closes: int
    decisions: int
    identical: int
    missed: int
    share: float | None
    first_open: int
    last_open: int
    memories: int
    restarts: int
    orders: int
    fills: int
    fill_error: FillError
    causes: dict[str, int]
    first: Divergence | None
    first_decision: Divergence | None
    divergences: tuple[Divergence, ...] = ()
    code_changed: bool = False


def words(decisions: Sequence[Decision]) -> str:
    """Return decisions as a person reads them."""
    return "; ".join(_word(item) for item in decisions) or "nothing"


def _word(decision: Decision) -> str:
    name = decision.instrument.symbol
    if isinstance(decision, Signal):
        return f"{name} {decision.target:g}" + ("" if decision.side == "both" else f" {decision.side}")
    if isinstance(decision, CancelOrders):
        return f"cancel {name} {decision.tag}".rstrip()
    size = f"{decision.quantity:g}" if decision.quantity is not None else f"{decision.fraction or 0.0:g} of the equity"
    return f"{decision.side} {size} {name} {decision.type}"
