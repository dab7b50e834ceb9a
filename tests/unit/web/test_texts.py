"""Characters that a store cannot keep are refused at the door, in bodies and addresses."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.support.web import client, web_context

from quantservice.web.errors import install
from quantservice.web.models.common import Body


class Named(Body):
    """A body with texts at every depth."""

    name: str
    more: dict[str, list[str]] | None = None


@pytest.fixture
def api() -> httpx.AsyncClient:
    app = FastAPI()
    install(app)

    @app.post("/named")
    async def named(body: Named) -> str:
        return body.name

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "a\\u0000b"}',
        '{"name": "\\ud800"}',
        '{"name": "a", "more": {"k\\u0000": []}}',
        '{"name": "a", "more": {"k": ["\\u0000"]}}',
    ],
)
async def test_a_text_that_no_store_keeps_is_refused_in_a_sentence(api: httpx.AsyncClient, body: str) -> None:
    async with api:
        answer = await api.post("/named", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].endswith("holds a text with a character that cannot be kept (NUL or half a pair)")


async def test_every_other_text_passes(api: httpx.AsyncClient) -> None:
    async with api:
        answer = await api.post("/named", json={"name": "测试'\"/\\ 🚀"})
    assert answer.json() == "测试'\"/\\ 🚀"


@pytest.mark.parametrize("address", ["/api/v1/orders/%00", "/api/v1/orders?account=%00"])
async def test_an_address_holds_none(tmp_path: Path, address: str) -> None:
    async with web_context(tmp_path) as context, client(context) as http:
        answer = await http.get(address)
    assert (answer.status_code, answer.json()["error"]["message"]) == (422, "an address holds no NUL character")
