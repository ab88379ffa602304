"""Alerts about drift: of features, of the prediction, unseen categories and missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.metrics.drift_thresholds import DRIFT, LEAST_ROWS, MISSING_INCREASE, SUDDEN_DRIFT, UNSEEN_INCREASE
from fasttrack.metrics.reference import MISSING, UNSEEN
from fasttrack.monitoring.alert import SERVES, Alert, Case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.monitoring.plan import Plan

__all__ = ["drift_alerts"]

_SERVED_YESTERDAY = "max by (model, version) (max_over_time(fasttrack_model_info[2h] offset 23h)) == 1"
_AFTER_A_DAY = f"{SERVES}\nand on (model, version) {_SERVED_YESTERDAY}"
"""PromQL condition: the version has served for a day. Before that, the rows of a morning would look like drift."""
_LIMITS = f"The alert needs at least {LEAST_ROWS} rows in the window, and a version that has served for a day. "
_BY_NATURE = "If the feature follows the calendar, leave it out: `fasttrack monitor build --no-alert COLUMN`."

_VERSION = 'model="m", version="v"'
_SERVING = {f'fasttrack_model_info{{{_VERSION}, engine="onnx"}}': "1x330"}
_FEATURE_LABELS = {"model": "m", "version": "v", "feature": "f"}
_MINUTES, _STEP = 1560, 5
"""The tests run for a day, and two hours for an alert that waits for one."""
_HALVES = {"00 a": 0.5, "01 b": 0.5}
_RARELY_MISSING = {"00 a": 0.9, MISSING: 0.1, UNSEEN: 0.0}


def drift_alerts(plan: Plan) -> list[Alert]:
    """The alerts about drift."""
    return [_drift(plan), _sudden_drift(plan), _prediction_drift(), _unseen(), _missing()]


def _drift(plan: Plan) -> Alert:
    return Alert(
        name="FastTrackDrift",
        expr=f"fasttrack:feature_psi:{DRIFT.window}{plan.matcher} > {DRIFT.value}\n{_AFTER_A_DAY}",
        wait="1h",
        severity="ticket",
        summary="{{ $labels.feature }} of {{ $labels.model }} has drifted: PSI {{ $value | humanize }} "
        f"over {DRIFT.words}",
        meaning=f"Over the last {DRIFT.words}, the distribution of a feature differs from that at training. Its "
        f"population stability index (PSI) is above {DRIFT.value}, which by convention is a significant shift. "
        f"{_LIMITS}",
        action="The dashboard shows the shares of the feature's bins beside those at training. Find out whether the "
        "real distribution has changed, or the upstream pipeline that fills the column is faulty. Check live "
        "quality. Train again on newer rows: "
        f"`fasttrack train journal --since 30d`. {_BY_NATURE}",
        fires=_feature_case({"00 a": "0+8x330", "01 b": "0+2x330"}, _HALVES),
        fires_summary=f"f of m has drifted: PSI 415.9m over {DRIFT.words}",
        fires_labels=_FEATURE_LABELS,
        quiet=_feature_case({"00 a": "0+6x330", "01 b": "0+5x330"}, _HALVES),
    )


def _sudden_drift(plan: Plan) -> Alert:
    return Alert(
        name="FastTrackDriftSudden",
        expr=f"fasttrack:feature_psi:{SUDDEN_DRIFT.window}{plan.matcher} > {SUDDEN_DRIFT.value}\n{_AFTER_A_DAY}",
        wait="15m",
        severity="page",
        summary="{{ $labels.feature }} of {{ $labels.model }} has changed suddenly: PSI {{ $value | humanize }} "
        f"over {SUDDEN_DRIFT.words}",
        meaning="Within a day, a feature has changed so much that it is probably broken: another unit, or filled from "
        f"another source. {_LIMITS}",
        action="Ask what was deployed upstream. Do not trust predictions that depend on the column. "
        f"`fasttrack models show` lists its range at training. {_BY_NATURE}",
        fires=_feature_case({"00 a": "0+999x330", "01 b": "0+1x330"}, _HALVES),
        fires_summary=f"f of m has changed suddenly: PSI 3.446 over {SUDDEN_DRIFT.words}",
        fires_labels=_FEATURE_LABELS,
        quiet=_feature_case({"00 a": "0+8x330", "01 b": "0+2x330"}, _HALVES),
    )


def _prediction_drift() -> Alert:
    return Alert(
        name="FastTrackPredictionDrift",
        expr=f"fasttrack:prediction_psi:{DRIFT.window} > {DRIFT.value}\n{_AFTER_A_DAY}",
        wait="1h",
        severity="ticket",
        summary="Predictions of {{ $labels.model }} have drifted: PSI {{ $value | humanize }} "
        f"over {DRIFT.words}",
        meaning=f"Over the last {DRIFT.words}, the distribution of the predictions differs from that on the hold-out. "
        "Either single features have drifted (check whether their alerts fire), or only combinations of features have. "
        f"{_LIMITS}",
        action="As for FastTrackDrift.",
        fires=_prediction_case(8, 2),
        fires_summary=f"Predictions of m have drifted: PSI 415.9m over {DRIFT.words}",
        fires_labels={"model": "m", "version": "v"},
        quiet=_prediction_case(6, 5),
    )


def _unseen() -> Alert:
    return Alert(
        name="FastTrackUnseen",
        expr=f"fasttrack:feature_{UNSEEN}_change:{UNSEEN_INCREASE.window} > {UNSEEN_INCREASE.value}\n{_AFTER_A_DAY}",
        wait="15m",
        severity="ticket",
        summary="{{ $labels.feature }} of {{ $labels.model }} has unseen categories in {{ $value | humanizePercentage "
        "}} more rows than at training",
        meaning="Requests have categories that training has not seen: a new product, a renamed one, another spelling. "
        f"Such rows are scored; the encoder treats the value as unknown. {_LIMITS}",
        action="`fasttrack journal export` has the values. Correct the spelling, or train again once there are labels "
        "for them.",
        fires=_feature_case({"00 a": "0+95x330", MISSING: "0x330", UNSEEN: "0+5x330"}, _RARELY_MISSING),
        fires_summary="f of m has unseen categories in 5% more rows than at training",
        fires_labels=_FEATURE_LABELS,
        quiet=_feature_case({"00 a": "0+999x330", MISSING: "0x330", UNSEEN: "0+1x330"}, _RARELY_MISSING),
    )


def _missing() -> Alert:
    return Alert(
        name="FastTrackMissing",
        expr=f"fasttrack:feature_{MISSING}_change:{MISSING_INCREASE.window} > {MISSING_INCREASE.value}\n{_AFTER_A_DAY}",
        wait="15m",
        severity="ticket",
        summary="{{ $labels.feature }} of {{ $labels.model }} is missing in {{ $value | humanizePercentage }} more "
        "rows than at training",
        meaning=f"A column that had values at training is often empty now. {_LIMITS}",
        action="Ask who fills the column. The pipeline imputes missing values, so nothing else shows the fault.",
        fires=_feature_case({"00 a": "0+60x330", MISSING: "0+40x330", UNSEEN: "0x330"}, _RARELY_MISSING),
        fires_summary="f of m is missing in 30% more rows than at training",
        fires_labels=_FEATURE_LABELS,
        quiet=_feature_case({"00 a": "0+85x330", MISSING: "0+15x330", UNSEEN: "0x330"}, _RARELY_MISSING),
    )


def _feature_case(counts: Mapping[str, str], reference: Mapping[str, float]) -> Case:
    """A feature's counters and reference shares, by bin."""
    return Case(
        {f'fasttrack_feature_bin_total{{{_VERSION}, feature="f", bin="{name}"}}': n for name, n in counts.items()}
        | {
            f'fasttrack_feature_reference_share{{{_VERSION}, feature="f", bin="{name}"}}': f"{share:g}x330"
            for name, share in reference.items()
        }
        | _SERVING,
        _MINUTES,
        _STEP,
    )


def _prediction_case(*rows: int) -> Case:
    """The prediction's counters, with so many rows a step in each bin, and its reference shares."""
    return Case(
        {
            f'fasttrack_prediction_bin_total{{{_VERSION}, bin="{name}"}}': f"0+{n}x330"
            for name, n in zip(_HALVES, rows, strict=True)
        }
        | {
            f'fasttrack_prediction_reference_share{{{_VERSION}, bin="{name}"}}': f"{share:g}x330"
            for name, share in _HALVES.items()
        }
        | _SERVING,
        _MINUTES,
        _STEP,
    )
