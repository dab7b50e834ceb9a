"""Mathematics on arrays: no I/O, no asyncio, no client library; importable alone in a notebook."""
