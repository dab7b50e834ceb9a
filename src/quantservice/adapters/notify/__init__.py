"""Webhook, Telegram, e-mail and whatever else apprise knows."""
