"""The honesty strip: what speaks for and against believing a report, each in a few words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from quantservice.quant.reports.story import Gate, Sample, State

if TYPE_CHECKING:
    from quantservice.quant.reports.report import Report

#: A deflated or probabilistic Sharpe ratio from which chance is an unlikely explanation, and one that says nothing.
SURE: Final = 0.95
DOUBTFUL: Final = 0.80
#: Probability of overfitting up to which a choice is believed, and from which it is not.
PBO_GOOD: Final = 0.2
PBO_BAD: Final = 0.5

_SAMPLES: Final[dict[Sample, tuple[State, str, str]]] = {
    "in": ("warning", "in sample: parameters chosen on this window", "样本内:参数在本区间上选出"),
    "out": ("passed", "out of sample: parameters chosen before it", "样本外:参数在此之前选定"),
    "walk_forward": ("passed", "walk-forward: every part is out of sample", "滚动前推:每一段均为样本外"),
    "": ("unknown", "not recorded whether parameters were chosen on this window", "未记录参数是否在本区间上选出"),
}


_UNKNOWN: Final = {"psr": "日收益不足", "dsr": "试验次数未知", "pbo": "需要一次扫参中多组参数的日收益"}


def gates_of(report: Report) -> tuple[Gate, ...]:
    """Return the gates given with a report and those that its own figures make."""
    given = {gate.name: gate for gate in report.gates}
    unknown = Gate(name="look_ahead", state="unknown", text="not checked", chinese="未检查")
    look_ahead = given.pop("look_ahead", unknown)
    state, text, chinese = _SAMPLES[report.about.sample]
    sample = Gate(name="sample", state=state, text=text, chinese=chinese)
    return (look_ahead, sample, _length(report), *_chances(report), *_data(report), *given.values())


def _length(report: Report) -> Gate:
    days, least = report.arrays.days, report.settings.min_days
    if days < least:
        text = f"{days:.0f} days: too short for annualised figures ({least:g})"
        return Gate(name="length", state="warning", text=text, chinese=f"{days:.0f} 天:不足以年化({least:g} 天)")
    needed = report.metrics.number("min_track_record")
    if math.isnan(needed):
        text = f"{days:.0f} days; no length proves a Sharpe ratio that is not above zero"
        return Gate(name="length", state="warning", text=text, chinese=f"{days:.0f} 天;夏普不为正,再长也不能证明")
    text = f"{days:.0f} days; {needed:,.0f} needed to tell the Sharpe ratio from zero"
    chinese = f"{days:.0f} 天;区分夏普与零需 {needed:,.0f} 天"
    return Gate(name="length", state="passed" if needed <= days else "warning", text=text, chinese=chinese)


def _chances(report: Report) -> list[Gate]:
    figures = report.metrics
    trials = figures.number("dsr_trials")
    found = []
    for name in ("psr", "dsr", "pbo"):
        value, shown = figures.number(name), figures[name].text
        if math.isnan(value):
            found.append(Gate(name=name, state="unknown", text=figures[name].reason, chinese=_UNKNOWN[name]))
            continue
        if name == "pbo":
            state: State = "passed" if value <= PBO_GOOD else "failed" if value > PBO_BAD else "warning"
        else:
            state = "passed" if value >= SURE else "failed" if value < DOUBTFUL else "warning"
        tried = f", N = {trials:,.0f}" if name == "dsr" and not math.isnan(trials) else ""
        found.append(Gate(name=name, state=state, text=f"{shown}{tried}"))
    return found


def _data(report: Report) -> list[Gate]:
    figures = report.metrics
    found = []
    share = figures.number("synthetic_share")
    if math.isnan(share):
        found.append(Gate(name="synthetic", state="unknown", text=figures["synthetic_share"].reason, chinese="未提供K线质量"))
    else:
        text, chinese = f"{share * 100:.2f} % of the bars", f"占 K 线的 {share * 100:.2f} %"
        found.append(Gate(name="synthetic", state="passed" if share == 0.0 else "warning", text=text, chinese=chinese))
    missing = figures.number("funding_missing")
    if missing > 0.0:
        text = f"{missing:,.0f} settlement{'s' if missing > 1 else ''} missing: not in the result"
        found.append(Gate(name="funding", state="failed", text=text, chinese=f"缺 {missing:,.0f} 次结算,未计入结果"))
    elif any(name.market in {"um", "cm"} for name in report.result.instruments):
        count = len(report.result.funding)
        text = f"{count:,} settlements, none missing" if count else "no settlement was booked"
        chinese = f"{count:,} 次结算,无缺失" if count else "没有资金费结算"
        found.append(Gate(name="funding", state="passed" if count else "warning", text=text, chinese=chinese))
    liquidated = len(report.result.liquidations)
    if liquidated:
        found.append(
            Gate(
                name="liquidations",
                state="failed",
                text=f"{liquidated} position{'s' if liquidated > 1 else ''}",
                chinese=f"{liquidated} 个仓位",
            )
        )
    return found
