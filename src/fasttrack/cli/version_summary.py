"""What the commands say of a version: its task, engine, search and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.cli.tables import Table, TableColumn
from fasttrack.contract.leaderboard import describe_loss

if TYPE_CHECKING:
    from fasttrack.bundle import Manifest, SearchRecord
    from fasttrack.contract.leaderboard import Leaderboard

__all__ = [
    "describe",
    "engine_line",
    "leaderboard_heading",
    "leaderboard_table",
    "quality_heading",
    "quality_table",
    "search_line",
]

_MOST_CANDIDATES = 12
"""Candidates that are listed; of more, the chosen ones and the best others."""


def describe(manifest: Manifest) -> str:
    """Estimator, task, target, and the numbers of features and training rows."""
    target, features = manifest.contract.target, len(manifest.contract.columns)
    return (
        f"{manifest.training.estimator}, {target.task} of {target.name!r}, "
        f"{features:,} feature{'s' * (features != 1)}, {manifest.training.rows:,} training rows"
    )


def engine_line(manifest: Manifest) -> str:
    """Whether the version was compiled, with the evidence, or why not."""
    if manifest.engine == "onnx":
        return f"compiled: {manifest.proof}"
    return f"not compiled, scikit-learn serves it: {manifest.engine_reason or 'it was not tried'}"


def search_line(record: SearchRecord) -> str:
    """What a search of hyperparameters chose."""
    params = ", ".join(f"{name} = {_short(value)}" for name, value in record.params.items())
    defaults = "" if record.default_score is None else f" ({record.default_score:.6g} with the defaults)"
    return (
        f"search: {record.trials:,} trial{'s' * (record.trials != 1)}, best validation {record.metric} "
        f"{record.score:.6g}{defaults}: {params or 'the defaults'}"
    )


def leaderboard_heading(board: Leaderboard) -> str:
    """How the candidates were compared, and why the chosen one was chosen."""
    return f"{describe_loss(board.metric)}, {board.validation}; {board.rule}"


def leaderboard_table(board: Leaderboard) -> Table:
    """The candidates, best first: mean loss, standard error, time if it is known, and what was chosen."""
    timed = any(standing.seconds is not None for standing in board.standings)
    mixed = sum(standing.weight is not None for standing in board.standings) > 1
    table = Table(
        [
            TableColumn("candidate", narrowest=20),
            TableColumn(board.metric, right=True),
            TableColumn("standard error", right=True),
            *([TableColumn("seconds", right=True)] if timed else []),
            TableColumn("share", right=True) if mixed else TableColumn(""),
        ]
    )
    for standing in board.most_telling(_MOST_CANDIDATES):
        chosen = standing.weight is not None
        error = "" if standing.error is None else f"± {standing.error:.2g}"
        seconds = [] if not timed else ["" if standing.seconds is None else f"{standing.seconds:.1f}"]
        share = "" if standing.weight is None else f"{standing.weight:.0%}" if mixed else "chosen"
        table.add(standing.name, f"{standing.score:.5g}", error, *seconds, share, style="bold" if chosen else "")
    return table


def quality_heading(manifest: Manifest) -> str:
    """Which rows the metrics were measured on."""
    rows, evaluated = manifest.training.holdout_rows, manifest.training.evaluated_rows
    if not rows:
        return "measured on the rows it was packaged with"
    again = "" if evaluated is None else f", when it was fitted on {evaluated:,} rows; then it was fitted again on all"
    return f"measured on {rows:,} hold-out rows{again}"


def quality_table(manifest: Manifest) -> Table:
    """The metrics with their intervals, beside the trivial baseline's if there is one; the primary metric is bold."""
    columns = [TableColumn("metric"), TableColumn("this model", right=True), TableColumn("95 % interval", right=True)]
    if manifest.baseline:
        columns.append(TableColumn("trivial baseline", right=True))
    table = Table(columns)
    for name, metric in manifest.metrics.items():
        cells = [name, f"{metric.value:.5g}", f"{metric.low:.5g} to {metric.high:.5g}"]
        if manifest.baseline:
            baseline = manifest.baseline.get(name)
            cells.append("" if baseline is None else f"{baseline.value:.5g}")
        table.add(*cells, style="bold" if name == manifest.primary_metric else "")
    return table


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
