"""The indicators that come with the platform, one file per family; each registers what it holds when it is imported."""

import quantservice.quant.indicators.builtin.averages
import quantservice.quant.indicators.builtin.bands
import quantservice.quant.indicators.builtin.candles_more
import quantservice.quant.indicators.builtin.candles_one
import quantservice.quant.indicators.builtin.candles_three
import quantservice.quant.indicators.builtin.candles_two
import quantservice.quant.indicators.builtin.channels
import quantservice.quant.indicators.builtin.cycles
import quantservice.quant.indicators.builtin.differences
import quantservice.quant.indicators.builtin.direction
import quantservice.quant.indicators.builtin.estimators
import quantservice.quant.indicators.builtin.filters
import quantservice.quant.indicators.builtin.flow
import quantservice.quant.indicators.builtin.forecast
import quantservice.quant.indicators.builtin.full_names
import quantservice.quant.indicators.builtin.market
import quantservice.quant.indicators.builtin.maths
import quantservice.quant.indicators.builtin.momentum
import quantservice.quant.indicators.builtin.moves
import quantservice.quant.indicators.builtin.oscillators
import quantservice.quant.indicators.builtin.pairs
import quantservice.quant.indicators.builtin.prices
import quantservice.quant.indicators.builtin.regression
import quantservice.quant.indicators.builtin.risk
import quantservice.quant.indicators.builtin.sar
import quantservice.quant.indicators.builtin.smoothing
import quantservice.quant.indicators.builtin.statistics
import quantservice.quant.indicators.builtin.stochastic
import quantservice.quant.indicators.builtin.trend
import quantservice.quant.indicators.builtin.turns
import quantservice.quant.indicators.builtin.volatility
import quantservice.quant.indicators.builtin.volume  # noqa: F401
