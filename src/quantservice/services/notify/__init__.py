"""Alerts leave the house: webhook, Telegram, e-mail; the same one not again and again, and never more than so many a minute."""

from __future__ import annotations

from quantservice.services.notify.service import NotifyConfig, NotifyService

__all__ = ["NotifyConfig", "NotifyService"]
