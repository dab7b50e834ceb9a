"""``python -m quantservice.app.docs configuration``: the page of the settings, made of the settings tree itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final, get_type_hints

import msgspec
import yaml

from quantservice.app.settings.compatibility import ENVIRONMENT, KEYS
from quantservice.app.settings.loader import PREFIX, field_docs
from quantservice.app.settings.tree import Settings

_HEAD: Final = """# Configuration

<!-- Made by `python -m quantservice.app.docs configuration > docs/configuration.md`; a test checks that it is up to date. -->

Nothing has to be configured: every setting has a default that works. A value is taken from, later ones winning:

1. the default,
2. the file `config/app.yaml` of the working directory, or the one that `--config` or `QS_CONFIG` names,
3. the environment: `QS_` and the path in capitals, levels joined by `__`,
4. the flags of a command (`--port`, `--host`, `--data-dir`, `--no-browser`, `--insecure`).

`qs settings` prints every value with its source. An unknown key stops the start and names the nearest valid one. A database URL
with a password that everybody knows and a non-loopback page without TLS stop it too. Lists are YAML lists in the file, comma
separated in the environment.

```sh
./qs settings
./qs settings --json
```

`config/app.yaml` in the repository lists every setting with its default, commented out.
"""

#: A value that differs from the default, for the example of each setting.
_EXAMPLES: Final[dict[str, Any]] = {
    "indicators.online": ("sma(20)", "sma(50)", "ema(12)"),
    "environment": "demo",
    "data_dir": "/var/lib/quantservice",
    "plugins_dir": "/srv/quantservice/plugins",
    "web.allowed_hosts": ["quant.example"],
    "log.level": "DEBUG",
    "log.format": "json",
    "stores.market_url": "clickhouse://quant:a-password-of-your-own@db.internal:8123/quantservice",
    "stores.state_url": "postgresql://quant:a-password-of-your-own@db.internal/quantservice",
    "stores.bus_url": "memory://",
    "stores.cache_url": "memory://",
    "stores.database": "marketdata",
    "stores.cluster": "main",
    "web.host": "192.168.1.20",
    "web.tls_cert": "/etc/quantservice/chain.pem",
    "web.tls_key": "/etc/quantservice/key.pem",
    "clientserver.host": "0.0.0.0",  # noqa: S104 - a text in an example
    "clientserver.tls_cert": "/etc/quantservice/chain.pem",
    "clientserver.tls_key": "/etc/quantservice/key.pem",
    "clientserver.allowed_origins": ["https://chart.example"],
    "binance.spot.ws_url": "wss://stream.binance.com:443",
    "binance.spot.rest_url": "https://api1.binance.com",
    "binance.um.ws_url": "ws://127.0.0.1:8990/um",
    "binance.um.rest_url": "http://127.0.0.1:8990",
    "binance.cm.ws_url": "ws://127.0.0.1:8990/cm",
    "binance.cm.rest_url": "http://127.0.0.1:8990",
    "binance.requests_per_second": 20,
    "binance.archive_url": "https://mirror.internal/binance",
    "okx.enabled": True,
    "okx.markets": ["um"],
    "okx.rest_url": "http://127.0.0.1:8990",
    "okx.ws_url": "ws://127.0.0.1:8990",
    "okx.requests_per_second": 5,
    "htx.enabled": True,
    "htx.markets": ["um"],
    "htx.spot.rest_url": "http://127.0.0.1:8990",
    "htx.spot.ws_url": "ws://127.0.0.1:8990",
    "htx.um.rest_url": "http://127.0.0.1:8990",
    "htx.um.ws_url": "ws://127.0.0.1:8990",
    "htx.requests_per_second": 5,
    "ccxt.markets": ["kraken:spot", "bybit:um"],
    "ccxt.urls": ["binance=http://127.0.0.1:9100"],
    "ccxt.requests_per_second": 5,
    "ccxt.client_id_length": 20,
    "alerts.level": "critical",
    "alerts.watchdog_url": "https://hc-ping.com/your-check",
    "alerts.urls": ["json://127.0.0.1:9000/alerts", "tgram://bot-token/chat-id"],
    "collect.pairs": ["binance:um:BTC-USDT-PERP", "binance:um:SOL-USDT-PERP"],
    "collect.periods": ["1m", "5m", "1h", "1d"],
    "collect.kinds": ["kline", "ticker", "funding"],
    "proxies.urls": ["socks5://user:password@proxy.internal:1080"],
    "jobs.workers": 4,
    "jobs.nice": 15,
    "jobs.ray_address": "ray://head.internal:10001",
    "secrets.owner_token": "a-long-random-text-of-your-own",
}


def main(arguments: list[str]) -> int:
    """Print the page (or the commented settings file) to standard output."""
    pages = {"configuration": configuration_page, "app.yaml": settings_file}
    if len(arguments) != 1 or arguments[0] not in pages:
        sys.stderr.write(f"usage: python -m quantservice.app.docs {' | '.join(pages)}\n")
        return 2
    sys.stdout.write(pages[arguments[0]]())
    return 0


def configuration_page() -> str:
    """Write the documentation of every setting."""
    docs, groups = field_docs(), _group_docs()
    parts = [_HEAD]
    group = None
    for path, meaning in docs.items():
        here = path.rpartition(".")[0]
        if here != group:
            group = here
            parts.append(f"\n## {here or 'General'}\n" + (f"\n{groups[here]}\n" if groups.get(here) else ""))
        parts.append(_section(path, meaning))
    parts.append(_designs_names())
    return "".join(parts)


def settings_file() -> str:
    """Write ``config/app.yaml``: every setting with its default, commented out, so that the file changes nothing."""
    lines = [
        "# Settings of QuantService. Every line below is a default, commented out: take the # away from a group and from the lines",
        "# to change. docs/configuration.md explains each; `qs settings` shows what is in force and where it came from.",
    ]
    known: set[str] = set()
    for path, meaning in field_docs().items():
        parts = path.split(".")
        for depth in range(1, len(parts)):
            group = ".".join(parts[:depth])
            if group not in known:
                known.add(group)
                if depth == 1:
                    lines.append("")
                lines.append(f"# {'  ' * (depth - 1)}{parts[depth - 1]}:")
        indent = "  " * (len(parts) - 1)
        lines.append(f"# {indent}{parts[-1]}: {_yaml(_default(path))}  # {meaning}")
    return "\n".join(lines) + "\n"


def _section(path: str, meaning: str) -> str:
    name = PREFIX + path.upper().replace(".", "__")
    example = _example(path)
    return (
        f"\n### `{path}`\n\n"
        f"{meaning[0].upper()}{meaning[1:]}.\n\n"
        f"Default: `{_yaml(_default(path))}` · environment: `{name}`\n\n"
        f"```yaml\n{_nested(path, example)}```\n"
    )


def _designs_names() -> str:
    rows = [f"| `{old}` | `{new}` |" for old, new in {**KEYS, **ENVIRONMENT}.items()]
    return (
        "\n## Names of the original designs\n\n"
        "These keys (in the file, also under `app:`) and environment names are accepted and mean the setting beside them. "
        "`app.clickhouse.host`, `port`, `database`, `username` and `password` together make `stores.market_url`. `KAFKA_BROKER` "
        "and `REDIS_URL` are accepted; one process needs neither server.\n\n"
        "| name | setting |\n|---|---|\n" + "\n".join(rows) + "\n"
    )


def _default(path: str) -> Any:
    value: Any = Settings()
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _example(path: str) -> Any:
    """A chosen value where one was chosen, else one that differs visibly from the default."""
    if path in _EXAMPLES:
        return _EXAMPLES[path]
    value = _default(path)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 2 if value else 365
    return value


def _nested(path: str, value: Any) -> str:
    *groups, name = path.split(".")
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(groups)]
    lines.append(f"{'  ' * len(groups)}{name}: {_yaml(value)}")
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    """Write a value on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    if isinstance(plain, float) and plain.is_integer():
        plain = int(plain)
    if plain == "":
        return '""'
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _group_docs() -> dict[str, str]:
    """The docstrings of the tree's groups, by path."""

    def walk(kind: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, str]]:
        hints = get_type_hints(kind)
        for name in kind.__struct_fields__:
            hint = hints[name]
            if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
                yield f"{prefix}{name}", (hint.__doc__ or "").strip()
                yield from walk(hint, f"{prefix}{name}.")

    return dict(walk(Settings, ""))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
