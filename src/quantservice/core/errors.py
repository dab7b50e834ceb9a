"""The one tree of errors, split by what the caller does about it.

```
QuantServiceError
├── UserError            the person can mend it: wrong name, bad argument, bad setting  -> one sentence, exit 2 / HTTP 4xx
│   ├── UnknownName      a name that is not known; carries the nearest valid ones
│   ├── InvalidValue     a value outside its domain; carries the field
│   │   └── InvalidNumber  a number that is none, or not one of those that are wanted
│   └── SettingsError    a setting that is unknown, unsafe or contradictory
├── EnvironmentFault     the machine is in the way: port in use, disk full, foreign directory, second owner -> exit 3 / HTTP 503
│   └── StoreUnavailable a store does not answer; retry later, nothing is lost
├── VenueError           a venue said no or said nonsense
│   ├── VenueUnreachable no connection (DNS, refused, TLS, blocked, proxy needed)
│   ├── RateLimited      429/418; carries the instant after which one may ask again
│   ├── Refused          the venue understood and declined; carries its code
│   └── MalformedFrame   bytes that are not what the venue documents -> quarantine
└── IntegrityError       stored data contradicts itself (digest, double revision); never ignored
```
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Final

_MOST_SHOWN: Final = 40


class QuantServiceError(Exception):
    """Base of everything this project raises on purpose."""


class UserError(QuantServiceError):
    """Something the person asking can mend; the message says how."""


class UnknownName(UserError):
    """A name that is not known.

    ``field`` is the argument's name, ``value`` what was given, ``valid`` the known names, ``hint`` what to do.
    """

    def __init__(self, field: str, value: str, valid: Iterable[str], *, hint: str = "") -> None:
        self.field = field
        self.value = value
        self.valid = tuple(dict.fromkeys(valid))
        self.hint = hint
        self.nearest = nearest(value, self.valid)
        listed = hint.endswith(" ".join(self.valid))  # the hint says it: once is enough
        shown = ", ".join(self.nearest or (() if listed else self.valid[:20]))
        lead = "did you mean" if self.nearest else "known are"
        known = f"; {lead}: {shown}" if shown else ""
        more = f". {hint}" if hint else ""
        super().__init__(f"unknown {field} {value!r}{known}{more}")


class InvalidValue(UserError):
    """A value outside its domain. ``field`` names the argument, ``reason`` is a sentence.

    Where people often meet it, ``code`` names what is wrong and ``values`` what stands in the sentence, for a reader's own words.
    """

    def __init__(self, field: str, reason: str, *, code: str = "", **values: str) -> None:
        self.field = field
        self.reason = reason
        self.code = code
        self.values = values
        super().__init__(f"{field}: {reason}")


class InvalidNumber(InvalidValue):
    """A number outside its domain: ``field`` is what ``wanted`` says it must be, and ``given`` is not."""

    def __init__(self, field: str, wanted: str, given: object) -> None:
        super().__init__(field, f"must be {wanted}, not {_shown(given)}", code="number", wanted=wanted, given=_shown(given))
        self.args = (f"{field} {self.reason}",)


class SettingsError(UserError):
    """A setting that is unknown, unsafe or contradictory."""


class EnvironmentFault(QuantServiceError):
    """The machine is in the way; the message says what to do about it."""


class StoreUnavailable(EnvironmentFault):
    """A store does not answer now. The caller keeps its data and tries again."""


class VenueError(QuantServiceError):
    """Base of what can go wrong between us and a venue."""

    def __init__(self, message: str, *, venue: str = "", market: str = "") -> None:
        self.venue = venue
        self.market = market
        super().__init__(message)


class VenueUnreachable(VenueError):
    """No connection. ``cause`` is one of dns, refused, timeout, tls, blocked, proxy, not_found, reset."""

    def __init__(self, message: str, *, cause: str, venue: str = "", market: str = "") -> None:
        self.cause = cause
        super().__init__(message, venue=venue, market=market)


class RateLimited(VenueError):
    """The venue asked us to wait; ``retry_at_ns`` is the first allowed instant (UTC), ``banned`` is true for 418."""

    def __init__(self, message: str, *, retry_at_ns: int, banned: bool = False, venue: str = "", market: str = "") -> None:
        self.retry_at_ns = retry_at_ns
        self.banned = banned
        super().__init__(message, venue=venue, market=market)


class Refused(VenueError):
    """The venue understood and declined. ``code`` is the venue's own, ``status`` the HTTP status."""

    def __init__(self, message: str, *, code: int | str, status: int, venue: str = "", market: str = "") -> None:
        self.code = code
        self.status = status
        super().__init__(message, venue=venue, market=market)


class MalformedFrame(VenueError):
    """Bytes that are not what the venue documents. ``reason`` is short and countable."""

    def __init__(self, reason: str, *, venue: str = "", market: str = "") -> None:
        self.reason = reason
        super().__init__(reason, venue=venue, market=market)


class IntegrityError(QuantServiceError):
    """Stored data contradicts itself."""


def nearest(value: str, valid: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """Return the valid names closest to ``value``, best first; empty when none is close."""
    names = list(valid)
    lowered = {name.lower(): name for name in names}
    found = difflib.get_close_matches(value.lower(), lowered, n=most, cutoff=0.6)
    return tuple(lowered[name] for name in found)


def _shown(given: object) -> str:
    """Write what was given as the person wrote it, shortened; NaN and infinities as they are in JSON."""
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float) and not math.isfinite(given):
        return "NaN" if math.isnan(given) else "Infinity" if given > 0 else "-Infinity"
    if isinstance(given, list | tuple | dict):
        return "a list" if not isinstance(given, dict) else "an object"
    text = str(given)
    if not text.strip():
        return "empty"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
