"""The text of an indicator call: ``sma(10)/(rsi(14)).sma@1h#binance:um:BTC-USDT-PERP``.

After the name its parameters in brackets, then what it reads, the output, the period and the instrument, each led by its mark and
each only where given. What it reads stands in brackets when it is itself a call.
"""

from __future__ import annotations

import re
from typing import Any, Final

from quantservice.core.errors import InvalidValue

_NAME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*")
_MARKS: Final = {"/": "input", ".": "output", "@": "period", "#": "instrument"}


def split(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [*parts, text[begin:].strip()]


def read_call(text: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Return the name, the values and the named words of a call's text. Values may be named: ``rsi(length=14)``."""
    match = _NAME.match(text)
    if match is None:
        raise InvalidValue("indicator", f"{text!r} does not begin with a name")
    name, rest = match[1], text[match.end() :]
    values: list[Any] = []
    named: dict[str, Any] = {}
    if rest.startswith("("):
        inside, rest = _bracket(text, rest)
        for part in split(inside) if inside.strip() else ():
            word, mark, value = part.rpartition("=")
            if mark:
                named[word.strip()] = _number(text, value)
            else:
                values.append(_number(text, part))
    while rest:
        word = _MARKS.get(rest[0], "")
        if not word or word in named:
            raise InvalidValue("indicator", f"{text!r} cannot be read from {rest!r} on; it looks like sma(10)/hl2.sma@1h")
        if word == "input" and rest[1:2] == "(":
            named[word], rest = _bracket(text, rest[1:])
            continue
        end = len(rest) if word == "instrument" else _next_mark(rest)
        named[word], rest = rest[1:end], rest[end:]
    return name, tuple(values), named


def _next_mark(rest: str) -> int:
    return min((place for place in (rest.find(mark, 1) for mark in ".@#") if place > 0), default=len(rest))


def _bracket(text: str, rest: str) -> tuple[str, str]:
    depth = 0
    for place, letter in enumerate(rest):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return rest[1:place], rest[place + 1 :].strip()
    raise InvalidValue("indicator", f"{text!r} has an open bracket")


def _number(text: str, word: str) -> float | int:
    try:
        value = float(word)
    except ValueError:
        raise InvalidValue("indicator", f"{word.strip()!r} in {text!r} is not a number") from None
    return int(value) if value.is_integer() else value
