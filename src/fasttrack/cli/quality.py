"""`fasttrack quality`: the metrics of recent predictions, next to those of the hold-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.completion import complete_model
from fasttrack.cli.options import JournalOption, StoreOption
from fasttrack.cli.tables import Table, TableColumn, is_terminal, output, print_table
from fasttrack.errors import DataError
from fasttrack.suggestions import names_hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fasttrack.jobs import VersionQuality

__all__ = ["quality"]


def quality(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="The model.", show_default="every model", autocompletion=complete_model),
    ] = None,
    where: JournalOption = "on",
    store: StoreOption = "model",
) -> None:
    """Show how good the predictions of the last hour, day and week were, beside the hold-out metrics."""
    from fasttrack.jobs import quality as measure_quality

    versions = measure_quality(store=store, journal=where)
    chosen = [version for version in versions if model in (None, version.model)]
    if not chosen:
        models = sorted({version.model for version in versions})
        hint = names_hint(model, models) if model and models else ""
        whose = f" of {model}" if model else ""
        raise DataError(f"the journal holds no prediction{whose} from the last 7 days{hint}")
    console = output()
    print_table(console, _table(chosen))
    for version in chosen:
        if not any(window.labelled for window in version.windows):
            console.print(
                f"{version.label} has no labels yet; send them with POST /feedback, or with: "
                "fasttrack feedback DATA --id COLUMN --label COLUMN",
                markup=False,
            )


def _table(versions: Sequence[VersionQuality]) -> Table:
    """A row for each count and metric of a version, a column for each window and for the hold-out."""
    grouped = is_terminal()  # in a pipe each line must say by itself which version it is about
    windows = [window.window for window in versions[0].windows]
    columns = [TableColumn("metric", narrowest=12), *(TableColumn(f"last {window}", right=True) for window in windows)]
    columns += [TableColumn("hold-out", right=True), TableColumn("95 % interval", right=True)]
    table = Table(columns if grouped else [TableColumn("version"), *columns])
    for version in versions:
        if grouped:
            table.add_heading(version.label)
        for cells in _rows(version):
            table.add(*([] if grouped else [version.label]), *cells)
    return table


def _rows(version: VersionQuality) -> Iterator[list[str]]:
    """The rows of a version: the name, the value in each window, the hold-out's value and its interval."""
    windows, manifest = version.windows, version.manifest
    rows = "" if manifest is None else f"{manifest.training.holdout_rows:,}"
    yield ["predictions", *(f"{window.predictions:,}" for window in windows), rows, ""]
    yield ["labelled", *(f"{window.labelled:,}" for window in windows), rows, ""]
    yield ["coverage", *(f"{window.coverage:.0%}" for window in windows), "", ""]
    metrics = {} if manifest is None else manifest.metrics
    for name in metrics or dict.fromkeys(name for window in windows for name in window.figures):
        metric = metrics.get(name)
        holdout = ["", ""] if metric is None else [f"{metric.value:.5g}", f"{metric.low:.5g} to {metric.high:.5g}"]
        yield [name, *(_number(window.figures.get(name)) for window in windows), *holdout]
    if version.calibrated:
        for name in sorted({name for window in windows for name in window.estimated}):
            yield [f"{name}, estimated", *(_number(window.estimated.get(name)) for window in windows), "", ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
