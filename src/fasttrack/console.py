"""What the commands print: progress, the table at the end of a training, versions, a manifest."""

from __future__ import annotations

import shlex
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import rich.progress
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.table import Table

from fasttrack.contract.openapi import label_key
from fasttrack.data.names import bare
from fasttrack.errors import DataError, FastTrackError, StoreError
from fasttrack.expectations.findings import counted
from fasttrack.journal.quality import WINDOWS, live_quality
from fasttrack.metrics.reference import read_reference
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import TaskID

    from fasttrack.bundle import Manifest, SearchRecord, TrainingRecord
    from fasttrack.contract.metric import Metric
    from fasttrack.contract.schema import Column
    from fasttrack.expectations import Expected, Findings
    from fasttrack.jobs import Outcome
    from fasttrack.journal import Database
    from fasttrack.journal.quality import LiveQuality
    from fasttrack.store import Store

__all__ = [
    "Progress",
    "TransferBar",
    "show_findings",
    "show_journal",
    "show_manifest",
    "show_outcome",
    "show_quality",
    "show_versions",
]


_FEW_ROWS = 30
_TRIAL = "trial "


class Progress:
    """Tells each step on stderr, with the seconds it took; on a terminal a spinner turns meanwhile."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("starting")
        self._step: str | None = None
        self._since = 0.0

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self._finish()
        self._status.stop()

    def tell(self, step: str) -> None:
        """Begin a step, ending the one before. On a terminal a trial of a search takes the place of the one before."""
        if not (self._console.is_terminal and step.startswith(_TRIAL) and (self._step or "").startswith(_TRIAL)):
            self._finish()
        self._step, self._since = step, time.perf_counter()
        self._status.update(step)

    def _finish(self) -> None:
        if self._step is not None:
            seconds = time.perf_counter() - self._since
            self._console.print(f"{self._step}" + (f"  [dim]{seconds:.1f} s[/dim]" if seconds >= 0.1 else ""))
            self._step = None


class TransferBar:
    """How far a transfer is: a bar on stderr, where that is a terminal, and a few words at its end."""

    def __init__(self, what: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bar = rich.progress.Progress(*columns, console=Console(stderr=True), transient=True)
        self._what = what
        self._task: TaskID | None = None
        self._total = 0

    def __enter__(self) -> TransferBar:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def watch(self, done: int, total: int) -> None:
        """Hear that `done` of `total` bytes are where they belong."""
        if self._task is None:
            self._task = self._bar.add_task(self._what, total=total)
        self._total = total
        self._bar.update(self._task, completed=done)

    @property
    def told(self) -> str:
        """What was moved, in words."""
        return f"{self._total / 1e6:,.1f} MB" if self._total else "which had it already"


def show_outcome(outcome: Outcome, store: str) -> None:
    """What was trained, how good it is, against what, and what next."""
    manifest = outcome.manifest
    console = _console()
    console.print(f"\n[bold]{manifest.name}@{manifest.version}[/bold]  {_what(manifest)}")
    for column, reason in manifest.training.left_out.items():
        console.print(f"left out {column!r}: {reason}")
    for note in manifest.training.notes:
        console.print(note)
    if manifest.training.dropped_rows:
        console.print(f"dropped {manifest.training.dropped_rows:,} rows without a {manifest.contract.target.name!r}")
    if manifest.training.search is not None:
        console.print(_search(manifest.training.search), soft_wrap=True)
    console.print(_quality(manifest))
    console.print(_engine(manifest))
    if caution := _caution(manifest):
        console.print(f"[yellow]caution:[/yellow] {caution}")
    console.print(outcome.verdict.reason)
    if outcome.tracked is not None:
        console.print(outcome.tracked.said, style="" if outcome.tracked.run_id else "yellow")
    where = "" if store == "model" else f" --store {shlex.quote(store)}"
    serves = outcome.verdict.promoted
    spec = manifest.name if serves else f"{manifest.name}@{manifest.version}"
    console.print(f"next: [bold]fasttrack serve{where} --model {spec}[/bold]")


def _search(record: SearchRecord) -> str:
    """What a search found, in a line."""
    against = "" if record.default_score is None else f", {record.default_score:.6g} of the defaults"
    chosen = ", ".join(f"{name} = {_short(value)}" for name, value in record.params.items()) or "the defaults"
    tries = f"{record.trials:,} trial{'s' if record.trials != 1 else ''}"
    return escape(f"search: {tries}, best validation {record.metric} {record.score:.6g}{against}: {chosen}")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show_versions(store: Store) -> None:
    """One line a version, oldest first, the champion marked."""
    console = _console()
    names = store.names()
    if not names:
        console.print(f"store {store.location} is empty; train a model: fasttrack train DATA --target COLUMN")
        return
    table = Table(box=None, pad_edge=False)
    damaged: list[str] = []
    for heading in ("", "model", "version", "created", "estimator", "quality", "engine"):
        table.add_column(heading)
    for name in names:
        try:
            champion = store.champion(name)
        except StoreError as error:
            champion = None
            damaged.append(str(error))
        manifests, broken = store.readable_versions(name)
        damaged += map(str, broken)
        for manifest in manifests:
            table.add_row(
                "*" if manifest.version == champion else "",
                name,
                manifest.version,
                manifest.created[:19].replace("T", " "),
                manifest.training.estimator,
                _headline(manifest),
                manifest.engine,
            )
    console.print(table)
    for trouble in damaged:
        console.print(f"[red]damaged:[/red] {escape(trouble)}")


def show_manifest(manifest: Manifest, *, champion: bool) -> None:
    """Everything a person asks of a version."""
    console = _console()
    mark = "  champion" if champion else ""
    console.print(f"[bold]{manifest.name}@{manifest.version}[/bold]{mark}  {_what(manifest)}")
    console.print(f"created {manifest.created}, commit {manifest.git_commit or 'unknown'}")
    console.print(f"source {_source(manifest.training)}; {manifest.training.split}")
    if manifest.training.search is not None:
        console.print(_search(manifest.training.search), soft_wrap=True)
    console.print(_engine(manifest))
    console.print(_quality(manifest))
    table = Table(box=None, pad_edge=False)
    for heading in ("column", "kind", "missing", "values", "example"):
        table.add_column(heading)
    for column in manifest.contract.columns:
        missing = f"{column.missing_share:.1%}" if column.nullable else "never"
        table.add_row(repr(column.name), column.kind, missing, _values(column), _cell(column.example))
    console.print(table)


def show_journal(database: Database) -> None:
    """What the journal holds, by version."""
    console = _console()
    spans = database.spans()
    table = Table(box=None, pad_edge=False)
    table.add_column("version")
    for heading in ("predictions", "MB"):
        table.add_column(heading, justify="right")
    for heading in ("from", "to (UTC)"):
        table.add_column(heading)
    for span in spans:
        moments = [
            datetime.fromtimestamp(moment, UTC).isoformat(" ", "seconds")[:19] for moment in (span.first, span.last)
        ]
        table.add_row(f"{span.model}@{span.version}", f"{span.rows:,}", f"{span.size / 1e6:,.1f}", *moments)
    console.print(f"journal {redact_url(database.location)}")
    if spans:
        console.print(table)
    console.print(f"{sum(span.rows for span in spans):,} predictions, {database.labels():,} labels")


def show_quality(database: Database, store: Store, model: str | None) -> None:
    """Live quality by version and window, beside the hold-out's. Raises DataError when there is no prediction."""
    found = [one for one in live_quality(database, time.time()) if model in (None, one.model)]
    if not found:
        whose = "" if model is None else f" of {model}"
        raise DataError(f"the journal holds no prediction{whose} of the last {max(WINDOWS, key=WINDOWS.__getitem__)}")
    console = _console()
    for key in dict.fromkeys((one.model, one.version) for one in found):
        windows = [one for one in found if (one.model, one.version) == key]
        manifest, calibrated = _of_store(store, *key)
        console.print(_live(f"{key[0]}@{key[1]}", windows, manifest, calibrated=calibrated))
        if not any(one.labelled for one in windows):
            console.print("no labels yet: POST /feedback, or fasttrack feedback TABLE --id COLUMN --label COLUMN")


def show_findings(findings: Findings, source: str, expected: Expected) -> None:
    """What in a table is not as the model expects it, what that means for its rows, and which columns have drifted."""
    console = _console()
    columns = len(expected.contract.columns)
    console.print(
        f"[bold]{escape(source)}[/bold]: {findings.rows:,} rows against the {columns} columns of {expected.label}"
    )
    told = dict.fromkeys(one.column for one in findings.findings)
    drifted = [name for name in findings.drifted if name not in told]
    if told or drifted:
        table = Table(box=None, pad_edge=False)
        for heading in ("column", "finding"):
            table.add_column(heading)
        for heading in ("rows", "share"):
            table.add_column(heading, justify="right")
        table.add_column("what", overflow="fold", max_width=70)
        table.add_column("first", overflow="fold", max_width=60)
        table.add_column("PSI", justify="right")
        for one in sorted(findings.findings, key=lambda one: not one.breaks):
            first = "; ".join(map(str, one.examples))
            cells = [bare(one.column), one.reason, f"{one.rows:,}", f"{one.share:.2%}", one.message, first]
            psi = findings.psi.get(one.column)
            style = "red" if one.breaks else "yellow"
            table.add_row(*map(escape, cells), _index(psi), style=style)
        for name in drifted:
            table.add_row(escape(bare(name)), "drift", "", "", "distributed otherwise", "", _index(findings.psi[name]))
        console.print(table)
    if findings.broken:
        console.print(f"[red]refused:[/red] {counted(findings.broken, findings.broken / findings.rows)}")
    else:
        console.print("no row would be refused")
    if findings.warned:
        console.print(f"scored with a warning: {counted(findings.warned, findings.warned / findings.rows)}")


def _index(psi: float | None) -> str:
    return "" if psi is None else f"{psi:.3f}"


def _of_store(store: Store, model: str, version: str) -> tuple[Manifest | None, bool]:
    """The version's manifest, if it is still there, and whether its probabilities can be trusted."""
    try:
        bundle = store.open(f"{model}@{version}")
        reference = read_reference(bundle)
    except FastTrackError:
        return None, False
    return bundle.manifest, reference is not None and reference.calibrated


def _live(title: str, windows: list[LiveQuality], manifest: Manifest | None, *, calibrated: bool) -> Table:
    known = {} if manifest is None else manifest.metrics
    names = list(known or dict.fromkeys(name for one in windows for name in one.figures))
    guessed = sorted({name for one in windows for name in one.estimated}) if calibrated else []
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("last")
    for heading in ("predictions", "labelled", *names, *(f"{name}, estimated" for name in guessed)):
        table.add_column(heading, justify="right")
    for one in windows:
        labelled = f"{one.labelled:,} ({one.coverage:.0%})"
        cells = [_figure(one.figures.get(name)) for name in names] + [
            _figure(one.estimated.get(name)) for name in guessed
        ]
        table.add_row(one.window, f"{one.predictions:,}", labelled, *cells)
    if manifest is not None:
        intervals = [f"{metric.value:.5g} ({metric.low:.5g} to {metric.high:.5g})" for metric in known.values()]
        table.add_row("hold-out", f"{manifest.training.holdout_rows:,}", "", *intervals, style="dim")
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.5g}"


def _console() -> Console:
    # a pipe or a file has no width: lines must not be folded there
    return Console(highlight=False, markup=True, width=None if sys.stdout.isatty() else 200)


def _what(manifest: Manifest) -> str:
    target = manifest.contract.target
    return (
        f"{manifest.training.estimator}, {target.task} of {target.name!r}, "
        f"{len(manifest.contract.columns)} features, {manifest.training.rows:,} training rows"
    )


def _caution(manifest: Manifest) -> str | None:
    """Why the figures deserve no trust."""
    ours, trivial = (found.get(manifest.primary_metric or "") for found in (manifest.metrics, manifest.baseline))
    if ours is None or trivial is None:
        return None
    rows = manifest.training.holdout_rows
    if 0 < rows < _FEW_ROWS:
        return f"measured on {rows} hold-out rows only; with more rows the figures mean more"
    better = ours.low > trivial.value if manifest.greater_is_better else ours.high < trivial.value
    return None if better else f"no better than the trivial baseline, as far as {manifest.primary_metric} can tell"


def _source(training: TrainingRecord) -> str:
    """Where the rows came from, and which of them."""
    chosen = [f"table {training.table}"] if training.table else []
    chosen += [f"query {' '.join(training.query.split())}"] if training.query else []
    chosen += [f"a random sample of {training.sample:,} rows"] if training.sample else []
    return escape(", ".join([training.source or "given as a frame", *chosen]))


def _engine(manifest: Manifest) -> str:
    if manifest.engine == "onnx":
        return f"compiled: {manifest.proof}"
    return f"not compiled, scikit-learn serves it: {escape(manifest.engine_reason or 'it was not tried')}"


def _quality(manifest: Manifest) -> Table:
    rows = manifest.training.holdout_rows
    title = f"on {rows:,} hold-out rows" if rows else "on the rows it was packaged with"
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False)
    table.add_column("")
    table.add_column("this model", justify="right")
    table.add_column("95 % interval", justify="right")
    if manifest.baseline:
        table.add_column("trivial baseline", justify="right")
    for name, metric in manifest.metrics.items():
        cells = [name, f"{metric.value:.5g}", f"{metric.low:.5g} to {metric.high:.5g}"]
        if manifest.baseline:
            other: Metric | None = manifest.baseline.get(name)
            cells.append(f"{other.value:.5g}" if other else "")
        table.add_row(*cells, style="bold" if name == manifest.primary_metric else "")
    return table


def _headline(manifest: Manifest) -> str:
    metric = manifest.metrics.get(manifest.primary_metric or "")
    return f"{manifest.primary_metric} {metric.value:.5g}" if metric else ""


def _values(column: Column) -> str:
    if column.categories is not None:
        listed = ", ".join(map(label_key, column.categories[:6]))
        return f"{len(column.categories):,}: {listed}{', …' if len(column.categories) > 6 else ''}"
    if column.minimum is not None and column.maximum is not None and column.kind not in ("boolean", "datetime"):
        return f"{column.minimum:g} to {column.maximum:g}"
    return ""


def _cell(value: object) -> str:
    return "" if value is None else label_key(value)
