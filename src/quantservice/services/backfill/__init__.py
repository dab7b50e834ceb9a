"""Backfill and gap healing: one path from what is wanted to what is stored."""

from quantservice.services.backfill.model import BackfillConfig, BackfillProgress
from quantservice.services.backfill.service import BackfillService

__all__ = ["BackfillConfig", "BackfillProgress", "BackfillService"]
