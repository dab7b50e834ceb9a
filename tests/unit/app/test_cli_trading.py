"""``qs orders`` and ``qs accounts`` as they are read by a person and by a script: words and exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quantservice.app.cli import app, options
from quantservice.core.errors import InvalidValue

ORDER: dict[str, Any] = {"order_id": "A", "state": "filled", "reason": "", "route": None}
RIGHTS = {
    "read": True,
    "trade": True,
    "withdraw": False,
    "ip_bound": True,
    "expires_ms": 1_803_554_780_844,
    "detail": "",
    "told": True,
}
KEY: dict[str, Any] = {"account": "main", "prefix": "Simula", "permissions": RIGHTS, "created_ms": 0, "checked_ms": 0}


def run(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], *words: str, given: str = "") -> Result:
    class Client:
        def post(self, _path: str, _body: object, **_: object) -> dict[str, Any]:
            return dict(answer)

        get = post

    @contextmanager
    def client(*_: object, **__: object) -> Iterator[Any]:
        yield Client()

    monkeypatch.setattr(options.Where, "client", client)
    return CliRunner().invoke(app, list(words), input=given)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({}, 0, ""),
        ({"state": "open"}, 0, ""),
        ({"state": "unknown"}, 0, ""),
        ({"state": "rejected", "reason": "too small (code -4164)"}, 1, "the order is rejected: too small (code -4164)"),
        ({"state": "not_sent", "reason": "too late"}, 1, "the order is not sent: too late"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_order_that_came_to_nothing_is_no_success(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], status: int, said: str, more: tuple[str, ...]
) -> None:
    result = run(monkeypatch, ORDER | changes, "orders", "place", "buy", "1", "BTCUSDT", *more)
    assert result.exit_code == status
    assert said in result.output


def test_the_rights_of_a_key_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, KEY, "accounts", "key", "main", "--file", "-", given="key\nsecret\n")
    assert result.exit_code == 0
    assert "may read and trade, bound to an address, ends 2027-02-25" in result.output
    assert "{" not in result.output


def test_an_entry_has_the_digits_that_count_and_json_has_all(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = {"average_entry": "50000.12333333333333333333333333333333333333333333", "quantity": "0.30", "realised": "-0"}
    shown, whole = (run(monkeypatch, {"data": [exact]}, "orders", "positions", *more).output for more in ((), ("--json",)))
    assert "50000.1233333 " in shown
    assert "0.30" in shown
    assert exact["average_entry"] in whole


def test_a_rotation_says_what_to_do_with_the_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, {"version": 2, "rewrapped": 3}, "accounts", "rotate-master")
    assert result.exit_code == 0
    assert "back the new one up" in result.output


STATED: dict[str, Any] = {
    **dict.fromkeys(("opening", "exchanged", "realised", "funding", "other", "unbalanced", "unexplained"), "0"),
    "day_ms": 86_400_000,
    "currency": "USDT",
    "paid_in": "50000.00",
    "fees": "-0.1",
    "closing": "49999.90",
    "compared_ms": 86_401_000,
    "venue": "49999.90",
    "differed_ms": None,
    "positions": [],
}
STATEMENTS: dict[str, Any] = {"account": "desk", "entries": 2, "balanced": True, "differences": [], "data": [STATED]}


def test_statements_show_what_moved_and_end_with_1_where_the_books_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("portfolio", "statements", "--account", "desk")
    right = run(monkeypatch, STATEMENTS, *words)
    assert right.exit_code == 0
    assert "paid_in" in right.output
    assert "funding" not in right.output, "nothing moved there"
    assert "desk: 2 entries added up; balanced" in right.output
    gap = {"ledger_account": "wallet", "currency": "USDT", "kept": "2", "summed": "1"}
    leg = {"instrument": "binance:um:BTC-USDT-PERP", "side": "both", "booked": "1", "venue": "2"}
    changes: dict[str, Any] = {"balanced": False, "differences": [gap], "data": [STATED | {"positions": [leg]}]}
    wrong = run(monkeypatch, STATEMENTS | changes, *words)
    assert wrong.exit_code == 1
    assert "wallet USDT: kept as 2, its entries add up to 1" in wrong.output
    assert "binance:um:BTC-USDT-PERP 1 / 2" in wrong.output
    assert "NOT balanced" in wrong.output
    whole = run(monkeypatch, STATEMENTS | changes, *words, "--json")
    assert (whole.exit_code, '"kept":"2"' in whole.output) == (1, True)


@pytest.mark.parametrize("name", ["", " ", "a/b", "../kill"])
@pytest.mark.parametrize(
    "words", [("orders", "cancel"), ("orders", "cancel-algorithm"), ("orders", "chain"), ("preflight",)], ids=" ".join
)
def test_a_name_that_would_be_another_address_is_refused_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], name: str
) -> None:
    result = run(monkeypatch, {}, *words, name)
    assert isinstance(result.exception, InvalidValue)
    assert f"{name!r} names nothing here" in str(result.exception)
