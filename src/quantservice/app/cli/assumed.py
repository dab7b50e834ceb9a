"""What ``qs backtest`` and the searches assume of the account and the venue: one set of options with one meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantservice.core.errors import InvalidValue, UnknownName

if TYPE_CHECKING:
    from quantservice.core.margin_tiers import Tier

Fees = Annotated[
    str | None, typer.Option("--fees", help="schedule (binance_um:vip0), rate (0.0005), venue (as without it), or none")
]
Slippage = Annotated[
    str | None,
    typer.Option("--slippage", help="basis points, or none | fixed:2 | spread:2 | volume_share:0.1 | sqrt_impact:0.8"),
]
Equity = Annotated[float | None, typer.Option("--equity", help="equity at the start (10000 without it)")]
Leverage = Annotated[float | None, typer.Option("--leverage", help="most leverage of futures (1 without it)")]
Assume = Annotated[list[str] | None, typer.Option("--assume", help="name=value of any other assumption; again for the next")]
MarginTiers = Annotated[
    Path | None,
    typer.Option("--margin-tiers", help="margin tiers of this .csv or .json file, instead of those stored (qs data margin-tiers)"),
]


def assumed(
    fees: str | None, slippage: str | None, equity: float | None, leverage: float | None, assume: list[str] | None
) -> dict[str, Any]:
    """Return the assumptions that were given, as plain JSON; one that is said twice is refused."""
    import msgspec

    given: dict[str, Any] = {"initial_equity": equity, "leverage": leverage}
    if fees is not None or slippage is not None:
        from quantservice.quant.research import fees_of, slippage_of

        given["fees"] = None if fees is None else fees_of(fees)
        given["slippage"] = None if slippage is None else slippage_of(slippage)
    found = {name: value for name, value in given.items() if value is not None}
    more = read_assumptions(assume or [])
    for name in more:
        if name in found:
            option = {"initial_equity": "equity"}.get(name, name)
            raise InvalidValue("assume", f"{name} is said twice, by --{option} and by --assume; leave one of them away")
    read: dict[str, Any] = msgspec.to_builtins({**found, **more})
    return read


def read_assumptions(pairs: list[str]) -> dict[str, Any]:
    """Read ``name=value`` texts of ``--assume``; values are JSON, or words."""
    import msgspec

    from quantservice.core.conversion import refusal
    from quantservice.quant.backtest.assumptions import Assumptions

    types = {item.name: item for item in msgspec.structs.fields(Assumptions)}
    read: dict[str, Any] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark:
            raise InvalidValue("assume", f"{pair!r} is not of the form name=value")
        if name not in types:
            raise UnknownName("assumption", name, types)
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            value = text
        try:
            read[name] = msgspec.convert(value, types[name].type)
        except msgspec.ValidationError as error:
            raise refusal(error, types[name].type, name) from None
    return read


def tiers_of_file(file: Path | None) -> dict[str, tuple[Tier, ...]]:
    """Return the margin tiers of a file; nothing where none is given."""
    from quantservice.core.margin_tiers import read_tiers

    if file is None:
        return {}
    if file.suffix.lower() not in (".csv", ".json"):
        raise InvalidValue("margin_tiers", f"{file.name}: the suffix must be .csv or .json")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidValue("margin_tiers", f"{file} cannot be read ({error.strerror or error})") from None
    return read_tiers(content, json=file.suffix.lower() == ".json")


def with_tiers(data: Mapping[str, Any], tiers: Mapping[str, Sequence[Tier]]) -> dict[str, Any]:
    """Return which bars are meant with the margin tiers that go with them, as a job's request names both."""
    import msgspec

    return {**data, **({"margin_tiers": msgspec.to_builtins(tiers)} if tiers else {})}
