"""Register and remove egress proxies. The store seals their passwords; each change is told with its commit."""

from __future__ import annotations

import builtins
from urllib.parse import unquote, urlsplit

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.messages import Command, Message, Topic, new_event_id
from quantservice.ports import ProxyRecord, StateStore

SCHEMES = ("socks5", "http")
_FORM = "socks5://user:password@host:1080 or http://host:3128"


class Proxies:
    """The registry of egress proxies (table proxy_config)."""

    def __init__(self, state_store: StateStore) -> None:
        self._state_store = state_store

    async def list(self) -> builtins.list[ProxyRecord]:
        """Return all proxies, passwords clear: mask them before they leave the process."""
        async with self._state_store.transaction() as work:
            return await work.proxies.list()

    async def add(self, proxy: ProxyRecord) -> ProxyRecord:
        """Register a proxy or change the registered one; those who connect are told."""
        _check(proxy)
        async with self._state_store.transaction() as work:
            kept = await work.proxies.put(proxy)
            await work.outbox.add(_changed(kept.id, "added"))
        return kept

    async def remove(self, proxy_id: int) -> bool:
        """Forget a proxy; say whether it existed."""
        async with self._state_store.transaction() as work:
            removed = await work.proxies.remove(proxy_id)
            if removed:
                await work.outbox.add(_changed(proxy_id, "removed"))
        return removed


def parse_proxy(url: str) -> ProxyRecord:
    """Read ``socks5://user:password@host:port`` or ``http://…``."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise InvalidValue("url", f"a proxy is written {_FORM}") from None
    scheme = "socks5" if parts.scheme == "socks5h" else parts.scheme
    if not parts.hostname or port is None:
        raise InvalidValue("url", f"a proxy is written {_FORM}")
    proxy = ProxyRecord(
        scheme=scheme,
        host=parts.hostname,
        port=port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
    _check(proxy)
    return proxy


def _check(proxy: ProxyRecord) -> None:
    if proxy.scheme not in SCHEMES:
        raise UnknownName("scheme", proxy.scheme, SCHEMES)
    if not 0 < proxy.port < 65_536:
        raise InvalidValue("port", "must be between 1 and 65535")
    if not 0 < len(proxy.host) <= 253 or any(char.isspace() or char in "/@" or not char.isprintable() for char in proxy.host):
        raise InvalidValue("host", "must be a host name or an address")
    if len(proxy.username) > 255 or len(proxy.password) > 255:
        raise InvalidValue("username", "name and password may have 255 characters each")


def _changed(proxy_id: int, change: str) -> Message:
    command = Command(id=new_event_id(), name="proxies.changed", arguments={"proxy_id": proxy_id, "change": change})
    return Message(topic=Topic.COMMAND, event_type="proxies.changed", key=f"proxy:{proxy_id}", data=command)
