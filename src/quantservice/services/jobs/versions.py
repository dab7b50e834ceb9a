"""What computed a result: kept with it, so that a repetition can say what changed."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Final

from quantservice.version import __version__

#: How the fingerprint begins of bars alone, without their revisions and the rules.
BARS: Final = "bars:"


def versions() -> dict[str, str]:
    """Return what computed: a difference here may change the last bit of a result."""
    return {
        "quantservice": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "ta-lib": version("TA-Lib"),
        "machine": f"{platform.system()} {platform.machine()}",
    }
