"""`fasttrack journal`: the predictions that were recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fasttrack.cli.completion import complete_model
from fasttrack.cli.options import JournalOption, StoreOption
from fasttrack.cli.tables import Table, TableColumn, output, print_table

__all__ = ["journal"]

journal = typer.Typer(help="Show and export the recorded predictions.", no_args_is_help=True)


@journal.command("show")
def show(where: JournalOption = "on", store: StoreOption = "model") -> None:
    """Show how many predictions of each version and how many labels the journal holds."""
    from fasttrack.journal import existing_journal
    from fasttrack.urls import redact_url

    with existing_journal(where, store) as database:
        location, spans, labels = redact_url(database.location), database.spans(), database.labels()
    table = Table(
        [
            TableColumn("version"),
            TableColumn("predictions", right=True),
            TableColumn("MB", right=True),
            TableColumn("first (UTC)", narrowest=11),
            TableColumn("last (UTC)", narrowest=10),
        ]
    )
    for span in spans:
        table.add(
            f"{span.model}@{span.version}",
            f"{span.rows:,}",
            f"{span.size / 1e6:,.1f}",
            _minute(span.first),
            _minute(span.last),
        )
    console = output()
    console.print(f"journal {location}", markup=False)
    if spans:
        print_table(console, table)
    console.print(f"{sum(span.rows for span in spans):,} predictions, {labels:,} labels")


@journal.command("export")
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The Parquet file to write.")],
    since: Annotated[
        str | None,
        typer.Option(
            help="Only predictions of this last time, such as 30d, 12h, 90m or 2w.",
            metavar="TIME",
            show_default="all predictions",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Only predictions of this model.",
            metavar="NAME",
            show_default="every model",
            autocompletion=complete_model,
        ),
    ] = None,
    where: JournalOption = "on",
    store: StoreOption = "model",
) -> None:
    """Write the predictions with their features and labels to a Parquet file, oldest first."""
    from fasttrack.journal import existing_journal
    from fasttrack.journal.export import export_parquet, since_seconds

    begin = 0.0 if since is None else since_seconds(since)
    with existing_journal(where, store) as database:
        rows, labelled = export_parquet(database, file, begin, model)
    typer.echo(f"wrote {rows:,} predictions, {labelled:,} of them labelled, to {file}")


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
