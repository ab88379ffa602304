"""What the commands say of a version: its task, engine, search and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.cli.tables import Table, TableColumn

if TYPE_CHECKING:
    from fasttrack.bundle import Manifest, SearchRecord

__all__ = ["describe", "engine_line", "quality_heading", "quality_table", "search_line"]


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


def quality_heading(manifest: Manifest) -> str:
    """Which rows the metrics were measured on."""
    rows = manifest.training.holdout_rows
    return f"measured on {rows:,} hold-out rows" if rows else "measured on the rows it was packaged with"


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
