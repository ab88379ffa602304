"""Alerts: what fires when, what it means and what to do, and for each a case that fires and one that stays quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fasttrack.monitoring.plan import LEAST_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.monitoring.plan import Plan

__all__ = ["RUNBOOKS", "Alert", "Case", "alerts"]

RUNBOOKS = "runbooks.md"

_SERVES = "and on (model, version) max by (model, version) (fasttrack_model_info) == 1"
"""A version that serves no longer wakes nobody."""
_YESTERDAY = "max by (model, version) (max_over_time(fasttrack_model_info[2h] offset 23h)) == 1"
_A_DAY = f"{_SERVES}\nand on (model, version) {_YESTERDAY}"
"""Of a version's first day nothing is said: mornings are not evenings."""
_DRIFTED, _UNSEEN, _MISSING = 0.2, 0.01, 0.1
_BROKEN = 2.0
"""In a day. The snowstorms in a winter of flights reach 1.7; a column in another unit, all in one of ten bins, 8."""


@dataclass(frozen=True)
class Case:
    """Series by name with their values as promtool writes them, one each `step` minutes, and the minute to look at."""

    series: Mapping[str, str]
    minute: int
    step: int = 1


@dataclass(frozen=True)
class Alert:
    """A rule, its runbook, and its tests. `told`: the summary that `fires` gives."""

    name: str
    expr: str
    lasting: str
    severity: str
    summary: str
    means: str
    todo: str
    fires: Case
    quiet: Case
    told: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those of the alert in `fires`, beside the severity."""

    @property
    def runbook(self) -> str:
        """Where the runbook is."""
        return f"{RUNBOOKS}#{self.name.lower()}"

    def rule(self) -> dict[str, Any]:
        """As a rule group has it."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expr}
        if self.lasting != "0m":
            rule["for"] = self.lasting
        notes = {"summary": self.summary, "runbook": self.runbook}
        return rule | {"labels": {"severity": self.severity}, "annotations": notes}

    def tests(self) -> list[dict[str, Any]]:
        """As a file of promtool's tests has them."""
        expected = {
            "exp_labels": {"severity": self.severity, **self.labels},
            "exp_annotations": {"summary": self.told, "runbook": self.runbook},
        }
        return [
            _test(f"{self.name} fires", self.fires, [{"alertname": self.name, "exp_alerts": [expected]}]),
            _test(f"{self.name} stays quiet", self.quiet, [{"alertname": self.name}]),
        ]


def alerts(plan: Plan) -> list[Alert]:
    """All alerts, those that should wake somebody first."""
    return [*_service(plan), *_drift(plan), _quality(plan), _journal(plan)]


def _test(name: str, case: Case, alert_tests: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "interval": f"{case.step}m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [{"eval_time": f"{case.minute}m", **test} for test in alert_tests],
    }


def _service(plan: Plan) -> list[Alert]:
    job = f'job="{plan.job}"'
    requests = f'http_requests_total{{{job}, handler="/predict", method="POST", status="%s"}}'
    burned = 1 - plan.slo_share
    buckets = f'http_request_duration_seconds_bucket{{{job}, handler="/predict", method="POST", le="%s"}}'
    count = f'http_request_duration_seconds_count{{{job}, handler="/predict", method="POST"}}'
    return [
        Alert(
            "FastTrackDown",
            f"up{{{job}}} == 0",
            "1m",
            "page",
            "{{ $labels.instance }} does not answer Prometheus",
            "Prometheus could not read /metrics of this instance for a minute. Nothing is predicted by it.",
            "Look at its log and whether the process lives. `/health/live` tells whether it answers at all, "
            "`/health/ready` whether a row can be scored. A store without a model keeps a server from starting.",
            Case({f'up{{{job}, instance="api:8000"}}': "1 1 0x20"}, 15),
            Case({f'up{{{job}, instance="api:8000"}}': "1x4 0 1x20"}, 15),
            "api:8000 does not answer Prometheus",
            {"job": plan.job, "instance": "api:8000"},
        ),
        Alert(
            "FastTrackErrors",
            f'sum by (job) (rate(http_requests_total{{{job}, status=~"5.."}}[5m]))\n'
            f"/ sum by (job) (rate(http_requests_total{{{job}}}[5m])) > 0.01",
            "5m",
            "page",
            "{{ $value | humanizePercentage }} of requests fail",
            "More than one request in a hundred was answered with a 5xx for five minutes. No input should lead to one.",
            "Look at the log for the traceback. If it began with a promotion: `fasttrack models rollback NAME`.",
            Case({requests % "200": "0+90x30", requests % "500": "0+10x30"}, 15),
            Case({requests % "200": "0+999x30", requests % "500": "0+1x30"}, 25),
            "10% of requests fail",
            {"job": plan.job},
        ),
        Alert(
            "FastTrackSlow",
            " or ".join(
                f"(\n  {_slower(plan, long)} > {factor} * {burned:.6g}\n  and {_slower(plan, short)} > {factor} * "
                f"{burned:.6g}\n)"
                for factor, long, short in ((14.4, "1h", "5m"), (6, "6h", "30m"))
            ),
            "2m",
            "page",
            f"{{{{ $value | humanizePercentage }}}} of predictions take more than {plan.slo_seconds:g} s",
            f"The objective: {100 * plan.slo_share:.6g} % of predictions are answered within {plan.slo_seconds:g} s. "
            "What is slower uses up the month's allowance at 14.4 times its pace over an hour, or 6 times over six "
            "(multi-window burn rates: The Site Reliability Workbook, chapter 5).",
            "Compare the time in the model with the time to answer on the dashboard. If the model is slow, see whether "
            "it is compiled (`/model` says so); if only answers are, see the load and the size of requests.",
            Case({buckets % f"{plan.slo_seconds:g}": "0+70x90", buckets % "+Inf": "0+100x90", count: "0+100x90"}, 80),
            Case(
                {buckets % f"{plan.slo_seconds:g}": "0+995x90", buckets % "+Inf": "0+1000x90", count: "0+1000x90"}, 80
            ),
            f"30% of predictions take more than {plan.slo_seconds:g} s",
            {"job": plan.job},
        ),
        Alert(
            "FastTrackRefusals",
            f"sum by (model) (rate(fasttrack_refused_requests_total{{{job}}}[15m]))\n"
            f'/ on () group_left () sum (rate(http_requests_total{{{job}, handler="/predict"}}[15m])) > 0.2',
            "15m",
            "ticket",
            "{{ $value | humanizePercentage }} of prediction requests do not fit the contract of {{ $labels.model }}",
            "A caller sends what the contract does not take: a wrong type, or nothing where a value is required.",
            "`fasttrack_refused_rows_total` names column and reason. Compare what the caller sends with `/contract`.",
            Case(
                {
                    f'fasttrack_refused_requests_total{{{job}, model="m", reason="invalid"}}': "0+40x60",
                    requests % "200": "0+60x60",
                    requests % "422": "0+40x60",
                },
                40,
            ),
            Case(
                {
                    f'fasttrack_refused_requests_total{{{job}, model="m", reason="invalid"}}': "0+10x60",
                    requests % "200": "0+90x60",
                    requests % "422": "0+10x60",
                },
                40,
            ),
            "40% of prediction requests do not fit the contract of m",
            {"model": "m"},
        ),
        Alert(
            "FastTrackReloadFailing",
            f"increase(fasttrack_reload_failures_total{{{job}}}[10m]) > 0",
            "0m",
            "ticket",
            "{{ $labels.instance }} cannot load the version that was promoted",
            "A version was promoted that this instance cannot serve. The version before it still serves.",
            "Run `fasttrack models verify`; the log says why. Promote another version, or train again.",
            Case({f'fasttrack_reload_failures_total{{{job}, instance="api:8000"}}': "0x5 1x20"}, 10),
            Case({f'fasttrack_reload_failures_total{{{job}, instance="api:8000"}}': "3x30"}, 20),
            "api:8000 cannot load the version that was promoted",
            {"job": plan.job, "instance": "api:8000"},
        ),
    ]


def _slower(plan: Plan, window: str) -> str:
    of = f'job="{plan.job}", handler="/predict"'
    fast = f'http_request_duration_seconds_bucket{{{of}, le="{plan.slo_seconds:g}"}}[{window}]'
    every = f"http_request_duration_seconds_count{{{of}}}[{window}]"
    return f"1 - sum by (job) (rate({fast})) / sum by (job) (rate({every}))"


_OF = 'model="m", version="v"'
_INFO = {f'fasttrack_model_info{{{_OF}, engine="onnx"}}': "1x330"}
_LONG, _STEP = 1560, 5
"""Minutes: a day, and two hours for an alert that waits for one."""


def _feature(now: Mapping[str, str], then: Mapping[str, float]) -> dict[str, str]:
    """A feature's counters and reference shares, by bin."""
    counted = {f'fasttrack_feature_bin_total{{{_OF}, feature="f", bin="{name}"}}': each for name, each in now.items()}
    known = {
        f'fasttrack_feature_reference_share{{{_OF}, feature="f", bin="{name}"}}': f"{share:g}x330"
        for name, share in then.items()
    }
    return counted | known | _INFO


def _drift(plan: Plan) -> list[Alert]:
    half = {"00 a": 0.5, "01 b": 0.5}
    holes = {"00 a": 0.9, "missing": 0.1, "unseen": 0.0}
    of_f = {"model": "m", "version": "v", "feature": "f"}
    enough = f"Nothing is said of a window with fewer than {LEAST_ROWS} rows, nor of a version's first day. "
    by_nature = "If a feature follows the calendar, leave it out: `fasttrack monitor build --no-alert COLUMN`."
    told = {f'fasttrack_prediction_bin_total{{{_OF}, bin="{name}"}}': "%s" for name in half}
    shares = {f'fasttrack_prediction_reference_share{{{_OF}, bin="{name}"}}': "0.5x330" for name in half}
    return [
        Alert(
            "FastTrackDrift",
            f"fasttrack:feature_psi:7d{plan.selector} > {_DRIFTED}\n{_A_DAY}",
            "1h",
            "ticket",
            "{{ $labels.feature }} of {{ $labels.model }} has drifted: PSI {{ $value | humanize }} over 7 days",
            "The distribution of a feature over the last week is another one than at training: a population stability "
            f"index above {_DRIFTED}, by which convention calls a shift significant. {enough}",
            "The dashboard shows the shares of the feature's bins beside those of the training. See whether the world "
            "has changed or the pipeline that fills the column; look at live quality; train again on newer rows: "
            f"`fasttrack train journal --since 30d`. {by_nature}",
            Case(_feature({"00 a": "0+8x330", "01 b": "0+2x330"}, half), _LONG, _STEP),
            Case(_feature({"00 a": "0+6x330", "01 b": "0+5x330"}, half), _LONG, _STEP),
            "f of m has drifted: PSI 415.9m over 7 days",
            of_f,
        ),
        Alert(
            "FastTrackDriftSudden",
            f"fasttrack:feature_psi:24h{plan.selector} > {_BROKEN}\n{_A_DAY}",
            "15m",
            "page",
            "{{ $labels.feature }} of {{ $labels.model }} is another: PSI {{ $value | humanize }} over 24 hours",
            "Within a day a feature has become another one, as when a unit changes or a column is filled from "
            f"elsewhere. {enough}",
            "Ask what was deployed upstream. Predictions that hang on the column are not to be trusted; "
            f"`fasttrack models show` lists its training range. {by_nature}",
            Case(_feature({"00 a": "0+999x330", "01 b": "0+1x330"}, half), _LONG, _STEP),
            Case(_feature({"00 a": "0+8x330", "01 b": "0+2x330"}, half), _LONG, _STEP),
            "f of m is another: PSI 3.446 over 24 hours",
            of_f,
        ),
        Alert(
            "FastTrackPredictionDrift",
            f"fasttrack:prediction_psi:7d > {_DRIFTED}\n{_A_DAY}",
            "1h",
            "ticket",
            "Predictions of {{ $labels.model }} have drifted: PSI {{ $value | humanize }} over 7 days",
            "The model answers otherwise than on its hold-out, over a week. Either its features have drifted, in which "
            f"case those alerts fire too, or their combinations have. {enough}",
            "As for FastTrackDrift.",
            Case({name: f"0+{n}x330" for name, n in zip(told, (8, 2), strict=True)} | shares | _INFO, _LONG, _STEP),
            Case({name: f"0+{n}x330" for name, n in zip(told, (6, 5), strict=True)} | shares | _INFO, _LONG, _STEP),
            "Predictions of m have drifted: PSI 415.9m over 7 days",
            {"model": "m", "version": "v"},
        ),
        Alert(
            "FastTrackUnseen",
            f"fasttrack:feature_unseen_change:24h > {_UNSEEN}\n{_A_DAY}",
            "15m",
            "ticket",
            "{{ $value | humanizePercentage }} of the values of {{ $labels.feature }} are new to {{ $labels.model }}",
            "Categories come in that training has not seen: a new product, a renamed one, another spelling. They are "
            f"scored, but as what the encoder makes of the unknown. {enough}",
            "`fasttrack journal export` has the words. Train again once there are labels for them, or mend the "
            "spelling.",
            Case(_feature({"00 a": "0+95x330", "missing": "0x330", "unseen": "0+5x330"}, holes), _LONG, _STEP),
            Case(_feature({"00 a": "0+999x330", "missing": "0x330", "unseen": "0+1x330"}, holes), _LONG, _STEP),
            "5% of the values of f are new to m",
            of_f,
        ),
        Alert(
            "FastTrackMissing",
            f"fasttrack:feature_missing_change:24h > {_MISSING}\n{_A_DAY}",
            "15m",
            "ticket",
            "{{ $labels.feature }} of {{ $labels.model }} is missing more often than at training, "
            "by {{ $value | humanizePercentage }} of the rows",
            f"A column that had values at training comes empty. {enough}",
            "Ask who fills the column. The pipeline imputes, so nothing else will tell.",
            Case(_feature({"00 a": "0+60x330", "missing": "0+40x330", "unseen": "0x330"}, holes), _LONG, _STEP),
            Case(_feature({"00 a": "0+85x330", "missing": "0+15x330", "unseen": "0x330"}, holes), _LONG, _STEP),
            "f of m is missing more often than at training, by 30% of the rows",
            of_f,
        ),
    ]


def _quality(plan: Plan) -> Alert:
    metric = f'metric="{plan.metric}"'
    sign, beyond = ("+", "<") if plan.greater_is_better else ("-", ">")
    matched = "model, version, metric, window"
    live = f'fasttrack_live_quality{{{metric}, window=~"24h|7d"}}'
    margin, bound = (
        f"fasttrack_live_quality_margin{{{metric}}}",
        f'fasttrack_holdout_quality{{{metric}, bound="{plan.bound}"}}',
    )
    series = f'{_OF}, {metric}, window="7d"'

    def case(margins: float) -> Case:
        figure = 1.5 + (-margins if plan.greater_is_better else margins)
        return Case(
            {
                f"fasttrack_live_quality{{{series}}}": f"{figure:g}x100",
                f"fasttrack_live_quality_margin{{{series}}}": "0.25x100",
                f'fasttrack_holdout_quality{{{_OF}, {metric}, bound="{plan.bound}"}}': "1.5x100",
            }
            | _INFO,
            90,
        )

    told = 1.5 + (-0.25 if plan.greater_is_better else 0.25)
    return Alert(
        "FastTrackQuality",
        f"max by ({matched}) ({live}) {sign} on ({matched}) max by ({matched}) ({margin})\n"
        f"{beyond} on (model, version, metric) group_left () max by (model, version, metric) ({bound})\n{_SERVES}",
        "1h",
        "page",
        "{{ $labels.model }} predicts worse than on its hold-out: {{ $labels.metric }} of the last "
        "{{ $labels.window }} is {{ $value | humanize }} at best",
        "By the labels that have come, predictions are worse than the interval of the hold-out's figure, by more than "
        "chance explains: the live figure's own 99.9 % interval lies beyond it. With fewer than 500 labels in the "
        "window nothing is said.",
        "`fasttrack quality` shows the figures and how many predictions are labelled: labels that come for some "
        "predictions first, such as complaints, make any model look bad. See which features have drifted. Roll back if "
        "it began with a promotion; else train again on newer rows: `fasttrack train journal --since 30d`.",
        case(0.5),
        case(0.1),
        f"m predicts worse than on its hold-out: {plan.metric} of the last 7d is {told:g} at best",
        {"model": "m", "version": "v", "metric": plan.metric, "window": "7d"},
    )


def _journal(plan: Plan) -> Alert:
    dropped = f'fasttrack_journal_dropped_rows_total{{job="{plan.job}", instance="api:8000"}}'
    return Alert(
        "FastTrackJournalDropping",
        f'increase(fasttrack_journal_dropped_rows_total{{job="{plan.job}"}}[10m]) > 0',
        "0m",
        "ticket",
        "{{ $labels.instance }} has predictions that find no place in the journal's queue",
        "The journal's database is down, or slower than the traffic, for so long that the queue is full. Predictions "
        "are answered all the same; those that were not recorded cannot be labelled.",
        "The log names the database's error. `fasttrack_journal_backlog_rows` falls as soon as it answers again. "
        "If it is too slow for the traffic, record a sample: `FASTTRACK_JOURNAL_SAMPLE=0.1`.",
        Case({dropped: "0x5 100x20"}, 10),
        Case({dropped: "100x30"}, 20),
        "api:8000 has predictions that find no place in the journal's queue",
        {"job": plan.job, "instance": "api:8000"},
    )
