"""The venue's clock, and what no text may show."""

from __future__ import annotations

import re
from typing import Final

from quantservice.ports import Clock

_SECRETS: Final = re.compile(r"(?i)\b(signature|listenKey|streams|apiKey|AccessKeyId|accessKey)=[^&\s\"']+")


class VenueClock:
    """The venue's time, as it told it once, carried on by a clock that does not step."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told_ms = 0
        self._at = 0.0
        self.known = False

    def set(self, venue_ms: int, *, asked: float) -> None:
        """Take what the venue answered to a question put at ``asked`` (monotonic): it was so in the middle of the wait."""
        now = self._clock.monotonic()
        self._told_ms, self._at = venue_ms, (asked + now) / 2
        self.known = True

    def now_ms(self) -> int:
        """The venue's UTC milliseconds now; this machine's before the venue was asked."""
        if not self.known:
            return self._clock.now_ms()
        return self._told_ms + int((self._clock.monotonic() - self._at) * 1_000)

    @property
    def age_s(self) -> float:
        """How long ago the venue was asked."""
        return self._clock.monotonic() - self._at if self.known else float("inf")


def scrub(text: str) -> str:
    """Take signatures, stream keys and API keys out of a text that may quote a URL."""
    return _SECRETS.sub(r"\1=…", text)
