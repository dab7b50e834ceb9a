"""Polling: what venues do not push is asked for at intervals."""

from quantservice.services.polling.service import PollingConfig, PollingService

__all__ = ["PollingConfig", "PollingService"]
