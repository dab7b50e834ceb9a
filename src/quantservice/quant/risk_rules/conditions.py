"""Rules about when and where: data that can be trusted, venues, instruments, hours."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from quantservice.quant.risk_rules.base import Breach, RiskRule, RiskView

_HOUR_NS = 3_600 * 1_000_000_000
_DAY_HOURS = 24


class FreshData(RiskRule, frozen=True, kw_only=True, tag="fresh_data"):
    """Nothing is added on a price that is old."""

    name: ClassVar[str] = "fresh_data"
    doc: ClassVar[str] = "Age of the instrument's last price, above which nothing is added."
    limit_ms: Annotated[int, Meta(ge=1)] = 60_000

    def check(self, view: RiskView) -> Breach | None:
        """Compare the age."""
        if view.reduces or view.data_age_ms <= self.limit_ms:
            return None
        name = view.terms.instrument
        if not view.reference_price:
            said = f"no price of {name.symbol} is known yet; where it is not collected, add it: qs pairs add {name}"
            return Breach(f"{self.limit_ms} ms", "none", said)
        limit, value = (f"{time / 1000:,}".removesuffix(".0") for time in (self.limit_ms, view.data_age_ms))
        said = f"the last price of {name.symbol} is {value} s old; {limit} s are allowed"
        return Breach(f"{self.limit_ms} ms", f"{view.data_age_ms} ms", said)


class TrustedData(RiskRule, frozen=True, kw_only=True, tag="trusted_data"):
    """Nothing is added while the instrument's data has an open gap, is stale or made up."""

    name: ClassVar[str] = "trusted_data"
    doc: ClassVar[str] = "Nothing is added while the instrument's data is not to be trusted."

    def check(self, view: RiskView) -> Breach | None:
        """Look for faults."""
        if view.reduces or not view.data_faults:
            return None
        faults = ", ".join(view.data_faults)
        return Breach("none", faults, f"the data of {view.terms.instrument.symbol} is not to be trusted now: {faults}")


class BlockedVenues(RiskRule, frozen=True, kw_only=True, tag="blocked_venues"):
    """Nothing is sent to these venues."""

    name: ClassVar[str] = "blocked_venues"
    doc: ClassVar[str] = "Venues to which nothing is sent (also as venue:market)."
    venues: tuple[str, ...] = ()

    def check(self, view: RiskView) -> Breach | None:
        """Look the venue up."""
        for name in (view.venue, f"{view.venue}:{view.market}"):
            if name in self.venues:
                return Breach(", ".join(self.venues), name, f"{name} is blocked")
        return None


class BlockedInstruments(RiskRule, frozen=True, kw_only=True, tag="blocked_instruments"):
    """These instruments are not traded; what is held of them may be closed."""

    name: ClassVar[str] = "blocked_instruments"
    doc: ClassVar[str] = "Full names of instruments that are only closed."
    instruments: tuple[str, ...] = ()

    def check(self, view: RiskView) -> Breach | None:
        """Look the instrument up."""
        name = str(view.terms.instrument)
        if view.reduces or name not in self.instruments:
            return None
        return Breach("blocked", name, f"{name} is blocked; only what is held may be closed")


class TradingHours(RiskRule, frozen=True, kw_only=True, tag="trading_hours"):
    """Positions are opened within these hours only."""

    name: ClassVar[str] = "trading_hours"
    doc: ClassVar[str] = "UTC hours in which positions may be opened: from_hour up to, not including, until_hour."
    from_hour: Annotated[int, Meta(ge=0, le=23)] = 0
    until_hour: Annotated[int, Meta(ge=1, le=24)] = 24

    def check(self, view: RiskView) -> Breach | None:
        """Compare the hour."""
        if view.reduces:
            return None
        hour = view.now_ns // _HOUR_NS % _DAY_HOURS
        span = self.from_hour < self.until_hour
        inside = self.from_hour <= hour < self.until_hour if span else hour >= self.from_hour or hour < self.until_hour
        if inside:
            return None
        hours = f"{self.from_hour}:00 to {self.until_hour}:00 UTC"
        return Breach(hours, f"{hour}:00", f"positions are opened from {hours} only")
