"""The application: its commands in the order of use, and how each ends.

A command ends with 0 when it did its work, with 1 after an error (one line on stderr) or when `check` finds rows that
would be refused, with 2 for wrong arguments, and with 130 after Ctrl-C. When the reader of its output has left, such as
`head`, it ends with 1 and says nothing. `serve` and `mlflow follow` run until Ctrl-C or SIGTERM, and end with 0.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated

import typer

from fasttrack.cli.check import check
from fasttrack.cli.feedback import feedback
from fasttrack.cli.init import init
from fasttrack.cli.journal import journal
from fasttrack.cli.mlflow import mlflow
from fasttrack.cli.models import models
from fasttrack.cli.monitor import monitor
from fasttrack.cli.predict import predict
from fasttrack.cli.quality import quality
from fasttrack.cli.report import report
from fasttrack.cli.serve import serve
from fasttrack.cli.stdout import OutputError, discard_output, guard_output
from fasttrack.cli.train import train
from fasttrack.errors import FastTrackError, in_a_line
from fasttrack.extras import missing_extra

__all__ = ["app", "run"]

_TRAIN_AND_SERVE = "Train and serve"
_MEASURE = "Measure"
_MANAGE = "Manage and watch"

app = typer.Typer(
    help="Turn a table and a scikit-learn pipeline into a prediction service that is proven, watched and reversible.",
    epilog="Exit codes: 0 done, 1 error or check found refused rows, 2 wrong arguments, 130 Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    _TRAIN_AND_SERVE: (train, init, serve, predict),
    _MEASURE: (check, feedback, quality, report),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
for _name, _group in (("models", models), ("journal", journal), ("monitor", monitor), ("mlflow", mlflow)):
    app.add_typer(_group, name=_name, rich_help_panel=_MANAGE)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"fasttrack {metadata.version('fasttrack-mlops')}")
        raise typer.Exit


def run() -> None:
    """Run the command line; an error that a user can mend is one line. Raises SystemExit with the exit code."""
    try:
        with guard_output():
            app(standalone_mode=True)
    except FastTrackError as error:
        sys.exit(f"error: {error}")
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        sys.exit(f"error: {missing}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except OutputError as error:
        discard_output()
        sys.exit(f"error: the output cannot be written: {error.strerror}")
    except OSError as error:
        sys.exit(f"error: {in_a_line(error) if error.filename is None else f'{error.filename}: {error.strerror}'}")
