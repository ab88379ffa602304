"""Panels about the service: the overview, traffic and latency, refused requests, the journal's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.metrics.drift_thresholds import DRIFT
from fasttrack.monitoring.panel import BLUE, GREEN, RED, Panel
from fasttrack.monitoring.plan import promql_string

if TYPE_CHECKING:
    from fasttrack.monitoring.plan import Plan

__all__ = ["journal_panels", "overview_panels", "refusal_panels", "traffic_panels"]

_LOW = 4
"""The height of the panels of the overview."""


def overview_panels(plan: Plan) -> list[Panel]:
    """What serves, how much is asked of it, and whether something is wrong."""
    model, of = f"model={promql_string(plan.model)}", _labels(plan)
    drifting = f"fasttrack:feature_psi:{DRIFT.window}{{{model}}}"
    return [
        Panel(
            kind="stat",
            title="Model",
            description="The model that serves, with its version and engine.",
            unit="none",
            queries=[
                (
                    "{{model}} {{version}} ({{engine}})",
                    f"max by (model, version, engine) (fasttrack_model_info{{{of}}})",
                )
            ],
            width=6,
            height=_LOW,
            steps=((BLUE, None),),
            by_name=True,
        ),
        Panel(
            kind="stat",
            title="Requests",
            description="HTTP requests per second.",
            unit="reqps",
            queries=[("requests", f"sum(rate(http_requests_total{{{of}}}[$__rate_interval]))")],
            width=3,
            height=_LOW,
        ),
        Panel(
            kind="stat",
            title="Rows",
            description="Predicted rows per second. A request may have many rows.",
            unit="rowsps",
            queries=[("rows", f"sum(rate(fasttrack_predictions_total{{{of}}}[$__rate_interval]))")],
            width=3,
            height=_LOW,
        ),
        Panel(
            kind="stat",
            title="Error ratio",
            description="Share of requests that were answered with a 5xx status.",
            unit="percentunit",
            queries=[("errors", _status_share(plan, "5.."))],
            width=3,
            height=_LOW,
            steps=((GREEN, None), (RED, 0.01)),
        ),
        Panel(
            kind="stat",
            title="Latency p99",
            description="99 % of predictions are answered within this time.",
            unit="s",
            queries=_quantiles(_latency(plan))[2:],
            width=3,
            height=_LOW,
            steps=((GREEN, None), (RED, plan.slo_seconds)),
        ),
        Panel(
            kind="stat",
            title="Drifted features",
            description="Features whose population stability index (PSI) over the last "
            f"{DRIFT.words} is above {DRIFT.value}.",
            unit="none",
            queries=[("features", f"count(max by (feature) ({drifting}) > {DRIFT.value}) or vector(0)")],
            width=3,
            height=_LOW,
            steps=((GREEN, None), (RED, 1)),
        ),
        Panel(
            kind="stat",
            title="Labelled predictions",
            description="Share of the predictions of the last 7 days that have a label.",
            unit="percentunit",
            queries=[("labelled", f'max(fasttrack_label_coverage_ratio{{{model}, window="7d"}}) or vector(0)')],
            width=3,
            height=_LOW,
            steps=((BLUE, None),),
            high=1,
        ),
    ]


def traffic_panels(plan: Plan) -> list[Panel]:
    """Requests, errors and durations over time."""
    of = _labels(plan)
    return [
        Panel(
            kind="timeseries",
            title="Request rate",
            description="HTTP requests per second, by method, path and status.",
            unit="reqps",
            queries=[
                (
                    "{{method}} {{handler}} {{status}}",
                    f"sum by (handler, method, status) (rate(http_requests_total{{{of}}}[$__rate_interval]))",
                )
            ],
            width=12,
        ),
        Panel(
            kind="timeseries",
            title="Error ratio",
            description="Shares of requests that failed (5xx) and that were refused (4xx).",
            unit="percentunit",
            queries=[("failed", _status_share(plan, "5..")), ("refused", _status_share(plan, "4.."))],
            width=12,
        ),
        Panel(
            kind="timeseries",
            title="Latency of predictions",
            description="Time from request to answer on /predict. Quantiles are estimated from buckets.",
            unit="s",
            queries=_quantiles(_latency(plan)),
            width=12,
        ),
        Panel(
            kind="timeseries",
            title="Time in the model",
            description="Duration of one run of the model. Requests that arrive together share a run.",
            unit="s",
            queries=_quantiles(f"fasttrack_inference_seconds_bucket{{{of}}}"),
            width=12,
        ),
        Panel(
            kind="timeseries",
            title="Predictions by version",
            description="Predicted rows per second. After a promotion the line of the new version replaces the old.",
            unit="rowsps",
            queries=[
                (
                    "{{model}} {{version}} {{outcome}}",
                    f"sum by (model, version, outcome) (rate(fasttrack_predictions_total{{{of}}}[$__rate_interval]))",
                )
            ],
            width=12,
        ),
        Panel(
            kind="timeseries",
            title="Requests in progress",
            description="Requests that are being answered, by instance.",
            unit="none",
            queries=[("{{instance}}", f"sum by (instance) (http_requests_inprogress{{{of}}})")],
            width=12,
        ),
    ]


def refusal_panels(plan: Plan) -> list[Panel]:
    """Requests that do not fit the contract."""
    of = _labels(plan)
    cells = f"rate(fasttrack_refused_rows_total{{{of}}}[$__rate_interval])"
    return [
        Panel(
            kind="timeseries",
            title="Refused requests",
            description="Requests that do not fit the contract, by reason.",
            unit="reqps",
            queries=[
                (
                    "{{model}} {{reason}}",
                    f"sum by (model, reason) (rate(fasttrack_refused_requests_total{{{of}}}[$__rate_interval]))",
                )
            ],
            width=12,
        ),
        Panel(
            kind="timeseries",
            title="Refused values",
            description="The ten columns with the most refused values, by reason.",
            unit="cps",
            queries=[("{{column}}: {{reason}}", f"topk(10, sum by (column, reason) ({cells})) or on () vector(0)")],
            width=12,
        ),
    ]


def journal_panels(plan: Plan) -> list[Panel]:
    """How predictions and labels reach the journal."""
    of = _labels(plan)
    return [
        Panel(
            kind="timeseries",
            title="Recorded predictions",
            description="Predictions per second that were written to the journal, and that were dropped because its "
            "queue was full.",
            unit="rowsps",
            queries=[
                (name, f"sum(rate(fasttrack_journal_{name}_rows_total{{{of}}}[$__rate_interval]))")
                for name in ("stored", "dropped")
            ],
            width=8,
        ),
        Panel(
            kind="timeseries",
            title="Queue of the journal",
            description="Predictions that wait to be written, by instance.",
            unit="none",
            queries=[("{{instance}}", f"sum by (instance) (fasttrack_journal_backlog_rows{{{of}}})")],
            width=8,
        ),
        Panel(
            kind="timeseries",
            title="Labels",
            description="Labels per second: matched to a prediction, of an unknown prediction, or refused.",
            unit="cps",
            queries=[("{{outcome}}", f"sum by (outcome) (rate(fasttrack_feedback_total{{{of}}}[$__rate_interval]))")],
            width=8,
        ),
    ]


def _labels(plan: Plan, *more: str) -> str:
    """PromQL label matchers of the instances that the user chose."""
    return ", ".join((f'job="{plan.job}"', 'instance=~"$instance"', *more))


def _status_share(plan: Plan, status: str) -> str:
    """PromQL: the share of requests that were answered with a status."""
    every = f"rate(http_requests_total{{{_labels(plan)}}}[$__rate_interval])"
    matching = _labels(plan, f'status=~"{status}"')
    return f"(sum(rate(http_requests_total{{{matching}}}[$__rate_interval])) or vector(0)) / sum({every})"


def _latency(plan: Plan) -> str:
    of = _labels(plan, 'handler="/predict"')
    return f"http_request_duration_seconds_bucket{{{of}}}"


def _quantiles(series: str) -> list[tuple[str, str]]:
    """Median, 95 % and 99 % quantile of a histogram's buckets."""
    return [
        (f"p{share * 100:g}", f"histogram_quantile({share}, sum by (le) (rate({series}[$__rate_interval])))")
        for share in (0.5, 0.95, 0.99)
    ]
