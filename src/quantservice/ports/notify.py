"""Where alerts leave the house."""

from __future__ import annotations

from typing import Protocol


class Notifier(Protocol):
    """Tells people who do not look at the page."""

    @property
    def targets(self) -> int:
        """To how many places a message goes; 0: to none."""
        ...

    async def send(self, title: str, body: str, *, level: str) -> None:
        """Deliver a message everywhere; EnvironmentFault where one place did not take it. ``level``: info, warning, critical."""
        ...
