"""What tells this process from every other one that ever used the same stores. A forked child is another process."""

from __future__ import annotations

import os
import secrets
from typing import Final


class _Token:
    """A random word, the same for the life of a process."""

    def __init__(self) -> None:
        self.text = ""
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self.text = secrets.token_hex(6)


_TOKEN: Final = _Token()


def process_token() -> str:
    """Return 12 hexadecimal digits that no other process has: process numbers come again, in containers on every host."""
    return _TOKEN.text
