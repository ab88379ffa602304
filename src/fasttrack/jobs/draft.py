"""A fitted model before it is in the store: what its bundle will be made of."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.bundle import Manifest, TrainingRecord, installed_packages
from fasttrack.evaluation import evaluate, primary_metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from fasttrack.contract.leaderboard import Leaderboard
    from fasttrack.contract.metric import Metric
    from fasttrack.contract.schema import Contract
    from fasttrack.training.holdout import HoldOut
    from fasttrack.training.search import SearchResult

__all__ = ["Draft", "draft_manifest"]


@dataclass(frozen=True)
class Draft:
    """`X` [n, f] are all rows that the contract was learned from, `holdout` those that the model was measured on.

    `manifest` has no version yet. `code`: the user's own module files and package folders. `started`: seconds since
    1970 UTC.
    """

    manifest: Manifest
    pipeline: Any
    """The one that is to serve."""
    X: pd.DataFrame
    holdout: HoldOut
    code: Sequence[Path] = ()
    search: SearchResult | None = None
    leaderboard: Leaderboard | None = None
    """With times."""
    evaluated: Any = None
    """The pipeline that was measured on `holdout`, where `pipeline` was fitted again on all rows."""
    started: float = field(default_factory=time.time)


def draft_manifest(
    name: str,
    contract: Contract,
    training: TrainingRecord,
    holdout: HoldOut,
    *,
    baseline: Mapping[str, Metric] | None = None,
    folder: Path = Path(),
) -> Manifest:
    """The manifest of a model measured on `holdout`; `folder`: the working copy whose Git commit is recorded."""
    target = contract.target
    metric = primary_metric(target.task, target.probabilities)
    evaluation = evaluate(
        target.task, holdout.y.to_numpy(), *holdout.predictions, target.classes, clusters=holdout.clusters
    )
    return Manifest(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        git_commit=_git_commit(folder),
        contract=contract,
        training=training,
        primary_metric=metric.name,
        greater_is_better=metric.greater_is_better,
        metrics=evaluation.metrics,
        baseline=dict(baseline or {}),
        packages=installed_packages(),
        files={},
    )


def _git_commit(folder: Path) -> str | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
        return done.stdout.strip()
    return None
