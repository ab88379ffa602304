"""The alert about live quality that is worse than on the hold-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.monitoring.alert import SERVES, Alert, Case

if TYPE_CHECKING:
    from fasttrack.monitoring.plan import Plan

__all__ = ["quality_alert"]

_LEAST_LABELS = 500
"""Fewer have no margin: see `evaluation.margin`."""
_BOUND, _MARGIN = 1.5, 0.25
"""The figures in the tests."""


def quality_alert(plan: Plan) -> Alert:
    """The alert on the model's primary metric."""
    metric = f'metric="{plan.metric}"'
    sign, beyond = ("+", "<") if plan.greater_is_better else ("-", ">")
    labels = "model, version, metric, window"
    live = f'fasttrack_live_quality{{{metric}, window=~"24h|7d"}}'
    margin = f"fasttrack_live_quality_margin{{{metric}}}"
    bound = f'fasttrack_holdout_quality{{{metric}, bound="{plan.bound}"}}'
    worse = _BOUND - _MARGIN if plan.greater_is_better else _BOUND + _MARGIN
    return Alert(
        name="FastTrackQuality",
        expr=f"max by ({labels}) ({live}) {sign} on ({labels}) max by ({labels}) ({margin})\n"
        f"{beyond} on (model, version, metric) group_left () max by (model, version, metric) ({bound})\n{SERVES}",
        wait="1h",
        severity="page",
        summary="{{ $labels.model }} predicts worse than on its hold-out: {{ $labels.metric }} over "
        "{{ $labels.window }} is {{ $value | humanize }} at best",
        meaning="By the labels so far, predictions are worse than on the hold-out, by more than chance explains: the "
        "99.9 % interval of the live figure lies beyond the 95 % interval of the hold-out's. The alert needs at least "
        f"{_LEAST_LABELS} labels in the window.",
        action="`fasttrack quality` shows the figures, and the share of predictions that have a label. If labels come "
        "first for unusual predictions, such as complaints, any model looks bad. Check which features have drifted. "
        "If it began with a promotion, roll back. Otherwise train again on newer rows: "
        "`fasttrack train journal --since 30d`.",
        fires=_case(plan, 2 * _MARGIN),
        fires_summary=f"m predicts worse than on its hold-out: {plan.metric} over 7d is {worse:g} at best",
        fires_labels={"model": "m", "version": "v", "metric": plan.metric, "window": "7d"},
        quiet=_case(plan, 0.4 * _MARGIN),
    )


def _case(plan: Plan, excess: float) -> Case:
    """A live figure that is worse than the hold-out's bound by `excess`."""
    version, metric = 'model="m", version="v"', f'metric="{plan.metric}"'
    figure = _BOUND + (-excess if plan.greater_is_better else excess)
    return Case(
        {
            f'fasttrack_live_quality{{{version}, {metric}, window="7d"}}': f"{figure:g}x100",
            f'fasttrack_live_quality_margin{{{version}, {metric}, window="7d"}}': f"{_MARGIN:g}x100",
            f'fasttrack_holdout_quality{{{version}, {metric}, bound="{plan.bound}"}}': f"{_BOUND:g}x100",
            f'fasttrack_model_info{{{version}, engine="onnx"}}': "1x330",
        },
        90,
    )
