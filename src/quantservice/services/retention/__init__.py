"""Retention: what may be forgotten is, kind by kind."""

from quantservice.services.retention.service import Prunable, RetentionConfig, RetentionService

__all__ = ["Prunable", "RetentionConfig", "RetentionService"]
