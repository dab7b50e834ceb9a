"""HTX: spot and USDT-margined swap."""
