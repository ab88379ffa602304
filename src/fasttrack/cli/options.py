"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from fasttrack.cli.completion import complete_model
from fasttrack.contract.schema import KindChoice
from fasttrack.errors import ConfigError
from fasttrack.file_formats import format_names
from fasttrack.reading import HEADERS, ReadOptions
from fasttrack.schemes import example_list
from fasttrack.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "KINDS",
    "MODEL",
    "SOURCE",
    "DelimiterOption",
    "EncodingOption",
    "HeaderOption",
    "IgnoreOption",
    "JournalOption",
    "KindOption",
    "ModelArgument",
    "ModelOption",
    "NullOption",
    "QueryOption",
    "RowsOption",
    "SheetOption",
    "StoreOption",
    "TableOption",
    "TrackingOption",
    "parse_kinds",
    "read_options",
]

SOURCE = f"a file, folder or pattern of {format_names()}; an address such as {example_list('source')}"
MODEL = "NAME, NAME@VERSION, NAME@champion or NAME@challenger"
_LATEST = "the model promoted last"
KINDS = get_args(KindChoice)

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="FASTTRACK_STORE",
        help=f"The model store: a folder, or {example_list('store')}.",
        metavar="STORE",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar="FASTTRACK_MODEL",
        help=f"{MODEL}.",
        metavar="MODEL",
        show_default=_LATEST,
        autocompletion=complete_model,
    ),
]
ModelArgument = Annotated[
    str | None,
    typer.Argument(metavar="[MODEL]", help=f"{MODEL}.", show_default=_LATEST, autocompletion=complete_model),
]
JournalOption = Annotated[
    str,
    typer.Option(
        "--journal",
        envvar="FASTTRACK_JOURNAL",
        help=f"Where predictions are recorded: on (a file in the store), off, a file, or {example_list('journal')}.",
        metavar="WHERE",
    ),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        help=f"MLflow at {example_list('tracking')}, or off.",
        metavar="URI",
        show_default="FASTTRACK_TRACKING, then fasttrack.toml, then MLFLOW_TRACKING_URI",
    ),
]
QueryOption = Annotated[
    str | None,
    typer.Option("--query", help="SQL that selects the rows, for a database.", metavar="SQL", show_default="none"),
]
TableOption = Annotated[
    str | None,
    typer.Option("--table", help="The table to read whole, for a database.", metavar="NAME", show_default="none"),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        help="What separates the cells of a CSV file: one character, tab, or whitespace.",
        metavar="CHARACTER",
        show_default="detected",
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        help="The encoding of a CSV or JSON file, such as windows-1252.",
        metavar="NAME",
        show_default="UTF-8, else detected",
    ),
]
SheetOption = Annotated[
    str | None,
    typer.Option("--sheet", help="The sheet of an Excel workbook.", metavar="NAME", show_default="the first"),
]
HeaderOption = Annotated[
    str,
    typer.Option(
        "--header",
        help="Whether the first row of a CSV file or sheet names the columns: auto, yes or no.",
        metavar="|".join(HEADERS),
    ),
]
RowsOption = Annotated[
    int | None,
    typer.Option("--rows", help="Take a random sample of N rows.", min=1, metavar="N", show_default="all rows"),
]
NullOption = Annotated[
    list[str] | None,
    typer.Option(
        "--null",
        help="Another spelling of a missing value. Repeat it for more.",
        metavar="TEXT",
        show_default="the empty cell, NA, NaN, null",
    ),
]
KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help=f"The kind of a column: {', '.join(KINDS)}. Repeat it for more.",
        metavar="COLUMN=KIND",
        show_default="as read from the table",
    ),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", help="A column to ignore. Repeat it for more.", metavar="COLUMN", show_default="none"),
]


def read_options(delimiter: str | None, encoding: str | None, sheet: str | None, header: str) -> ReadOptions:
    """How to read a file. Raises ConfigError."""
    try:
        return ReadOptions(delimiter=delimiter, encoding=encoding, sheet=sheet, header=header)  # type: ignore[arg-type]  # checked there
    except ValueError as error:
        raise ConfigError(str(error)) from None


def parse_kinds(pairs: Sequence[str]) -> dict[str, Any]:
    """The kind of each column that is named as COLUMN=KIND. Raises ConfigError."""
    kinds = {}
    for pair in pairs:
        column, equals, kind = pair.rpartition("=")
        if not equals:
            raise ConfigError(f"--kind {pair}: write COLUMN=KIND")
        if kind not in KINDS:
            raise ConfigError(f"--kind {pair}: choose one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}")
        kinds[column] = kind
    return kinds
