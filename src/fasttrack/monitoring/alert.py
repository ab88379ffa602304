"""One alert: its rule, its runbook, and the tests of the rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RUNBOOKS", "SERVES", "Alert", "Case"]

RUNBOOKS = "runbooks.md"
"""The file of the runbooks."""
SERVES = "and on (model, version) max by (model, version) (fasttrack_model_info) == 1"
"""PromQL condition: the version serves. An alert about a version that was replaced would help nobody."""


@dataclass(frozen=True)
class Case:
    """A test of an alert.

    `series`: values by series as promtool writes them, one each `step` minutes. `minute`: when the alert is evaluated.
    """

    series: Mapping[str, str]
    minute: int
    step: int = 1


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alerting rule. `severity` is `page` or `ticket`; `summary` is a template of Prometheus."""

    name: str
    expr: str
    wait: str = "0m"
    """How long `expr` must hold before the alert fires."""
    severity: str
    summary: str
    meaning: str
    action: str
    """What to do about it, in Markdown."""
    fires: Case
    fires_summary: str
    """What the summary reads in `fires`."""
    fires_labels: Mapping[str, str] = field(default_factory=dict)
    """The labels of the alert in `fires`, beside the severity."""
    quiet: Case
    """A case in which the alert must not fire."""

    @property
    def runbook(self) -> str:
        """The link to the runbook."""
        return f"{RUNBOOKS}#{self.name.lower()}"

    def rule(self) -> dict[str, Any]:
        """The rule as a rule group has it."""
        rule: dict[str, Any] = {"alert": self.name, "expr": self.expr}
        if self.wait != "0m":
            rule["for"] = self.wait
        annotations = {"summary": self.summary, "runbook": self.runbook}
        return rule | {"labels": {"severity": self.severity}, "annotations": annotations}

    def tests(self) -> list[dict[str, Any]]:
        """The two tests as a file of promtool's tests has them."""
        expected = {
            "exp_labels": {"severity": self.severity, **self.fires_labels},
            "exp_annotations": {"summary": self.fires_summary, "runbook": self.runbook},
        }
        return [
            _test(f"{self.name} fires", self.fires, {"alertname": self.name, "exp_alerts": [expected]}),
            _test(f"{self.name} stays quiet", self.quiet, {"alertname": self.name}),
        ]


def _test(name: str, case: Case, expectation: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "interval": f"{case.step}m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [{"eval_time": f"{case.minute}m", **expectation}],
    }
