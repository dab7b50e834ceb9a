"""The page of a report: one file that asks nobody for anything."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from quantservice.core.errors import UnknownName
from quantservice.quant.metrics import Metric
from quantservice.quant.reports.payload import report_payload
from quantservice.quant.reports.words import WORDS

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report

LANGUAGES: Final = ("en", "zh")
_SCRIPTS: Final = ("base.js", "canvas.js", "curves.js", "candles.js", "small.js", "tables.js", "main.js")


def page(report: Report, language: str = "en") -> str:
    """Return the whole page as text, first shown in one of `LANGUAGES`."""
    return page_of(report_payload(report), report.metrics.values(), language)


def page_of(payload: Mapping[str, Any], metrics: Iterable[Metric], language: str = "en") -> str:
    """Return the page of what `report_payload` made; ``metrics`` are what a reader without scripts is shown."""
    if language not in LANGUAGES:
        raise UnknownName("language", language, LANGUAGES)
    words = {language: {key: pair[k] for key, pair in WORDS.items()} for k, language in enumerate(LANGUAGES)}
    run = payload["run"]
    symbols = ", ".join(name.rpartition(":")[2] for name in run["instruments"][:3])
    title = f"{payload['about']['strategy'] or 'Backtest'} · {symbols}"
    data = {"words": words, "language": language, "report": payload}
    return (
        _part("page.html")
        .replace("{{language}}", "zh-CN" if language == "zh" else "en")
        .replace("{{title}}", escape(title))
        .replace("{{noscript}}", _plain(title, metrics))
        .replace("{{style}}", _part("page.css"))
        .replace("{{script}}", "\n".join(_part(name) for name in _SCRIPTS))
        .replace("{{data}}", _embedded(data))
    )


def _embedded(data: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _part(name: str) -> str:
    return (files("quantservice.quant.reports") / "page" / name).read_text("utf-8")


def _plain(title: str, metrics: Iterable[Metric]) -> str:
    """Figures for a reader without scripts."""
    rows = "".join(f"<tr><td>{escape(metric.name)}</td><td>{escape(str(metric))}</td></tr>" for metric in metrics)
    return f"<h1>{escape(title)}</h1><table>{rows}</table>"
