"""Plugins: both doors, and a broken one is a sentence that stops nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest

from quantservice.app import plugins
from quantservice.app.plugins import load_plugins, plugins_folder
from quantservice.app.settings.tree import Settings
from quantservice.quant.indicators import REGISTRY, compute
from quantservice.quant.strategies.registry import STRATEGIES

INDICATOR = '''
from quantservice.quant.indicators import indicator


@indicator(inputs=("close",), outputs=("{name}",), group="own", source="a test")
def {name}(state, p, x, out):
    """The price times {factor}."""
    out[0] = x[0] * {factor}
'''

STRATEGY = '''
import numpy as np

from quantservice.quant.strategies.base import Strategy


class {title}(Strategy):
    """Always long."""

    def on_bars(self, bars):
        return np.ones(len(bars["close"]))
'''


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(STRATEGIES, "_entries", dict(STRATEGIES._entries))
    yield
    for module in ("quantservice_plugins", "dist_indicators"):
        REGISTRY.discard(module)


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def value_of(name: str) -> float:
    return float(compute(name, {"close": np.array([10.0])})[name][0])


def test_indicators_and_strategies_of_a_folder_are_registered_like_the_built_in_ones(tmp_path: Path) -> None:
    write(tmp_path, "one.py", INDICATOR.format(name="plugin_one", factor=2.0))
    write(tmp_path, "more/__init__.py", INDICATOR.format(name="plugin_more", factor=3.0))
    write(tmp_path, "long.py", STRATEGY.format(title="PluginLong"))
    write(tmp_path, "_helper.py", "raise RuntimeError('not a plugin')")
    assert load_plugins(tmp_path) == ()
    assert value_of("plugin_one") == 20.0
    assert value_of("plugin_more") == 30.0
    assert STRATEGIES["plugin_long"].source == str(tmp_path / "long.py")


def test_a_broken_plugin_is_named_leaves_nothing_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    write(tmp_path, "a_raises.py", INDICATOR.format(name="plugin_half", factor=1.0) + "\n1 / 0\n")
    write(tmp_path, "b_syntax.py", "def (:\n")
    write(tmp_path, "c_import.py", "import no_such_module_here\n")
    write(tmp_path, "d_taken.py", INDICATOR.format(name="sma", factor=1.0))
    write(tmp_path, "e_good.py", INDICATOR.format(name="plugin_good", factor=4.0))
    faults = [str(fault) for fault in load_plugins(tmp_path)]
    for fault, file, reason in zip(
        faults,
        ("a_raises.py", "b_syntax.py", "c_import.py", "d_taken.py"),
        ("ZeroDivisionError: division by zero", "line 1: ", "No module named 'no_such_module_here'", "'sma' is registered twice"),
        strict=True,
    ):
        assert str(tmp_path / file) in fault
        assert reason in fault
        assert "\n" not in fault
    assert "plugin_half" not in REGISTRY
    assert "quantservice_plugins.a_raises" not in sys.modules
    assert REGISTRY["sma"].source == "TA-Lib"
    assert value_of("plugin_good") == 40.0


def test_an_unchanged_file_is_read_once_and_a_changed_one_replaces_what_it_registered(tmp_path: Path) -> None:
    file = write(tmp_path, "changing.py", INDICATOR.format(name="plugin_changing", factor=2.0))
    assert load_plugins(tmp_path) == ()
    before = REGISTRY["plugin_changing"]
    assert load_plugins(tmp_path) == ()
    assert REGISTRY["plugin_changing"] is before
    file.write_text(INDICATOR.format(name="plugin_changing", factor=25.0), encoding="utf-8")
    assert load_plugins(tmp_path) == ()
    assert value_of("plugin_changing") == 250.0


def test_entry_points_lead_in_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "dist_indicators.py", INDICATOR.format(name="plugin_dist", factor=5.0))
    write(tmp_path, "dist_strategies.py", STRATEGY.format(title="PluginDist"))
    monkeypatch.syspath_prepend(str(tmp_path))
    installed = {
        "quantservice.indicators": EntryPoints(
            [
                EntryPoint("own", "dist_indicators", "quantservice.indicators"),
                EntryPoint("lost", "dist_no_more", "quantservice.indicators"),
            ]
        ),
        "quantservice.strategies": EntryPoints([EntryPoint("own", "dist_strategies:PluginDist", "quantservice.strategies")]),
    }
    monkeypatch.setattr(plugins, "entry_points", lambda group: installed[group])
    faults = load_plugins()
    assert [fault.source for fault in faults] == ["lost (dist_no_more)"]
    assert value_of("plugin_dist") == 50.0
    assert STRATEGIES["plugin_dist"].source == "own (dist_strategies:PluginDist)"


def test_the_folder_is_the_setting_or_plugins_beside_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert plugins_folder(Settings()) == tmp_path / "plugins"
    assert plugins_folder(Settings(plugins_dir="own")) == tmp_path / "own"
    assert load_plugins(plugins_folder(Settings())) == ()
