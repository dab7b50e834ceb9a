"""Other tools' conventions: what the packages themselves answer on one seeded curve, without needing them here.

``PACKAGES`` is printed by ``benchmarks/agreement_metrics.py --golden`` in an environment that has quantstats 0.0.86,
empyrical-reloaded 0.7.1, vectorbt 1.2.0, backtesting.py 0.6.6 and freqtrade 2026.9.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from benchmarks.agreement_metrics import ours
from tests.support.curves import HOUR, curve, seeded, ten_days, trades_of

from quantservice.quant.metrics import conventions, measure

PACKAGES: dict[str, dict[str, float]] = {
    "empyrical": {
        "sharpe": 2.0726555985007495,
        "sortino": 3.264585355040371,
        "calmar": 2.652043903851408,
        "cagr": 0.8660134476723618,
        "annual_volatility": 0.32690215807789386,
        "max_drawdown": -0.32654566782046907,
        "omega": 1.2890314235879037,
        "tail_ratio": 1.1638361634799246,
        "beta": -0.04317709038002503,
        "alpha_compounded": 0.9395285161737059,
        "var_95": -0.027930807783082698,
        "stability": 0.9259825686840254,
    },
    "quantstats": {
        "sharpe": 2.072655598500749,
        "sortino": 3.2645853550403703,
        "calmar": 2.6520439038514083,
        "cagr": 0.8660134476723618,
        "annual_volatility": 0.32690215807789386,
        "max_drawdown": -0.326545667820469,
        "smart_sharpe": 1.798523427218934,
        "smart_sortino": 2.8328069774076488,
        "skew": 0.10793118155378764,
        "kurtosis": 0.4478505801732373,
        "gain_to_pain": 0.3451686453938475,
        "omega": 1.2890314235879023,
        "tail_ratio": 1.1638361634799246,
        "common_sense_ratio": 1.5655559154886627,
        "var_95_parametric": -0.026288512180283295,
        "cvar_95": -0.034966586560587674,
        "beta": -0.04317709038002506,
        "alpha": 0.6630464159284826,
        "r_squared": 0.00159108904062879,
        "information_ratio": 2.233502219874264,
        "ulcer_index": 0.08776920962907726,
    },
    "vectorbt": {
        "sharpe": 2.0726555985007495,
        "sortino": 3.264585355040371,
        "calmar": 2.6520439038514074,
        "cagr": 0.8660134476723618,
        "annual_volatility": 0.32690215807789386,
        "max_drawdown": -0.3265456678204691,
    },
    "backtesting.py": {
        "sharpe": 1.3743642911533647,
        "sortino": 4.115949768610339,
        "calmar": 2.6178255902073673,
        "cagr": 0.8556246460710268,
        "annual_volatility": 0.6219890978645831,
        "max_drawdown": -0.3265456678204691,
    },
    "freqtrade (closed trades)": {
        "sharpe": 0.5863520754455159,
        "sortino": 1.3675962981462029,
        "calmar": 42.56483338503618,
        "cagr": 0.04690018626419201,
        "max_drawdown": -0.005902606984751598,
    },
    "freqtrade (wallet)": {
        "sharpe": 2.0550516375438588,
        "sortino": 3.2702955961279696,
        "calmar": 19.539105081614217,
        "max_drawdown": -0.3265456678204692,
    },
}


@pytest.mark.parametrize("tool", PACKAGES)
def test_a_tool_is_repeated_to_nine_digits(tool: str) -> None:
    mine = ours()[tool]
    for name, value in PACKAGES[tool].items():
        assert mine[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_defaults_of_the_tools_differ_from_ours_as_documented() -> None:
    run = curve(seeded(730), trades=trades_of([30.0, -10.0] * 200, hours=8.0))
    shown = {printed.tool: printed for printed in conventions.as_printed(run)}
    own = measure(run)
    assert list(shown) == [
        "empyrical",
        "quantstats",
        "vectorbt",
        "backtesting.py",
        "freqtrade (closed trades)",
        "freqtrade (wallet)",
        "jesse",
    ]
    # 252 days a year on a market that never closes: Sharpe √(252/365) of ours, CAGR of a year of 252 days.
    assert shown["quantstats"].sharpe == pytest.approx(own.number("sharpe") * math.sqrt(252 / 365))
    assert shown["quantstats"].cagr < 0.75 * own.number("cagr")
    assert shown["vectorbt"].sharpe == pytest.approx(own.number("sharpe"))
    assert shown["freqtrade (wallet)"].calmar > 5 * own.number("calmar")
    assert shown["jesse"].sharpe == pytest.approx(own.number("sharpe"))
    assert shown["jesse"].sortino == pytest.approx(own.number("sortino") * math.sqrt(731 / 730))


def test_vectorbt_samples_by_the_bar() -> None:
    r = seeded(24 * 200) / 5
    shown = {printed.tool: printed for printed in conventions.as_printed(curve(r, step=HOUR))}
    assert shown["vectorbt"].sharpe == pytest.approx(r.mean() / r.std(ddof=1) * math.sqrt(8760))


def test_sentinels_are_theirs_and_stay_there() -> None:
    gained = trades_of([1.0, 1.0])
    shown = {printed.tool: printed for printed in conventions.as_printed(curve(np.full(100, 0.001), trades=gained))}
    assert shown["freqtrade (closed trades)"].sortino == -100.0
    assert shown["freqtrade (closed trades)"].sharpe == -100.0
    assert shown["vectorbt"].sortino == math.inf
    assert math.isnan(shown["quantstats"].sortino)
    assert conventions.as_printed(curve(np.array([0.1, -2.0, 0.1]))) == ()
    assert all(printed.convention for printed in conventions.as_printed(ten_days()))
