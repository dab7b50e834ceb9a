"""The indicators that come with the platform, one file per family."""

from __future__ import annotations

from quantservice.quant.indicators.builtin import averages

__all__ = ["averages"]
