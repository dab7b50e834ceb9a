"""The vocabulary: frozen values and pure functions. stdlib + msgspec only; no I/O, no asyncio, no numpy."""
