"""Trading on paper: an account that lives in the state store and fills against live prices by the backtest's fill model."""

from quantservice.adapters.venues.paper.adapter import PaperTrading
from quantservice.adapters.venues.paper.state import PaperConfig

__all__ = ["PaperConfig", "PaperTrading"]
