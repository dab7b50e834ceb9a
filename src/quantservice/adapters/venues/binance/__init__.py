"""Binance spot, um and cm market data: one implementation; what differs is a row of :mod:`.spec`."""
