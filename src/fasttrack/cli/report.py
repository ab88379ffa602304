"""`fasttrack report`: open the evaluation of a version, copy it, or measure it on another table."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.model_choice import model_or_latest
from fasttrack.cli.options import (
    SOURCE,
    DelimiterOption,
    EncodingOption,
    HeaderOption,
    ModelArgument,
    QueryOption,
    RowsOption,
    SheetOption,
    StoreOption,
    TableOption,
    read_options,
)
from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle
    from fasttrack.reading import ReadOptions

__all__ = ["report"]


def report(
    spec: ModelArgument = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Copy the report to this file.",
            metavar="FILE",
            show_default="open it in the browser",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help=f"Measure the version on the rows of this table, and report on that: {SOURCE}.",
            metavar="DATA",
            show_default="the report of the training",
        ),
    ] = None,
    query: QueryOption = None,
    table: TableOption = None,
    rows: RowsOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    header: HeaderOption = "auto",
    store: StoreOption = "model",
) -> None:
    """Open the evaluation report of a version in the browser; without a terminal, print its path."""
    from fasttrack.bundle import REPORT
    from fasttrack.report import read_report
    from fasttrack.store import open_store

    reading = read_options(delimiter, encoding, sheet, header)
    if data is None and not (query is None and table is None and rows is None and not reading.given()):
        raise ConfigError("--query, --table, --rows and the options for reading a file need a table: --data DATA")
    if output is not None and output.is_dir():
        raise ConfigError(f"{output} is a folder; name a file with --output")
    opened = open_store(store)
    bundle = opened.open(model_or_latest(opened, spec, "report on"))
    if data is not None:
        place = output or Path(f"{bundle.manifest.name}-{bundle.manifest.version}-report.html")
        _write(place, _measure(bundle, data, query, table, rows, reading))
    elif output is not None:
        place = output
        _write(place, read_report(bundle))
    else:
        read_report(bundle)  # refuses a report that was changed
        place = bundle.folder / REPORT
    typer.echo(f"{place}")
    if output is None and sys.stdout.isatty():
        webbrowser.open(place.resolve().as_uri())


def _measure(
    bundle: Bundle, data: str, query: str | None, table: str | None, rows: int | None, reading: ReadOptions
) -> str:
    from fasttrack.report import rebuild
    from fasttrack.settings import Settings

    mismatch = Settings.from_environment().allow_version_mismatch
    return rebuild(
        bundle, data, query=query, table=table, sample=rows, reading=reading, allow_version_mismatch=mismatch
    )


def _write(place: Path, text: str) -> None:
    partial = place.with_name(f".{place.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(place)
    except OSError as error:
        raise ConfigError(f"{place} cannot be written: {error.strerror}; choose another with --output") from None
