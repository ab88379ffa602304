"""`fasttrack init`: write a commented fasttrack.toml for a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fasttrack.cli.options import (
    SOURCE,
    DelimiterOption,
    EncodingOption,
    HeaderOption,
    QueryOption,
    RowsOption,
    SheetOption,
    TableOption,
    read_options,
)

__all__ = ["init"]


def init(
    data: Annotated[str, typer.Argument(metavar="DATA", help=f"The table: {SOURCE}.")],
    target: Annotated[str, typer.Option(help="The column to predict.", metavar="COLUMN")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.", metavar="FILE")] = Path(
        "fasttrack.toml"
    ),
    query: QueryOption = None,
    table: TableOption = None,
    rows: RowsOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    header: HeaderOption = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented fasttrack.toml for a table, with the kind of each column."""
    from fasttrack.jobs import init as write_config

    reading = read_options(delimiter, encoding, sheet, header)
    write_config(data, target, output, query=query, table=table, rows=rows, reading=reading, force=force)
    typer.echo(f"wrote {output}; review it, then run: fasttrack train {output}")
