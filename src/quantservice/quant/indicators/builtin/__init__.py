"""The indicators that come with the platform, one file per family; each registers what it holds when it is imported."""

  # noqa: F401

import quantservice.quant.indicators.builtin.trend  # noqa: F401
