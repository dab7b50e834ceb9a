"""Trading at Binance spot, um and cm: one implementation of ``ports.trading.Trading`` over three rows of a table."""
