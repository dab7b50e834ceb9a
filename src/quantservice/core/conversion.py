"""What msgspec says of a value that does not fit, as the sentence of the house: the field by name, a word with its nearest."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName, UserError


def refusal(error: msgspec.ValidationError, wanted: Any, place: str = "") -> UserError:
    """Return what is wrong with a value that was to become ``wanted``; ``place`` is the name under which it was given."""
    what, _, inside = str(error).partition(" - at `$")
    path = inside.rstrip("`").lstrip(".")
    field = ".".join(filter(None, (place, path)))
    lead = "Invalid enum value "
    if what.startswith(lead):
        valid = get_args(_kind_at(wanted, path))
        if valid:
            return UnknownName(field, what.removeprefix(lead).strip("'"), map(str, valid))
    return InvalidValue(field or "request", what.replace("Object missing", "it misses"))


@cache
def words_of(kind: type[msgspec.Struct]) -> dict[str, tuple[str, ...]]:
    """Return the fields of a struct that take one of several words, with these words."""
    return {item.name: get_args(item.type) for item in msgspec.structs.fields(kind) if get_origin(item.type) is Literal}


def _kind_at(wanted: Any, path: str) -> Any:
    """Return the type of a field inside of structs; None where the path leads elsewhere."""
    for name in filter(None, path.split(".")):
        plain, index, _ = name.partition("[")
        known = {item.name: item.type for item in msgspec.structs.fields(wanted)} if _is_struct(wanted) else {}
        wanted = known.get(plain)
        if index:
            wanted = next(iter(get_args(wanted)), None)
    return wanted if get_origin(wanted) is Literal else None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
