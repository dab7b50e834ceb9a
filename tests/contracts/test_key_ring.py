"""What every KeyRing must do: wrap, unwrap in its context only, rotate, retire. File; Vault's transit; a real Vault where one is.

The small Vault here answers as its documentation of the transit engine says. A real one is used where ``QS_TEST_VAULT_URL``
(``http://127.0.0.1:8200/transit/some-key``) and ``QS_TEST_VAULT_TOKEN`` name it; the key is made by the test.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quantservice.adapters.secrets.envelopes import AesGcmEnvelopes
from quantservice.adapters.secrets.key_file import FileKeyRing
from quantservice.adapters.secrets.transit import TransitKeyRing
from quantservice.core.errors import EnvironmentFault, IntegrityError, SettingsError
from quantservice.ports import KeyRing

TOKEN = "hvs.CANARYTOKENOFVAULT"
DATA_KEY = bytes(range(32))


class SmallVault:
    """The transit engine with one key."""

    def __init__(self) -> None:
        self.keys = {1: AESGCM.generate_key(256)}
        self.oldest = 1
        self.status = 0
        self.seen: list[str] = []
        self.url = ""

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self.guard])
        app.router.add_get("/v1/transit/keys/qs", self.describe)
        app.router.add_post("/v1/transit/keys/qs/rotate", self.rotate)
        app.router.add_post("/v1/transit/keys/qs/config", self.configure)
        app.router.add_post("/v1/transit/encrypt/qs", self.encrypt)
        app.router.add_post("/v1/transit/decrypt/qs", self.decrypt)
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.seen.append(str(request.url))
        if self.status:
            return web.json_response({"errors": ["sealed"]}, status=self.status)
        if request.headers.get("X-Vault-Token") != TOKEN:
            return web.json_response({"errors": ["permission denied"]}, status=403)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def describe(self, _request: web.Request) -> web.Response:
        return web.json_response({"data": {"latest_version": max(self.keys), "min_decryption_version": self.oldest}})

    async def rotate(self, _request: web.Request) -> web.Response:
        self.keys[max(self.keys) + 1] = AESGCM.generate_key(256)
        return web.Response(status=204)

    async def configure(self, request: web.Request) -> web.Response:
        self.oldest = (await request.json())["min_decryption_version"]
        return web.Response(status=204)

    async def encrypt(self, request: web.Request) -> web.Response:
        body, newest, nonce = await request.json(), max(self.keys), secrets.token_bytes(12)
        bound = base64.b64decode(body["associated_data"])
        sealed = nonce + AESGCM(self.keys[newest]).encrypt(nonce, base64.b64decode(body["plaintext"]), bound)
        return web.json_response({"data": {"ciphertext": f"vault:v{newest}:{base64.b64encode(sealed).decode()}"}})

    async def decrypt(self, request: web.Request) -> web.Response:
        body = await request.json()
        _, version, text = body["ciphertext"].split(":")
        number, raw = int(version[1:]), base64.b64decode(text)
        if number < self.oldest:
            return web.json_response({"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}, status=400)
        try:
            clear = AESGCM(self.keys[number]).decrypt(raw[:12], raw[12:], base64.b64decode(body["associated_data"]))
        except InvalidTag:
            return web.json_response({"errors": ["cipher: message authentication failed"]}, status=400)
        return web.json_response({"data": {"plaintext": base64.b64encode(clear).decode()}})


@pytest.fixture
async def vault() -> AsyncIterator[SmallVault]:
    made = SmallVault()
    runner = web.AppRunner(made.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/transit/qs"
    yield made
    await runner.cleanup()


async def _real_vault() -> TransitKeyRing:
    url, token = os.environ.get("QS_TEST_VAULT_URL", ""), os.environ.get("QS_TEST_VAULT_TOKEN", "")
    if not url:
        pytest.skip("QS_TEST_VAULT_URL names no Vault: its transit engine is not tested for real")
    server, _, path = url.partition("/transit/")
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{server}/v1/transit/keys/{path}", json={"type": "aes256-gcm96"}, headers={"X-Vault-Token": token}
        )
        answer.raise_for_status()
    return TransitKeyRing(f"{server}/transit/{path}", lambda: token)


@pytest.fixture(params=["file", "transit", "vault"])
async def ring(request: pytest.FixtureRequest, tmp_path: Path, vault: SmallVault) -> KeyRing:
    if request.param == "file":
        return FileKeyRing(tmp_path / "keys" / "venue-keys.json")
    if request.param == "transit":
        return TransitKeyRing(vault.url, lambda: TOKEN)
    return await _real_vault()


async def test_a_data_key_comes_back_in_its_context_only(ring: KeyRing) -> None:
    version, wrapped = await ring.wrap(DATA_KEY, context="row 1")
    assert version == await ring.version()
    assert "." not in wrapped
    assert base64.b64encode(DATA_KEY).decode() not in wrapped
    assert await ring.unwrap(version, wrapped, context="row 1") == DATA_KEY
    with pytest.raises(IntegrityError):
        await ring.unwrap(version, wrapped, context="row 2")
    with pytest.raises(IntegrityError):
        await ring.unwrap(version + 1, wrapped, context="row 1")


async def test_after_a_rotation_the_old_opens_until_it_is_retired(ring: KeyRing) -> None:
    before, wrapped = await ring.wrap(DATA_KEY, context="row")
    newest = await ring.rotate()
    assert newest == before + 1 == await ring.version()
    assert await ring.unwrap(before, wrapped, context="row") == DATA_KEY
    after, again = await ring.wrap(DATA_KEY, context="row")
    assert after == newest
    await ring.retire(newest)
    with pytest.raises(IntegrityError):
        await ring.unwrap(before, wrapped, context="row")
    assert await ring.unwrap(after, again, context="row") == DATA_KEY


async def test_an_envelope_moves_to_the_new_master_key_without_being_opened(ring: KeyRing) -> None:
    envelopes = AesGcmEnvelopes(ring)
    sealed = await envelopes.seal("CANARY-7", context="row")
    assert await envelopes.rewrap(sealed, context="row") == sealed, "it is under the newest already"
    newest = await envelopes.rotate()
    moved = await envelopes.rewrap(sealed, context="row")
    assert envelopes.version_of(moved) == newest
    assert moved.split(".")[3] == sealed.split(".")[3]
    await envelopes.retire(newest)
    assert await envelopes.unseal(moved, context="row") == "CANARY-7"
    for damaged, context in ((sealed, "row"), (moved, "row 2"), (moved[:-3] + "AAA", "row"), ("qs2.x.y.z", "row"), ("", "row")):
        with pytest.raises(IntegrityError) as caught:
            await envelopes.unseal(damaged, context=context)
        assert "CANARY-7" not in str(caught.value)


# --- the file ---


async def test_a_lost_key_file_is_said_and_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    _, wrapped = await FileKeyRing(path).wrap(DATA_KEY, context="row")
    path.unlink()
    with pytest.raises(EnvironmentFault, match=f"the key file {path} is missing"):
        await FileKeyRing(path).unwrap(1, wrapped, context="row")
    assert not path.exists(), "one in its place would be taken for the right one"


async def test_a_key_file_of_another_installation_is_named(tmp_path: Path) -> None:
    _, wrapped = await FileKeyRing(tmp_path / "ours.json").wrap(DATA_KEY, context="row")
    other = FileKeyRing(tmp_path / "other.json")
    await other.wrap(DATA_KEY, context="row")
    with pytest.raises(IntegrityError, match=f"key file {tmp_path / 'other.json'}"):
        await other.unwrap(1, wrapped, context="row")


async def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    ring = FileKeyRing(path)
    _, wrapped = await ring.wrap(DATA_KEY, context="row")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await FileKeyRing(path).unwrap(1, wrapped, context="row") == DATA_KEY, "another process reads it"
    for mode in (0o640, 0o604, 0o644, 0o700):
        path.chmod(mode)
        with pytest.raises(EnvironmentFault, match=f"chmod 0600 {path}"):
            await ring.unwrap(1, wrapped, context="row")
    path.chmod(0o400)
    assert await ring.unwrap(1, wrapped, context="row") == DATA_KEY


async def test_a_process_sees_the_rotation_of_another(tmp_path: Path) -> None:
    one, two = FileKeyRing(tmp_path / "ring.json"), FileKeyRing(tmp_path / "ring.json")
    assert await one.version() == await two.version() == 1
    await two.rotate()
    assert (await one.wrap(DATA_KEY, context="row"))[0] == 2
    assert await one.rotate() == 3
    await two.retire(99)  # never the newest
    assert await one.version() == 3
    names = await asyncio.to_thread(os.listdir, tmp_path)
    assert [name for name in names if not name.endswith(".lock")] == ["ring.json"], "no draft is left"


@pytest.mark.parametrize("content", [b"", b"{", b'{"newest":2,"keys":{"1":"AAAA"}}', b'{"newest":1,"keys":{"1":"short"}}'])
async def test_a_damaged_key_file_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ring.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(EnvironmentFault, match="damaged") as caught:
        await FileKeyRing(path).version()
    assert "AAAA" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


# --- Vault ---


async def test_what_vault_refuses_is_a_sentence_without_the_token(vault: SmallVault) -> None:
    ring = TransitKeyRing(vault.url, lambda: TOKEN)
    stranger = TransitKeyRing(vault.url, lambda: "hvs.OTHERCANARY")
    with pytest.raises(EnvironmentFault, match="does not let our token") as caught:
        await stranger.version()
    assert "OTHERCANARY" not in str(caught.value)
    vault.status = 503
    with pytest.raises(EnvironmentFault, match="status 503"):
        await ring.wrap(DATA_KEY, context="row")
    gone = TransitKeyRing("http://127.0.0.1:1/transit/qs", lambda: TOKEN)
    with pytest.raises(EnvironmentFault, match="does not answer") as away:
        await gone.version()
    assert TOKEN not in repr(away.value)
    assert not any(TOKEN in url for url in vault.seen)


@pytest.mark.parametrize(
    "url", ["vault:8200/transit/qs", "https://host:8200", "https://u:p@host/transit/qs", "http://vault.example:8200/transit/qs"]
)
def test_an_address_of_vault_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        TransitKeyRing(url, lambda: TOKEN)
