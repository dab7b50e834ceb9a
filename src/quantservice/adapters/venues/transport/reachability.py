"""Whether a venue can be reached, in a sentence."""

from __future__ import annotations

import msgspec


class Reachability(msgspec.Struct, frozen=True):
    """What ``qs doctor`` and ``qs up`` show: ``cause`` is "" when all is well, else as in :class:`VenueUnreachable`."""

    ok: bool
    cause: str
    sentence: str
    url: str
