"""The application: every command registered, and how an error leaves the command line."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from fasttrack.cli.check import check
from fasttrack.cli.journal import feedback, journal, quality
from fasttrack.cli.models import models
from fasttrack.cli.monitor import monitor
from fasttrack.cli.options import (
    MODEL,
    SOURCE,
    JournalOption,
    QueryOption,
    RowsOption,
    StoreOption,
    TableOption,
)
from fasttrack.cli.report import report
from fasttrack.cli.tracking import follow, pull, track
from fasttrack.cli.train import train
from fasttrack.errors import ConfigError, FastTrackError

__all__ = ["main"]

app = typer.Typer(
    help="From a table and a scikit-learn pipeline to a prediction service that is proven, watched and reversible.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models, name="models")
app.add_typer(journal, name="journal")
app.add_typer(monitor, name="monitor")
app.command()(train)
app.command()(check)
app.command()(feedback)
app.command()(quality)
app.command()(report)
app.command()(pull)
app.command()(follow)
app.command()(track)


def main() -> None:
    """Run the command line: a FastTrackError is told in one line, and exits with 1."""
    try:
        app(standalone_mode=True)
    except FastTrackError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.filename is not None:
            raise
        # what is printed goes nowhere: a full disk, or a reader that has left
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # else Python tries again while it exits
        sys.exit(f"error: the output cannot be written: {error.strerror}")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"fasttrack {metadata.version('fasttrack-mlops')}")
        raise typer.Exit


@app.command()
def init(
    data: Annotated[str, typer.Argument(help=f"{SOURCE}.")],
    target: Annotated[str, typer.Option(help="Column to predict.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path("fasttrack.toml"),
    query: QueryOption = None,
    table: TableOption = None,
    rows: RowsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write a commented fasttrack.toml for a table, with the columns as they were understood."""
    from fasttrack.jobs import init as run

    run(data, target, output, query=query, table=table, rows=rows, force=force)
    typer.echo(f"wrote {output}; look it over, then: fasttrack train {output}")


@app.command()
def serve(
    store: StoreOption = "model",
    model: Annotated[
        str | None, typer.Option(envvar="FASTTRACK_MODEL", help=f"{MODEL}; else the one promoted last.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that serve; they count together.", min=1)] = 1,
    journal: JournalOption = "on",
    access_log: Annotated[bool, typer.Option("--access-log", help="Log each request.")] = False,
) -> None:
    """Serve a model over HTTP. It follows promotions and rollbacks without losing a request."""
    from fasttrack.serving.run import run
    from fasttrack.settings import Settings

    environment = {**os.environ, "FASTTRACK_STORE": store, "FASTTRACK_JOURNAL": journal}
    if model is not None:
        environment["FASTTRACK_MODEL"] = model
    run(Settings.from_environment(environment), host=host, port=port, workers=workers, access_log=access_log)


@app.command()
def predict(
    values: Annotated[
        list[str], typer.Argument(help="COLUMN=VALUE pairs; for a model of one column the bare value does.")
    ],
    store: StoreOption = "model",
    model: Annotated[
        str | None, typer.Option(envvar="FASTTRACK_MODEL", help=f"{MODEL}; else the one promoted last.")
    ] = None,
) -> None:
    """Predict one row with a model of the store, without a server."""
    from fasttrack.contract.decode import RefusedRequest
    from fasttrack.contract.openapi import label_key
    from fasttrack.metrics.serving import ServingMetrics
    from fasttrack.serving.model import load_model
    from fasttrack.settings import Settings

    served = load_model(Settings(store=store, model=model), ServingMetrics())
    names = served.bundle.manifest.contract.names
    pairs = []
    for value in values:
        column, equals, text = value.partition("=")
        if not equals and len(names) != 1:
            raise ConfigError(f"{value!r} names no column; write COLUMN=VALUE, columns are {', '.join(names)}")
        pairs.append((column, text) if equals else (names[0], value))
    try:
        batch = served.decoder.query(pairs)
        scores = served.engine.score(batch)
    except RefusedRequest as refused:
        raise ConfigError(refused.detail) from None
    for warning in [*batch.warnings, *scores.warnings]:
        typer.echo(f"warning: {warning.column}: {warning.message}", err=True)
    typer.echo(label_key(scores.prediction[0]))
