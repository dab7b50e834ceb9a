"""The committed page is the one that its sources make, needs nothing inline, and stays small."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
UI = ROOT / "ui"
STATIC = ROOT / "src/quantservice/web/static"


def source_hash() -> str:
    """Return what ui/scripts/sources.mjs computes."""
    names = ["index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json"]
    names += [
        path.relative_to(UI).as_posix() for folder in ("src", "public") for path in (UI / folder).rglob("*") if path.is_file()
    ]
    lines = [f"{name}\n{hashlib.sha256((UI / name).read_bytes()).hexdigest()}\n" for name in sorted(names, key=str.encode)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_committed_build_is_of_the_committed_sources() -> None:
    built = json.loads((STATIC / "build.json").read_text())["sources"]
    assert built == source_hash(), "the page is older than its sources: run `npm run build` in ui/ and commit the result"


def test_the_page_needs_no_inline_script_or_style() -> None:
    index = (STATIC / "index.html").read_text()
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", index))
    assert "<style" not in index
    assert " style=" not in index
    assert not re.search(r"\son\w+=", index)


def test_the_page_asks_no_other_host() -> None:
    for path in STATIC.rglob("*.css"):
        assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", path.read_text()), path.name
    assert not re.search(r'(?:src|href)="(?:https?:)?//', (STATIC / "index.html").read_text())


def test_the_page_stays_below_its_budget() -> None:
    scripts = sum(len(gzip.compress(path.read_bytes())) for path in STATIC.rglob("*.js"))
    assert scripts < 500_000


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (UI / "package-lock.json").read_text()
    versions = json.loads((UI / "package.json").read_text())
    for group in ("dependencies", "devDependencies"):
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions[group].values())


def test_both_languages_know_the_same_messages() -> None:
    def keys(tree: dict[str, object], prefix: str = "") -> set[str]:
        found: set[str] = set()
        for name, value in tree.items():
            found |= keys(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name}
        return found

    english, chinese = (json.loads((UI / "src/i18n" / f"{name}.json").read_text("utf-8")) for name in ("en", "zh"))
    assert keys(english) == keys(chinese)
