"""One client for commands and notebooks: it asks the running process that owns the stores, or opens them itself.

Both ways end at the same routes: over HTTP, or in this process without a socket.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import httpx
import msgspec
import structlog

from quantservice.app.logs import configure_logs
from quantservice.app.places import Places
from quantservice.app.process import RunningProcess, find_running
from quantservice.app.settings import LoadedSettings
from quantservice.core.errors import EnvironmentFault, QuantServiceError, StoreUnavailable, UserError

Progress = Callable[[float, float | None, str], None]
_T = TypeVar("_T")
_POLL_S: Final = 0.2
_HEAL_PATIENCE_S: Final = 3_600.0
_START_PATIENCE_S: Final = 15.0
_FINAL: Final = ("healed", "failed", "closed")
_ENDED: Final = ("done", "failed", "cancelled")


class PlatformClient:
    """Calls the platform's API; raises the project's errors with the platform's own sentences."""

    def __init__(self, runner: asyncio.Runner, http: httpx.AsyncClient) -> None:
        self._runner = runner
        self._http = http

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET a JSON object."""
        return self._run(self._json("GET", path, query=query))

    def post(self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """POST a JSON object and return the answer."""
        return self._run(self._json("POST", path, body=body, headers=headers))

    def put(self, path: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """PUT a JSON object and return the answer."""
        return self._run(self._json("PUT", path, body=body, headers=headers))

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """DELETE and return the answer."""
        return self._run(self._json("DELETE", path, query=query))

    def arrow(self, path: str, query: Mapping[str, Any]) -> Any:
        """GET rows as one ``pyarrow.Table``."""
        return self._run(self._arrow(path, query))

    def stream(self, path: str, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        """POST work that tells its progress line by line; returns its result."""
        return self._run(self._stream(path, body, progress))

    def heal(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a range and wait until it is healed, explained or failed."""
        return self._run(self._heal(body))

    def audit(self) -> dict[str, Any]:
        """Run an audit and wait for its report."""
        return self._run(self._audit())

    def follow_job(self, job_id: str, progress: Progress) -> dict[str, Any]:
        """Wait until a job has ended, telling its progress; return it as it is then."""
        return self._run(self._follow_job(job_id, progress))

    def table(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """GET a table of a job or backtest as one ``pyarrow.Table``."""
        return self._run(self._arrow(path, query or {}))

    def _run(self, work: Awaitable[_T]) -> _T:
        async def within() -> _T:
            return await work

        return self._runner.run(within())

    async def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        content = None if body is None else {name: value for name, value in body.items() if value is not None}
        response = await self._http.request(method, path, params=given, json=content, headers=dict(headers or {}))
        return _answer(response)

    async def _arrow(self, path: str, query: Mapping[str, Any]) -> Any:
        import pyarrow as pa

        given = {name: value for name, value in query.items() if value is not None} | {"format": "arrow"}
        response = await self._http.get(path, params=given, timeout=600)
        if response.status_code >= 400:
            _answer(response)
        return pa.ipc.open_stream(io.BytesIO(response.content)).read_all()

    async def _stream(self, path: str, body: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        async with self._http.stream("POST", path, json=dict(body), timeout=None) as response:
            if response.status_code >= 400:
                await response.aread()
                return _answer(response)
            async for line in response.aiter_lines():
                item = msgspec.json.decode(line) if line.strip() else {}
                if "error" in item:
                    raise _error(item["error"], 400)
                if "result" in item:
                    return dict(item["result"])
                if "done" in item:
                    progress(item["done"], item.get("total"), item.get("text", ""))
        raise EnvironmentFault("the process that owns the store ended before the work was done; run the command again")

    async def _heal(self, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self._json("POST", "/api/v1/gaps/heal", body=body)
        until = time.monotonic() + _HEAL_PATIENCE_S
        while answer["state"] not in _FINAL and time.monotonic() < until:
            await asyncio.sleep(_POLL_S)
            answer = await self._json("GET", answer["location"])
        return answer

    async def _follow_job(self, job_id: str, progress: Progress) -> dict[str, Any]:
        while True:
            job = await self._json("GET", f"/api/v1/jobs/{job_id}")
            progress(job["done"], job["total"] or None, job["text"])
            if job["state"] in _ENDED:
                return job
            await asyncio.sleep(_POLL_S)

    async def _audit(self) -> dict[str, Any]:
        report = await self._json("POST", "/api/v1/audit", body={})
        until = time.monotonic() + _HEAL_PATIENCE_S
        while report["state"] == "running" and time.monotonic() < until:
            await asyncio.sleep(_POLL_S)
            report = await self._json("GET", "/api/v1/audit")
        return report


@contextmanager
def platform_client(
    loaded: LoadedSettings, *, venues: bool = False, healing: bool = False, working: bool = False
) -> Iterator[PlatformClient]:
    """Open a client: over HTTP when a process owns the data directory, else on the stores themselves.

    ``venues``: the work may need a venue's instrument list; ``healing``: it needs backfill and recorder to run; ``working``: the
    queue of jobs is to be worked off, here where no other process does.
    """
    if not structlog.is_configured():  # a command or a notebook of its own: warnings only, to standard error
        configure_logs(loaded.settings.log, None, quiet=True)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        stack = AsyncExitStack()
        http = runner.run(_enter(stack, loaded, venues=venues, healing=healing, working=working))
        try:
            yield PlatformClient(runner, http)
        finally:
            runner.run(stack.aclose())


async def _enter(stack: AsyncExitStack, loaded: LoadedSettings, *, venues: bool, healing: bool, working: bool) -> httpx.AsyncClient:
    places = Places.of(loaded.settings)
    running = await _wait_for_api(places)
    if running is not None:
        headers = {}
        if places.owner_token.is_file():
            headers["Authorization"] = f"Bearer {places.owner_token.read_text(encoding='utf-8').strip()}"
        verify = not running.api_url.startswith("https://127.")
        return await stack.enter_async_context(
            httpx.AsyncClient(base_url=running.api_url, headers=headers, timeout=60, verify=verify)
        )
    return await stack.enter_async_context(_in_process(loaded, venues=venues, healing=healing, working=working))


async def _wait_for_api(places: Places) -> RunningProcess | None:
    until = time.monotonic() + _START_PATIENCE_S
    while True:
        running = find_running(places)
        if running is None or running.api_url:
            return running
        if time.monotonic() > until:
            raise EnvironmentFault(f"process {running.pid} is using {places.root} and serves no API; wait for it to end")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _in_process(loaded: LoadedSettings, *, venues: bool, healing: bool, working: bool) -> AsyncIterator[httpx.AsyncClient]:
    from quantservice.app.platform import Platform

    roles = ("recorder", "backfill") if healing else ("outbox", "jobs") if working else ()
    async with Platform.open(loaded, roles=roles, venues=venues or healing, command="command") as platform:
        transport = httpx.ASGITransport(app=platform.asgi_app())
        headers = {"Authorization": f"Bearer {platform.owner_token}"}
        async with AsyncExitStack() as stack:
            if working:
                await stack.enter_async_context(platform.runner.running())
            client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=None)  # noqa: S113
            yield await stack.enter_async_context(client)


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        raise QuantServiceError(f"the answer of {response.request.url.path} is not JSON (HTTP {response.status_code})") from None
    if response.status_code < 400:
        return dict(content)
    raise _error(content.get("error", {}), response.status_code)


def _error(error: Mapping[str, Any], status: int) -> QuantServiceError:
    sentence = str(error.get("message") or f"HTTP {status}")
    if status == 503:
        return StoreUnavailable(sentence)
    if status >= 500:
        return QuantServiceError(sentence)
    return UserError(sentence)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    from quantservice.app.loop import loop_factory

    return loop_factory()
