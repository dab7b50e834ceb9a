"""The state store's part of a backup: pairs, proxies, access keys, the digest chain's head, what is known to be absent.

What belongs to one directory or one moment stays behind: the owner's token, weight leases, subscriptions, the outbox.
Proxy passwords travel sealed; the key that opens them lies beside them (mode 0400), so a backup is as private as the data
directory itself. A restored directory seals them anew with its own key.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from quantservice.app.wiring import open_sealer
from quantservice.core.errors import EnvironmentFault, IntegrityError, UserError
from quantservice.ports import AccessKey, ProxyRecord, Sealer, StateStore, TradingPair

_FILE: Final = "state.json"
_KEY: Final = "sealing.key"
_VERSION: Final = 1
_CONTEXT: Final = "backup:proxy"
_DIGEST: Final = "digest"
_SCOPES: Final = (_DIGEST, "maintenance", "listing", "ledger")


class _Envelope(msgspec.Struct, frozen=True):
    sha256: str
    state: msgspec.Raw


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is carried. ``passwords`` are sealed, in the order of ``proxies``; those hold none."""

    version: int = _VERSION
    pairs: tuple[TradingPair, ...] = ()
    proxies: tuple[ProxyRecord, ...] = ()
    passwords: tuple[str, ...] = ()
    access_keys: tuple[AccessKey, ...] = ()
    values: dict[str, dict[str, Any]] = {}

    def counts(self) -> dict[str, int]:
        """How much of each is in it."""
        return {"pairs": len(self.pairs), "proxies": len(self.proxies), "access_keys": len(self.access_keys)}


async def read_state(state_store: StateStore, sealer: Sealer) -> State:
    """Take what a backup carries out of the state store, in one transaction."""
    async with state_store.transaction() as work:
        proxies = await work.proxies.list()
        values = {scope: await work.values.items(scope) for scope in _SCOPES}
        pairs, keys = await work.pairs.list(), await work.access_keys.list()
    values[_DIGEST].pop("next", None)  # a note of a sealing under way; the head alone counts
    return State(
        pairs=tuple(pairs),
        proxies=tuple(msgspec.structs.replace(proxy, password="") for proxy in proxies),
        passwords=tuple(sealer.seal(proxy.password, context=_CONTEXT) if proxy.password else "" for proxy in proxies),
        access_keys=tuple(keys),
        values=values,
    )


def write_state(folder: Path, state: State, *, head: str, key_file: Path) -> None:
    """Write the state beside a market store's backup whose digest chain ends at ``head``."""
    kept = state.values.get(_DIGEST, {}).get("head") or {}
    if kept.get("link", "") != head:  # a day was sealed meanwhile: a restored store takes the head from its own log
        state = msgspec.structs.replace(state, values={**state.values, _DIGEST: {}})
    content = msgspec.json.encode(state)
    envelope = _Envelope(hashlib.sha256(content).hexdigest(), msgspec.Raw(content))
    try:
        if any(state.passwords):
            _write_private(folder / _KEY, key_file.read_bytes(), 0o400)
        _write_private(folder / _FILE, msgspec.json.encode(envelope), 0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"the backup in {folder} cannot be written: {error.strerror}; free some space or give another one"
        ) from error


def load_state(folder: Path) -> State:
    """Read and check the state of a backup."""
    try:
        envelope = msgspec.json.decode((folder / _FILE).read_bytes(), type=_Envelope)
        if hashlib.sha256(bytes(envelope.state)).hexdigest() != envelope.sha256:
            raise IntegrityError(f"{folder / _FILE} is not what was written: the backup is damaged, use another one")
        state = msgspec.json.decode(envelope.state, type=State)
    except OSError:
        raise UserError(f"{folder} is not a whole backup: it has no {_FILE}; use another one") from None
    except msgspec.DecodeError:
        raise IntegrityError(f"{folder / _FILE} cannot be read: the backup is damaged, use another one") from None
    if state.version != _VERSION or len(state.passwords) != len(state.proxies):
        raise UserError(f"{folder} is a backup of format {state.version}, this version reads format {_VERSION}")
    return state


async def check_empty(state_store: StateStore) -> None:
    """Refuse a state store that holds registrations."""
    async with state_store.transaction() as work:
        held: Mapping[str, Any] = {
            "pairs": await work.pairs.list(),
            "proxies": await work.proxies.list(),
            "access keys": await work.access_keys.list(),
        }
    full = [name for name, rows in held.items() if rows]
    if full:
        raise UserError(f"the state store is not empty (it holds {', '.join(full)}): restore into a new data directory")


async def put_state(state_store: StateStore, state: State, folder: Path) -> None:
    """Put everything back, in one transaction; the passwords are sealed anew."""
    proxies = _opened(state, folder)
    async with state_store.transaction() as work:
        for pair in sorted(state.pairs, key=lambda pair: pair.id):  # the same numbers as before
            await work.pairs.put(pair)
        for proxy in proxies:
            await work.proxies.put(msgspec.structs.replace(proxy, id=0))
        for key in state.access_keys:
            await work.access_keys.put(key)
        for scope, items in state.values.items():
            for name, value in items.items():
                await work.values.put(scope, name, value)


def _opened(state: State, folder: Path) -> list[ProxyRecord]:
    if not any(state.passwords):
        return list(state.proxies)
    if not (folder / _KEY).is_file():
        raise UserError(f"{folder} lacks {_KEY}, which opens the proxies' passwords: put it back beside {_FILE}")
    sealer = open_sealer(folder / _KEY)
    return [
        msgspec.structs.replace(proxy, password=sealer.unseal(sealed, context=_CONTEXT) if sealed else "")
        for proxy, sealed in zip(state.proxies, state.passwords, strict=True)
    ]


def _write_private(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
