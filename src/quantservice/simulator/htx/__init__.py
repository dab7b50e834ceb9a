"""HTX in the box: spot and USDT-margined swap, over the same markets and the same matching engine as the other venues."""
