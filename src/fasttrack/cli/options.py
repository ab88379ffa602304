"""Options that several commands take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fasttrack.errors import ConfigError
from fasttrack.file_formats import format_names
from fasttrack.schemes import example_list

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MODEL",
    "SOURCE",
    "JournalOption",
    "QueryOption",
    "RowsOption",
    "StoreOption",
    "TableOption",
    "TrackingOption",
    "choice",
    "kinds_of",
]

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="FASTTRACK_STORE",
        help=f"Folder that holds the models, or {example_list('store')}.",
        metavar="WHERE",
    ),
]
JournalOption = Annotated[
    str,
    typer.Option(
        "--journal",
        envvar="FASTTRACK_JOURNAL",
        help=f"Where predictions are kept: on (a file in the store), off, a file, or {example_list('journal')}.",
        metavar="WHERE",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        metavar="URI",
        help=f"MLflow at {example_list('tracking')}, or off; else FASTTRACK_TRACKING, the configuration, "
        "MLFLOW_TRACKING_URI.",
    ),
]
QueryOption = Annotated[
    str | None, typer.Option("--query", help="Of a database: SQL that selects the rows.", metavar="SQL")
]
TableOption = Annotated[
    str | None, typer.Option("--table", help="Of a database: the table to read whole.", metavar="NAME")
]
RowsOption = Annotated[
    int | None, typer.Option("--rows", help="Take a random sample of so many rows.", min=1, metavar="N")
]
SOURCE = f"A table: file, folder or pattern of {format_names()}; {example_list('source')}"
MODEL = "NAME, NAME@champion or NAME@VERSION"


def choice(option: str, value: str | None, allowed: tuple[str, ...]) -> Any:
    """The value, which must be one of `allowed`. Raises ConfigError."""
    if value is not None and value not in allowed:
        raise ConfigError(f"{option} {value}: choose one of {', '.join(allowed)}")
    return value


def kinds_of(pairs: Sequence[str]) -> dict[str, Any]:
    """The kinds that `--kind COLUMN=KIND` gives to columns. Raises ConfigError."""
    kinds = {}
    for pair in pairs:
        column, equals, kind = pair.rpartition("=")
        if not equals:
            raise ConfigError(f"--kind {pair}: write COLUMN=KIND")
        kinds[column] = choice("--kind", kind, ("number", "integer", "boolean", "category", "datetime"))
    return kinds
