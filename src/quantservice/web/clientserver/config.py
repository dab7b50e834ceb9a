"""Bounds and choices of the client server."""

from __future__ import annotations

import ipaddress

import msgspec


class ClientServerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set. Every bound is counted when it is met."""

    host: str = "127.0.0.1"
    port: int = 8765  # 0 takes a free one; see ClientServer.port
    qps: float = 20.0  # messages per second allowed to a client without an access key
    hot_hours: float = 6.0  # recent klines kept ready
    cache_ttl_s: float = 5.0
    hot_streams: int = 256  # streams whose recent klines are kept at once
    queue: int = 100  # closed klines that may wait for a slow client, or one per subscription if that is more
    require_key: bool = False  # refuse clients without an access key on loopback too
    allow_anonymous: bool = False  # let clients without an access key in from other machines
    allowed_origins: tuple[str, ...] = ()  # pages that may connect besides those of this machine
    default_venue: str | None = None
    max_clients: int = 2_000
    max_subscriptions: int = 1_000  # of one client
    max_requests: int = 64  # requests of one client waiting for their turn
    max_message_bytes: int = 1024 * 1024
    default_limit: int = 1_000
    max_limit: int = 5_000
    flush_s: float = 0.005  # how long pushes are gathered before they are written
    slow_bytes: int = 64 * 1024  # unsent bytes from which a client counts as slow
    buffer_bytes: int = 8 * 1024 * 1024  # unsent bytes at which it is dropped
    stall_s: float = 30.0  # how long a slow client may take nothing at all
    handshake_s: float = 5.0
    ping_s: float = 20.0  # a client that does not answer a ping within this time again is dropped
    query_timeout_s: float = 10.0
    queries_at_once: int = 8
    key_check_s: float = 5.0  # how soon a revoked key ends its sessions

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def needs_key(self) -> bool:
        """Whether a client must show an access key."""
        return self.require_key or not (self.loopback or self.allow_anonymous)


def is_loopback(host: str) -> bool:
    """Say whether a host name or address means this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
