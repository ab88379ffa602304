"""What the generated files are about: a model's name, target, metric and features, and the objectives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.errors import ConfigError
from fasttrack.evaluation import PrimaryMetric, primary_metric
from fasttrack.metrics.traffic import DURATION_BUCKETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.bundle import Manifest

__all__ = ["Plan", "plan_for", "promql_string"]


@dataclass(frozen=True)
class Plan:
    """What the files are generated from. Shares are 0 to 1."""

    model: str
    target: str
    metric: str
    greater_is_better: bool
    features: tuple[str, ...]
    probabilities: bool = False
    """Whether quality can be estimated before labels come."""
    no_alert: tuple[str, ...] = ()
    """Features that drift by nature, such as a month: they are on the dashboard, but raise no drift alert."""
    job: str = "fasttrack"
    slo_seconds: float = 0.1
    slo_share: float = 0.99
    """The objective: this share of predictions is answered within `slo_seconds`."""

    @property
    def matcher(self) -> str:
        """PromQL label matcher of the features that may raise a drift alert; empty if all may."""
        if not self.no_alert:
            return ""
        return "{feature!~" + promql_string("|".join(re.escape(name) for name in self.no_alert)) + "}"

    @property
    def bound(self) -> str:
        """The end of the hold-out's interval beyond which the model has become worse: `low` or `high`."""
        return "low" if self.greater_is_better else "high"


def plan_for(
    manifest: Manifest,
    *,
    no_alert: Sequence[str] = (),
    job: str = "fasttrack",
    slo_seconds: float = 0.1,
    slo_share: float = 0.99,
) -> Plan:
    """The plan for a version. Raises ConfigError for an unknown column, or a value that the files cannot have."""
    names = tuple(manifest.contract.names)
    for name in no_alert:
        if name not in names:
            raise ConfigError(f"--no-alert {name}: {manifest.name} has no such column; it has {', '.join(names)}")
    if slo_seconds not in DURATION_BUCKETS:
        raise ConfigError(
            f"--slo-seconds {slo_seconds:g}: the server counts no such duration; "
            f"choose one of {', '.join(f'{bound:g}' for bound in DURATION_BUCKETS)}"
        )
    if not 0 < slo_share < 1:
        raise ConfigError(f"--slo-share {slo_share:g}: choose a share between 0 and 1, such as 0.99")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", job):
        raise ConfigError(f"--job {job}: a job_name has only letters, digits, dashes and underscores; choose another")
    metric = _watched_metric(manifest)
    return Plan(
        model=manifest.name,
        target=manifest.contract.target.name,
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        features=names,
        probabilities=manifest.contract.target.probabilities,
        no_alert=tuple(no_alert),
        job=job,
        slo_seconds=slo_seconds,
        slo_share=slo_share,
    )


def _watched_metric(manifest: Manifest) -> PrimaryMetric:
    """The metric whose live value has a margin: that of balanced classes, because some batches have no rare row."""
    target = manifest.contract.target
    if target.imbalanced:
        return primary_metric(target.task, target.probabilities)
    name = manifest.primary_metric or next(iter(manifest.metrics), "rmse")
    return PrimaryMetric(name, bool(manifest.greater_is_better))


def promql_string(text: str) -> str:
    """A text as a PromQL string in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
