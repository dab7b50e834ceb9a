"""Deterministic simulation of the trading services: one seed, one history, to the last event."""
