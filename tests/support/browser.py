"""The page under a real browser: the demo in a process of its own, Chromium, and what a person reads as figures."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright

ROOT: Final = Path(__file__).resolve().parents[2]
CHROMIUM: Final = os.environ.get("QS_CHROMIUM", "/usr/bin/chromium")
FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES: Final = {"desktop": (1440, 900), "phone": (390, 844)}
_UNITS: Final = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12, "万": 10**4, "亿": 10**8, "万亿": 10**12}
_LINK: Final = re.compile(r"(http://\S+)/login\?token=(\S+)")
_Result = TypeVar("_Result")


def until(check: Callable[[], _Result], *, what: str, timeout_s: float = 30.0, every_s: float = 0.1) -> _Result:
    """Ask until the answer is true; say what was waited for when it never is."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}; last answer: {answer!r}")
        time.sleep(every_s)


@dataclass
class Platform:
    """A running demo: its address and the owner's token."""

    url: str
    token: str

    def get(self, path: str) -> Any:
        """Ask the API."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_demo(folder: Path) -> Iterator[Platform]:
    """Run `qs demo` on fresh data until the block ends; it is ready when its history is complete."""
    log = folder / "demo.log"
    command = [sys.executable, "-c", "from quantservice.app.cli import main; main()", "demo", "--no-browser"]
    command += ["--port", str(free_port()), "--data-dir", str(folder / "data")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    environment["QS_CLIENTSERVER__PORT"] = str(free_port())  # another test's platform may take the usual one at the same moment
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=environment, cwd=ROOT)

    def printed() -> re.Match[str] | None:
        text = log.read_text(errors="replace")
        assert process.poll() is None, f"qs demo ended with {process.returncode}:\n{text[-3000:]}"
        return _LINK.search(text)

    try:
        link = until(printed, what="the demo's address", timeout_s=60)
        assert link is not None
        platform = Platform(url=link[1], token=link[2])
        until(lambda: _settled(platform), what="the demo's history", timeout_s=90, every_s=0.5)
        yield platform
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


def _settled(platform: Platform) -> bool:
    try:
        status = platform.get("/api/v1/status")
    except (urllib.error.URLError, OSError):
        return False
    return bool(status["history"]["percent"] > 99 and status["connections"] and status["throughput"]["klines"] > 0)


@dataclass
class Screen:
    """One page of one browser, in one language and size; it remembers what the console complained of."""

    page: Page
    platform: Platform
    language: str
    size: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to an address of the platform and wait until the figures are there."""
        self.page.goto(self.platform.url + path)
        self.page.wait_for_selector("main [data-figure], main [data-pair], main [data-key], main [data-setting], main .choices")

    def text(self, selector: str) -> str:
        """Return the visible text of the first match."""
        return self.page.locator(selector).first.inner_text().strip()

    def figure(self, name: str) -> str:
        """Return the text of a named figure."""
        return self.text(f'[data-figure="{name}"]')

    def agrees(self, name: str, selector: str, expected: Callable[[], str | int | float | None]) -> None:
        """Wait until what stands on the page is what the API says; live figures move, so both are read again."""
        seen: list[str] = []

        def same() -> bool:
            before = self.text(selector)
            wanted = expected()
            after = self.text(selector)
            seen[:] = [before, after, str(wanted)]
            return matches(before, wanted) or matches(after, wanted)

        try:
            until(same, what=name, timeout_s=20, every_s=0.05)
        except AssertionError:
            raise AssertionError(f"{name}: the page says {seen[0]!r} then {seen[1]!r}, the API {seen[2]!r}") from None


def matches(shown: str, wanted: str | int | float | None) -> bool:
    """Say whether a shown figure is the wanted one: exactly, or to the shown digits where it is abbreviated."""
    if wanted is None:
        return shown == "—"
    found = re.search(r"(-|\+)?[\d,]+(?:\.\d+)?\s*(万亿|[KMBT万亿])?", shown)
    if found is None:
        return False
    unit = found[2]
    number = Decimal(re.sub(r"[^\d.\-]", "", found[0]))
    exact = Decimal(str(wanted))
    if unit is None:
        return number == exact or (isinstance(wanted, float) and abs(number - exact) <= Decimal("0.0051"))
    scaled = exact / _UNITS[unit]
    digits = Decimal(1).scaleb(int(number.as_tuple().exponent))
    return abs(scaled - number) <= digits


@contextmanager
def browser(playwright: Playwright, folder: Path, size: str) -> Iterator[BrowserContext]:
    """Start Chromium with a user folder of its own."""
    width, height = SIZES[size]
    context = playwright.chromium.launch_persistent_context(
        str(folder),
        executable_path=CHROMIUM,
        args=list(FLAGS),
        viewport={"width": width, "height": height},
        has_touch=size == "phone",
        headless=True,
        timezone_id="Asia/Shanghai",
    )
    try:
        yield context
    finally:
        context.close()


def new_screen(context: BrowserContext, platform: Platform, *, language: str, size: str) -> Screen:
    """Open a page that speaks ``language`` and listens for complaints."""
    page = context.new_page()
    screen = Screen(page, platform, language, size)

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            screen.complaints.append(f"{message.type}: {message.text}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: screen.complaints.append(f"exception: {error}"))
    page.add_init_script(f"localStorage.setItem('qs.preferences', JSON.stringify({{language: '{language}'}}))")
    return screen


_CUT_TABLES: Final = """() => {
  const wide = (element) => element.scrollWidth > element.clientWidth + 1;
  const cut = (table) => wide(table) || [...table.querySelectorAll('[role=columnheader]')].some(wide);
  return [...document.querySelectorAll('[role=table]')].filter(cut).map((table) => table.getAttribute('aria-label'));
}"""


def cut_tables(page: Page) -> list[str]:
    """Return the tables of which a column or a title does not fit the screen."""
    cut: list[str] = page.evaluate(_CUT_TABLES)
    return cut


_READ_WORDS: Final = """() => {
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!holder || holder.closest('[lang], script, style')?.matches('body [lang], script, style')) continue;
    const text = walker.currentNode.textContent.trim();
    if (text && holder.checkVisibility()) words.push(text);
  }
  for (const element of document.body.querySelectorAll('[title], [aria-label], [placeholder]')) {
    if (element.closest('body [lang]')) continue;
    for (const name of ['title', 'aria-label', 'placeholder']) {
      if (element.getAttribute(name)) words.push(element.getAttribute(name));
    }
  }
  return words;
}"""


def words_on(page: Page) -> list[str]:
    """Return every text a person can read or hear, except what is marked as being in another language."""
    words: list[str] = page.evaluate(_READ_WORDS)
    return words


def untranslated(words: list[str], language: str) -> list[str]:
    """Return what is not in ``language``: the other language's messages, and keys that no language has."""
    own, other = _messages(language), _messages("zh" if language == "en" else "en")
    foreign = {text for key, text in other.items() if own[key] != text and "{" not in text} - set(own.values())
    keys = set(own)
    found = [word for word in words if word in foreign or word in keys]
    if language == "en":
        found += [word for word in words if re.search(r"[\u4e00-\u9fff]", word)]
    return found


def _messages(language: str) -> dict[str, str]:
    tree = json.loads((ROOT / "ui/src/i18n" / f"{language}.json").read_text("utf-8"))
    flat: dict[str, str] = {}

    def walk(branch: dict[str, Any], prefix: str) -> None:
        for name, value in branch.items():
            if isinstance(value, str):
                flat[prefix + name] = value
            else:
                walk(value, f"{prefix}{name}.")

    walk(tree, "")
    return flat
