"""Adapters of Sealer, KeyRing and EnvelopeSealer: how secrets rest on disk."""
