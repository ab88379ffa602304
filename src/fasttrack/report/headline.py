"""The report in a few sentences: what was trained on what, how good it is, against what, and whether to trust that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.report.words import METRICS, number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.bundle import Manifest
    from fasttrack.contract.metric import Metric
    from fasttrack.gate import ChampionComparison

__all__ = ["caution", "champion_said", "measured_on", "quality_said", "resampled", "trained_said"]

_FEW_ROWS = 30


def trained_said(manifest: Manifest) -> str:
    """What was trained on what."""
    record, target = manifest.training, manifest.contract.target
    what = "a number" if target.classes is None else f"one of {len(target.classes):,} classes"
    columns = len(manifest.contract.columns)
    features = "one column" if columns == 1 else f"{columns:,} columns"
    source = f" of {record.source}" if record.source else ""
    fitted = f"fitted on {record.rows:,} rows{source}" if record.holdout_rows else "fitted elsewhere"
    return f"Predicts {target.name}, {what}, from {features}; {record.estimator}, {fitted}."


def measured_on(manifest: Manifest, again: tuple[str, int] | None) -> str:
    """On which rows the figures are measured; `again`: another table and its rows."""
    if again is not None:
        return f"{again[1]:,} rows of {again[0]}"
    rows = manifest.training.holdout_rows
    if rows:
        return f"{rows:,} rows that it never saw"
    return f"the {manifest.training.rows:,} rows that it was packaged with"


def quality_said(manifest: Manifest, metrics: Mapping[str, Metric], trivial: Mapping[str, Metric], on: str) -> str:
    """How good it is, beside the trivial answer, in the figure that needs no explanation."""
    target = manifest.contract.target
    name = "mae" if target.classes is None else "accuracy"
    ours, theirs = metrics.get(name), trivial.get(name)
    if ours is None:
        return f"Measured on {on}."
    if name == "mae":
        text = f"On {on} it is off by {number(ours.value)} on average"
        always = "always answering the mean is off by"
        other = None if theirs is None else number(theirs.value)
        less = None if theirs is None or not theirs.value else 1 - ours.value / theirs.value
        gain = "" if less is None or less <= 0 else f", so {percent(less)} of the error is gone"
        return f"{text}." if other is None else f"{text}; {always} {other}{gain}."
    text = f"On {on} its label is right for {percent(ours.value)}"
    if theirs is None:
        return f"{text}."
    return f"{text}; always answering the most frequent one is right for {percent(theirs.value)}."


def champion_said(weighed: ChampionComparison) -> str:
    """How it compares with the champion that was there."""
    found = weighed.comparison
    if found is None:
        why = f": {weighed.obstacle}" if weighed.obstacle else ""
        return f"Champion {weighed.champion} could not be compared on these rows{why}."
    metric = METRICS[found.metric].name
    word = "better" if found.gain > 0 else "worse" if found.gain < 0 else "neither better nor worse"
    by = f" by {number(abs(found.gain), 3)}" if found.gain else ""
    low, high = sorted((found.low, found.high) if found.gain >= 0 else (-found.low, -found.high))
    between = f" (95\u00a0% interval {number(low, 3)} to {number(high, 3)})" if found.gain else ""
    return (
        f"Against champion {weighed.champion} on the same rows: {metric} {number(found.ours)}, the champion's is "
        f"{number(found.theirs)}; {word}{by}{between}, and better in {percent(found.confidence)} of "
        f"resamples of {resampled(None if found.clusters is None else (found.clusters, found.cluster))}."
    )


def resampled(together: tuple[int, str] | None) -> str:
    """What resamples are of; `together`: so many clusters, and what they are."""
    return "the rows" if together is None else f"the {together[0]:,} {together[1]} of the rows"


def caution(
    manifest: Manifest, metrics: Mapping[str, Metric], trivial: Mapping[str, Metric], rows: int, *, again: bool
) -> str | None:
    """Why the figures deserve less trust than they seem to, if so."""
    if not manifest.training.holdout_rows and not again:
        return (
            "The model was fitted elsewhere and measured on the rows that it was packaged with. If it was fitted on "
            "them, its figures are better than they will be on new rows."
        )
    if rows < _FEW_ROWS:
        return f"Measured on {rows} rows only: the intervals are wide, and with more rows the figures mean more."
    name = manifest.primary_metric or ""
    ours, theirs = metrics.get(name), trivial.get(name)
    if ours is None or theirs is None:
        return None
    better = ours.low > theirs.value if manifest.greater_is_better else ours.high < theirs.value
    return None if better else f"No better than always giving the same answer, as far as {METRICS[name].name} can tell."
