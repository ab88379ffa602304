"""A fitted model before it is in the store: what its bundle will be made of."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fasttrack.bundle import Manifest, TrainingRecord, installed_packages
from fasttrack.evaluation import evaluate, primary_metric, primary_metric_of
from fasttrack.training.outcome_findings import outcome_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.finding import FindingCode
    from fasttrack.contract.leaderboard import Leaderboard
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
    trivial: tuple[NDArray[Any], NDArray[np.float64] | None] | None = None,
    skip: Sequence[FindingCode] = (),
    folder: Path = Path(),
) -> Manifest:
    """The manifest of a model measured on `holdout`, beside the `trivial` model's predictions and probabilities.

    `skip`: the findings that are not looked for. `folder`: the working copy whose Git commit is recorded.
    """
    target = contract.target
    evaluation = evaluate(
        target.task,
        holdout.y.to_numpy(),
        *holdout.predictions,
        target.classes,
        clusters=holdout.clusters,
        weights=holdout.weights,
        positive=target.positive_code,
        trivial=trivial,
    )
    metric = primary_metric_of(target)
    if metric.name not in evaluation.metrics:  # such as average precision without a row of the rare class
        metric = primary_metric(target.task, target.probabilities)
    findings = [*training.findings, *outcome_findings(target, holdout, evaluation, skip)]
    return Manifest(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        git_commit=_git_commit(folder),
        contract=contract,
        training=msgspec.structs.replace(training, findings=findings),
        primary_metric=metric.name,
        greater_is_better=metric.greater_is_better,
        metrics=evaluation.metrics,
        baseline=evaluation.baseline,
        gains=evaluation.gains,
        packages=installed_packages(),
        files={},
    )


def _git_commit(folder: Path) -> str | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
        return done.stdout.strip()
    return None
