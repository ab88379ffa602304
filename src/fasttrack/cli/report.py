"""`fasttrack report`: the evaluation of a version, shown, copied, or measured anew."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.options import MODEL, SOURCE, QueryOption, RowsOption, StoreOption, TableOption
from fasttrack.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle

__all__ = ["report"]


def report(
    spec: Annotated[str | None, typer.Argument(metavar="[MODEL]", help=f"{MODEL}; else the one promoted last.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write a copy to.")] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help=f"Measure the version on its rows, and report on that. {SOURCE}."),
    ] = None,
    query: QueryOption = None,
    table: TableOption = None,
    rows: RowsOption = None,
    store: StoreOption = "model",
) -> None:
    """Open a version's evaluation in the browser; where no terminal is, print the path."""
    from fasttrack.bundle import REPORT
    from fasttrack.report import read_report
    from fasttrack.store import open_store

    if data is None and not (query is None and table is None and rows is None):
        raise ConfigError("--query, --table and --rows are of the table that --data names")
    if output is not None and output.is_dir():
        raise ConfigError(f"{output} is a folder; name a file with --output")
    found = open_store(store)
    spec = spec or found.latest()
    if spec is None:
        raise StoreError(f"store {store} has no model to report on; train one first: fasttrack train")
    bundle = found.open(spec)
    if data is not None:
        place = output or Path(f"{bundle.manifest.name}-{bundle.manifest.version}-report.html")
        _write(place, _measured(bundle, data, query, table, rows))
    elif output is not None:
        place = output
        _write(place, read_report(bundle))
    else:
        read_report(bundle)  # refuses what was changed
        place = bundle.folder / REPORT
    typer.echo(f"{place}")
    if output is None and sys.stdout.isatty():
        webbrowser.open(place.resolve().as_uri())


def _measured(bundle: Bundle, data: str, query: str | None, table: str | None, rows: int | None) -> str:
    from fasttrack.report import rebuild
    from fasttrack.settings import Settings

    mismatch = Settings.from_environment().allow_version_mismatch
    return rebuild(bundle, data, query=query, table=table, sample=rows, allow_version_mismatch=mismatch)


def _write(place: Path, text: str) -> None:
    partial = place.with_name(f".{place.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(place)
    except OSError as error:
        raise ConfigError(f"{place} cannot be written: {error.strerror}; choose another with --output") from None
