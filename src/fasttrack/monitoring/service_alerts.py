"""Alerts about the service: availability, errors, latency, refused requests, reloads, and the journal's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.monitoring.alert import Alert, Case

if TYPE_CHECKING:
    from fasttrack.monitoring.plan import Plan

__all__ = ["journal_alert", "service_alerts"]

_INSTANCE = 'instance="api:8000"'
"""The server in the tests."""


def service_alerts(plan: Plan) -> list[Alert]:
    """The alerts about the service."""
    return [_down(plan), _errors(plan), _slow(plan), _refusals(plan), _reload_failing(plan)]


def _down(plan: Plan) -> Alert:
    job = f'job="{plan.job}"'
    series = f"up{{{job}, {_INSTANCE}}}"
    return Alert(
        name="FastTrackDown",
        expr=f"up{{{job}}} == 0",
        wait="1m",
        severity="page",
        summary="{{ $labels.instance }} does not answer Prometheus",
        meaning="Prometheus could not read `/metrics` of this instance for a minute. It probably answers no "
        "predictions either.",
        action="Check whether the process runs, and read its log. `/health/live` answers if the process responds at "
        "all, `/health/ready` if it can score a row. A server does not start without a model in its store.",
        fires=Case({series: "1 1 0x20"}, 15),
        fires_summary="api:8000 does not answer Prometheus",
        fires_labels={"job": plan.job, "instance": "api:8000"},
        quiet=Case({series: "1x4 0 1x20"}, 15),
    )


def _errors(plan: Plan) -> Alert:
    job = f'job="{plan.job}"'
    return Alert(
        name="FastTrackErrors",
        expr=f'sum by (job) (rate(http_requests_total{{{job}, status=~"5.."}}[5m]))\n'
        f"/ sum by (job) (rate(http_requests_total{{{job}}}[5m])) > 0.01",
        wait="5m",
        severity="page",
        summary="{{ $value | humanizePercentage }} of requests fail",
        meaning="For five minutes, more than 1 % of requests were answered with a 5xx status. No input should cause "
        "one.",
        action="Look for the traceback in the log. If the errors began with a promotion, roll back: "
        "`fasttrack models rollback NAME`.",
        fires=Case({_requests(plan, "200"): "0+90x30", _requests(plan, "500"): "0+10x30"}, 15),
        fires_summary="10% of requests fail",
        fires_labels={"job": plan.job},
        quiet=Case({_requests(plan, "200"): "0+999x30", _requests(plan, "500"): "0+1x30"}, 25),
    )


def _slow(plan: Plan) -> Alert:
    allowed = 1 - plan.slo_share
    of = f'job="{plan.job}", handler="/predict", method="POST"'
    in_time = f'http_request_duration_seconds_bucket{{{of}, le="{plan.slo_seconds:g}"}}'
    every = f'http_request_duration_seconds_bucket{{{of}, le="+Inf"}}'
    count = f"http_request_duration_seconds_count{{{of}}}"
    return Alert(
        name="FastTrackSlow",
        expr=" or ".join(
            f"(\n  {_slow_share(plan, long)} > {factor} * {allowed:.6g}\n"
            f"  and {_slow_share(plan, short)} > {factor} * {allowed:.6g}\n)"
            for factor, long, short in ((14.4, "1h", "5m"), (6, "6h", "30m"))
        ),
        wait="2m",
        severity="page",
        summary=f"{{{{ $value | humanizePercentage }}}} of predictions take more than {plan.slo_seconds:g} s",
        meaning=f"The objective: {100 * plan.slo_share:.6g} % of predictions are answered within "
        f"{plan.slo_seconds:g} s. Slow predictions use up the error budget of a month 14.4 times as fast as allowed "
        "over an hour, or 6 times as fast over six hours (multi-window burn rates: The Site Reliability Workbook, "
        "chapter 5).",
        action="On the dashboard, compare the time in the model with the latency. If the model is slow, check on "
        "`/model` whether it is compiled. If only the answers are slow, check the load and the size of requests.",
        fires=Case({in_time: "0+70x90", every: "0+100x90", count: "0+100x90"}, 80),
        fires_summary=f"30% of predictions take more than {plan.slo_seconds:g} s",
        fires_labels={"job": plan.job},
        quiet=Case({in_time: "0+995x90", every: "0+1000x90", count: "0+1000x90"}, 80),
    )


def _slow_share(plan: Plan, window: str) -> str:
    """PromQL: the share of predictions that took longer than the objective."""
    of = f'job="{plan.job}", handler="/predict"'
    in_time = f'http_request_duration_seconds_bucket{{{of}, le="{plan.slo_seconds:g}"}}[{window}]'
    every = f"http_request_duration_seconds_count{{{of}}}[{window}]"
    return f"1 - sum by (job) (rate({in_time})) / sum by (job) (rate({every}))"


def _refusals(plan: Plan) -> Alert:
    job = f'job="{plan.job}"'
    invalid = f'fasttrack_refused_requests_total{{{job}, model="m", reason="invalid"}}'
    return Alert(
        name="FastTrackRefusals",
        expr=f"sum by (model) (rate(fasttrack_refused_requests_total{{{job}}}[15m]))\n"
        f'/ on () group_left () sum (rate(http_requests_total{{{job}, handler="/predict"}}[15m])) > 0.2',
        wait="15m",
        severity="ticket",
        summary="{{ $value | humanizePercentage }} of prediction requests do not fit the contract of "
        "{{ $labels.model }}",
        meaning="A caller sends values that the contract does not allow: a wrong type, or no value where one is "
        "required.",
        action="`fasttrack_refused_rows_total` names the column and the reason. Compare the caller's requests with "
        "`/contract`.",
        fires=Case({invalid: "0+40x60", _requests(plan, "200"): "0+60x60", _requests(plan, "422"): "0+40x60"}, 40),
        fires_summary="40% of prediction requests do not fit the contract of m",
        fires_labels={"model": "m"},
        quiet=Case({invalid: "0+10x60", _requests(plan, "200"): "0+90x60", _requests(plan, "422"): "0+10x60"}, 40),
    )


def _reload_failing(plan: Plan) -> Alert:
    job = f'job="{plan.job}"'
    series = f"fasttrack_reload_failures_total{{{job}, {_INSTANCE}}}"
    return Alert(
        name="FastTrackReloadFailing",
        expr=f"increase(fasttrack_reload_failures_total{{{job}}}[10m]) > 0",
        severity="ticket",
        summary="{{ $labels.instance }} cannot load the promoted version",
        meaning="A version was promoted that this instance cannot load. It still serves the version before.",
        action="The log gives the reason; `fasttrack models verify` checks the version in the store. Promote another "
        "version, or train again.",
        fires=Case({series: "0x5 1x20"}, 10),
        fires_summary="api:8000 cannot load the promoted version",
        fires_labels={"job": plan.job, "instance": "api:8000"},
        quiet=Case({series: "3x30"}, 20),
    )


def journal_alert(plan: Plan) -> Alert:
    """The alert about predictions that are not recorded."""
    job = f'job="{plan.job}"'
    series = f"fasttrack_journal_dropped_rows_total{{{job}, {_INSTANCE}}}"
    return Alert(
        name="FastTrackJournalDropping",
        expr=f"increase(fasttrack_journal_dropped_rows_total{{{job}}}[10m]) > 0",
        severity="ticket",
        summary="{{ $labels.instance }} does not record all predictions: the queue of the journal is full",
        meaning="The database of the journal is down, or slower than the traffic, and the queue in front of it is "
        "full. Predictions are still answered. Those that are not recorded cannot be labelled.",
        action="The log gives the database's error. `fasttrack_journal_backlog_rows` falls as soon as the database "
        "answers again. If it is too slow for the traffic, record a sample: `FASTTRACK_JOURNAL_SAMPLE=0.1`.",
        fires=Case({series: "0x5 100x20"}, 10),
        fires_summary="api:8000 does not record all predictions: the queue of the journal is full",
        fires_labels={"job": plan.job, "instance": "api:8000"},
        quiet=Case({series: "100x30"}, 20),
    )


def _requests(plan: Plan, status: str) -> str:
    """The series of prediction requests that were answered with a status."""
    return f'http_requests_total{{job="{plan.job}", handler="/predict", method="POST", status="{status}"}}'
