"""The commands without a group: train, init, serve, predict; and how an error leaves the command line."""

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
    TrackingOption,
    choice,
    kinds_of,
)
from fasttrack.cli.report import report
from fasttrack.cli.tracking import follow, pull, track
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
def train(
    source: Annotated[str, typer.Argument(help=f"{SOURCE}. Or a fasttrack.toml, or journal: what was labelled.")],
    target: Annotated[str | None, typer.Option(help="Column to predict; needed with a table.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model; else the file's.")] = None,
    estimator: Annotated[
        str | None,
        typer.Option(help="linear, boosting, forest, auto, or module:factory that returns a scikit-learn estimator."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="regression, binary or multiclass; else from the target.")] = None,
    promote: Annotated[
        str | None, typer.Option(help="never, always, or better: when it is the first or beats the champion.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(help="Better is what beats the champion in this share of resamples; else 0.95.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Column that must not be a feature; may be repeated.")
    ] = None,
    null: Annotated[
        list[str] | None, typer.Option(help="Further spelling of a missing value; may be repeated.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=KIND: number, integer, boolean, category or datetime; may be repeated."),
    ] = None,
    query: QueryOption = None,
    table: TableOption = None,
    rows: RowsOption = None,
    since: Annotated[
        str | None, typer.Option(help="With journal: the predictions of the last 30d, 12h, 90m or 2w.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Search hyperparameters: so many trials at most.", metavar="N")
    ] = None,
    search_seconds: Annotated[
        float | None,
        typer.Option(help="Search hyperparameters: no trial begins that would not end in this time.", metavar="S"),
    ] = None,
    journal: JournalOption = "on",
    tracking: TrackingOption = None,
    store: StoreOption = "model",
) -> None:
    """Train a model on a table and put it in the store."""
    from fasttrack.console import Progress, show_outcome
    from fasttrack.lifecycle import train as run

    with Progress() as progress:
        outcome = run(
            source,
            target,
            name=name,
            estimator=estimator,
            task=choice("--task", task, ("regression", "binary", "multiclass")),
            store=store,
            promote=choice("--promote", promote, ("never", "always", "better")),
            confidence=confidence,
            ignore=tuple(ignore or ()),
            nulls=tuple(null or ()),
            kinds=kinds_of(kind or []),
            query=query,
            table=table,
            rows=rows,
            since=since,
            journal=journal,
            trials=trials,
            search_seconds=search_seconds,
            tracking=tracking,
            tell=progress.tell,
        )
    show_outcome(outcome, store)


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
    from fasttrack.jobs.init import write_config

    write_config(data, target, output, query=query, table=table, rows=rows, force=force)
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
    from fasttrack.scoring.model import open_model
    from fasttrack.scoring.open import find_bundle
    from fasttrack.store import open_store

    scoring = open_model(find_bundle(open_store(store), model))
    names = scoring.contract.names
    pairs = []
    for value in values:
        column, equals, text = value.partition("=")
        if not equals and len(names) != 1:
            raise ConfigError(f"{value!r} names no column; write COLUMN=VALUE, columns are {', '.join(names)}")
        pairs.append((column, text) if equals else (names[0], value))
    try:
        batch = scoring.decoder.query(pairs)
        predictions = scoring.engine.score(batch)
    except RefusedRequest as refused:
        raise ConfigError(refused.detail) from None
    for warning in [*batch.warnings, *predictions.warnings]:
        typer.echo(f"warning: {warning.column}: {warning.message}", err=True)
    typer.echo(label_key(predictions.prediction[0]))
