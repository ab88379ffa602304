"""`fasttrack check`: hold a table against what a model expects."""

from __future__ import annotations

from typing import Annotated

import typer

from fasttrack.cli.options import MODEL, StoreOption, kinds_of
from fasttrack.errors import StoreError

__all__ = ["check"]


def check(
    data: Annotated[str, typer.Argument(help="The table, as for train.")],
    model: Annotated[
        str | None, typer.Option(envvar="FASTTRACK_MODEL", help=f"{MODEL}; else the one promoted last.")
    ] = None,
    null: Annotated[
        list[str] | None, typer.Option(help="Further spelling of a missing value; may be repeated.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=KIND: number, integer, boolean, category or datetime; may be repeated."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Column that is no news; may be repeated.")] = None,
    query: Annotated[str | None, typer.Option(help="Of a database: the SELECT whose rows are the table.")] = None,
    table: Annotated[str | None, typer.Option(help="Of a database: the table.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, without any cell of the table.")] = False,
    store: StoreOption = "model",
) -> None:
    """Check a table against what a model expects, before training on it or scoring it.

    Exits with 1 when there are rows that the model would refuse (a value or column is missing, or of another type), and
    with 0 when there are none: unseen categories, numbers outside the training range, new columns and more missing
    values than in training are warnings.
    """
    from fasttrack.console import show_findings
    from fasttrack.data import Source
    from fasttrack.expectations import bundle_expectation
    from fasttrack.expectations.batches import read_batches
    from fasttrack.store import open_store
    from fasttrack.urls import redact_url

    found = open_store(store)
    spec = model or found.latest()
    if spec is None:
        raise StoreError(f"store {store} has no model to check against; train one first: fasttrack train")
    expected = bundle_expectation(found.open(spec))
    source = Source(data, nulls=tuple(null or ()), query=query, table=table)
    table_batches = read_batches(source, expected.contract, kinds_of(kind or []))
    findings = expected.check(
        table_batches.batches,
        untyped=table_batches.untyped,
        unread=table_batches.unread,
        ignore=ignore or (),
    )
    if as_json:
        typer.echo(findings.as_json(redact_url(data), expected.label))
    else:
        show_findings(findings, redact_url(data), expected)
    if findings.breaking or (strict and findings.findings):
        raise typer.Exit(1)
