"""No address is configured: alerts stand in the log alone."""

from __future__ import annotations


class Nowhere:
    """Delivers to no place."""

    targets = 0

    async def send(self, title: str, body: str, *, level: str) -> None:
        """Send nothing."""
