"""`report.html` from what was measured: one page that loads nothing and runs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import jinja2
import numpy as np
from markupsafe import Markup

from fasttrack.contract.openapi import label_key
from fasttrack.report.confusion import class_quality, confusion_matrix
from fasttrack.report.example_calls import example_calls
from fasttrack.report.findings_section import findings_section
from fasttrack.report.formatting import decimal_places, describe_metric, format_fixed, format_percent
from fasttrack.report.headline import (
    caution_sentence,
    champion_sentence,
    measured_rows,
    quality_sentence,
    resampling_unit,
    training_sentence,
)
from fasttrack.report.labels import allow_breaks, isolate
from fasttrack.report.leaderboard_section import leaderboard_section
from fasttrack.report.plots import plots
from fasttrack.report.segments import LEAST_ROWS
from fasttrack.suggestions import list_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fasttrack.bundle import Manifest
    from fasttrack.contract.leaderboard import Leaderboard
    from fasttrack.contract.metric import Metric
    from fasttrack.evaluation import Evaluation
    from fasttrack.gate import ChampionComparison
    from fasttrack.report.feature_profiles import FeatureProfile
    from fasttrack.report.importance import Importance
    from fasttrack.report.measurements import Measurements
    from fasttrack.report.segments import Segments

__all__ = ["Remeasurement", "ReportData", "build_report"]

_MOST_BARS = 25
_TILES = {"regression": ("mae", "rmse", "r2"), "binary": ("accuracy", "roc_auc", "log_loss", "f1")}
_TILES["rare"] = ("average_precision", "f1", "roc_auc", "accuracy")
_TILES["multiclass"] = ("accuracy", "f1_macro", "log_loss", "roc_auc_ovr")


@dataclass(frozen=True)
class Remeasurement:
    """A stored version measured on another table: the table's name and rows, and the metrics."""

    source: str
    rows: int
    evaluation: Evaluation
    is_weighted: bool = False
    """Whether that table has the weights of the rows."""


@dataclass(frozen=True)
class ReportData:
    """Everything that a report says. `weighed`: the comparison with the champion of that time, if there was one."""

    manifest: Manifest
    measurements: Measurements
    weighed: ChampionComparison | None = None
    remeasurement: Remeasurement | None = None
    leaderboard: Leaderboard | None = None
    """With times, where they are known; else the one in the manifest is shown."""


def build_report(data: ReportData) -> str:
    """The page. The same data give the same page; names and labels are only ever text in it."""
    manifest, measurements, again = data.manifest, data.measurements, data.remeasurement
    contract, target = manifest.contract, manifest.contract.target
    measured = manifest if again is None else again.evaluation
    metrics, trivial = measured.metrics, measured.baseline
    is_weighted = manifest.training.weight is not None if again is None else again.is_weighted
    rows = len(measurements.predictions.truth)
    on = measured_rows(manifest, None if again is None else (again.source, again.rows))
    weighed = data.weighed if data.weighed is not None and data.weighed.champion != manifest.version else None
    return _template().render(
        css=Markup(_text("plot.css") + _text("report.css")),  # noqa: S704  # our own file
        manifest=manifest,
        record=manifest.training,
        target=target,
        positive=label_key(target.positive),
        training=training_sentence(manifest),
        quality=quality_sentence(manifest, metrics, trivial, on, measurements.predictions),
        champion=None if weighed is None else champion_sentence(weighed),
        caution=caution_sentence(manifest, rows, remeasured=again is not None, gains=measured.gains),
        weight=manifest.training.weight if is_weighted else None,
        findings=findings_section(manifest),
        again=again,
        on=on,
        resampled=resampling_unit(measurements.clusters),
        tiles=_tiles(manifest, metrics, trivial),
        metrics=_metric_rows(manifest, metrics, trivial, again is not None),
        has_baseline=bool(trivial),
        trivial="the mean" if target.classes is None else "the most frequent class",
        plots=[(plot, Markup(plot.svg)) for plot in plots(target, measurements.predictions)],  # noqa: S704  # escaped there
        confusion=confusion_matrix(measurements.predictions),
        classes=class_quality(measurements.predictions),
        importance=_importance(manifest, measurements.importance),
        segments=_segments(manifest, measurements.segments, rows),
        least_rows=LEAST_ROWS,
        features=[_feature(manifest, profile) for profile in measurements.profiles],
        features_of=len(contract.columns),
        profiled=f"{measurements.profiled_rows:,} rows" + (f" of {again.source}" if again else ""),
        candidates=leaderboard_section(data.leaderboard or manifest.training.leaderboard),
        left_out=_listed_by_reason(findings_section(manifest).left_out),
        calls=example_calls(manifest),
    )


@dataclass(frozen=True)
class _MetricRow:
    """A metric as texts."""

    name: str
    meaning: str
    value: str
    interval: str
    before: str
    baseline: str
    primary: bool


@dataclass(frozen=True)
class _Bar:
    """The importance of a column: as texts, and in percent of the width of the drawing."""

    name: str
    worse: str
    interval: str
    start: float
    width: float
    low: float
    reach: float
    chance: bool


@dataclass(frozen=True)
class _Bars:
    """The importance as it is shown."""

    of: Importance
    metric: str
    columns: int
    zero: float
    shown: list[_Bar]


@dataclass(frozen=True)
class _SegmentRow:
    """A segment as texts."""

    name: str
    label: str
    rows: str
    share: str
    error: str
    interval: str
    others: str
    ratio: str


@dataclass(frozen=True)
class _SegmentTable:
    """The segments as they are shown."""

    of: Segments
    error: str
    method: str
    overall: str
    worst: list[_SegmentRow]


@dataclass(frozen=True)
class _Feature:
    """A feature as texts, and its histogram."""

    name: str
    kind: str
    missing: str
    summary: str
    bars: Markup


def _tiles(manifest: Manifest, metrics: dict[str, Metric], trivial: dict[str, Metric]) -> list[_MetricRow]:
    """The metrics at the top, with fewer digits than in the table."""
    target = manifest.contract.target
    names = [name for name in _TILES["rare" if target.positive is not None else target.task] if name in metrics][:4]
    return [
        _metric_row(name, metrics[name], trivial.get(name), None, 4, as_percent=name == "accuracy") for name in names
    ]


def _metric_rows(
    manifest: Manifest, metrics: dict[str, Metric], trivial: dict[str, Metric], again: bool
) -> list[_MetricRow]:
    rows = []
    for name, metric in metrics.items():
        before = manifest.metrics.get(name) if again else None
        rows.append(_metric_row(name, metric, trivial.get(name), before, 5, primary=name == manifest.primary_metric))
    return rows


def _metric_row(
    name: str,
    metric: Metric,
    baseline: Metric | None,
    before: Metric | None,
    digits: int,
    *,
    as_percent: bool = False,
    primary: bool = False,
) -> _MetricRow:
    others = [other.value for other in (baseline, before) if other]
    decimals = decimal_places([metric.value, metric.low, metric.high, *others], digits)
    form: Callable[[float], str] = format_percent if as_percent else lambda value: format_fixed(value, decimals)
    text = describe_metric(name)
    return _MetricRow(
        name=text.name,
        meaning="; ".join(filter(None, [text.meaning, f"{'higher' if text.greater_is_better else 'lower'} is better"])),
        value=form(metric.value),
        interval=f"{form(metric.low)} to {form(metric.high)}",
        before=form(before.value) if before else "",
        baseline=form(baseline.value) if baseline else "",
        primary=primary,
    )


def _importance(manifest: Manifest, importance: Importance) -> _Bars:
    columns = manifest.contract.columns
    shown = importance.columns[:_MOST_BARS]
    low = min([column.low for column in shown] + [0.0])
    high = max([column.high for column in shown] + [1e-12])
    decimals = decimal_places((high, low), 4)
    scale = 100 / (high - low)
    return _Bars(
        of=importance,
        metric="the share of wrong labels"
        if importance.metric == "accuracy"
        else describe_metric(importance.metric).name,
        columns=len(columns),
        zero=round(-low * scale, 2),
        shown=[
            _Bar(
                name=columns[column.column].name,
                worse=format_fixed(column.worse, decimals),
                interval=f"{format_fixed(column.low, decimals)} to {format_fixed(column.high, decimals)}",
                start=round((min(column.worse, 0) - low) * scale, 2),
                width=round(abs(column.worse) * scale, 2),
                low=round((column.low - low) * scale, 2),
                reach=round((column.high - column.low) * scale, 2),
                chance=column.low <= 0,
            )
            for column in shown
        ],
    )


def _segments(manifest: Manifest, segments: Segments, rows: int) -> _SegmentTable:
    regression = manifest.contract.target.classes is None
    decimals = decimal_places([segments.overall, *(segment.high for segment in segments.worst)], 4)
    form = (lambda value: format_fixed(value, decimals)) if regression else format_percent
    return _SegmentTable(
        of=segments,
        error="mean absolute error" if regression else "share of wrong labels",
        method="Welch's t-test" if regression else "Fisher's exact test",
        overall=form(segments.overall),
        worst=[
            _SegmentRow(
                name=manifest.contract.columns[segment.column].name,
                label=segment.label,
                rows=f"{segment.rows:,}",
                share=format_percent(segment.rows / rows),
                error=form(segment.error),
                interval=f"{form(segment.low)} to {form(segment.high)}",
                others=form(segment.others),
                ratio=f"× {segment.error / segment.others:.1f}" if segment.others > 0 else "–",
            )
            for segment in segments.worst
        ],
    )


def _feature(manifest: Manifest, profile: FeatureProfile) -> _Feature:
    column = manifest.contract.columns[profile.column]
    missing = format_percent(profile.missing) if profile.missing else "none"
    bars = Markup(_histogram(profile))  # noqa: S704  # numbers only
    return _Feature(column.name, column.kind, missing, profile.values, bars)


def _histogram(profile: FeatureProfile) -> str:
    if not profile.bars:
        return ""
    width, height = 132, 30
    heights = np.array(profile.bars) / max(profile.bars) * height
    step = width / max(len(heights), 4)
    path = "".join(
        f"M{i * step:.1f} {height}v{-max(bar, 0.7):.1f}h{step - 1:.1f}V{height}z"
        for i, bar in enumerate(heights)
        if bar
    )
    drawing = f'<path class="fill c1" d="{path}"/>'
    return f'<svg class="spark" viewBox="0 0 {width} {height}" aria-hidden="true">{drawing}</svg>'


def _listed_by_reason(left_out: Mapping[str, str]) -> list[str]:
    """The columns that were left out, by the reason; of many with the same reason the first."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        by_reason.setdefault(reason, []).append(isolate(name))
    return [f"{list_names(names)} ({reason})" for reason, names in by_reason.items()]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breaks"] = allow_breaks
    return environment.from_string(_text("report.html.jinja"))


@cache
def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text("utf-8")
