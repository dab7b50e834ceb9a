"""Server WebSocket frames as bytes (RFC 6455): unmasked, whole, so that one frame can be written to many sockets."""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
_FINAL: Final = 0x80


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one unfragmented frame."""
    length = len(payload)
    if length < 126:
        head = bytes((_FINAL | opcode, length))
    elif length < 65_536:
        head = bytes((_FINAL | opcode, 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((_FINAL | opcode, 127)) + length.to_bytes(8, "big")
    return head + payload
