"""Panels about the model: drift of its features and predictions, and live quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.metrics.drift_thresholds import (
    DRIFT,
    LEAST_ROWS,
    MISSING_INCREASE,
    STABLE,
    SUDDEN_DRIFT,
    UNSEEN_INCREASE,
    WINDOWS,
)
from fasttrack.metrics.reference import MISSING, UNSEEN
from fasttrack.monitoring.panel import BLUE, GREEN, HEIGHT, RED, YELLOW, Panel
from fasttrack.monitoring.plan import promql_string

if TYPE_CHECKING:
    from fasttrack.monitoring.panel import Steps
    from fasttrack.monitoring.plan import Plan

__all__ = ["drift_panels", "quality_panels"]

_PSI_STEPS: Steps = ((GREEN, None), (YELLOW, STABLE), (RED, DRIFT.value))


def drift_panels(plan: Plan) -> list[Panel]:
    """Whether requests and predictions look as at training."""
    return [*_index_panels(plan), *_change_panels(plan), *_feature_panels(plan)]


def _index_panels(plan: Plan) -> list[Panel]:
    model = f"model={promql_string(plan.model)}"
    return [
        Panel(
            kind="bargauge",
            title=f"Drift by feature, {DRIFT.words}",
            description="Population stability index (PSI) against the training rows: stable below "
            f"{STABLE}, drifted above {DRIFT.value}. The thirty features with the highest index. A window needs "
            f"{LEAST_ROWS} rows.",
            unit="none",
            queries=[("{{feature}}", _top(30, f"max by (feature) (fasttrack:feature_psi:{DRIFT.window}{{{model}}})"))],
            width=8,
            height=2 * HEIGHT,
            steps=_PSI_STEPS,
            high=0.5,
        ),
        Panel(
            kind="timeseries",
            title=f"Drift of features, {SUDDEN_DRIFT.words}",
            description="The ten features with the highest index.",
            unit="none",
            queries=[
                ("{{feature}}", _top(10, f"max by (feature) (fasttrack:feature_psi:{SUDDEN_DRIFT.window}{{{model}}})"))
            ],
            width=8,
            height=2 * HEIGHT,
            steps=_PSI_STEPS,
        ),
        Panel(
            kind="timeseries",
            title="Drift of the prediction",
            description="Population stability index of the predictions against those on the hold-out.",
            unit="none",
            queries=[(window, f"max(fasttrack:prediction_psi:{window}{{{model}}}) or vector(0)") for window in WINDOWS],
            width=8,
            height=2 * HEIGHT,
            steps=_PSI_STEPS,
        ),
    ]


def _change_panels(plan: Plan) -> list[Panel]:
    model = f"model={promql_string(plan.model)}"
    missing = f"max by (feature) (fasttrack:feature_{MISSING}_change:{MISSING_INCREASE.window}{{{model}}})"
    unseen = f"max by (feature) (fasttrack:feature_{UNSEEN}_change:{UNSEEN_INCREASE.window}{{{model}}})"
    outside = f"sum by (feature) (rate(fasttrack_feature_out_of_range_total{{{model}}}[$__rate_interval]))"
    return [
        Panel(
            kind="timeseries",
            title=f"Missing values, {MISSING_INCREASE.words}",
            description="Share of rows without a value, minus that at training. The ten largest increases.",
            unit="percentunit",
            queries=[("{{feature}}", _top(10, missing))],
            width=8,
            low=None,
        ),
        Panel(
            kind="timeseries",
            title=f"Unseen categories, {UNSEEN_INCREASE.words}",
            description="Share of rows with a category that training has not seen. The ten largest.",
            unit="percentunit",
            queries=[("{{feature}}", _top(10, unseen))],
            width=8,
        ),
        Panel(
            kind="timeseries",
            title="Outside the training range",
            description="Values per second below the minimum or above the maximum at training. The ten largest.",
            unit="cps",
            queries=[("{{feature}}", _top(10, outside))],
            width=8,
        ),
    ]


def _feature_panels(plan: Plan) -> list[Panel]:
    of = f'model={promql_string(plan.model)}, feature="$feature"'
    return [
        Panel(
            kind="bargauge",
            title=f"$feature now, {DRIFT.words}",
            description="Share of rows in each bin.",
            unit="percentunit",
            queries=[("{{bin}}", f"max by (bin) (fasttrack:feature_share:{DRIFT.window}{{{of}}})")],
            width=8,
            steps=((BLUE, None),),
            high=1,
        ),
        Panel(
            kind="bargauge",
            title="$feature at training",
            description="Share of training rows in each bin.",
            unit="percentunit",
            queries=[("{{bin}}", f"max by (bin) (fasttrack_feature_reference_share{{{of}}})")],
            width=8,
            steps=((BLUE, None),),
            high=1,
        ),
        Panel(
            kind="timeseries",
            title=f"$feature over time, {SUDDEN_DRIFT.words}",
            description="Share of rows in each bin.",
            unit="percentunit",
            queries=[("{{bin}}", f"max by (bin) (fasttrack:feature_share:{SUDDEN_DRIFT.window}{{{of}}})")],
            width=8,
            high=1,
            stacked=True,
        ),
    ]


def quality_panels(plan: Plan) -> list[Panel]:
    """Live quality beside the hold-out's, and how many predictions have a label."""
    model, metric = f"model={promql_string(plan.model)}", f'metric="{plan.metric}"'
    serving = "and on (version) max by (version) (fasttrack_model_info) == 1"
    otherwise_none = f"{serving} or on () vector(NaN)"
    holdout = [
        (
            f"hold-out, {legend}",
            f'max by (version) (fasttrack_holdout_quality{{{model}, {metric}, bound="{bound}"}}) {serving}',
        )
        for legend, bound in (("low", "low"), ("measured", "value"), ("high", "high"))
    ]

    def by_window(series: str, legend: str, *labels: str) -> list[tuple[str, str]]:
        return [
            (
                f"{legend} {window}",
                f'max by (version) ({series}{{{", ".join((model, *labels))}, window="{window}"}}) {otherwise_none}',
            )
            for window in WINDOWS
        ]

    better = "more is better" if plan.greater_is_better else "less is better"
    panels = [
        Panel(
            kind="timeseries",
            title=f"Live {plan.metric}",
            description=f"Quality by the labels so far ({better}), beside that on the hold-out with its 95 % interval.",
            unit="none",
            queries=[*by_window("fasttrack_live_quality", "last", metric), *holdout],
            width=12,
            low=None,
            dashed=[legend for legend, _ in holdout],
        ),
        Panel(
            kind="timeseries",
            title="Labelled predictions",
            description="Share of the predictions of a window that have a label. Live quality is measured on these "
            "predictions only.",
            unit="percentunit",
            queries=by_window("fasttrack_label_coverage_ratio", "last"),
            width=6 if plan.probabilities else 12,
            high=1,
        ),
    ]
    if plan.probabilities:
        panels.append(
            Panel(
                kind="timeseries",
                title=f"Estimated {plan.metric}, before labels come",
                description="An estimate from the probabilities alone. Empty unless they were well calibrated on the "
                "hold-out.",
                unit="none",
                queries=by_window("fasttrack_estimated_quality", "estimated, last", metric)[1:],
                width=6,
                low=None,
            )
        )
    return panels


def _top(count: int, series: str) -> str:
    """PromQL: the largest of some series; 0 where there is none."""
    return f"topk({count}, {series}) or on () vector(0)"
