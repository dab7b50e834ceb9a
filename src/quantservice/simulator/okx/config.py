"""What the simulated OKX is told at its start: instruments, keys, money, fees, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from quantservice.simulator.config import SymbolSpec

OkxMarketName = Literal["spot", "um"]
OKX_MARKETS: Final[tuple[OkxMarketName, ...]] = ("spot", "um")
#: the key every simulator knows, in the venue's own form; nothing secret
OKX_KEY: Final = "51e01a70-0000-4000-8000-000000000001"
OKX_SECRET: Final = "SIMULATOR0OKX0SECRET000000000000"  # noqa: S105  the text is public by purpose
OKX_PASSPHRASE: Final = "Simulator-1"  # noqa: S105  the text is public by purpose
OKX_READ_KEY: Final = "51e01a70-0000-4000-8000-000000000002"
OKX_WITHDRAWAL_KEY: Final = "51e01a70-0000-4000-8000-000000000003"


class OkxKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of an account. ``addresses`` binds it to IP addresses."""

    key: str
    secret: str = OKX_SECRET
    passphrase: str = OKX_PASSPHRASE
    account: str = "main"
    trade: bool = True
    withdraw: bool = False
    addresses: tuple[str, ...] = ()


def okx_keys() -> tuple[OkxKey, ...]:
    """Return a trading key, one that only reads, and one that may withdraw; all of the account ``main``."""
    return (
        OkxKey(key=OKX_KEY),
        OkxKey(key=OKX_READ_KEY, trade=False),
        OkxKey(key=OKX_WITHDRAWAL_KEY, withdraw=True),
    )


class OkxInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument's own rules beside its market: ``contract`` is a contract's size in base currency ("": spot).

    ``lot`` and ``smallest`` are in what orders are sized in: base currency on spot, contracts on swaps.
    """

    contract: str = ""
    lot: str
    smallest: str


def okx_balances() -> dict[str, str]:
    """Return what every trading account is given; spot and swaps share it, as the venue's unified account does."""
    return {"USDT": "100000", "BTC": "1", "ETH": "10"}


class OkxConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The simulated OKX. Times are wall-clock seconds.

    ``symbols`` and ``instruments`` absent list the usual ones. ``limit_factor`` multiplies the venue's limits of requests, orders
    and connections (0 lifts them, and the ledger says so). ``keep_alive_s``: a book without changes is confirmed so often.
    """

    keys: tuple[OkxKey, ...] = msgspec.field(default_factory=okx_keys)
    symbols: dict[OkxMarketName, tuple[SymbolSpec, ...]] | None = None
    instruments: dict[str, OkxInstrument] | None = None
    balances: dict[str, str] = msgspec.field(default_factory=okx_balances)
    maker_fee: dict[str, str] = msgspec.field(default_factory=lambda: {"spot": "0.0008", "um": "0.0002"})
    taker_fee: dict[str, str] = msgspec.field(default_factory=lambda: {"spot": "0.001", "um": "0.0005"})
    limit_factor: float = 1.0
    idle_s: float = 30.0
    keep_alive_s: float = 60.0
    kline_ms: int = 250
    depth_ms: int = 100
    ticker_ms: int = 500
    levels: int = 50
    first_order_id: int = 0


_LOTS: Final[dict[str, OkxInstrument]] = {
    "BTC-USDT": OkxInstrument(lot="0.00000001", smallest="0.00001"),
    "ETH-USDT": OkxInstrument(lot="0.000001", smallest="0.0001"),
    "SOL-USDT": OkxInstrument(lot="0.000001", smallest="0.001"),
    "XRP-USDT": OkxInstrument(lot="0.000001", smallest="1"),
    "LTC-USDT": OkxInstrument(lot="0.000001", smallest="0.01"),
    "BTC-USDT-SWAP": OkxInstrument(contract="0.01", lot="0.01", smallest="0.01"),
    "ETH-USDT-SWAP": OkxInstrument(contract="0.1", lot="0.01", smallest="0.01"),
    "SOL-USDT-SWAP": OkxInstrument(contract="1", lot="0.01", smallest="0.01"),
    "XRP-USDT-SWAP": OkxInstrument(contract="100", lot="0.01", smallest="0.01"),
    "LTC-USDT-SWAP": OkxInstrument(contract="1", lot="0.1", smallest="0.1"),
}
# base, level, price decimals, lot decimals of trades on spot and on swaps (in base currency), minute volume, minute trades
_ROWS: Final = (
    ("BTC", 91_000.0, 1, 5, 4, 18.0, 90),
    ("ETH", 3_050.0, 2, 4, 3, 260.0, 80),
    ("SOL", 138.0, 2, 3, 2, 2_400.0, 60),
    ("XRP", 2.08, 4, 1, 0, 120_000.0, 50),
    ("LTC", 92.0, 2, 3, 1, 1_500.0, 30),
)


def okx_instruments() -> dict[str, OkxInstrument]:
    """Return the usual instruments' rules."""
    return dict(_LOTS)


def okx_symbols() -> dict[OkxMarketName, tuple[SymbolSpec, ...]]:
    """Return the usual symbols, under the venue's own names."""
    from quantservice.simulator.config import SymbolSpec  # noqa: PLC0415  the simulator's tree holds this one

    def spec(row: tuple[str, float, int, int, int, float, int], *, swap: bool) -> SymbolSpec:
        base, level, decimals, spot_lot, swap_lot, volume, trades = row
        return SymbolSpec(
            symbol=f"{base}-USDT-SWAP" if swap else f"{base}-USDT",
            base=base,
            quote="USDT",
            price_decimals=decimals,
            lot_decimals=swap_lot if swap else spot_lot,
            level=level,
            minute_volume=volume * (3 if swap else 1),
            minute_trades=trades,
        )

    return {"spot": tuple(spec(row, swap=False) for row in _ROWS), "um": tuple(spec(row, swap=True) for row in _ROWS)}
