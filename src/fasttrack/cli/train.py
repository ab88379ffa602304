"""`fasttrack train`: train a model on a table and put it in the store."""

from __future__ import annotations

from typing import Annotated

import typer

from fasttrack.cli.options import (
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

__all__ = ["train"]


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
