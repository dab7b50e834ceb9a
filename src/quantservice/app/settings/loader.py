"""Read the settings: defaults, then ``config/app.yaml``, then the environment, then flags; each value remembers its source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints
from urllib.parse import quote, urlsplit

import msgspec
import yaml

from quantservice.app.settings.compatibility import (
    CLICKHOUSE_PARTS,
    DEFAULT_SECRETS,
    ENVIRONMENT,
    ENVIRONMENT_WORDS,
    KEYS,
)
from quantservice.app.settings.tree import ClientServerSettings, Settings, WebSettings
from quantservice.core.errors import SettingsError, nearest

PREFIX: Final = "QS_"
DEFAULT_FILE: Final = "config/app.yaml"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", ""})
_SECRET_WORDS: Final = ("password", "token", "secret", "tls_key", "alerts.urls", "watchdog_url")


class SettingRow(msgspec.Struct, frozen=True):
    """One setting as ``qs settings`` prints it. ``value`` is masked where it is secret."""

    path: str
    value: Any
    source: str
    doc: str
    environment_name: str


class LoadedSettings(msgspec.Struct, frozen=True):
    """The tree and where each value came from (``default``, a file's name, an environment name, ``flag``)."""

    settings: Settings
    sources: dict[str, str]

    def rows(self) -> list[SettingRow]:
        """Every setting with its value, source and line of documentation, in the tree's order."""
        docs = field_docs()
        rows = []
        for path, text in docs.items():
            value = self.settings
            for part in path.split("."):
                value = getattr(value, part)
            name = PREFIX + path.upper().replace(".", "__")
            rows.append(SettingRow(path, mask(path, value), self.sources.get(path, "default"), text, name))
        return rows


def load_settings(
    file: Path | None = None, *, environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> LoadedSettings:
    """Load and check the settings; raises :class:`SettingsError` naming the key, its source and the nearest valid key."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}

    def put(path: str, value: Any, source: str) -> None:
        values[path] = value
        sources[path] = source

    chosen = file or (Path(environ["QS_CONFIG"]) if environ.get("QS_CONFIG") else None)
    if chosen is None and Path(DEFAULT_FILE).is_file():
        chosen = Path(DEFAULT_FILE)
    if chosen is not None:
        for path, value in _from_file(chosen).items():
            put(path, value, str(chosen))
    for name, path in ENVIRONMENT.items():
        if environ.get(name):
            put(path, _designs_value(name, environ[name]), name)
    for name, text in environ.items():
        if (name.startswith(PREFIX) and "__" in name) or name in ("QS_DATA_DIR", "QS_ENVIRONMENT", "QS_PLUGINS_DIR"):
            path = name[len(PREFIX) :].lower().replace("__", ".")
            put(_known(path, name), text, name)
    for path, value in (flags or {}).items():
        if value is not None:
            put(_known(path, "flag"), value, "flag")
    settings = _build(values, sources)
    _check(settings, sources)
    return LoadedSettings(settings, sources)


def field_docs() -> dict[str, str]:
    """Return path -> documentation line for every leaf of the tree."""
    found: dict[str, str] = {}

    def walk(kind: type[msgspec.Struct], prefix: str) -> None:
        hints = get_type_hints(kind, include_extras=True)
        for name in kind.__struct_fields__:
            hint = hints[name]
            if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
                walk(hint, f"{prefix}{name}.")
                continue
            metas = [item for item in get_args(hint) if isinstance(item, msgspec.Meta) and item.description]
            found[prefix + name] = metas[-1].description or "" if metas else ""

    walk(Settings, "")
    return found


def mask(path: str, value: Any) -> Any:
    """Hide what is secret in a setting's value: passwords in URLs, tokens."""
    if any(word in path for word in _SECRET_WORDS) and value and not path.endswith("tls_key"):
        return "********"
    if isinstance(value, str) and "://" in value and "@" in value:
        head, _, tail = value.partition("://")
        login, _, rest = tail.rpartition("@")
        return f"{head}://{login.split(':')[0]}:********@{rest}" if ":" in login else value
    if isinstance(value, tuple):
        return tuple(mask(path, item) for item in value)
    return value


def _from_file(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"the settings file {file} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"the settings file {file} is not YAML: {' '.join(str(error).split())}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"the settings file {file} must hold keys and values, not a {type(content).__name__}")
    body = dict(content)
    inner = body.pop("app", None)
    if isinstance(inner, dict):  # the designs put everything under `app:`
        body = {**body, **inner}
    flat = _flatten(body)
    result: dict[str, Any] = {}
    clickhouse = {part: flat.pop(f"clickhouse.{part}") for part in CLICKHOUSE_PARTS if f"clickhouse.{part}" in flat}
    if clickhouse:
        result["stores.market_url"] = _clickhouse_url(clickhouse)
        if clickhouse.get("database"):
            result["stores.database"] = clickhouse["database"]
    for key, value in flat.items():
        path = KEYS.get(key, key)
        known = ENVIRONMENT_WORDS.get(str(value), value) if path == "environment" else value
        result[_known(path, str(file))] = known
    return result


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{path}."))
        elif value is not None:
            flat[path] = value
    return flat


def _known(path: str, source: str) -> str:
    valid = field_docs()
    if path in valid:
        return path
    close = nearest(path, [*valid, *KEYS]) or nearest(path.rpartition(".")[2], {item.rpartition(".")[2]: 0 for item in valid})
    same_leaf = [item for item in valid if item.rpartition(".")[2] == path.rpartition(".")[2]]
    hint = ", ".join(close or same_leaf) or "see qs settings"
    raise SettingsError(f"unknown setting {path!r} in {source}; did you mean: {hint}")


def _clickhouse_url(parts: Mapping[str, Any]) -> str:
    user = quote(str(parts.get("username") or "default"), safe="")
    password = quote(str(parts.get("password") or ""), safe="")
    login = f"{user}:{password}@" if password else f"{user}@"
    return f"clickhouse://{login}{parts.get('host') or 'localhost'}:{parts.get('port') or 8123}/{parts.get('database') or ''}"


def _designs_value(name: str, text: str) -> str:
    if name == "KAFKA_BROKER" and "://" not in text:
        return f"kafka://{text}"
    if name == "LOG_LEVEL":
        return text.upper()
    return text


def _build(values: Mapping[str, Any], sources: Mapping[str, str]) -> Settings:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        parts = path.split(".")
        node = tree
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        hint = _leaf_is_tuple(path)
        node[parts[-1]] = [item.strip() for item in value.split(",") if item.strip()] if hint and isinstance(value, str) else value
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        path = where.rstrip("`")
        choices = _choices(path)
        if choices:
            reason = f"must be one of {', '.join(choices)}"
        raise SettingsError(f"setting {path} from {sources.get(path, 'the file')}: {reason[0].lower()}{reason[1:]}") from None


def _choices(path: str) -> tuple[str, ...]:
    """The words that a setting may be, where it is a choice of words."""
    hint: Any = Settings
    for part in path.split("."):
        hint = get_type_hints(hint, include_extras=True).get(part) if isinstance(hint, type) else None
    choice = get_args(hint)[0] if get_args(hint) else None
    return get_args(choice) if get_origin(choice) is Literal else ()


def _leaf_is_tuple(path: str) -> bool:
    value: Any = Settings()
    for part in path.split("."):
        value = getattr(value, part)
    return isinstance(value, tuple)


def _check(settings: Settings, sources: Mapping[str, str]) -> None:
    for path in ("market_url", "state_url", "bus_url", "cache_url"):
        parts = urlsplit(getattr(settings.stores, path))
        if parts.password is not None and parts.password.lower() in DEFAULT_SECRETS:
            raise SettingsError(
                f"stores.{path} from {sources.get(f'stores.{path}', 'default')} uses a default password on {parts.hostname};"
                " set one of your own"
            )
    if settings.secrets.owner_token and (
        len(settings.secrets.owner_token) < 20 or settings.secrets.owner_token.lower() in DEFAULT_SECRETS
    ):
        raise SettingsError("secrets.owner_token must have at least 20 characters; leave it empty and one is made for you")
    for part in ("web", "clientserver"):
        _check_face(part, getattr(settings, part))


def _check_face(part: str, face: WebSettings | ClientServerSettings) -> None:
    """Refuse half a certificate, and an address that other machines reach without encryption."""
    if bool(face.tls_cert) != bool(face.tls_key):
        raise SettingsError(f"{part}.tls_cert and {part}.tls_key go together")
    if face.host not in _LOOPBACK and not (face.tls_cert or face.insecure):
        raise SettingsError(
            f"{part}.host {face.host} is reachable from other machines: set {part}.tls_cert and {part}.tls_key,"
            f" or {part}.insecure (--insecure) if something in front of it encrypts"
        )
