"""What is to be watched, from the contract and the hold-out of a version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.errors import ConfigError
from fasttrack.metrics.traffic import DURATION_BUCKETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.bundle import Manifest

__all__ = ["LEAST_ROWS", "SHARE_FLOOR", "WINDOWS", "Plan", "plan_for", "quoted"]

WINDOWS = ("1h", "24h", "7d")
LEAST_ROWS = 500
"""With fewer rows in a window nothing is said of drift: by chance alone their PSI is about bins / rows."""
SHARE_FLOOR = 1e-4
"""Shares below are taken for it, so that an empty bin has a logarithm."""


@dataclass(frozen=True)
class Plan:
    """What the files are made from. Shares and quantiles are 0 to 1."""

    model: str
    target: str
    metric: str
    greater_is_better: bool
    features: tuple[str, ...]
    probabilities: bool = False
    """Whether quality can be estimated before labels come."""
    calm: tuple[str, ...] = ()
    """Features that drift by nature, such as a month: they are shown, but wake nobody."""
    job: str = "fasttrack"
    slo_seconds: float = 0.1
    slo_share: float = 0.99
    """So many predictions are to be answered within `slo_seconds`."""

    @property
    def selector(self) -> str:
        """Matches the features that may wake somebody, as a PromQL label matcher."""
        if not self.calm:
            return ""
        return "{feature!~" + quoted("|".join(re.escape(name) for name in self.calm)) + "}"

    @property
    def bound(self) -> str:
        """The end of the hold-out's interval beyond which the model has become worse."""
        return "low" if self.greater_is_better else "high"


def plan_for(
    manifest: Manifest,
    *,
    calm: Sequence[str] = (),
    job: str = "fasttrack",
    slo_seconds: float = 0.1,
    slo_share: float = 0.99,
) -> Plan:
    """The plan for a version. Raises ConfigError for a column that it does not have, or a time that is not counted."""
    names = tuple(manifest.contract.names)
    for name in calm:
        if name not in names:
            raise ConfigError(f"--no-alert {name}: {manifest.name} has no such column; it has {', '.join(names)}")
    if slo_seconds not in DURATION_BUCKETS:
        raise ConfigError(
            f"--slo-seconds {slo_seconds:g}: choose one of {', '.join(f'{b:g}' for b in DURATION_BUCKETS)}"
        )
    if not 0 < slo_share < 1:
        raise ConfigError(f"--slo-share {slo_share:g}: a share is more than 0 and less than 1, such as 0.99")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", job):
        raise ConfigError(f"--job {job}: write the job_name of prometheus.yml in letters, digits, dash and underscore")
    metric = manifest.primary_metric or next(iter(manifest.metrics), "rmse")
    return Plan(
        model=manifest.name,
        target=manifest.contract.target.name,
        metric=metric,
        greater_is_better=bool(manifest.greater_is_better),
        features=names,
        probabilities=manifest.contract.target.probabilities,
        calm=tuple(calm),
        job=job,
        slo_seconds=slo_seconds,
        slo_share=slo_share,
    )


def quoted(text: str) -> str:
    """A PromQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
