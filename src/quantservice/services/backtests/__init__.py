"""Stored backtests and the lifetime ledger of trials."""
