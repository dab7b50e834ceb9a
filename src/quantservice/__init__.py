"""QuantService: raw exchange frames go in, audited profit and loss comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantservice.version import __version__

if TYPE_CHECKING:
    from quantservice.app.notebook import load_bars
    from quantservice.quant.bars import Bars

__all__ = ["Bars", "__version__", "load_bars"]


def __getattr__(name: str) -> Any:
    """Load the public names when they are asked for, so that importing a room stays cheap."""
    if name == "load_bars":
        from quantservice.app.notebook import load_bars

        return load_bars
    if name == "Bars":
        from quantservice.quant.bars import Bars

        return Bars
    raise AttributeError(f"module 'quantservice' has no attribute {name!r}")
