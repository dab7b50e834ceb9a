"""``python scripts/strategy_pages.py DATA``: runs each template on real data and writes its result into docs/strategies.

DATA is the folder of real market data (default: QS_TEST_DATA, else ../shared/data). Nothing of the data itself is written.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.support.template_cases import CASES, backtest_of  # noqa: E402

from quantservice.quant.research import BacktestReport  # noqa: E402 - the checkout is put on the path first
from quantservice.quant.strategies.base import parameters_of_class  # noqa: E402
from quantservice.quant.strategies.registry import STRATEGIES  # noqa: E402

FIGURES = (
    ("total_return", "total return"),
    ("buy_hold_return", "holding instead"),
    ("cagr", "per year"),
    ("annual_volatility", "volatility per year"),
    ("sharpe", "Sharpe ratio"),
    ("max_drawdown", "largest drawdown"),
    ("trades", "trades"),
    ("win_rate", "won"),
    ("profit_factor", "profit factor"),
    ("exposure_time", "time in the market"),
    ("fees", "fees"),
    ("slippage", "slippage"),
    ("psr", "probability that the Sharpe ratio is above 0"),
)


def parameters_table(name: str) -> str:
    """Return the parameters of a strategy as a table."""
    rows = ["| parameter | default | from … to | what |", "|---|---|---|---|"]
    for spec in parameters_of_class(STRATEGIES[name].cls).values():
        domain = (
            ", ".join(map(str, spec.choices))
            if spec.choices
            else ""
            if spec.kind in {bool, str}
            else f"{spec.low:g} … {spec.high:g}"
        )
        rows.append(f"| `{spec.name}` | {spec.default} | {domain} | {spec.doc} |")
    return "\n".join(rows)


def result_text(name: str, report: BacktestReport) -> str:
    """Return the honest result of a template's run."""
    case, metrics, result = CASES[name], report.metrics, report.result
    instruments = ", ".join(f"`{item}`" for item in result.instruments)
    given = ", ".join(f"{key} = {value}" for key, value in case.parameters.items())
    values = f"with {given}" if given else "parameters as above"
    window = f"{metrics['start'].text} to {metrics['end'].text} UTC"
    lines = [
        f"**Result on real data.** {instruments}, {result.period}, {window}, {values};",
        f"{result.initial_equity:,.0f} {result.currency} at the start; fees `{case.fees}`, {case.slippage:g} bp slippage.",
        "No parameter was chosen by its result on this data.",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {label} | {metrics[key].text} |" for key, label in FIGURES),
        "",
        f"Run `{result.fingerprint()}`, data `{report.data_fingerprint[:16]}`; written by `scripts/strategy_pages.py`.",
    ]
    return "\n".join(lines)


def put(text: str, mark: str, content: str) -> str:
    """Put content between the marks of a page."""
    return re.sub(
        rf"<!-- {mark} -->.*<!-- /{mark} -->", lambda _: f"<!-- {mark} -->\n{content}\n<!-- /{mark} -->", text, flags=re.DOTALL
    )


def page_of(name: str, data: Path) -> str:
    """Return the page of a template with its parameters and result filled in."""
    text = (ROOT / "docs" / "strategies" / f"{name}.md").read_text("utf-8")
    report = backtest_of(name, data).run(gate_seconds=0)
    return put(put(text, "parameters", parameters_table(name)), "result", result_text(name, report))


def main() -> None:
    """Write all pages."""
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("QS_TEST_DATA") or str(ROOT.parent / "shared" / "data")
    for name in CASES:
        (ROOT / "docs" / "strategies" / f"{name}.md").write_text(page_of(name, Path(given)), "utf-8")


if __name__ == "__main__":
    main()
