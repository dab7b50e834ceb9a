"""The page ``docs/indicators.md``: how indicators are used and written, and a table of all that are built in.

``python -m quantservice.app.indicator_page > docs/indicators.md`` writes it; a test checks that it is up to date.
"""

from __future__ import annotations

import sys
from itertools import groupby
from typing import Final

from quantservice.quant.indicators.catalog import IndicatorInfo, catalog

_HEAD: Final = '''# Indicators

<!-- Made by `python -m quantservice.app.indicator_page > docs/indicators.md`; a test checks that it is up to date. -->

An indicator is one small function, the *step*: it takes a bar and a fixed piece of memory and gives values. From it two forms are
made: in bulk over arrays, and bar by bar for live klines. Both walk the same step, so a value computed in bulk equals the one that
a live strategy saw, to the last bit, and the memory is as large at bar 100,000 as at bar 1,000.

```python
import numpy as np

from quantservice.quant.indicators import Stepper, compute

close = 100 + np.cumsum(np.random.default_rng(1).normal(size=500))
bands = compute(("bbands", 20, 2.0, 2.0), {"close": close})  # upper, middle, lower: one value per bar, NaN in the warm-up
smooth = compute("sma(10)/(rsi(14))", {"close": close})["sma"]  # the average of an RSI

live = Stepper("sma(10)/(rsi(14))")
values = [live.update({"close": price})["sma"] for price in close]
assert np.array_equal(values, smooth, equal_nan=True)
```

`compute` takes the bars of `load_bars` or any mapping of equally long columns (a pandas, polars or Arrow table too).

## Writing a call

| written | means |
|---|---|
| `"rsi"` | with its default parameters |
| `"sma(20)"`, `("sma", 20)`, `("sma", {"length": 20})` | with parameters, in their order or by name |
| `"bbands(20,2,2).upper"`, `("bbands", {"output": "upper"})` | one output of several |
| `"sma(20)/hl2"`, `("sma", 20, {"input": "hl2"})` | of another price than the close: a column, or `hl2`, `hlc3`, `ohlc4`, `hlcc4` |
| `"sma(10)/(rsi(14))"`, `("sma", 10, {"input": ("rsi", 14)})` | of another indicator; it begins once that one has a value |
| `"correl(30)/close,benchmark"` | several inputs, in its order; `benchmark`: a second instrument's price on the same bars |
| `"rsi(14)@4h"`, `("rsi", 14, {"period": "4h"})` | in a strategy: of a higher period |

A bar with a missing input (NaN) is not stepped: its value is NaN and the memory stays as it was. Where a length is asked for that
TA-Lib takes as its `MAType`, the number is TA-Lib's: 0 sma, 1 ema, 2 wma, 3 dema, 4 tema, 5 trima, 6 kama, 7 mama, 8 t3, 9 hma,
10 none, 11 the indicator's own default, 12 zlema, 13 rma.

## TA-Lib

The whole of TA-Lib is here under its names in lower case, candle patterns included, with its warm-up and its values at every bar
(to 1e-9; tests compare them on random walks, on whole ticks and on a price that stands still). The last bits are our own: TA-Lib
fuses multiplications with additions where the processor can, while ours gives the same bits on every machine. Indicators that mark
the warm-up with 0 in TA-Lib's whole numbers give NaN here. A *recursive* one depends on all bars before, however faintly: two runs
agree to the last bit only when they began at one bar.

## Your own

A file in the folder `plugins_dir` (`plugins/` of the working directory) is loaded by every command that needs indicators; a
distribution may name its modules under the entry point `quantservice.indicators`. What is decorated is registered like the built-in
ones: it can be named in strategies and commands and shows up in `qs indicators list`.

```python
import math

from quantservice.quant.indicators import Parameter, compute, indicator
from quantservice.quant.indicators.primitives import mean_push


@indicator(
    inputs=("high", "low"),
    outputs=("mean_range",),
    parameters={"length": Parameter(14, 1, 1_000, "bars averaged")},
    warm_up=lambda length: length - 1,  # bars without a value
    state=lambda length: length + 3,  # floats of memory: what mean_push keeps
    group="own",
    source="the mean of high less low, in percent of the low",
)
def mean_range(state, p, x, out):
    """Mean range of the bars in percent."""
    out[0] = mean_push(state, 0, int(p[0]), (x[0] / x[1] - 1.0) * 100.0)


assert math.isclose(compute("mean_range(1)", {"high": [11.0], "low": [10.0]})["mean_range"][0], 10.0)
```

The step is compiled at its first use and its machine code kept. It may use arithmetic, `math`, loops and the parts of
`quantservice.quant.indicators.primitives`; state begins as zeros. A broken plugin is named in a sentence and left out.

## All that are built in

'''


def main(arguments: list[str]) -> int:
    """Print the page."""
    if arguments:
        sys.stderr.write("usage: python -m quantservice.app.indicator_page\n")
        return 2
    sys.stdout.write(indicator_page())
    return 0


def indicator_page() -> str:
    """Write the page: the guide and one table per group."""
    parts = [_HEAD]
    built_in = [info for info in catalog() if info.origin == "built-in"]
    for group, members in groupby(built_in, key=lambda info: info.group):
        parts.append(
            f"### {group.capitalize()}\n\n| name and parameters | reads | outputs | warm-up | what it is |\n|---|---|---|---|---|\n"
        )
        parts += [_row(info) for info in members]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def _row(info: IndicatorInfo) -> str:
    parameters = ", ".join(f"{parameter.name} {parameter.default:g}" for parameter in info.parameters)
    call = f"`{info.name}`" + (f" ({parameters})" if parameters else "")
    warm_up = f"{info.warm_up}{', recursive' if info.recursive else ''}"
    cells = (call, ", ".join(info.inputs), ", ".join(info.outputs), warm_up, f"{info.doc} *{info.source}*")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
