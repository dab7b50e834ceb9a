"""The built page, the API's own documentation page, and ``/ws``."""

from __future__ import annotations

import html
import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, WebSocket
from starlette.responses import FileResponse, HTMLResponse, Response

from quantservice.web.context import WebContext
from quantservice.web.errors import Denied, error_reply, reply
from quantservice.web.live import LiveHub
from quantservice.web.security import Guard

_YEAR = "public, max-age=31536000, immutable"
_OURS = ("api", "udf", "health", "metrics", "ws", "login", "docs", "openapi.json")
_METHODS = ("get", "post", "put", "delete")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1f2933; background: #fff }
h1 { font-size: 1.6rem }
h2 { margin-top: 2.2rem; border-bottom: 1px solid #cbd2d9 }
h3 { font: 600 1rem ui-monospace, monospace; margin: 1.4rem 0 .2rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
td, th { border: 1px solid #cbd2d9; padding: .25rem .5rem; text-align: left; vertical-align: top }
code { font-family: ui-monospace, monospace }
b, a { color: #0b69a3 }
@media (prefers-color-scheme: dark) {
  body { background: #12161c; color: #e4e7eb } td, th, h2 { border-color: #3e4c59 } b, a { color: #62b0e8 }
}
"""


def make_router(app: FastAPI, context: WebContext, guard: Guard, live: LiveHub) -> APIRouter:
    """Return the page's routes; the catch-all comes last."""
    router = APIRouter(include_in_schema=False)
    folder = context.config.static_dir or Path(__file__).resolve().parent.parent / "static"

    @router.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        try:
            await guard.require_read(socket)
        except Denied as error:
            await socket.close(1008, str(error)[:120])
            return
        await live.serve(socket)

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        await guard.require_read(request)
        return HTMLResponse(documentation(app.openapi()))

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        await guard.require_read(request)
        return reply(app.openapi())

    @router.get("/docs/style.css")
    async def docs_style() -> Response:
        return Response(_STYLE, media_type="text/css")

    @router.get("/{path:path}")
    async def page(request: Request, path: str) -> Response:
        if path.partition("/")[0] in _OURS:
            return error_reply(404, "not_found", "no such address; /docs lists them")
        found = _inside(folder, path)
        if found is not None and found.name != "index.html":
            headers = {"Cache-Control": _YEAR if "assets" in found.relative_to(folder).parts else "public, max-age=3600"}
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            return FileResponse(found, headers=headers, media_type="text/javascript" if found.suffix == ".js" else kind)
        if found is None and (path.partition("/")[0] == "assets" or "." in path.rpartition("/")[2]):
            return error_reply(404, "not_found", "no such file")
        index = folder / "index.html"
        if index.is_file():
            return FileResponse(index, headers={"Cache-Control": "no-cache"}, media_type="text/html")
        return HTMLResponse(_plain_page(context), headers={"Cache-Control": "no-cache"})

    return router


def _inside(folder: Path, path: str) -> Path | None:
    """Return the file ``path`` names, if it lies inside ``folder``."""
    if not path or "\x00" in path or len(path) > 500:
        return None
    try:
        found = (folder / path).resolve()
        return found if found.is_relative_to(folder.resolve()) and found.is_file() else None
    except OSError:
        return None


def _plain_page(context: WebContext) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>QuantService</title>'
        '<link rel="stylesheet" href="/docs/style.css">'
        f"<h1>QuantService {html.escape(context.version)} ({html.escape(context.environment)})</h1>"
        "<p>The page is not built in this checkout: run <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code>.</p>"
        '<p>The API works: <a href="/docs">documentation</a> · <a href="/api/v1/status">status</a> · '
        '<a href="/api/v1/instruments">instruments</a> · <a href="/metrics">metrics</a></p></html>'
    )


def documentation(schema: Mapping[str, Any]) -> str:
    """Render the OpenAPI as one plain page that needs no script and no other server."""
    groups: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = (operation.get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(path, method, operation))
    body = "".join(f"<h2 id='{html.escape(tag)}'>{html.escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    info = schema["info"]
    description = "".join(f"<p>{html.escape(part)}</p>" for part in info.get("description", "").split("\n\n"))
    models = "".join(_model(name, model) for name, model in sorted(schema["components"]["schemas"].items()))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{html.escape(info["title"])} API</title><link rel="stylesheet" href="/docs/style.css">'
        f"<h1>{html.escape(info['title'])} API {html.escape(info['version'])}</h1>{description}"
        f'<p>Machine-readable: <a href="/openapi.json">/openapi.json</a></p>{body}<h2>models</h2>{models}</html>'
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(_parameter(item) for item in operation.get("parameters", []))
    table = f"<table><tr><th>argument</th><th>type</th><th>meaning</th></tr>{rows}</table>" if rows else ""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = f"<p>Body: {_reference(content.get('schema', {}))}</p>" if content else ""
    answers = ", ".join(
        f"{html.escape(status)} {_reference(answer.get('content', {}).get('application/json', {}).get('schema', {}))}"
        for status, answer in operation.get("responses", {}).items()
        if status[0] in "23"
    )
    return (
        f"<h3><b>{method.upper()}</b> {html.escape(path)}</h3><p>{html.escape(operation.get('summary', ''))}. "
        f"{html.escape(operation.get('description', ''))}</p>{table}{body}<p>Answers: {answers}</p>"
    )


def _parameter(item: Mapping[str, Any]) -> str:
    schema = item.get("schema", {})
    need = " (required)" if item.get("required") else ""
    default = f" Default: {html.escape(str(schema['default']))}." if schema.get("default") not in (None, "") else ""
    text = html.escape(item.get("description") or schema.get("description") or "")
    return f"<tr><td><code>{html.escape(item['name'])}</code>{need}</td><td>{_kind(schema)}</td><td>{text}{default}</td></tr>"


def _model(name: str, model: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(key)}</code></td><td>{_kind(part)}</td>"
        f"<td>{html.escape(part.get('description', ''))}</td></tr>"
        for key, part in model.get("properties", {}).items()
    )
    title = f"<h3 id='model-{html.escape(name)}'>{html.escape(name)}</h3>"
    return f"{title}<p>{html.escape(model.get('description', ''))}</p><table>{rows}</table>"


def _kind(schema: Mapping[str, Any]) -> str:
    return " | ".join(_kinds(schema)) or "any"


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield _reference(schema)
    elif "enum" in schema:
        yield html.escape(", ".join(str(item) for item in schema["enum"] if item is not None))
    elif "anyOf" in schema:
        for part in schema["anyOf"]:
            yield from _kinds(part)
    elif schema.get("type") == "array":
        yield f"list of {_kind(schema.get('items', {}))}"
    elif "type" in schema:
        yield html.escape(str(schema["type"]))


def _reference(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return f"<a href='#model-{html.escape(name)}'>{html.escape(name)}</a>" if name else ""
