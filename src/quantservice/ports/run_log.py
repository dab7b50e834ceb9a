"""What is written down of a run (table run_event): what a deployment's strategy was given, what it answered, how it was sized.

Written where it happens, read by parity. Intents, orders and fills are not here: they stand in their own tables and carry the
signal's event id as their cause.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import msgspec

from quantservice.core.signals import CancelOrders, OrderRequest, OrderUpdate, Signal
from quantservice.ports.hosting import HostedAccount, HostedBar, HostedRate, HostedTicker

#: Why a decision was made and not announced: a person paused the deployment, or the kline came too late to act on.
Muted: TypeAlias = Literal["", "paused", "stale"]


class RunBegan(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="began"):
    """The strategy's process is warm. ``first`` and ``last``: open times per instrument of the klines that its memory rests on.

    ``resumed``: it went on from the memory that was saved; else it began anew at ``first``. ``acts``: it is asked about live klines
    alone, because its memory holds what it did. ``heard``: the place in the log up to which it was told of its orders. ``funding``:
    the instruments whose rates it is given.
    """

    version: int
    strategy: str
    parameters: dict[str, Any]
    code_hash: str
    instruments: tuple[str, ...]
    period: str
    account: str = ""
    resumed: bool = False
    acts: bool = False
    heard: int = 0
    funding: tuple[str, ...] = ()
    first: dict[str, int] = {}
    last: dict[str, int] = {}


class RunAsked(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="asked"):
    """Klines that closed together were given and answered. ``signal``: the event id, if announced.

    ``received_ns``: when each kline came. ``rates``: funding settled since the last close. ``heard``: the place in the log up to
    which it was told of its orders by then. With ``ticker`` it was the market between klines: after the kline of ``open_time``.
    """

    open_time: int
    close_time: int
    bars: tuple[HostedBar, ...]
    received_ns: tuple[int, ...] = ()
    account: HostedAccount | None = None
    decisions: tuple[Signal | OrderRequest | CancelOrders, ...] = ()
    muted: Muted = ""
    signal: str = ""
    rates: tuple[HostedRate, ...] = ()
    heard: int = 0
    ticker: HostedTicker | None = None


class RunTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="told"):
    """Something became of an order of the deployment: written in the commit that made it so. A strategy hears it at a close."""

    update: OrderUpdate


class RunSilent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="silent"):
    """Klines were given without an answer being asked: they closed while no live kline came, or nothing was to be done of it.

    ``last`` per instrument, after it. ``acts`` as in :class:`RunBegan`.
    """

    last: dict[str, int]
    acts: bool = False


class RunRebuilt(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="rebuilt"):
    """Klines of the strategy's past were healed or revised, so it began again from the store. ``last`` per instrument.

    ``healed`` and ``revised``: open time per instrument of the oldest kline that was absent before, or other.
    """

    last: dict[str, int]
    healed: dict[str, int] = {}
    revised: dict[str, int] = {}


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ended"):
    """The strategy's process was stopped in order; a crash leaves no such row."""


class RunSized(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sized"):
    """A signal was sized. ``equity`` per currency, ``held`` per leg (``instrument|side``) and ``prices`` are what it was sized by.

    ``nothing``: decisions (by their place in the signal) that became no order, with the reason.
    """

    signal: str
    equity: dict[str, Decimal]
    held: dict[str, Decimal] = {}
    prices: dict[str, Decimal] = {}
    intents: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    nothing: tuple[tuple[int, str], ...] = ()


RunFact: TypeAlias = RunBegan | RunAsked | RunTold | RunSilent | RunRebuilt | RunEnded | RunSized

#: Rows that are kept of a run; of older ones only how it began.
KEPT_EVENTS: Final = 100_000


def kind_of(fact: RunFact) -> str:
    """Return the word that a fact is kept under."""
    return str(fact.__struct_config__.tag)


def fact_of(data: dict[str, Any]) -> RunFact:
    """Read what was kept."""
    fact: RunFact = msgspec.convert(data, RunFact, strict=False)
    return fact
