"""What a backtest assumes: money, costs, margin, and when and how an order fills. All of it is in the run's record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Final, Literal, TypeAlias

import msgspec

from quantservice.core.conversion import words_of
from quantservice.core.errors import InvalidValue, UnknownName

SlippageModel: TypeAlias = Literal["none", "fixed", "spread", "volume_share", "sqrt_impact", "book"]


#: No venue asks for more of the notional than this, or pays its makers more.
MOST_FEE: Final = 0.1
MOST_REBATE: Final = 0.01


def _check_words(made: FeeRates | Slippage | Assumptions) -> None:
    """Refuse a word that is none of its field's: JSON is checked by the types, a keyword in a notebook is not."""
    for name, words in words_of(type(made)).items():
        if getattr(made, name) not in words:
            raise UnknownName(name, str(getattr(made, name)), words)


class FeeRates(msgspec.Struct, frozen=True, kw_only=True):
    """Rates as fractions of the notional (0.0005 is 5 bp); a negative maker rate is a rebate.

    ``from_ms`` is the time from which they hold, ``min_volume`` the traded volume of the last 30 days, in the reporting
    currency, from which they hold.
    """

    maker: float
    taker: float
    from_ms: int = 0
    min_volume: float = 0.0

    def __post_init__(self) -> None:
        for name, value, low in (("maker", self.maker, -MOST_REBATE), ("taker", self.taker, 0.0)):
            if not math.isfinite(value) or value > MOST_FEE:
                raise InvalidValue(f"fees.{name}", f"{value} is not a fraction of the notional; 5 basis points are 0.0005")
            if value < low:
                rule = "a taker's fee is never below zero" if name == "taker" else f"a rebate is at most {MOST_REBATE:.0%}"
                raise InvalidValue(f"fees.{name}", f"{value} is below {low:g}: {rule}; (maker, taker) gives the two apart")


class Slippage(msgspec.Struct, frozen=True, kw_only=True):
    """How much worse than the reference price a taker fills; makers fill at their limit.

    - ``none``: at the reference price.
    - ``fixed``: ``bps`` basis points worse.
    - ``spread``: half of the recorded spread of the row; ``bps`` is the whole spread where none is recorded.
    - ``volume_share``: ``coefficient * (quantity / volume of the row) ** 2`` as a fraction of the price (the form of Quantopian's
      VolumeShareSlippage, whose coefficient is 0.1).
    - ``sqrt_impact``: ``coefficient * daily volatility * sqrt(quantity / average daily volume)``, both over the 30 days before
      the day of the fill (Almgren et al., "Direct estimation of equity market impact", 2005; coefficient near 1); ``bps`` is
      added to it.
    - ``book``: the average price of walking the last recorded book before the fill; what is beyond its depth pays the last
      level's distance and ``bps`` more.
    """

    model: SlippageModel = "none"
    bps: float = 0.0
    coefficient: float = 0.1

    def __post_init__(self) -> None:
        _check_words(self)
        if not (math.isfinite(self.bps) and 0.0 <= self.bps < 5_000.0):
            raise InvalidValue("slippage.bps", f"{self.bps} must be a number of basis points from 0 to 5000")
        if not (math.isfinite(self.coefficient) and self.coefficient >= 0.0):
            raise InvalidValue("slippage.coefficient", f"{self.coefficient} must not be negative")


class Assumptions(msgspec.Struct, frozen=True, kw_only=True):
    """What one run assumes. Every field has a default that errs on the side of the worse result.

    - ``initial_equity``: at the start, in the reporting currency; converted into the settlement currencies of the instruments,
      in equal parts of value, or as ``wallets`` says (settlement currency -> share, summing to 1).
    - ``currency``: the reporting currency; empty: the quote of the first instrument.
    - ``fees``: a named schedule (``"binance_um:vip0"``, ``"binance_um:auto"`` climbs the tiers by traded volume, ``"none"``),
      rates, or several rates by date and volume. ``"venue"``: the base tier of each instrument's venue and market.
    - ``slippage``: see :class:`Slippage`; it applies to takers.
    - ``fill``: ``"next_open"``: what is decided at a close fills at the next row's open. ``"close"``: at that same close, a price
      that could not be traded at; for comparison with tools that do so.
    - ``latency_ms``: from the close to the order's arrival. An order that arrives inside a row fills between the row's open and
      its worse extreme, in proportion to the time gone.
    - ``volume_share_cap``: the most of a row's volume that fills may take; the rest waits for the next row (0: no cap).
    - ``limit_fill``: ``"through"``: a resting limit order fills when the price passes it; ``"touch"``: when it is reached.
    - ``sizing``: ``"decision"``: a target becomes a quantity at the close at which it is stated, as it does live; ``"fill"``: at
      the price of its fill.
    - ``rebalance``: ``"change"``: a target that is stated again changes nothing; ``"always"``: each statement trades back to
      the target once the position is off it by more than ``drift_tolerance`` of the equity.
    - ``margin_mode``, ``leverage``, ``position_mode``: of futures; ``leverage`` per instrument symbol or full name in
      ``leverages``. Spot is always paid in full, and long.
    - ``liquidation_fee``: a fraction of the notional that a liquidation costs.
    - ``funding``: whether settlements are paid; ``missing_funding``: whether a settlement that is missing while a position is open
      is flagged or refused. It is never taken for zero silently.
    - ``enforce_rules``: tick, lot, minimum quantity and notional as of the date.
    - ``fill_on_synthetic``, ``fill_on_stale``: whether orders may fill on made-up or repeated klines.
    - ``record_curves``: whether the exposure curves are kept beside the equity.
    """

    initial_equity: float = 10_000.0
    currency: str = ""
    wallets: Mapping[str, float] = {}
    fees: str | FeeRates | tuple[FeeRates, ...] = "venue"
    slippage: Slippage = Slippage()
    fill: Literal["next_open", "close"] = "next_open"
    latency_ms: int = 0
    volume_share_cap: float = 0.0
    limit_fill: Literal["through", "touch"] = "through"
    sizing: Literal["decision", "fill"] = "decision"
    rebalance: Literal["change", "always"] = "change"
    drift_tolerance: float = 0.0
    margin_mode: Literal["isolated", "cross"] = "isolated"
    leverage: float = 1.0
    leverages: Mapping[str, float] = {}
    position_mode: Literal["one_way", "hedge"] = "one_way"
    liquidation_fee: float = 0.0125
    funding: bool = True
    missing_funding: Literal["flag", "refuse"] = "flag"
    enforce_rules: bool = True
    fill_on_synthetic: bool = False
    fill_on_stale: bool = False
    record_curves: bool = True

    def __post_init__(self) -> None:
        _check_words(self)
        _check_number("initial_equity", self.initial_equity, low=0.0, open_low=True)
        _check_number("leverage", self.leverage, low=1.0, high=1_000.0)
        for name, value in self.leverages.items():
            _check_number(f"leverages[{name}]", value, low=1.0, high=1_000.0)
        _check_number("volume_share_cap", self.volume_share_cap, low=0.0, high=1.0)
        _check_number("drift_tolerance", self.drift_tolerance, low=0.0, high=1.0)
        _check_number("liquidation_fee", self.liquidation_fee, low=0.0, high=0.2)
        _check_number("latency_ms", self.latency_ms, low=-math.inf)
        if self.latency_ms < 0:
            raise InvalidValue("latency_ms", f"{self.latency_ms} is negative: an order cannot arrive before it is decided")
        if self.wallets and (abs(sum(self.wallets.values()) - 1.0) > 1e-9 or min(self.wallets.values()) < 0):
            raise InvalidValue("wallets", f"the shares {dict(self.wallets)} must not be negative and sum to 1")

    def replace(self, **changes: object) -> Assumptions:
        """Return a copy with other values; checked as a new one is."""
        unknown = set(changes) - set(self.__struct_fields__)
        if unknown:
            raise UnknownName("assumption", sorted(unknown)[0], self.__struct_fields__)
        return msgspec.structs.replace(self, **changes)


def _check_number(name: str, value: float, *, low: float, high: float = math.inf, open_low: bool = False) -> None:
    if not isinstance(value, Real):
        raise InvalidValue(name, f"{value!r} is not a number")
    if not math.isfinite(value) or value < low or value > high or (open_low and value == low):
        border = f"more than {low:g}" if open_low else f"from {low:g}"
        raise InvalidValue(name, f"{value} must be {border}" + (f" to {high:g}" if math.isfinite(high) else ""))
