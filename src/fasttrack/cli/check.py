"""`fasttrack check`: compare a table with what a model expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from fasttrack.cli.model_choice import model_or_latest
from fasttrack.cli.options import (
    SOURCE,
    DelimiterOption,
    EncodingOption,
    HeaderOption,
    IgnoreOption,
    KindOption,
    ModelOption,
    NullOption,
    QueryOption,
    SheetOption,
    StoreOption,
    TableOption,
    parse_kinds,
    read_options,
)
from fasttrack.cli.tables import Table, TableColumn, output, print_table

if TYPE_CHECKING:
    from fasttrack.expectations import CheckResult, Expectation

__all__ = ["check"]


def check(  # a parameter for each option
    data: Annotated[str, typer.Argument(metavar="DATA", help=f"The table: {SOURCE}.")],
    model: ModelOption = None,
    null: NullOption = None,
    kind: KindOption = None,
    ignore: IgnoreOption = None,
    query: QueryOption = None,
    table: TableOption = None,
    delimiter: DelimiterOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    header: HeaderOption = "auto",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, which holds no cell of the table.")] = False,
    store: StoreOption = "model",
) -> None:
    """Compare a table with what a model expects, before training on it or scoring it.

    Exits with 1 if the model would refuse a row, because a value or column is missing or has another type.

    Unseen categories, numbers outside the training range, new columns and more missing values are only warnings.
    """
    from fasttrack.data import Source
    from fasttrack.expectations import bundle_expectation
    from fasttrack.expectations.batches import read_batches
    from fasttrack.store import open_store
    from fasttrack.urls import redact_url

    opened = open_store(store)
    expected = bundle_expectation(opened.open(model_or_latest(opened, model, "check against")))
    reading = read_options(delimiter, encoding, sheet, header)
    source = Source(data, nulls=tuple(null or ()), query=query, table=table, reading=reading)
    table_batches = read_batches(source, expected.contract, parse_kinds(kind or []))
    findings = expected.check(
        table_batches.batches,
        untyped=table_batches.untyped,
        unread=table_batches.unread,
        ignore=ignore or (),
    )
    if as_json:
        typer.echo(findings.as_json(redact_url(data), expected.label))
    else:
        _print_findings(findings, redact_url(data), expected)
    if findings.breaking or (strict and findings.findings):
        raise typer.Exit(1)


def _print_findings(findings: CheckResult, source: str, expected: Expectation) -> None:
    """Print what differs from the model's expectations, which columns have drifted, and what it means for the rows."""
    from fasttrack.expectations.result import format_rows

    console = output()
    columns = len(expected.contract.columns)
    compared = f"{findings.rows:,} rows against the {columns:,} column{'s' * (columns != 1)} of {expected.label}"
    console.print(Text.assemble((source, "bold"), f": {compared}"))
    table = _findings_table(findings)
    if table.rows:
        print_table(console, table)
    if findings.broken:
        refused = format_rows(findings.broken, findings.broken / findings.rows)
        console.print(Text.assemble(("refused:", "red"), f" {refused}"))
    else:
        console.print("no row would be refused")
    if findings.warned:
        console.print(f"scored with a warning: {format_rows(findings.warned, findings.warned / findings.rows)}")


def _findings_table(findings: CheckResult) -> Table:
    from fasttrack.quoting import column_label

    columns = [
        TableColumn("column", narrowest=16),
        TableColumn("finding"),
        TableColumn("rows", right=True),
        TableColumn("share", right=True),
        TableColumn("PSI", right=True),
        TableColumn("problem", narrowest=28),
        TableColumn("first rows", narrowest=28),
    ]
    table = Table(columns, title_columns=2)
    for finding in sorted(findings.findings, key=lambda finding: not finding.breaks):
        table.add(
            column_label(finding.column),
            finding.reason,
            f"{finding.rows:,}",
            f"{finding.share:.2%}",
            _index(findings.psi.get(finding.column)),
            finding.message,
            "; ".join(map(str, finding.examples)),
            style="red" if finding.breaks else "yellow",
        )
    listed = {finding.column for finding in findings.findings}
    for name in findings.drifted:
        if name not in listed:
            problem = "distributed differently than in training"
            table.add(column_label(name), "drift", "", "", _index(findings.psi[name]), problem, "")
    return table


def _index(psi: float | None) -> str:
    return "" if psi is None else f"{psi:.3f}"
