"""HTX's frames are gzip: unpacked within a bound, for a small frame may hold a large one."""

from __future__ import annotations

import zlib
from typing import Final

from quantservice.adapters.venues.htx.spec import VENUE
from quantservice.core.errors import MalformedFrame

_MOST_BYTES: Final = 8 * 1024 * 1024
_GZIP: Final = 31  # zlib's number for a gzip stream


def unpack(frame: bytes) -> bytes:
    """Return what a frame holds; MalformedFrame where it is no gzip, is cut, or holds too much."""
    stream = zlib.decompressobj(_GZIP)
    try:
        data = stream.decompress(frame, _MOST_BYTES)
    except zlib.error:
        raise MalformedFrame("not_gzip", venue=VENUE) from None
    if not stream.eof:
        raise MalformedFrame("too_large_unpacked" if stream.unconsumed_tail else "truncated_gzip", venue=VENUE)
    return data
