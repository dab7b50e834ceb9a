"""Adapters of ports.Sealer: how secrets rest on disk."""
