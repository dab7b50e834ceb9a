"""Why a venue key is refused, in one sentence. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from quantservice.ports import KeyPermissions


def refusal_of(permissions: KeyPermissions, *, now_ms: int) -> str:
    """Return why a key with these rights is not taken; empty where it is."""
    if permissions.withdraw:
        return "it may withdraw money; make one at the venue without the right to withdraw"
    if permissions.expires_ms is not None and permissions.expires_ms <= now_ms:
        return f"it expired on {moment(permissions.expires_ms)}; make a new one at the venue"
    if not permissions.read:
        return "it may not read the account; give it the right to read at the venue"
    if not permissions.trade:
        return "it may not trade; give it the right to trade at the venue"
    return ""


def moment(time_ms: int) -> str:
    """Write an instant for a sentence."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
