"""Accounts that we trade on, and the keys that venues gave to us."""

from __future__ import annotations

from quantservice.services.accounts.commands import CHANGED, Accounts, KeyFault, PermissionsOf, Rotation

__all__ = ["CHANGED", "Accounts", "KeyFault", "PermissionsOf", "Rotation"]
