"""What a training or packaging returns: the version, whether it serves, and what else became of it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.bundle import Bundle, Manifest
    from fasttrack.contract.leaderboard import Leaderboard
    from fasttrack.contract.metric import Metric
    from fasttrack.gate import Verdict
    from fasttrack.tracking import TrackingResult
    from fasttrack.training.search import SearchResult

__all__ = ["Outcome"]


@dataclass(frozen=True, repr=False)
class Outcome:
    """A new version in its store. `verdict` says whether it was made the champion, and why."""

    bundle: Bundle
    verdict: Verdict
    search: SearchResult | None = None
    """Every trial of the search, if one was asked for."""
    tracked: TrackingResult | None = None
    """What MLflow received, if tracking was asked for."""
    leaderboard: Leaderboard | None = None
    """How the candidates of `auto` did, and how long each took."""

    @property
    def label(self) -> str:
        """`name@version`."""
        return self.bundle.label

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest: contract, metrics, training record."""
        return self.bundle.manifest

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metrics on the hold-out, each with a 95 % interval."""
        return self.manifest.metrics

    @property
    def promoted(self) -> bool:
        """Whether the version is the champion now."""
        return self.verdict.promoted

    def __repr__(self) -> str:
        name = self.manifest.primary_metric or ""
        metric = self.metrics.get(name)
        measured = f" {name} {metric.value:.5g} ({metric.low:.5g} to {metric.high:.5g})," if metric else ""
        return f"<Outcome {self.label}:{measured} {'champion' if self.promoted else 'not promoted'}>"

    def _repr_html_(self) -> str:
        baseline = self.manifest.baseline
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{metric.value:.5g}</td>"
            f"<td>{metric.low:.5g} to {metric.high:.5g}</td>"
            + (f"<td>{baseline[name].value:.5g}</td>" if name in baseline else "<td></td>" * bool(baseline))
            + "</tr>"
            for name, metric in self.metrics.items()
        )
        cautions = "".join(
            f"<p><b>{finding.code} caution:</b> {html.escape(finding.message)}</p>"
            for finding in self.manifest.training.findings
            if finding.level == "caution"
        )
        heading = "<th></th><th>this model</th><th>95 % interval</th>" + "<th>trivial baseline</th>" * bool(baseline)
        return (
            f"<p><b>{html.escape(self.label)}</b>: {html.escape(self.manifest.training.estimator)}, "
            f"{html.escape(self.verdict.reason)}</p>{cautions}"
            f"<table><thead><tr>{heading}</tr></thead><tbody>{rows}</tbody></table>"
        )
