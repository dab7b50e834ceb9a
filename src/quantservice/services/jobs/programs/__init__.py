"""What a worker does for each kind of job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from quantservice.services.jobs.programs.backtest import Backtest
from quantservice.services.jobs.programs.context import Context, Program
from quantservice.services.jobs.programs.crossvalidate import CrossValidate
from quantservice.services.jobs.programs.montecarlo import MonteCarlo
from quantservice.services.jobs.programs.optimize import Optimize
from quantservice.services.jobs.programs.sweep import Sweep
from quantservice.services.jobs.programs.walkforward import WalkForward

__all__ = ["PROGRAMS", "Context", "Program"]

#: Kind of job -> its program.
PROGRAMS: Final[Mapping[str, Program]] = {
    "backtest": Backtest(),
    "sweep": Sweep(),
    "optimize": Optimize(),
    "walkforward": WalkForward(),
    "crossvalidate": CrossValidate(),
    "montecarlo": MonteCarlo(),
}
