"""`fasttrack feedback`: add the true outcomes of recorded predictions to the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.options import (
    SOURCE,
    DelimiterOption,
    EncodingOption,
    HeaderOption,
    JournalOption,
    QueryOption,
    SheetOption,
    StoreOption,
    TableOption,
    read_options,
)
from fasttrack.errors import ConfigError
from fasttrack.suggestions import names_hint

if TYPE_CHECKING:
    from fasttrack.contract.schema import Kind

__all__ = ["feedback"]


def feedback(
    source: Annotated[str, typer.Argument(metavar="DATA", help=f"The table of ids and labels: {SOURCE}.")],
    id: Annotated[  # noqa: A002  # the option's name
        str, typer.Option(help="The column of the prediction ids that the server returned.", metavar="COLUMN")
    ] = "prediction_id",
    label: Annotated[str, typer.Option(help="The column of the true outcomes.", metavar="COLUMN")] = "label",
    query: QueryOption = None,
    table: TableOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    header: HeaderOption = "auto",
    where: JournalOption = "on",
    store: StoreOption = "model",
) -> None:
    """Add the true outcomes of recorded predictions to the journal, from a table.

    If a prediction is labelled more than once, the last label counts.
    """
    from fasttrack.contract.reading import Reading
    from fasttrack.data import Source
    from fasttrack.journal import existing_journal
    from fasttrack.journal.feedback import label_predictions

    reading = read_options(delimiter, encoding, sheet, header)
    opened = Source(source, query=query, table=table, reading=reading)
    for option, column in (("--id", id), ("--label", label)):
        if column not in opened.names:
            hint = names_hint(column, opened.names)
            raise ConfigError(f"{opened.name} has no column {column!r}, choose it with {option}{hint}")
    with existing_journal(where, store) as database:
        # the cells as they are spelled: each is read by the target of its own prediction
        known: dict[str, tuple[Kind, Reading]] = {label: ("category", Reading())} if opened.untyped else {}
        read = opened.read(kinds={id: "category"}, known=known, columns=[id, label])
        ids, labels = (read.column(column).to_pylist() for column in (id, label))
        counts = label_predictions(database, ids, labels, name=opened.name, spelled=opened.untyped)
    typer.echo(f"{counts.matched:,} predictions labelled")
    if counts.unknown:
        typer.echo(f"{counts.unknown:,} labels kept for predictions that the journal does not hold yet")
    if counts.empty:
        typer.echo(f"{counts.empty:,} rows without a label skipped")
