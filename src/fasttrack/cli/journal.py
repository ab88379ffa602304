"""`fasttrack journal`, `feedback` and `quality`: what was predicted, what was true, and how good it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fasttrack.cli.options import SOURCE, JournalOption, QueryOption, StoreOption, TableOption
from fasttrack.errors import ConfigError

__all__ = ["feedback", "journal", "quality"]

journal = typer.Typer(help="Predictions that were recorded: show, export.", no_args_is_help=True)

_SINCE = "Only the last 30d, 12h, 90m or 2w."


@journal.command("show")
def show(where: JournalOption = "on", store: StoreOption = "model") -> None:
    """Say what the journal holds: predictions by version, labels, size."""
    from fasttrack.console import show_journal
    from fasttrack.journal import existing_journal

    with existing_journal(where, store) as database:
        show_journal(database)


@journal.command("export")
def export(
    output: Annotated[Path, typer.Argument(help="Parquet file to write.")],
    since: Annotated[str | None, typer.Option(help=_SINCE)] = None,
    model: Annotated[str | None, typer.Option(help="Only predictions of this model.")] = None,
    where: JournalOption = "on",
    store: StoreOption = "model",
) -> None:
    """Write predictions with their features and labels to a Parquet file, oldest first."""
    from fasttrack.journal import existing_journal
    from fasttrack.journal.export import export_parquet, since_seconds

    begin = 0.0 if since is None else since_seconds(since)
    with existing_journal(where, store) as database:
        rows, labelled = export_parquet(database, output, begin, model)
    typer.echo(f"wrote {rows:,} predictions, {labelled:,} of them labelled, to {output}")


def feedback(
    source: Annotated[str, typer.Argument(help=f"Where ids and labels are. {SOURCE}.")],
    id: Annotated[str, typer.Option(help="Column of the ids that came with the predictions.")] = "prediction_id",  # noqa: A002  # the option's name
    label: Annotated[str, typer.Option(help="Column of what was true.")] = "label",
    query: QueryOption = None,
    table: TableOption = None,
    where: JournalOption = "on",
    store: StoreOption = "model",
) -> None:
    """Give the journal the labels of predictions, from a table; the last label of a prediction counts."""
    from fasttrack.data import Source
    from fasttrack.journal import existing_journal
    from fasttrack.journal.labels import label_predictions

    opened = Source(source, query=query, table=table)
    for column in (id, label):
        if column not in opened.names:
            there = ", ".join(map(repr, opened.names))
            raise ConfigError(
                f"{opened.name} has no column {column!r}; it has {there}; name them with --id and --label"
            )
    read = opened.read(kinds={id: "category"}, columns=[id, label])
    ids, labels = (read.column(column).to_pylist() for column in (id, label))
    with existing_journal(where, store) as database:
        done = label_predictions(database, ids, labels, name=opened.name)
    typer.echo(f"{done.matched:,} predictions labelled")
    if done.unknown:
        typer.echo(f"{done.unknown:,} labels of predictions that the journal does not hold; kept, in case they come")
    if done.empty:
        typer.echo(f"{done.empty:,} rows without a label")


def quality(
    model: Annotated[str | None, typer.Argument(help="Only this model.")] = None,
    where: JournalOption = "on",
    store: StoreOption = "model",
) -> None:
    """Show how good predictions were over the last hour, day and week, beside the hold-out's figures."""
    from fasttrack.console import show_quality
    from fasttrack.journal import existing_journal
    from fasttrack.store import open_store

    with existing_journal(where, store) as database:
        show_quality(database, open_store(store), model)
