"""`report.html` from what was measured: one page that loads nothing and runs nothing."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import jinja2
import numpy as np
from markupsafe import Markup

from fasttrack.contract.openapi import example_row
from fasttrack.report.confusion import confusion, per_class
from fasttrack.report.headline import caution, champion_said, measured_on, quality_said, resampled, trained_said
from fasttrack.report.plots import plots
from fasttrack.report.segments import FEWEST
from fasttrack.report.words import METRICS, decimals_for, fixed, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.bundle import Manifest
    from fasttrack.contract.metric import Metric
    from fasttrack.gate import ChampionComparison
    from fasttrack.report.importance import Importance
    from fasttrack.report.measurements import Measurements
    from fasttrack.report.profile import Profile
    from fasttrack.report.segments import Segments

__all__ = ["Again", "ReportData", "build_report"]

_MOST_BARS = 25
_TILES = {"regression": ("mae", "rmse", "r2"), "binary": ("accuracy", "roc_auc", "log_loss", "f1")}
_TILES["multiclass"] = ("accuracy", "f1_macro", "log_loss", "roc_auc_ovr")


@dataclass(frozen=True)
class Again:
    """A stored version measured once more: on which table, with what figures."""

    source: str
    rows: int
    metrics: dict[str, Metric]
    baseline: dict[str, Metric]


@dataclass(frozen=True)
class ReportData:
    """All that a report says. `weighed`: against the champion of that time, if there was one."""

    manifest: Manifest
    measured: Measurements
    weighed: ChampionComparison | None = None
    again: Again | None = None


def build_report(data: ReportData) -> str:
    """The page. It is the same for the same data, and holds names and labels only as text."""
    manifest, measured, again = data.manifest, data.measured, data.again
    contract, target = manifest.contract, manifest.contract.target
    metrics, trivial = (manifest.metrics, manifest.baseline) if again is None else (again.metrics, again.baseline)
    rows = len(measured.answers.truth)
    on = measured_on(manifest, None if again is None else (again.source, again.rows))
    weighed = data.weighed if data.weighed is not None and data.weighed.champion != manifest.version else None
    return _template().render(
        css=Markup(_text("plot.css") + _text("report.css")),  # noqa: S704  # our own file
        manifest=manifest,
        record=manifest.training,
        target=target,
        trained=trained_said(manifest),
        quality=quality_said(manifest, metrics, trivial, on),
        champion=None if weighed is None else champion_said(weighed),
        caution=caution(manifest, metrics, trivial, rows, again=again is not None),
        again=again,
        on=on,
        resampled=resampled(measured.together),
        tiles=_tiles(manifest, metrics, trivial),
        figures=_figures(manifest, metrics, trivial, again is not None),
        has_baseline=bool(trivial),
        trivial="the mean" if target.classes is None else "the most frequent class",
        plots=[(plot, Markup(plot.svg)) for plot in plots(target, measured.answers)],  # noqa: S704  # escaped there
        confusion=confusion(measured.answers),
        classes=per_class(measured.answers),
        importance=_importance(manifest, measured.importance),
        segments=_segments(manifest, measured.segments, rows),
        fewest=FEWEST,
        features=[_feature(manifest, one) for one in measured.profiles],
        features_of=len(contract.columns),
        profiled=f"{measured.profiled_rows:,} rows" + (f" of {again.source}" if again else ""),
        **_call(manifest),
    )


@dataclass(frozen=True)
class _Figure:
    """A figure of quality as texts."""

    name: str
    says: str
    value: str
    interval: str
    before: str
    baseline: str
    primary: bool


@dataclass(frozen=True)
class _Bar:
    """A column's importance: as texts, and in percent of the bar's width."""

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
    """Importance as it is shown."""

    of: Importance
    metric: str
    columns: int
    zero: float
    shown: list[_Bar]


@dataclass(frozen=True)
class _Worst:
    """A segment as texts."""

    name: str
    where: str
    rows: str
    share: str
    error: str
    interval: str
    others: str
    times: str


@dataclass(frozen=True)
class _Segments:
    """Segments as they are shown."""

    of: Segments
    error: str
    method: str
    overall: str
    worst: list[_Worst]


@dataclass(frozen=True)
class _Feature:
    """A feature as texts, and its histogram."""

    name: str
    kind: str
    missing: str
    summary: str
    bars: Markup


def _tiles(manifest: Manifest, metrics: dict[str, Metric], trivial: dict[str, Metric]) -> list[_Figure]:
    """The figures on top, shorter than in the table."""
    shown = [name for name in _TILES[manifest.contract.target.task] if name in metrics][:4]
    return [_figure(name, metrics[name], trivial.get(name), None, 4, shares=name == "accuracy") for name in shown]


def _figures(manifest: Manifest, metrics: dict[str, Metric], trivial: dict[str, Metric], again: bool) -> list[_Figure]:
    found = []
    for name, metric in metrics.items():
        before = manifest.metrics.get(name) if again else None
        found.append(_figure(name, metric, trivial.get(name), before, 5, primary=name == manifest.primary_metric))
    return found


def _figure(
    name: str,
    metric: Metric,
    other: Metric | None,
    before: Metric | None,
    digits: int,
    *,
    shares: bool = False,
    primary: bool = False,
) -> _Figure:
    values = [metric.value, metric.low, metric.high, *(one.value for one in (other, before) if one)]
    decimals = decimals_for(values, digits)
    say: Callable[[float], str] = percent if shares else lambda value: fixed(value, decimals)
    known = METRICS[name]
    way = "higher is better" if known.greater_is_better else "lower is better"
    return _Figure(
        name=known.name,
        says=f"{known.says}; {way}",
        value=say(metric.value),
        interval=f"{say(metric.low)} to {say(metric.high)}",
        before=say(before.value) if before else "",
        baseline=say(other.value) if other else "",
        primary=primary,
    )


def _importance(manifest: Manifest, found: Importance) -> _Bars:
    columns = manifest.contract.columns
    shown = found.columns[:_MOST_BARS]
    low = min([one.low for one in shown] + [0.0])
    high = max([one.high for one in shown] + [1e-12])
    decimals = decimals_for((high, low), 4)
    scale = 100 / (high - low)
    return _Bars(
        of=found,
        metric="the share of wrong labels" if found.metric == "accuracy" else METRICS[found.metric].name,
        columns=len(columns),
        zero=round(-low * scale, 2),
        shown=[
            _Bar(
                name=columns[one.column].name,
                worse=fixed(one.worse, decimals),
                interval=f"{fixed(one.low, decimals)} to {fixed(one.high, decimals)}",
                start=round((min(one.worse, 0) - low) * scale, 2),
                width=round(abs(one.worse) * scale, 2),
                low=round((one.low - low) * scale, 2),
                reach=round((one.high - one.low) * scale, 2),
                chance=one.low <= 0,
            )
            for one in shown
        ],
    )


def _segments(manifest: Manifest, found: Segments, rows: int) -> _Segments:
    regression = manifest.contract.target.classes is None
    decimals = decimals_for([found.overall, *(one.high for one in found.worst)], 4)
    say = (lambda value: fixed(value, decimals)) if regression else percent
    return _Segments(
        of=found,
        error="mean absolute error" if regression else "share of wrong labels",
        method="Welch's t-test" if regression else "Fisher's exact test",
        overall=say(found.overall),
        worst=[
            _Worst(
                name=manifest.contract.columns[one.column].name,
                where=one.where,
                rows=f"{one.rows:,}",
                share=percent(one.rows / rows),
                error=say(one.error),
                interval=f"{say(one.low)} to {say(one.high)}",
                others=say(one.others),
                times=f"× {one.error / one.others:.1f}" if one.others > 0 else "–",
            )
            for one in found.worst
        ],
    )


def _feature(manifest: Manifest, profile: Profile) -> _Feature:
    column = manifest.contract.columns[profile.column]
    missing = percent(profile.missing) if profile.missing else "none"
    bars = Markup(_histogram(profile))  # noqa: S704  # numbers only
    return _Feature(column.name, column.kind, missing, profile.values, bars)


def _histogram(profile: Profile) -> str:
    if not profile.bars:
        return ""
    wide, high = 132, 30
    heights = np.array(profile.bars) / max(profile.bars) * high
    step = wide / max(len(heights), 4)
    path = "".join(
        f"M{i * step:.1f} {high}v{-max(height, 0.7):.1f}h{step - 1:.1f}V{high}z"
        for i, height in enumerate(heights)
        if height
    )
    return f'<svg class="spark" viewBox="0 0 {wide} {high}" aria-hidden="true"><path class="fill c1" d="{path}"/></svg>'


def _call(manifest: Manifest) -> dict[str, str]:
    row = example_row(manifest.contract)
    body = json.dumps(row, ensure_ascii=False)
    cells = "".join(f"    {name!r}: {value!r},\n" for name, value in row.items())
    spec = f"{manifest.name}@{manifest.version}"
    return {
        "serve": f"fasttrack serve --model {spec}",
        "curl": f"curl localhost:8000/predict -d {shlex.quote(body)}",
        "python": (
            "import json\nfrom urllib.request import urlopen\n\n"
            f"row = {{\n{cells}}}\n"
            'reply = urlopen("http://localhost:8000/predict", json.dumps(row).encode())\n'
            'print(json.load(reply)["prediction"])\n'
        ),
    }


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_text("report.html.jinja"))


@cache
def _text(name: str) -> str:
    return (resources.files(__package__) / name).read_text("utf-8")
