"""`fasttrack quality`: how good recent predictions were, beside the figures of the hold-out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from fasttrack.cli.completion import complete_model
from fasttrack.cli.options import JournalOption, StoreOption
from fasttrack.cli.tables import Column, Table, is_terminal, output, print_table
from fasttrack.errors import DataError, FastTrackError
from fasttrack.suggestions import names_hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fasttrack.bundle import Manifest
    from fasttrack.journal import Database
    from fasttrack.journal.quality import LiveQuality
    from fasttrack.store import Store

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
    from fasttrack.journal import existing_journal
    from fasttrack.store import open_store

    with existing_journal(where, store) as database:
        by_version = _live_quality(database, model)
    opened = open_store(store)
    facts = {version: _bundle_facts(opened, *version) for version in by_version}
    console = output()
    print_table(console, _table(by_version, facts))
    for (name, version), windows in by_version.items():
        if not any(window.labelled for window in windows):
            console.print(
                f"{name}@{version} has no labels yet; send them with POST /feedback, or with: "
                "fasttrack feedback DATA --id COLUMN --label COLUMN",
                markup=False,
            )


def _live_quality(database: Database, model: str | None) -> dict[tuple[str, str], list[LiveQuality]]:
    """The quality of each version in each window. Raises DataError when there is no prediction."""
    from fasttrack.journal.quality import WINDOWS, live_quality

    measured = live_quality(database, time.time())
    by_version: dict[tuple[str, str], list[LiveQuality]] = {}
    for window in measured:
        if model in (None, window.model):
            by_version.setdefault((window.model, window.version), []).append(window)
    if not by_version:
        models = sorted({window.model for window in measured})
        whose = "" if model is None else f" of {model}"
        hint = names_hint(model, models) if model and models else ""
        longest = max(WINDOWS, key=WINDOWS.__getitem__)
        raise DataError(f"the journal holds no prediction{whose} from the last {longest}{hint}")
    return by_version


def _bundle_facts(store: Store, model: str, version: str) -> tuple[Manifest | None, bool]:
    """The version's manifest if it can still be opened, and whether its probabilities are calibrated."""
    from fasttrack.metrics.reference import read_reference

    try:
        bundle = store.open(f"{model}@{version}")
        reference = read_reference(bundle)
    except FastTrackError:
        return None, False
    return bundle.manifest, reference is not None and reference.calibrated


def _table(
    by_version: dict[tuple[str, str], list[LiveQuality]], facts: dict[tuple[str, str], tuple[Manifest | None, bool]]
) -> Table:
    """A row for each count and metric of a version, a column for each window and for the hold-out."""
    from fasttrack.journal.quality import WINDOWS

    grouped = is_terminal()  # in a pipe each line must say by itself which version it is about
    columns = [Column("metric", narrowest=12), *(Column(f"last {window}", right=True) for window in WINDOWS)]
    columns += [Column("hold-out", right=True), Column("95 % interval", right=True)]
    table = Table(columns if grouped else [Column("version"), *columns])
    for (name, version), windows in by_version.items():
        label = f"{name}@{version}"
        if grouped:
            table.add_heading(label)
        for cells in _rows(windows, *facts[name, version]):
            table.add(*([] if grouped else [label]), *cells)
    return table


def _rows(windows: Sequence[LiveQuality], manifest: Manifest | None, calibrated: bool) -> Iterator[list[str]]:
    """The rows of a version: the name, the figure in each window, the hold-out's figure and its interval."""
    rows = "" if manifest is None else f"{manifest.training.holdout_rows:,}"
    yield ["predictions", *(f"{window.predictions:,}" for window in windows), rows, ""]
    yield ["labelled", *(f"{window.labelled:,}" for window in windows), rows, ""]
    yield ["coverage", *(f"{window.coverage:.0%}" for window in windows), "", ""]
    metrics = {} if manifest is None else manifest.metrics
    for name in metrics or dict.fromkeys(name for window in windows for name in window.figures):
        metric = metrics.get(name)
        holdout = ["", ""] if metric is None else [f"{metric.value:.5g}", f"{metric.low:.5g} to {metric.high:.5g}"]
        yield [name, *(_figure(window.figures.get(name)) for window in windows), *holdout]
    if calibrated:
        for name in sorted({name for window in windows for name in window.estimated}):
            yield [f"{name}, estimated", *(_figure(window.estimated.get(name)) for window in windows), "", ""]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"
