"""Adapters of ports.Cache: one file per cache."""
