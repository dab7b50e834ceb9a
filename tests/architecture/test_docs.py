"""The documentation is true: everything has its heading, everything that can be run is run against one demo."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml
from tests.support.commands import RunningDemo, environment, free_port, qs, running, wait_for
from tests.support.docs import Example, examples, headings

from quantservice.app.cli import app
from quantservice.app.docs import configuration_page, settings_file
from quantservice.app.settings import Settings, field_docs, load_settings
from quantservice.simulator.faults.script import FaultKind
from quantservice.web.openapi import describe

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: In the order in which a reader (and this test) meets them.
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "README.zh.md",
    *(
        DOCS / f"{name}.md"
        for name in (
            "get-started",
            "concepts",
            "configuration",
            "commands",
            "api",
            "data-integrity",
            "simulator",
            "operating",
            "metrics",
            "research",
            "strategies",
            "backtesting",
            "backtest-metrics",
            "indicators",
            "indicators-differences",
            "optimisation",
            "deployments",
            "parity",
            "trading",
            "going-live",
            "alerts",
            "coming-from",
            "troubleshooting",
            "architecture",
            "decisions",
        )
    ),
]
#: Settings that have one value in this version.
ONE_VALUE = {"stores.bus_url", "stores.cache_url"}
#: How long one example may take: on a machine that is busy, and compiles the arithmetic first.
_PATIENCE_S = 300


def all_examples(language: str) -> list[Example]:
    return [example for file in DOCUMENTS for example in examples(file, ROOT) if example.language == language]


def command_names() -> set[str]:
    """Every command of the typer app, with its group's name before it."""

    def walk(command: Any, prefix: str) -> Iterator[str]:
        for name, inner in command.commands.items():
            if hasattr(inner, "commands"):
                yield from walk(inner, f"{prefix}{name} ")
            else:
                yield f"{prefix}{name}"

    return set(walk(typer.main.get_command(app), "qs "))


# --- what is there has its place ---


def test_every_document_is_listed_here_and_in_the_readme() -> None:
    assert {file for file in DOCUMENTS if file.parent == DOCS} == set(DOCS.glob("*.md"))
    for readme in (ROOT / "README.md", ROOT / "README.zh.md"):
        linked = set(re.findall(r"\(docs/([\w-]+\.md)\)", readme.read_text("utf-8")))
        assert linked >= {file.name for file in DOCS.glob("*.md")}, readme.name


def test_links_between_documents_lead_somewhere() -> None:
    for file in [*DOCUMENTS, *(DOCS / "strategies").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)", file.read_text("utf-8")):
            if "://" not in target:
                assert (file.parent / target).exists(), f"{file.name} links to {target}"


def test_every_setting_is_documented_as_it_is() -> None:
    page = (DOCS / "configuration.md").read_text("utf-8")
    assert page == configuration_page(), "run: python -m quantservice.app.docs configuration > docs/configuration.md"
    assert headings(DOCS / "configuration.md") == list(field_docs())


def test_every_setting_has_an_example_that_loads(tmp_path: Path) -> None:
    sections = {example.section.strip("`"): example for example in examples(DOCS / "configuration.md", ROOT)}
    partner = {"tls_cert": "tls_key", "tls_key": "tls_cert"}
    for name in ("chain.pem", "key.pem"):
        (tmp_path / name).touch()
    for path in field_docs():
        file = tmp_path / "app.yaml"
        file.write_text(sections[path].text.replace("/etc/quantservice", str(tmp_path)))
        group, _, name = path.rpartition(".")
        flags: dict[str, Any] = {}
        if name == "host":
            flags[f"{group}.insecure"] = True
        if name in partner:
            flags[f"{group}.{partner[name]}"] = str(tmp_path / "key.pem")
        loaded = load_settings(file, environ={}, flags=flags)
        assert loaded.sources[path] == str(file)
        if path not in ONE_VALUE:
            assert _value(loaded.settings, path) != _value(Settings(), path), f"the example of {path} is its default"


def test_the_settings_file_is_up_to_date_and_changes_nothing(tmp_path: Path) -> None:
    text = (ROOT / "config" / "app.yaml").read_text("utf-8")
    assert text == settings_file(), "run: python -m quantservice.app.docs app.yaml > config/app.yaml"
    assert load_settings(ROOT / "config" / "app.yaml", environ={}).sources == {}
    # Without its comment marks it is the whole tree, each value its default.
    whole = tmp_path / "app.yaml"
    whole.write_text("\n".join(line.removeprefix("# ") for line in text.splitlines()[2:]))
    loaded = load_settings(whole, environ={})
    assert loaded.settings == Settings()
    assert set(loaded.sources) == set(field_docs())


def _value(settings: Settings, path: str) -> Any:
    value: Any = settings
    for part in path.split("."):
        value = getattr(value, part)
    return value


def test_every_command_has_a_heading_and_an_example() -> None:
    assert sorted(headings(DOCS / "commands.md")) == sorted(command_names())
    found = {example.section.strip("`"): example for example in examples(DOCS / "commands.md", ROOT)}
    for name in command_names():
        assert name in found, f"{name} has no example"
        assert any(line.startswith(f"./{name}") for line in found[name].commands), f"{name}: its example calls something else"


def test_every_route_has_a_heading_and_an_example() -> None:
    schema = describe()
    routes = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    documented = [name for name in headings(DOCS / "api.md") if " /" in name]
    assert sorted(documented) == sorted(routes)
    found = {example.section.strip("`"): example for example in examples(DOCS / "api.md", ROOT) if example.language == "sh"}
    for route in routes:
        method, path = route.split(" ")
        constant = path.partition("{")[0]
        assert route in found, f"{route} has no example"
        for line in found[route].commands:
            assert constant in line, f"{route}: its example asks something else"
            assert (f"-X {method}" in line) == (method != "GET"), f"{route}: its example uses another method"


def test_every_fault_and_rule_of_the_simulator_is_documented() -> None:
    text = (DOCS / "simulator.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named >= set(get_args(FaultKind))
    rules = set()
    for file in (ROOT / "src" / "quantservice" / "simulator").rglob("*.py"):
        rules |= set(re.findall(r'broke\(\s*f"\{[\w.]+\}\.(\w+)"', file.read_text("utf-8")))
    assert rules
    assert named >= rules


# --- what is said can be done ---


def test_json_examples_are_json() -> None:
    for example in all_examples("json"):
        for value in example.text.split("\n\n"):
            json.loads(value.replace("…", "0"))
    for example in all_examples("yaml"):
        assert isinstance(yaml.safe_load(example.text), dict), str(example)


def test_shell_examples_are_of_a_kind_that_can_be_run() -> None:
    for example in all_examples("sh"):
        for line in example.commands:
            runnable = re.match(r"\./qs\b|curl\b|[A-Z_]+=\S+ .*\./qs\b", line)
            assert runnable or example.excuse, f"{example}: {line!r} is not run and says no reason"


@dataclass(frozen=True)
class Stage:
    """What the examples play on: a demo and a simulator, on ports of their own, and a folder as a reader would have it."""

    demo: RunningDemo
    client_port: int
    simulator_port: int
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return environment({"QS_ENVIRONMENT": "demo", "NO_COLOR": "1", "COLUMNS": "160"})

    def fill(self, text: str) -> str:
        """Put the test's ports in the place of the documented ones."""
        ports = {8080: self.demo.port, 8765: self.client_port, 8990: self.simulator_port}
        return re.sub(r"127\.0\.0\.1:(8080|8765|8990)", lambda found: f"127.0.0.1:{ports[int(found[1])]}", text)

    def run(self, line: str) -> tuple[int, str]:
        """Run one line of a shell block."""
        line = self.fill(line)
        if line.startswith("curl"):
            quick = line.replace("curl ", "curl -sS --fail-with-body --max-time 20 ", 1)
            return self._shell(["sh", "-c", quick])
        settings, _, command = line.partition("./qs")
        env = self.env | dict(word.split("=", 1) for word in shlex.split(settings))
        done = qs(*shlex.split(command), cwd=self.folder, env=env, timeout_s=_PATIENCE_S)
        return done.returncode, done.stdout + done.stderr

    def run_python(self, text: str) -> tuple[int, str]:
        """Run a Python block."""
        return self._shell([sys.executable, "-c", self.fill(text)])

    def _shell(self, command: list[str]) -> tuple[int, str]:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give the stage; it is taken down at the end."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "src" / "quantservice").mkdir(parents=True)  # for qs new
    (folder / "data").mkdir()
    ports = {"client": free_port(), "simulator": free_port()}
    settings = {"QS_CLIENTSERVER__PORT": str(ports["client"]), "QS_COLLECT__HISTORY_DAYS": "0.5"}
    simulator = subprocess.Popen(
        [sys.executable, "-m", "quantservice.app.cli", "simulator", "serve", f"--port={ports['simulator']}"],
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    try:
        with running("demo", data_dir=folder / "data" / "demo", env=settings) as demo:
            # All but the gap that the demo makes on purpose, which takes its time.
            wait_for(lambda: _mostly_there(demo.get("/api/v1/status")["history"]), "the demo's history")
            wait_for(lambda: _answers(f"http://127.0.0.1:{ports['simulator']}/_referee"), "the simulator's first answer")
            yield Stage(demo, ports["client"], ports["simulator"], folder)
            code, said = demo.end()
            assert code == 0, said
            assert "Traceback" not in said
    finally:
        simulator.send_signal(signal.SIGINT)
        try:
            simulator.wait(timeout=15)
        finally:
            simulator.kill()


def _mostly_there(history: dict[str, Any]) -> bool:
    return bool(history["wanted"] and history["percent"] > 95)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_both_readmes_have_the_same_examples() -> None:
    """So that running those of one proves both."""
    english, chinese = (
        [(example.language, example.text, example.excuse) for example in examples(ROOT / name, ROOT)]
        for name in ("README.md", "README.zh.md")
    )
    assert english == chinese


@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", [file for file in DOCUMENTS if file.name != "README.zh.md"], ids=lambda file: file.name)
def test_examples_do_what_they_say(stage: Stage, document: Path) -> None:
    failures = []
    for example in examples(document, ROOT):
        if example.excuse:
            continue
        if example.language == "sh":
            runs = [(line, stage.run(line)) for line in example.commands]
        elif example.language == "python":
            runs = [("python", stage.run_python(example.text))]
        else:
            continue
        failures += [
            f"{example}: {line}\n  exit code {code}: {said[-600:]}"
            for line, (code, said) in runs
            if code != 0 or "Traceback" in said
        ]
    assert not failures, "\n".join(failures)


def test_every_metric_is_documented(stage: Stage) -> None:
    with urllib.request.urlopen(f"{stage.demo.url}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    names = {re.sub(r"_(spot|um|cm)_", "_<market>_", line.split(" ")[2]) for line in text.splitlines() if line.startswith("# TYPE")}
    documented = set(re.findall(r"`((?:http|process|python|quantservice)_[\w<>]+)", (DOCS / "metrics.md").read_text("utf-8")))
    assert names - documented == set()


def test_the_screenshots_are_small_pictures() -> None:
    pictures = list((DOCS / "images").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG"), picture.name
        assert os.stat(picture).st_size <= 200_000, picture.name
