"""Whole numbers as the venue's decimal text, and WebSocket frames as bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from quantservice.simulator.config import MarketName, SymbolSpec

Writer = Callable[[int], str]
OPCODE_TEXT: Final = 1
OPCODE_BINARY: Final = 2
OPCODE_CLOSE: Final = 8
OPCODE_PING: Final = 9
OPCODE_PONG: Final = 10
_SPOT_DECIMALS: Final = 8


def to_json(value: Any) -> bytes:
    """Return ``value`` as compact JSON."""
    return msgspec.json.encode(value)


def decimal_writer(decimals: int, *, shown: int | None = None) -> Writer:
    """Return a function that writes whole units of ``10**-decimals`` with ``shown`` digits after the point."""
    pad = "0" * ((shown if shown is not None else decimals) - decimals)
    if decimals == 0:
        suffix = f".{pad}" if pad else ""
        return lambda value: f"{value}{suffix}"
    scale = 10**decimals

    def write(value: int) -> str:
        whole, rest = divmod(value, scale)
        return f"{whole}.{rest:0{decimals}d}{pad}"

    return write


class SymbolText:
    """How one symbol's prices, quantities and quote amounts are written in its market."""

    def __init__(self, spec: SymbolSpec, market: MarketName) -> None:
        spot = market == "spot"
        shown = _SPOT_DECIMALS if spot else None
        self.price = decimal_writer(spec.price_decimals, shown=shown)
        self.quantity = decimal_writer(spec.lot_decimals, shown=shown)
        self.quote_decimals = _SPOT_DECIMALS if market == "cm" else spec.price_decimals + spec.lot_decimals
        self.quote = decimal_writer(self.quote_decimals, shown=max(_SPOT_DECIMALS, self.quote_decimals) if spot else None)
        self.tick = self.price(spec.tick)
        self.step = self.quantity(1)


def frame(payload: bytes, opcode: int = OPCODE_TEXT) -> bytes:
    """Return ``payload`` as one unmasked, final WebSocket frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload
