"""The report in a few sentences: what was trained, how good it is, compared with what, and whether to trust that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.report.formatting import describe_metric, format_number, format_percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.bundle import Manifest
    from fasttrack.contract.metric import Metric
    from fasttrack.gate import ChampionComparison

__all__ = [
    "caution_sentence",
    "champion_sentence",
    "measured_rows",
    "quality_sentence",
    "resampling_unit",
    "training_sentence",
]

_FEW_ROWS = 30


def training_sentence(manifest: Manifest) -> str:
    """What the model predicts, from what, and what it was trained on."""
    record, target = manifest.training, manifest.contract.target
    kind = "a number" if target.classes is None else f"one of {len(target.classes):,} classes"
    columns = len(manifest.contract.columns)
    features = "one column" if columns == 1 else f"{columns:,} columns"
    source = f" of {record.source}" if record.source else ""
    fitted = f"fitted on {record.rows:,} rows{source}" if record.holdout_rows else "fitted elsewhere"
    return f"Predicts {target.name}, {kind}, from {features}; {record.estimator}, {fitted}."


def measured_rows(manifest: Manifest, table: tuple[str, int] | None) -> str:
    """Which rows the metrics are measured on; `table`: another table than the training's, with its number of rows."""
    if table is not None:
        return f"{table[1]:,} rows of {table[0]}"
    rows = manifest.training.holdout_rows
    if rows:
        again = manifest.training.evaluated_rows is not None
        return f"{rows:,} rows that it was not trained on" + (
            " before it was fitted again on all rows" if again else ""
        )
    return f"the {manifest.training.rows:,} rows that it was packaged with"


def quality_sentence(manifest: Manifest, metrics: Mapping[str, Metric], trivial: Mapping[str, Metric], on: str) -> str:
    """How good the model is, compared with the trivial baseline, in the metric that needs no explanation."""
    name = "mae" if manifest.contract.target.classes is None else "accuracy"
    metric, baseline = metrics.get(name), trivial.get(name)
    if metric is None:
        return f"Measured on {on}."
    if name == "mae":
        return _error_sentence(metric, baseline, on)
    text = f"On {on}, {format_percent(metric.value)} of its labels are correct"
    if baseline is None:
        return f"{text}."
    return f"{text}; always predicting the most frequent label is correct for {format_percent(baseline.value)}."


def _error_sentence(metric: Metric, baseline: Metric | None, on: str) -> str:
    text = f"On {on}, the mean absolute error is {format_number(metric.value)}"
    if baseline is None:
        return f"{text}."
    reduction = 1 - metric.value / baseline.value if baseline.value else 0.0
    gain = f", so the model removes {format_percent(reduction)} of the error" if reduction > 0 else ""
    return f"{text}; always predicting the mean has an error of {format_number(baseline.value)}{gain}."


def champion_sentence(weighed: ChampionComparison) -> str:
    """How the model compares with the champion of that time."""
    comparison = weighed.comparison
    if comparison is None:
        reason = f": {weighed.obstacle}" if weighed.obstacle else ""
        return f"Champion {weighed.champion} could not be compared on these rows{reason}."
    metric = describe_metric(comparison.metric).name
    word = "better" if comparison.gain > 0 else "worse" if comparison.gain < 0 else "neither better nor worse"
    by = f" by {format_number(abs(comparison.gain), 3)}" if comparison.gain else ""
    low, high = sorted(
        (comparison.low, comparison.high) if comparison.gain >= 0 else (-comparison.low, -comparison.high)
    )
    interval = f" (95\u00a0% interval {format_number(low, 3)} to {format_number(high, 3)})" if comparison.gain else ""
    clusters = None if comparison.clusters is None else (comparison.clusters, comparison.cluster)
    return (
        f"Compared with champion {weighed.champion} on the same rows: {metric} is {format_number(comparison.ours)}, "
        f"the champion's is {format_number(comparison.theirs)}; {word}{by}{interval}, and better in "
        f"{format_percent(comparison.confidence)} of bootstrap resamples of {resampling_unit(clusters)}."
    )


def resampling_unit(clusters: tuple[int, str] | None) -> str:
    """What the bootstrap resamples; `clusters`: how many clusters, and what they are."""
    if clusters is None:
        return "the rows"
    count, name = clusters
    return f"the {count:,} {name}" if name.endswith("rows") else f"the {count:,} {name} of the rows"


def caution_sentence(
    manifest: Manifest,
    metrics: Mapping[str, Metric],
    trivial: Mapping[str, Metric],
    rows: int,
    *,
    remeasured: bool,
) -> str | None:
    """Why the metrics deserve less trust than they seem to; `None` if there is no such reason."""
    if not manifest.training.holdout_rows and not remeasured:
        return (
            "The model was fitted elsewhere and measured on the rows that it was packaged with. If it was fitted on "
            "these rows, its metrics are better than they will be on new rows."
        )
    if rows < _FEW_ROWS:
        return f"Measured on only {rows} rows: the intervals are wide, and more rows would make the metrics reliable."
    name = manifest.primary_metric or ""
    metric, baseline = metrics.get(name), trivial.get(name)
    if metric is None or baseline is None:
        return None
    better = metric.low > baseline.value if manifest.greater_is_better else metric.high < baseline.value
    return (
        None if better else f"{describe_metric(name).name} is not clearly better than with always the same prediction."
    )
