"""The Grafana dashboard of a model: traffic, latency, refusals, drift, quality and the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fasttrack.monitoring.model_panels import drift_panels, quality_panels
from fasttrack.monitoring.panel import SOURCE
from fasttrack.monitoring.plan import promql_string
from fasttrack.monitoring.service_panels import journal_panels, overview_panels, refusal_panels, traffic_panels

if TYPE_CHECKING:
    from fasttrack.monitoring.plan import Plan

__all__ = ["dashboard"]

_COLUMNS = 24
"""The width of Grafana's grid."""


def dashboard(plan: Plan) -> dict[str, Any]:
    """The dashboard as Grafana's JSON model."""
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
        "panels": _panels(plan),
    }


def _panels(plan: Plan) -> list[dict[str, Any]]:
    """The panels of all sections, from left to right and from top to bottom, below the title of their section."""
    sections = [
        ("Now", overview_panels(plan)),
        ("Traffic", traffic_panels(plan)),
        ("Refusals", refusal_panels(plan)),
        ("Drift: do requests look like the training data?", drift_panels(plan)),
        ("Quality: how good are the predictions?", quality_panels(plan)),
        ("Journal", journal_panels(plan)),
    ]
    placed: list[dict[str, Any]] = []
    y = 0
    for title, panels in sections:
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        row = {"id": len(placed) + 1, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        placed.append(row)
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.width > _COLUMNS:
                x, y = 0, y + height
            placed.append(panel.as_json(len(placed) + 1, x, y))
            x, height = x + panel.width, panel.height
        y += height
    return placed


def _variables(plan: Plan) -> list[dict[str, Any]]:
    """What the user can choose above the dashboard: the data source, instances, and a feature."""
    common = {"hide": 0, "options": [], "regex": ""}
    instances = f'label_values(up{{job="{plan.job}"}}, instance)'
    features = f"label_values(fasttrack_feature_reference_share{{model={promql_string(plan.model)}}}, feature)"
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
            "datasource": SOURCE,
            "query": {"qryType": 1, "query": instances, "refId": "instance"},
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
            "datasource": SOURCE,
            "query": {"qryType": 1, "query": features, "refId": "feature"},
            "current": {"text": first, "value": first},
            "includeAll": False,
            "multi": False,
            "refresh": 2,
            "sort": 1,
            **common,
        },
    ]
