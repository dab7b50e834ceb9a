"""The documentation as data: its headings and its code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\s*$")
_EXCUSE = re.compile(r"^<!-- not run: (.+) -->$")


@dataclass(frozen=True)
class Example:
    """One code block. ``excuse`` says why it is not run; empty where it is."""

    document: str
    line: int
    language: str
    text: str
    section: str
    excuse: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, continued ones joined, comments left out."""
        joined = self.text.replace("\\\n", " ")
        return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def examples(file: Path, root: Path) -> list[Example]:
    """Return every code block of a document."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found: list[Example] = []
    section, start, language = "", 0, ""
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if start and line == "```":
            excuse = _EXCUSE.match(lines[number]) if number < len(lines) else None
            text = "\n".join(lines[start : number - 1])
            found.append(Example(str(file.relative_to(root)), start, language, text, section, excuse.group(1) if excuse else ""))
            start = 0
        elif fence and not start:
            start, language = number, fence.group(1)
        elif not start and line.startswith("#"):
            section = line.lstrip("#").strip()
    assert not start, f"{file.name}:{start}: the code block does not end"
    return found


def headings(file: Path) -> list[str]:
    """Return the headings of the third level that are code: ``### `web.port` `` gives ``web.port``."""
    return re.findall(r"^### `([^`]+)`$", file.read_text(encoding="utf-8"), re.MULTILINE)
