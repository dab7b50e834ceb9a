"""Adapters of ports.Clock."""
