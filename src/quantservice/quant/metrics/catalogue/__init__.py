"""The catalogue: every metric's name, label, unit, sampling, annualisation, formula and source, in the order of a report."""

from __future__ import annotations

from typing import Final

from quantservice.core.errors import UnknownName
from quantservice.quant.metrics.catalogue.credibility import CREDIBILITY
from quantservice.quant.metrics.catalogue.entry import GROUPS, Definition
from quantservice.quant.metrics.catalogue.returns import RETURNS
from quantservice.quant.metrics.catalogue.trades import TRADES

#: Name -> definition, in the order of a report.
CATALOGUE: Final[dict[str, Definition]] = {row.name: row for row in (*RETURNS, *TRADES, *CREDIBILITY)}

__all__ = ["CATALOGUE", "GROUPS", "Definition", "definition", "markdown"]


def definition(name: str) -> Definition:
    """Return a metric's definition; an unknown name is answered with the nearest known ones."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise UnknownName("metric", name, CATALOGUE) from None


def markdown() -> str:
    """Return the catalogue as the tables of the documentation, one per group."""
    parts = []
    for group, (english, _) in GROUPS.items():
        rows = [row for row in CATALOGUE.values() if row.group == group]
        parts.append(f"### {english}\n")
        parts.append("| name | as reports call it | formula id | formula | unit | sampling | annualisation | source |")
        parts.append("|---|---|---|---|---|---|---|---|")
        parts += [
            f"| `{row.name}` | {row.label} | `{row.formula_id}` | {_cell(row.formula)} | {row.unit} | {row.sampling} "
            f"| {row.annualisation(365)} | {_cell(row.source)} |"
            for row in rows
        ]
        parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
