"""Honesty: what a strategy's code is, whether it looks ahead, and how that is told."""

from __future__ import annotations

from quantservice.quant.honesty.code import code_hash
from quantservice.quant.honesty.family import family_hash

__all__ = ["code_hash", "family_hash"]
