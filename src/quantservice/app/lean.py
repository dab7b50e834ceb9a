"""What a process need not load: pandas, which pyarrow imports at its first array wherever it is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _WithoutPandas:
    """A finder that hides pandas."""

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Answer for one module only; all others are found as usual."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=name)
        return None


def spare_pandas() -> None:
    """Let pyarrow look for pandas once while it is hidden: it does not look again.

    Embedded ClickHouse brings pandas along and nothing here uses it: that is over a second of every start, and 60 MB. What
    imports pandas itself later, and ``Table.to_pandas``, work as ever.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    hidden = _WithoutPandas()
    sys.meta_path.insert(0, hidden)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(hidden)
