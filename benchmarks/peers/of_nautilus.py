"""NautilusTrader: a cross of two SMAs in its BacktestEngine on bars. A market order of ``on_bar`` fills at that bar's close."""

from __future__ import annotations

import importlib
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.turns import Columns, market, serve

pd: Any = importlib.import_module("pandas")
engines: Any = importlib.import_module("nautilus_trader.backtest.engine")
config: Any = importlib.import_module("nautilus_trader.config")
indicators: Any = importlib.import_module("nautilus_trader.indicators")
model: Any = importlib.import_module("nautilus_trader.model")
currencies: Any = importlib.import_module("nautilus_trader.model.currencies")
data: Any = importlib.import_module("nautilus_trader.model.data")
enums: Any = importlib.import_module("nautilus_trader.model.enums")
instruments: Any = importlib.import_module("nautilus_trader.model.instruments")
wranglers: Any = importlib.import_module("nautilus_trader.persistence.wranglers")
trading: Any = importlib.import_module("nautilus_trader.trading.strategy")

VENUE = model.Venue("BINANCE")
ID = model.InstrumentId.from_str("BTCUSDT.BINANCE")


def instrument(fees: float) -> Any:
    """A pair with two decimals of price."""
    return instruments.CurrencyPair(
        instrument_id=ID, raw_symbol=model.Symbol("BTCUSDT"), base_currency=currencies.BTC, quote_currency=currencies.USDT,
        price_precision=2, size_precision=6, price_increment=model.Price.from_str("0.01"),
        size_increment=model.Quantity.from_str("0.000001"), lot_size=None, max_quantity=None, min_quantity=None, max_notional=None,
        min_notional=None, max_price=None, min_price=None, margin_init=Decimal(0), margin_maint=Decimal(0),
        maker_fee=Decimal(str(fees)), taker_fee=Decimal(str(fees)), ts_event=0, ts_init=0,
    )  # fmt: skip


class Cross(trading.Strategy):  # type: ignore[misc]
    """Long one unit while the fast average is above the slow one."""

    def __init__(self, of: Any, bars: Any) -> None:
        super().__init__(config.StrategyConfig())
        self.of, self.bars = of, bars
        self.fast, self.slow = indicators.SimpleMovingAverage(10), indicators.SimpleMovingAverage(50)
        self.made: list[list[float]] = []
        self.number = -1
        self.held = False

    def on_start(self) -> None:
        """Follow the bars."""
        self.register_indicator_for_bars(self.bars, self.fast)
        self.register_indicator_for_bars(self.bars, self.slow)
        self.subscribe_bars(self.bars)

    def on_bar(self, bar: Any) -> None:
        """Follow the averages."""
        self.number += 1
        if not self.slow.initialized:
            return
        above = self.fast.value > self.slow.value
        if above == self.held:
            return
        side = enums.OrderSide.BUY if above else enums.OrderSide.SELL
        self.held = above
        self.submit_order(self.order_factory.market(ID, side, self.of.make_qty(1)))

    def on_order_filled(self, event: Any) -> None:
        """Note a fill."""
        price = float(event.last_px)
        if event.order_side == enums.OrderSide.BUY:
            self.made.append([self.number, -1.0, price, np.nan, 1.0, np.nan])
        else:
            self.made[-1][1], self.made[-1][3] = self.number, price


def main(place: Path) -> None:
    """Serve turns over the market of a folder."""
    columns = market(place)
    table = pd.DataFrame({name: columns[name] for name in ("open", "high", "low", "close", "volume")})
    table.index = pd.to_datetime(columns["open_time"] + 60_000, unit="ms", utc=True)
    bar_type = data.BarType.from_str("BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL")
    made = wranglers.BarDataWrangler(bar_type, instrument(0.0)).process(table)  # what a catalogue would hold is not timed

    def run(bars: int, fees: float) -> Any:
        engine = engines.BacktestEngine(
            engines.BacktestEngineConfig(
                logging=config.LoggingConfig(bypass_logging=True),
                risk_engine=config.RiskEngineConfig(bypass=True),
                run_analysis=False,
            )
        )
        engine.add_venue(
            VENUE, enums.OmsType.NETTING, enums.AccountType.CASH, [model.Money(1_000_000_000, currencies.USDT)], base_currency=None
        )
        pair = instrument(fees)
        engine.add_instrument(pair)
        engine.add_data(made[:bars])
        strategy = Cross(pair, bar_type)
        engine.add_strategy(strategy)
        engine.run()
        balance = engine.portfolio.account(VENUE).balance_total(currencies.USDT).as_double()
        engine.dispose()
        return strategy.made, balance

    def trades(made: Any) -> Columns:
        rows = np.array(made[0])
        names = ("entry", "exit", "entry_price", "exit_price", "quantity", "profit")
        found = {name: rows[:, place] for place, name in enumerate(names)}
        return {**found, "open": rows[:, 1] < 0, "equity": np.array([made[1]])}

    serve(run, trades, place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
