"""Fee schedules by name: the public base rates of venues, by traded volume of 30 days. Rates change: give your own where they did.

Sources: Binance "Spot trading fee rate", "USDⓈ-M futures trading fee rate", "COIN-M futures trading fee rate"; OKX "Trading fee
rates" (regular users and VIP); HTX "Fee schedule". As published in 2024; volumes in USD.
"""

from __future__ import annotations

from typing import Final

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.quant.backtest.assumptions import FeeRates

_MILLION: Final = 1e6


def _ladder(*rows: tuple[str, float, float, float]) -> dict[str, FeeRates]:
    """Rows of (tier, volume of 30 days in millions, maker in per cent, taker in per cent)."""
    return {
        tier: FeeRates(maker=round(maker / 100, 10), taker=round(taker / 100, 10), min_volume=volume * _MILLION)
        for tier, volume, maker, taker in rows
    }


SCHEDULES: Final[dict[str, dict[str, FeeRates]]] = {
    "binance_spot": _ladder(
        ("vip0", 0, 0.1, 0.1),
        ("vip1", 1, 0.09, 0.1),
        ("vip2", 5, 0.08, 0.1),
        ("vip3", 20, 0.04, 0.06),
        ("vip4", 75, 0.04, 0.052),
        ("vip5", 150, 0.025, 0.031),
        ("vip6", 400, 0.02, 0.029),
        ("vip7", 800, 0.019, 0.028),
        ("vip8", 2000, 0.016, 0.025),
        ("vip9", 4000, 0.011, 0.023),
    ),
    "binance_um": _ladder(
        ("vip0", 0, 0.02, 0.05),
        ("vip1", 15, 0.016, 0.04),
        ("vip2", 50, 0.014, 0.035),
        ("vip3", 100, 0.012, 0.032),
        ("vip4", 600, 0.01, 0.03),
        ("vip5", 1000, 0.008, 0.027),
        ("vip6", 2500, 0.006, 0.025),
        ("vip7", 5000, 0.004, 0.022),
        ("vip8", 12500, 0.002, 0.02),
        ("vip9", 25000, 0.0, 0.017),
    ),
    "binance_cm": _ladder(
        ("vip0", 0, 0.02, 0.05),
        ("vip1", 15, 0.016, 0.045),
        ("vip2", 50, 0.014, 0.04),
        ("vip3", 100, 0.01, 0.035),
        ("vip4", 600, 0.008, 0.0325),
        ("vip5", 1000, 0.005, 0.03),
        ("vip6", 2500, 0.0, 0.0275),
        ("vip7", 5000, -0.005, 0.0265),
        ("vip8", 12500, -0.008, 0.025),
        ("vip9", 25000, -0.009, 0.024),
    ),
    "okx_spot": _ladder(("regular", 0, 0.08, 0.1), ("vip1", 5, 0.0675, 0.08), ("vip2", 10, 0.06, 0.07)),
    "okx_um": _ladder(("regular", 0, 0.02, 0.05), ("vip1", 10, 0.015, 0.045), ("vip2", 20, 0.01, 0.04)),
    "okx_cm": _ladder(("regular", 0, 0.02, 0.05), ("vip1", 10, 0.015, 0.045), ("vip2", 20, 0.01, 0.04)),
    "htx_spot": _ladder(("base", 0, 0.2, 0.2)),
    "htx_um": _ladder(("base", 0, 0.02, 0.06)),
    "htx_cm": _ladder(("base", 0, 0.02, 0.05)),
    "uniswap_dex": _ladder(("base", 0, 0.3, 0.3)),
}
#: For instruments of no known venue: the dearest of the usual base rates.
UNKNOWN_VENUE: Final = FeeRates(maker=0.001, taker=0.001)


def named_rates(name: str) -> tuple[FeeRates, ...]:
    """Return the rates of ``venue_market:tier``; ``:auto`` gives the whole ladder, ``none`` no fees at all."""
    if name == "none":
        return (FeeRates(maker=0.0, taker=0.0),)
    schedule, colon, tier = name.partition(":")
    if schedule not in SCHEDULES:
        raise UnknownName("fees", name, [f"{known}:{tiers}" for known, ladder in SCHEDULES.items() for tiers in ladder])
    ladder = SCHEDULES[schedule]
    if tier == "auto":
        return tuple(ladder.values())
    if colon and tier not in ladder:
        raise UnknownName(f"tier of {schedule}", tier, (*ladder, "auto"))
    chosen = ladder[tier] if colon else next(iter(ladder.values()))
    return (FeeRates(maker=chosen.maker, taker=chosen.taker),)


def rates_for(fees: str | FeeRates | tuple[FeeRates, ...], instrument: InstrumentId) -> tuple[tuple[FeeRates, ...], bool]:
    """Return an instrument's rates by date and volume, and whether they are a guess (no known venue)."""
    if isinstance(fees, FeeRates):
        return (fees,), False
    if isinstance(fees, str):
        if fees != "venue":
            return named_rates(fees), False
        schedule = f"{instrument.venue}_{instrument.market}"
        return (named_rates(schedule), False) if schedule in SCHEDULES else ((UNKNOWN_VENUE,), True)
    if not fees:
        raise InvalidValue("fees", "an empty list of rates; give at least one")
    return tuple(sorted(fees, key=lambda item: (item.from_ms, item.min_volume))), False
