"""What the server says in codes has words on the page, in both languages: a new rule, reason or gate without them fails here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from quantservice.core.errors import InvalidNumber
from quantservice.core.orders import Amendment
from quantservice.quant import why
from quantservice.quant.backtest.records import ORDER_REASONS, ORDER_STATES
from quantservice.quant.risk_rules.registry import describe_rules
from quantservice.services.portfolio.chain import MISSING, SAID, StepName

UI = Path(__file__).resolve().parents[3] / "ui/src"
BESIDE_RULES = ("account", "deadline", "position_differs", "reduce_only", "state")  # denials that no rule of the registry gives


def words(language: str) -> Any:
    """Return the messages of a language."""
    return json.loads((UI / f"i18n/{language}.json").read_text("utf-8"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_rule_has_a_name_a_description_and_a_denial(language: str) -> None:
    said = words(language)
    for rule in describe_rules():
        texts = said["rule"][rule["name"]]
        assert texts["name"]
        assert texts["doc"] == rule["doc"] or language == "zh"
        if rule["kind"] == "order":
            assert set(re.findall(r"{(\w+)}", texts["no"])) <= {"limit", "value"}
            assert "{value}" in texts["no"], "the value that broke it is a parameter, not a word"
        assert set(rule["parameters"]) <= set(said["ruleField"])
    assert set(said["rule"]) == {rule["name"] for rule in describe_rules()} | set(BESIDE_RULES)


def test_the_units_of_rules_are_the_registrys() -> None:
    units = set(re.findall(r'\["([^"]+)", "\w+"\]', (UI / "lib/rules.ts").read_text("utf-8")))
    fields = (field for rule in describe_rules() for field in rule["parameters"].values())
    assert units == {field["doc"] for field in fields if field["doc"]}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_step_of_an_orders_chain_has_words_with_the_same_values(language: str) -> None:
    said = words(language)["chain"]
    assert set(said["missing"]) == set(MISSING)
    assert set(said["step"]) == set(get_args(StepName))
    assert set(said["change"]) == set(get_args(get_type_hints(Amendment)["state"]))
    assert set(said["source"]) == set(words(language)["evidence"]), "where a state is known from"
    assert set(said["said"]) == set(SAID)
    for code, text in said["said"].items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", SAID[code])), code


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_refusal_that_is_named_has_words_with_its_values(language: str) -> None:
    """The codes are read from the sources: whoever names a refusal words it on the page."""
    source = UI.parents[1] / "src/quantservice"
    text = "".join(
        (source / name).read_text("utf-8") for name in ("core/errors.py", "services/execution/fitting.py", "web/errors.py")
    )
    codes = set(re.findall(r'code="(\w+)"', text)) | set(re.findall(r'code, reason = "(\w+)"', text)) | {"unknown", "unknown_near"}
    said = words(language)["fault"]["said"]
    assert codes == set(said) >= {"number", "required", "off_lot"}
    given = {
        "number": InvalidNumber("x", "a number", "y").values,
        "unknown": {"name": ""},
        "unknown_near": {"name": "", "near": ""},
    }
    for code, values in given.items():
        assert set(re.findall(r"{(\w+)}", said[code])) == {"field", *values}
    assert set(words(language)["fault"]["wanted"]) == set(
        re.findall(r'\[/[^\n]+/, "(\w+)"\]', (UI / "lib/faults.ts").read_text())
    ) | {"oneOf"}


def test_every_gate_of_why_no_trade_and_every_end_of_an_order_has_words() -> None:
    listed = dict(re.findall(r'\["([^"]+)", "(\w+)"\]', (UI / "lib/why.ts").read_text("utf-8")))
    gates = {value for name, value in vars(why).items() if re.fullmatch(r"_[A-Z_]+", name) and isinstance(value, str)}
    assert "the same target as before" in gates
    assert set(listed) == gates | set(ORDER_REASONS) - {""}
    for language in ("en", "zh"):
        assert set(words(language)["why"]["said"]) == set(listed.values())
        assert set(words(language)["why"]["state"]) == set(ORDER_STATES) - {"filled"}
