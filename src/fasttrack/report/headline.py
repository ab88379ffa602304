"""The report in a few sentences: what was trained, how good it is, compared with what, and whether to trust that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.contract.openapi import label_key
from fasttrack.report.formatting import describe_metric, format_number, format_percent
from fasttrack.training.outcome_findings import useless_because

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.bundle import Manifest
    from fasttrack.contract.metric import Metric
    from fasttrack.contract.schema import Target
    from fasttrack.gate import ChampionComparison
    from fasttrack.report.labelled_predictions import LabelledPredictions

__all__ = [
    "caution_sentence",
    "champion_sentence",
    "measured_rows",
    "probabilities_caution",
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


def quality_sentence(
    manifest: Manifest,
    metrics: Mapping[str, Metric],
    trivial: Mapping[str, Metric],
    on: str,
    predictions: LabelledPredictions | None = None,
) -> str:
    """How good the model is, compared with the trivial baseline, in the metric that needs no explanation.

    Of a model that finds a positive class, such as a rare one, precision and recall of the `predictions`.
    """
    if predictions is not None and "average_precision" in metrics:
        return _positive_sentence(manifest.contract.target, metrics, trivial, on, predictions)
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


def _positive_sentence(
    target: Target,
    metrics: Mapping[str, Metric],
    trivial: Mapping[str, Metric],
    on: str,
    predictions: LabelledPredictions,
) -> str:
    label = label_key(target.positive)
    positive, predicted = (codes == target.positive_code for codes in (predictions.truth, predictions.prediction))
    found, rows = int((positive & predicted).sum()), int(positive.sum())
    text = f"On {on}, it finds {found:,} of the {rows:,} rows that are {label} (recall {format_percent(found / rows)})"
    if predicted.any():
        share = format_percent(found / int(predicted.sum()))
        text += f", and {share} of the {int(predicted.sum()):,} rows predicted as {label} are right (precision)"
    chance = trivial.get("average_precision")
    by_chance = "" if chance is None else f"; by chance {format_number(chance.value, 3)}"
    return f"{text}. Average precision is {format_number(metrics['average_precision'].value, 3)}{by_chance}."


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
    rows: int,
    *,
    remeasured: bool,
    gains: Mapping[str, Metric] | None = None,
) -> str | None:
    """Why the metrics deserve less trust than they seem to; `None` if there is no such reason.

    `gains`: those of another table, on which the version was measured again.
    """
    if not manifest.training.holdout_rows and not remeasured:
        return (
            "The model was fitted elsewhere and measured on the rows that it was packaged with. If it was fitted on "
            "these rows, its metrics are better than they will be on new rows."
        )
    if rows < _FEW_ROWS:
        return f"Measured on only {rows} rows: the intervals are wide, and more rows would make the metrics reliable."
    if remeasured and gains and (useless := useless_because(gains)) is not None:
        return f"On these rows {useless}."
    return probabilities_caution(manifest.gains if gains is None else gains)


def probabilities_caution(gains: Mapping[str, Metric]) -> str | None:
    """That a useful model's probabilities are worse than the class shares; `None` if they are not."""
    loss = gains.get("log_loss")
    if loss is None or loss.high >= 0 or not any(gain.low > 0 for gain in gains.values()):
        return None
    return (
        "Its labels or its ranking of the rows are better than the trivial model's, but its probabilities are not: "
        f"log loss is worse by {format_number(-loss.value, 3)}. Do not rely on them."
    )
