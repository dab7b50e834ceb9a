"""The command line: ``qs``. Modules here import nothing heavy at the top, so that help answers at once."""

from __future__ import annotations

import gc
import sys

import typer

from quantservice.app.cli import (
    backtests,
    data,
    deployments,
    indicators,
    jobs,
    parity,
    portfolio,
    registry,
    research,
    risk,
    run,
    scaffold,
    store,
    tools,
    trading,
)
from quantservice.core.errors import EnvironmentFault, QuantServiceError, StoreUnavailable, UserError

app = typer.Typer(
    name="qs",
    help="QuantService: raw exchange frames go in, audited profit and loss comes out.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: importing the rich renderer alone costs more than the whole answer
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.register(app)
data.register(app)
indicators.register(app)
research.register(app)
backtests.register(app)
jobs.register(app)
deployments.register(app)
parity.register(app)
trading.register(app)
portfolio.register(app)
risk.register(app)
registry.register(app)
store.register(app)
tools.register(app)
scaffold.register(app)


def main() -> None:
    """Entry point: one sentence and a non-zero exit for what a person can mend, never a stack."""
    gc.set_threshold(50_000, 20, 50)  # loading modules makes no garbage: looking for it takes a tenth of a command's time
    try:
        app()
    except UserError as error:
        fail(str(error), 2)
    except StoreUnavailable as error:
        fail(str(error), 4)
    except EnvironmentFault as error:
        fail(str(error), 3)
    except QuantServiceError as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    finally:
        gc.freeze()  # the interpreter would look through all modules once more, only to end


def fail(sentence: str, code: int) -> None:
    """Print one sentence to standard error and leave."""
    sys.stderr.write(f"qs: {sentence}\n")
    sys.exit(code)
