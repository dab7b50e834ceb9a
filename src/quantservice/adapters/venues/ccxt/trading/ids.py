"""Our client ids in an exchange's words, and back. What one takes is known for few: the others get what all of them take.

Ours are 26 letters and digits. One that is too long is cut (every part of it is as good as random); where only digits are taken it
is an integer of the same digest. The way back is the same computation over the ids that are known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias

import msgspec

from quantservice.core.ids import digest, integer_id

#: Gives the client ids of the account's orders that the venue may still tell of.
KnownIds: TypeAlias = Callable[[], Awaitable[Iterable[str]]]
_KEPT: Final = 20_000
_DIGITS: Final = 18  # of an integer of 63 bits


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What an exchange takes. ``prefix``: what it, or the library for it, puts in front. ``kind``: text, digits or hex (0x…)."""

    most: int = 32
    prefix: str = ""
    kind: str = "text"


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("gate", "spot"): Rule(most=26, prefix="t-"),
    ("gate", "um"): Rule(most=26, prefix="t-"),
    ("gate", "cm"): Rule(most=26, prefix="t-"),
    ("htx", "um"): Rule(most=_DIGITS, kind="digits"),
    ("htx", "cm"): Rule(most=_DIGITS, kind="digits"),
    ("hyperliquid", "spot"): Rule(most=34, kind="hex"),
    ("hyperliquid", "um"): Rule(most=34, kind="hex"),
    ("kraken", "spot"): Rule(most=18),
}


def rule_of(exchange: str, market: str, *, most: int) -> Rule:
    """Return an exchange's rule; ``most`` bounds the length where none is known."""
    return RULES.get((exchange, market)) or Rule(most=most)


class ClientIds:
    """The map from an exchange's words to client ids of one account. What this process sends is in it before it leaves."""

    def __init__(self, rule: Rule, known: KnownIds | None = None) -> None:
        self.rule = rule
        self._known = known
        self._names: OrderedDict[str, str] = OrderedDict()

    def note(self, client_id: str) -> str:
        """Learn one id; return the exchange's word for it."""
        word = self._word(client_id)
        if word != client_id:
            self._names[word] = client_id
            while len(self._names) > _KEPT:
                self._names.popitem(last=False)
        return word

    async def refresh(self) -> None:
        """Learn all ids that the store knows, where the exchange's words are not the ids themselves."""
        if self._known is not None and self._changes:
            for client_id in await self._known():
                self.note(client_id)

    def name(self, word: str) -> str:
        """Return the client id of a word; the word itself where it is none of ours."""
        bare = word.removeprefix(self.rule.prefix)
        return self._names.get(bare) or bare

    @property
    def _changes(self) -> bool:
        return self.rule.kind != "text" or self.rule.most < _LONGEST

    def _word(self, client_id: str) -> str:
        if self.rule.kind == "digits":
            return str(integer_id("ccxt", client_id))[: self.rule.most]
        if self.rule.kind == "hex":
            return f"0x{digest('ccxt', client_id).hex()}"
        return client_id[: self.rule.most]


_LONGEST: Final = 26  # of ours
