"""The books: what was filled, paid and moved, as a double-entry journal and positions that follow from it."""

from quantservice.services.portfolio.books import Bookkeeper
from quantservice.services.portfolio.statement import Statement, compare

__all__ = ["Bookkeeper", "Statement", "compare"]
