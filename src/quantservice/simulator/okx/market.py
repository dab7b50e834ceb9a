"""One market of the simulated OKX: its instruments, its desk, and sizes as the venue counts them (contracts on swaps)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from quantservice.core.money import ZERO, exact
from quantservice.simulator.config import SymbolSpec
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.okx.config import OkxConfig, OkxInstrument, OkxMarketName
from quantservice.simulator.okx.words import item_refusal
from quantservice.simulator.private.config import TradingConfig
from quantservice.simulator.private.desk import Desk, brackets
from quantservice.simulator.private.text import plain
from quantservice.simulator.trading import Engine, SimOrder, Symbol

INST_TYPES: Final[dict[OkxMarketName, str]] = {"spot": "SPOT", "um": "SWAP"}
_ONE: Final = Decimal(1)


class OkxMarket:
    """Spot or linear swaps. The engine counts in base currency; ``contracts`` and ``base_of`` turn sizes at the edge."""

    def __init__(
        self,
        name: OkxMarketName,
        state: MarketState,
        rules: dict[str, OkxInstrument],
        *,
        config: OkxConfig,
        engine: Engine,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name: OkxMarketName = name
        self.inst_type = INST_TYPES[name]
        self.state = state
        self.rules = rules
        self.fault_name = f"okx-{name}"
        self._config = config
        trading = TradingConfig(levels=config.levels)
        self.desk = Desk(state, trading, wall_s, engine=engine, described=self.describe)

    @property
    def swap(self) -> bool:
        """Whether orders are sized in contracts."""
        return self.name == "um"

    def __contains__(self, inst_id: str) -> bool:
        return inst_id in self.state.listings

    def listing(self, inst_id: str) -> Listing:
        """Return an instrument that is listed, or refuse."""
        found = self.state.find(inst_id)
        if found is None:
            raise item_refusal("51001", "Instrument ID does not exist.")
        return found

    def listings(self) -> Iterator[Listing]:
        """Every instrument that is listed."""
        return (listing for listing in self.state.listings.values() if not listing.delisted)

    def rule(self, inst_id: str) -> OkxInstrument:
        """The instrument's rules; one listed later has those of a plain one."""
        found = self.rules.get(inst_id)
        if found is not None:
            return found
        spec = self.state.listings[inst_id].spec
        lot = plain(_ONE.scaleb(-spec.lot_decimals))
        return OkxInstrument(contract="1" if self.swap else "", lot=lot, smallest=lot)

    def contract(self, inst_id: str) -> Decimal:
        """A contract's size in base currency; 1 on spot."""
        return Decimal(self.rule(inst_id).contract or "1")

    @exact
    def contracts(self, inst_id: str, base: Decimal) -> str:
        """Write a size as the venue counts it."""
        return plain(base / self.contract(inst_id)) if base else "0"

    @exact
    def base_of(self, inst_id: str, size: Decimal) -> Decimal:
        """Return a size of the venue's in base currency."""
        return size * self.contract(inst_id)

    def size(self, listing: Listing, units: int) -> str:
        """Write a size of the market data, given in its whole lots."""
        return self.contracts(listing.spec.symbol, Decimal(units).scaleb(-listing.spec.lot_decimals))

    @staticmethod
    def base(listing: Listing, units: int) -> str:
        """Write a size of the market data in base currency."""
        return plain(Decimal(units).scaleb(-listing.spec.lot_decimals))

    @staticmethod
    def price(listing: Listing, units: int) -> str:
        """Write a price of the market data."""
        return plain(Decimal(units).scaleb(-listing.spec.price_decimals))

    @staticmethod
    def quote(listing: Listing, units: int) -> str:
        """Write an amount of quote currency of the market data."""
        return plain(Decimal(units).scaleb(-listing.text.quote_decimals))

    def owns(self, order: SimOrder) -> bool:
        """Whether an order of the shared engine is of this market."""
        return order.symbol in self.state.listings

    def describe(self, listing: Listing) -> Symbol:
        """Return the engine's symbol of a listing."""
        spec, rule = listing.spec, self.rule(listing.spec.symbol)
        contract = self.contract(spec.symbol)
        return Symbol(
            name=spec.symbol,
            base=spec.base,
            quote=spec.quote,
            settle=spec.quote,
            tick=tick(spec),
            lot=Decimal(rule.lot) * contract,
            min_quantity=Decimal(rule.smallest) * contract,
            max_quantity=Decimal(10_000_000),
            min_notional=ZERO,
            price_band=Decimal("0.1"),
            band_both_sides=False,
            spot=not self.swap,
            maker_fee=Decimal(self._config.maker_fee[self.name]),
            taker_fee=Decimal(self._config.taker_fee[self.name]),
            brackets=brackets("um") if self.swap else None,
            status=listing.status,
            most_orders=500,
        )


def tick(spec: SymbolSpec) -> Decimal:
    """The smallest step of a price."""
    return Decimal(spec.tick).scaleb(-spec.price_decimals)
