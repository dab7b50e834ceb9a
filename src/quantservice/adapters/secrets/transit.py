"""A ring of master keys in HashiCorp Vault (or OpenBao): its transit engine wraps data keys, and the master keys never come here.

The URL names server, mount and key: ``https://vault.example:8200/transit/quantservice``. The key is of type ``aes256-gcm96``
(``vault write -f transit/keys/quantservice``). Answers are read whole and the token is sent in a header, never in an address.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from quantservice.core.errors import EnvironmentFault, IntegrityError, SettingsError

_TIMEOUT_S: Final = 10.0
_LIMIT: Final = 100_000


class TransitKeyRing:
    """Implements KeyRing over the transit engine. ``token`` is asked for at each call, so that a renewed one is used at once."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        parts = urlsplit(url)
        mount, _, name = parts.path.strip("/").rpartition("/")
        if parts.scheme not in ("https", "http") or not parts.hostname or not mount or not name or parts.username:
            raise SettingsError("the address of Vault is written https://host:8200/<mount>/<key>, without a login in it")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise SettingsError("Vault on another machine is spoken to over https:// only")
        self._server = f"{parts.scheme}://{parts.netloc}"
        self._mount, self._name = mount, name
        self._token = token

    async def version(self) -> int:
        """Return the newest version of the key."""
        return int((await self._call("GET", "keys", ""))["latest_version"])

    async def wrap(self, data_key: bytes, *, context: str) -> tuple[int, str]:
        """Let Vault encrypt a data key."""
        body = {"plaintext": _b64(data_key), "associated_data": _b64(context.encode())}
        text = str((await self._call("POST", "encrypt", "", body))["ciphertext"])
        if text.count(":") != 2 or "." in text:
            raise EnvironmentFault(f"Vault at {self._server} answered an encryption in an unknown form")
        return int(text.split(":")[1].removeprefix("v")), text

    async def unwrap(self, version: int, wrapped: str, *, context: str) -> bytes:
        """Let Vault decrypt a data key."""
        if not wrapped.startswith(f"vault:v{version}:"):
            raise IntegrityError(f"a secret is not sealed with master key {version} of Vault, as it says; enter the secret again")
        body = {"ciphertext": wrapped, "associated_data": _b64(context.encode())}
        answer = await self._call("POST", "decrypt", "", body, refusal=IntegrityError(_closed(version)))
        try:
            return base64.b64decode(str(answer["plaintext"]), validate=True)
        except (binascii.Error, ValueError):
            raise EnvironmentFault(f"Vault at {self._server} answered a decryption in an unknown form") from None

    async def rotate(self) -> int:
        """Let Vault make a new version."""
        await self._call("POST", "keys", "/rotate", {})
        return await self.version()

    async def retire(self, oldest: int) -> None:
        """Raise the least version that Vault decrypts with."""
        await self._call("POST", "keys", "/config", {"min_decryption_version": oldest, "min_encryption_version": oldest})

    async def _call(
        self,
        method: str,
        what: str,
        tail: str,
        body: Mapping[str, Any] | None = None,
        *,
        refusal: IntegrityError | None = None,
    ) -> Mapping[str, Any]:
        url = f"{self._server}/v1/{self._mount}/{what}/{self._name}{tail}"
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
                answer = await client.request(method, url, json=body, headers={"X-Vault-Token": self._token()})
            content = answer.json() if answer.content and len(answer.content) <= _LIMIT else {}
        except (httpx.HTTPError, ValueError) as error:
            raise EnvironmentFault(
                f"Vault at {self._server} does not answer ({type(error).__name__}); look whether it runs and is unsealed"
            ) from None
        if answer.status_code == 400 and refusal is not None:
            raise refusal
        if answer.status_code in (401, 403):
            raise EnvironmentFault(f"Vault at {self._server} does not let our token use {self._mount}/{self._name}; renew it")
        if answer.status_code >= 300:
            raise EnvironmentFault(f"Vault at {self._server} answered {what} with status {answer.status_code}")
        data = content.get("data") if isinstance(content, dict) else None
        return data if isinstance(data, dict) else {}


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _closed(version: int) -> str:
    return f"a sealed secret does not open: its row was changed, or master key {version} was retired in Vault; enter it again"
