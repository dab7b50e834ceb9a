"""Adapters of ports.EventBus: one file per bus."""
