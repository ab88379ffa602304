"""The Grafana dashboard of a model: what is going on, how fast, whether the world has changed, how good it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fasttrack.monitoring.plan import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.monitoring.plan import Plan

__all__ = ["dashboard"]

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_GREEN, _YELLOW, _RED, _BLUE = "green", "#EAB839", "red", "blue"
_HEIGHT, _LOW = 8, 4
_Steps = tuple[tuple[str, float | None], ...]
_PLAIN: _Steps = ((_GREEN, None),)
_DRIFT: _Steps = ((_GREEN, None), (_YELLOW, 0.1), (_RED, 0.2))


@dataclass(frozen=True)
class _Panel:
    kind: str
    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    """(legend, PromQL)."""
    width: int
    steps: _Steps = _PLAIN
    low: float | None = 0
    high: float | None = None
    stacked: bool = False
    by_name: bool = False
    """A stat that shows the name of its series."""
    lines: Sequence[str] = ()
    """Legends of series that are references: drawn dashed."""
    height: int = field(default=_HEIGHT)


def dashboard(plan: Plan) -> dict[str, Any]:
    """The dashboard as Grafana's JSON model."""
    placed: list[dict[str, Any]] = []
    y = 0
    for title, panels in _sections(plan):
        placed.append(_row(len(placed) + 1, title, y))
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.width > 24:
                x, y = 0, y + height
            placed.append(_panel(len(placed) + 1, panel, x, y))
            x, height = x + panel.width, panel.height
        y += height
    return {
        "uid": f"fasttrack-{plan.model}"[:40],
        "title": f"FastTrack: {plan.model}",
        "description": f"Traffic, drift and quality of the model {plan.model}, which predicts {plan.target}.",
        "tags": ["fasttrack"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "refresh": "10s",
        "timepicker": {},
        "links": [],
        "annotations": {"list": []},
        "templating": {"list": _variables(plan)},
        "panels": placed,
    }


def _sections(plan: Plan) -> list[tuple[str, list[_Panel]]]:
    return [
        ("Now", _now(plan)),
        ("Traffic", _traffic(plan)),
        ("Refusals", _refusals(plan)),
        ("Drift: is the world as it was at training?", _drift(plan)),
        ("Quality: how good are the predictions?", _quality(plan)),
        ("Journal", _journal(plan)),
    ]


def _of(plan: Plan, *more: str) -> str:
    return ", ".join((f'job="{plan.job}"', 'instance=~"$instance"', *more))


def _errors(plan: Plan, status: str) -> str:
    each = f"rate(http_requests_total{{{_of(plan)}}}[$__rate_interval])"
    bad = _of(plan, f'status=~"{status}"')
    return f"(sum(rate(http_requests_total{{{bad}}}[$__rate_interval])) or vector(0)) / sum({each})"


def _quantiles(series: str) -> list[tuple[str, str]]:
    return [
        (f"p{share * 100:g}", f"histogram_quantile({share}, sum by (le) (rate({series}[$__rate_interval])))")
        for share in (0.5, 0.95, 0.99)
    ]


def _latency(plan: Plan) -> str:
    of = _of(plan, 'handler="/predict"')
    return f"http_request_duration_seconds_bucket{{{of}}}"


def _now(plan: Plan) -> list[_Panel]:
    model = f"model={quoted(plan.model)}"
    info = f"max by (model, version, engine) (fasttrack_model_info{{{_of(plan)}}})"
    drifting = f"count(max by (feature) (fasttrack:feature_psi:7d{{{model}}}) > 0.2) or vector(0)"
    slow: _Steps = ((_GREEN, None), (_RED, plan.slo_seconds))
    return [
        _Panel(
            "stat",
            "Model",
            "What serves: model, version and engine.",
            "none",
            [("{{model}} {{version}} ({{engine}})", info)],
            6,
            ((_BLUE, None),),
            by_name=True,
            height=_LOW,
        ),
        _Panel(
            "stat",
            "Requests",
            "HTTP requests a second.",
            "reqps",
            [("requests", f"sum(rate(http_requests_total{{{_of(plan)}}}[$__rate_interval]))")],
            3,
            height=_LOW,
        ),
        _Panel(
            "stat",
            "Rows",
            "Rows predicted a second; a request may have many.",
            "rowsps",
            [("rows", f"sum(rate(fasttrack_predictions_total{{{_of(plan)}}}[$__rate_interval]))")],
            3,
            height=_LOW,
        ),
        _Panel(
            "stat",
            "Error ratio",
            "Share of requests answered with a 5xx.",
            "percentunit",
            [("errors", _errors(plan, "5.."))],
            3,
            ((_GREEN, None), (_RED, 0.01)),
            height=_LOW,
        ),
        _Panel(
            "stat",
            "Latency p99",
            "99 of 100 predictions are answered within this time.",
            "s",
            _quantiles(_latency(plan))[2:],
            3,
            slow,
            height=_LOW,
        ),
        _Panel(
            "stat",
            "Features that drift",
            "Features whose population stability index of the last 7 days is above 0.2.",
            "none",
            [("features", drifting)],
            3,
            ((_GREEN, None), (_RED, 1)),
            height=_LOW,
        ),
        _Panel(
            "stat",
            "Predictions with a label",
            "Share of the last 7 days' predictions whose truth is known.",
            "percentunit",
            [("labelled", f'max(fasttrack_label_coverage_ratio{{{model}, window="7d"}}) or vector(0)')],
            3,
            ((_BLUE, None),),
            high=1,
            height=_LOW,
        ),
    ]


def _traffic(plan: Plan) -> list[_Panel]:
    of = _of(plan)
    return [
        _Panel(
            "timeseries",
            "Request rate",
            "By path, method and status.",
            "reqps",
            [
                (
                    "{{method}} {{handler}} {{status}}",
                    f"sum by (handler, method, status) (rate(http_requests_total{{{of}}}[$__rate_interval]))",
                )
            ],
            12,
        ),
        _Panel(
            "timeseries",
            "Error ratio",
            "Shares of requests that failed (5xx) and that were refused (4xx).",
            "percentunit",
            [("failed", _errors(plan, "5..")), ("refused", _errors(plan, "4.."))],
            12,
        ),
        _Panel(
            "timeseries",
            "Latency of predictions",
            "From request to answer, /predict, estimated from buckets.",
            "s",
            _quantiles(_latency(plan)),
            12,
        ),
        _Panel(
            "timeseries",
            "Time in the model",
            "One run of the model; requests that arrive together share a run.",
            "s",
            _quantiles(f"fasttrack_inference_seconds_bucket{{{of}}}"),
            12,
        ),
        _Panel(
            "timeseries",
            "Predictions by version",
            "Rows a second; a promotion shows as one line giving way to another.",
            "rowsps",
            [
                (
                    "{{model}} {{version}} {{outcome}}",
                    f"sum by (model, version, outcome) (rate(fasttrack_predictions_total{{{of}}}[$__rate_interval]))",
                )
            ],
            12,
        ),
        _Panel(
            "timeseries",
            "In flight",
            "Requests being answered, by instance.",
            "none",
            [("{{instance}}", f"sum by (instance) (http_requests_inprogress{{{of}}})")],
            12,
        ),
    ]


def _refusals(plan: Plan) -> list[_Panel]:
    of = _of(plan)
    cells = f"rate(fasttrack_refused_rows_total{{{of}}}[$__rate_interval])"
    return [
        _Panel(
            "timeseries",
            "Refused requests",
            "Requests that do not fit the contract, by reason.",
            "reqps",
            [
                (
                    "{{model}} {{reason}}",
                    f"sum by (model, reason) (rate(fasttrack_refused_requests_total{{{of}}}[$__rate_interval]))",
                )
            ],
            12,
        ),
        _Panel(
            "timeseries",
            "Refused values",
            "The ten columns whose values are refused most, with the reason.",
            "cps",
            [("{{column}}: {{reason}}", f"topk(10, sum by (column, reason) ({cells})) or on () vector(0)")],
            12,
        ),
    ]


def _drift(plan: Plan) -> list[_Panel]:
    model = f"model={quoted(plan.model)}"
    chosen = f'{model}, feature="$feature"'
    outside = f"sum by (feature) (rate(fasttrack_feature_out_of_range_total{{{model}}}[$__rate_interval]))"
    return [
        _Panel(
            "bargauge",
            "Drift by feature, 7 days",
            "Population stability index against the training rows: below 0.1 as it was, above 0.2 drifted. The thirty "
            "features that have moved most; a window with fewer than 500 rows tells nothing.",
            "none",
            [("{{feature}}", f"topk(30, max by (feature) (fasttrack:feature_psi:7d{{{model}}})) or on () vector(0)")],
            8,
            _DRIFT,
            high=0.5,
            height=2 * _HEIGHT,
        ),
        _Panel(
            "timeseries",
            "Drift of features, 24 hours",
            "The ten that have moved most.",
            "none",
            [("{{feature}}", f"topk(10, max by (feature) (fasttrack:feature_psi:24h{{{model}}})) or on () vector(0)")],
            8,
            _DRIFT,
            height=2 * _HEIGHT,
        ),
        _Panel(
            "timeseries",
            "Drift of the prediction",
            "Population stability index of what is predicted against the hold-out's predictions.",
            "none",
            [
                (f"{window}", f"max(fasttrack:prediction_psi:{window}{{{model}}}) or vector(0)")
                for window in ("1h", "24h", "7d")
            ],
            8,
            _DRIFT,
            height=2 * _HEIGHT,
        ),
        _Panel(
            "timeseries",
            "Missing more often than at training, 24 hours",
            "Share of rows without a value now, minus that at training; the ten largest.",
            "percentunit",
            [
                (
                    "{{feature}}",
                    f"topk(10, max by (feature) (fasttrack:feature_missing_change:24h{{{model}}})) or on () vector(0)",
                )
            ],
            8,
            low=None,
        ),
        _Panel(
            "timeseries",
            "Unseen categories, 24 hours",
            "Share of rows with a category that training did not see; the ten largest.",
            "percentunit",
            [
                (
                    "{{feature}}",
                    f"topk(10, max by (feature) (fasttrack:feature_unseen_change:24h{{{model}}})) or on () vector(0)",
                )
            ],
            8,
        ),
        _Panel(
            "timeseries",
            "Outside the training range",
            "Values a second beyond the least and the greatest of the training; the ten largest.",
            "cps",
            [("{{feature}}", f"topk(10, {outside}) or on () vector(0)")],
            8,
        ),
        _Panel(
            "bargauge",
            "$feature now, 7 days",
            "Share of rows in each bin.",
            "percentunit",
            [("{{bin}}", f"max by (bin) (fasttrack:feature_share:7d{{{chosen}}})")],
            8,
            ((_BLUE, None),),
            high=1,
        ),
        _Panel(
            "bargauge",
            "$feature at training",
            "Share of training rows in each bin.",
            "percentunit",
            [("{{bin}}", f"max by (bin) (fasttrack_feature_reference_share{{{chosen}}})")],
            8,
            ((_BLUE, None),),
            high=1,
        ),
        _Panel(
            "timeseries",
            "$feature over time, 24 hours",
            "Share of rows in each bin.",
            "percentunit",
            [("{{bin}}", f"max by (bin) (fasttrack:feature_share:24h{{{chosen}}})")],
            8,
            high=1,
            stacked=True,
        ),
    ]


def _quality(plan: Plan) -> list[_Panel]:
    model, metric = f"model={quoted(plan.model)}", f'metric="{plan.metric}"'
    serving = "and on (version) max by (version) (fasttrack_model_info) == 1"
    holdout = [
        (
            f"hold-out, {words}",
            f'max by (version) (fasttrack_holdout_quality{{{model}, {metric}, bound="{bound}"}}) {serving}',
        )
        for words, bound in (("low", "low"), ("measured", "value"), ("high", "high"))
    ]
    better = "more is better" if plan.greater_is_better else "less is better"
    shown = f"{serving} or on () vector(NaN)"
    windows = ("1h", "24h", "7d")
    live = [
        (
            f"last {window}",
            f'max by (version) (fasttrack_live_quality{{{model}, {metric}, window="{window}"}}) {shown}',
        )
        for window in windows
    ]
    guess = [
        (
            f"expected, last {window}",
            f'max by (version) (fasttrack_estimated_quality{{{model}, {metric}, window="{window}"}}) {shown}',
        )
        for window in windows[1:]
    ]
    panels = [
        _Panel(
            "timeseries",
            f"Live {plan.metric}",
            f"By the labels that have come ({better}), beside the hold-out's figure and its 95 % interval.",
            "none",
            [*live, *holdout],
            12,
            low=None,
            lines=[legend for legend, _ in holdout],
        ),
        _Panel(
            "timeseries",
            "Predictions with a label",
            "Share of the predictions of a window whose truth is known; a live figure is one of these alone.",
            "percentunit",
            [
                (
                    f"last {window}",
                    f'max by (version) (fasttrack_label_coverage_ratio{{{model}, window="{window}"}}) {shown}',
                )
                for window in windows
            ],
            6 if plan.probabilities else 12,
            high=1,
        ),
    ]
    if plan.probabilities:
        words = "An estimate from the probabilities alone, if they were well calibrated on the hold-out; else nothing."
        title = f"Expected {plan.metric}, before labels come"
        panels.append(_Panel("timeseries", title, words, "none", guess, 6, low=None))
    return panels


def _journal(plan: Plan) -> list[_Panel]:
    of = _of(plan)
    return [
        _Panel(
            "timeseries",
            "Predictions recorded",
            "Written to the journal, and those that found its queue full.",
            "rowsps",
            [
                (words, f"sum(rate(fasttrack_journal_{name}_rows_total{{{of}}}[$__rate_interval]))")
                for words, name in (("stored", "stored"), ("dropped", "dropped"))
            ],
            8,
        ),
        _Panel(
            "timeseries",
            "Waiting to be written",
            "Predictions in the journal's queue, by instance.",
            "none",
            [("{{instance}}", f"sum by (instance) (fasttrack_journal_backlog_rows{{{of}}})")],
            8,
        ),
        _Panel(
            "timeseries",
            "Labels",
            "A second, by what became of them.",
            "cps",
            [("{{outcome}}", f"sum by (outcome) (rate(fasttrack_feedback_total{{{of}}}[$__rate_interval]))")],
            8,
        ),
    ]


def _row(number: int, title: str, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": 24, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(number: int, panel: _Panel, x: int, y: int) -> dict[str, Any]:
    instant = panel.kind != "timeseries"
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "thresholds": {"mode": "absolute", "steps": [{"color": color, "value": at} for color, at in panel.steps]},
        "color": {"mode": "thresholds" if instant else "palette-classic"},
    }
    defaults |= {name: value for name, value in (("min", panel.low), ("max", panel.high)) if value is not None}
    if not instant:
        defaults["custom"] = _drawn(panel)
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": defaults, "overrides": [_dashed(legend) for legend in panel.lines]},
        "options": _options(panel),
        "targets": [
            {"refId": chr(65 + i), "datasource": _SOURCE, "expr": expr, "legendFormat": legend, "range": not instant}
            | ({"instant": True} if instant else {})
            for i, (legend, expr) in enumerate(panel.queries)
        ],
    }


def _drawn(panel: _Panel) -> dict[str, Any]:
    drawn = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40 if panel.stacked else 0,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }
    drawn |= {"axisSoftMin": 0} if panel.low == 0 else {}
    # where there are thresholds, they are drawn: a line that crosses one means something
    return drawn | ({"thresholdsStyle": {"mode": "dashed"}} if len(panel.steps) > 1 else {})


def _dashed(legend: str) -> dict[str, Any]:
    style = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}}
    color = {"id": "color", "value": {"mode": "fixed", "fixedColor": "#8e8e8e"}}
    return {"matcher": {"id": "byName", "options": legend}, "properties": [style, color]}


def _options(panel: _Panel) -> dict[str, Any]:
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "timeseries":
        # a stack has as many series as a feature has bins: below it they would leave it no room
        place = "right" if panel.stacked else "bottom"
        return {
            "legend": {"displayMode": "list", "placement": place, "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "bargauge":
        return {
            "displayMode": "basic",
            "orientation": "horizontal",
            "reduceOptions": reduced,
            "showUnfilled": True,
            "valueMode": "text",
            "namePlacement": "left",
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 300,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        }
    return {
        "colorMode": "value",
        "graphMode": "none" if panel.by_name else "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
        "textMode": "name" if panel.by_name else "value",
        "reduceOptions": reduced,
    }


def _variables(plan: Plan) -> list[dict[str, Any]]:
    common = {"hide": 0, "options": [], "regex": ""}
    watched = f"fasttrack_feature_reference_share{{model={quoted(plan.model)}}}"
    first = plan.features[0] if plan.features else ""
    return [
        {
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "current": {"text": "Prometheus", "value": "prometheus"},
            "includeAll": False,
            "multi": False,
            "refresh": 1,
            **common,
        },
        {
            "name": "instance",
            "label": "Instance",
            "type": "query",
            "datasource": _SOURCE,
            "query": {
                "qryType": 1,
                "query": f'label_values(up{{job="{plan.job}"}}, instance)',
                "refId": "instance",
            },
            "current": {"text": ["All"], "value": ["$__all"]},
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "refresh": 2,
            "sort": 1,
            **common,
        },
        {
            "name": "feature",
            "label": "Feature",
            "type": "query",
            "datasource": _SOURCE,
            "query": {"qryType": 1, "query": f"label_values({watched}, feature)", "refId": "feature"},
            "current": {"text": first, "value": first},
            "includeAll": False,
            "multi": False,
            "refresh": 2,
            "sort": 1,
            **common,
        },
    ]
