"""What is wrong is said in the page's language: every sentence that a form can be answered with stands in the table."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "quantservice"
TABLE: dict[str, str] = json.loads((ROOT / "ui" / "src" / "i18n" / "sentences.json").read_text("utf-8"))
#: The place of each error's sentence among its arguments. With a code of its own it is worded by that instead.
SENTENCE_AT = {"InvalidValue": 1, "UserError": 0, "EnvironmentFault": 0, "Missing": 1, "Denied": 2, "Finding": 2}
#: Whose sentences reach the page.
ROOMS = (
    *("accounts", "access_keys", "backtests", "execution", "jobs", "pairs", "portfolio", "proxies", "risk", "strategies"),
    *("core/intents.py", "quant/backtest/assumptions.py", "quant/optimize/requests.py", "quant/optimize/space.py"),
    *("quant/strategies/parameters.py", "quant/strategies/templates", "web/routes", "web/security.py", "web/series.py"),
)
#: Said to whoever starts the platform or programs with it, on a terminal; and by code the page has no form for.
ELSEWHERE = {
    "services/access_keys/owner.py": "a file of the machine, said at the start",
    "services/jobs/exports.py": "the disk, said in the job's log",
    "services/jobs/running.py": "a worker's question that no program of ours asks",
    "services/execution/guarding.py": "asked before the guard has read, which its service waits for",
    "services/execution/gateway.py": "a lease that ran out meanwhile: asked again by whoever sends",
}


def _template(node: ast.expr) -> str | None:
    """Return a literal sentence with {0}, {1}… in the places of its values; None for what is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            count, text = 0, ""
            for part in parts:
                if isinstance(part, ast.Constant):
                    text += str(part.value)
                else:
                    text, count = f"{text}{{{count}}}", count + 1
            return text
    return None


def sentences(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SENTENCE_AT:
            place = SENTENCE_AT[node.func.id]
            if len(node.args) > place and not any(word.arg == "code" for word in node.keywords):
                text = _template(node.args[place])
                if text is not None and re.search(r"[a-z] [a-z]", text):
                    yield node.lineno, text


def _pattern(template: str) -> re.Pattern[str]:
    """As ui/src/lib/sentences.ts reads the table."""
    return re.compile("(.+?)".join(re.escape(part) for part in re.split(r"\{\d+\}", template)))


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_of_a_form_has_its_translation(room: str) -> None:
    known = [_pattern(template) for template in TABLE]
    place = SOURCE / room if "/" in room else SOURCE / "services" / room
    files = [place] if place.suffix else sorted(place.rglob("*.py"))
    assert files
    missing = [
        f"{file.relative_to(SOURCE)}:{line}: {text}"
        for file in files
        if str(file.relative_to(SOURCE)) not in ELSEWHERE
        for line, text in sentences(file)
        if not any(pattern.fullmatch(text) for pattern in known)
    ]
    assert not missing, "add to ui/src/i18n/sentences.json:\n" + "\n".join(missing)


def test_a_translation_shows_each_value_and_no_other() -> None:
    for english, own in TABLE.items():
        places, shown = set(re.findall(r"\{(\d+)\}", english)), set(re.findall(r"\{(\d+)\}", own))
        assert places == shown, english
        assert places == {str(number) for number in range(len(places))}, english
