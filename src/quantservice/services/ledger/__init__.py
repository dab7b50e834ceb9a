"""The integrity ledger: seals closed days into the digest chain, verifies them, and checks data against other data."""

from quantservice.services.ledger.reports import AuditReport, Difference, Finding
from quantservice.services.ledger.sealing import LedgerStore, SealResult
from quantservice.services.ledger.service import LedgerConfig, LedgerService

__all__ = ["AuditReport", "Difference", "Finding", "LedgerConfig", "LedgerService", "LedgerStore", "SealResult"]
