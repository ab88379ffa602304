"""A training as plain data for MLflow, which can wait on disk: parameters, metrics, tags, plots, trials."""

from __future__ import annotations

import math
import re
import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fasttrack.config import content_of
from fasttrack.store import user_name
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.bundle import Manifest
    from fasttrack.config import TrainConfig
    from fasttrack.tracking.place import Place

__all__ = ["Dataset", "RunRecord", "TrialLike", "TrialRecord", "record_run"]

_MOST_PARAMS = 200
_LONGEST_VALUE = 500
"""Characters of a parameter. MLflow accepts 6,000, more than anyone reads."""
_LONGEST_TAG = 4000
_NO_KEY = re.compile(r"[^\w./ -]", re.ASCII)


class TrialLike(Protocol):
    """One trial of a search, as in `fasttrack.training.search`."""

    @property
    def number(self) -> int: ...  # noqa: D102
    @property
    def params(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def score(self) -> float | None: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102


class TrialRecord(msgspec.Struct, frozen=True):
    """One trial of a search: a child run of the training's run."""

    number: int
    params: dict[str, str]
    metrics: dict[str, float]
    state: str


class Dataset(msgspec.Struct, frozen=True):
    """The training's table; `digest` is the start of the SHA-256 of its content."""

    name: str
    digest: str
    source: str
    columns: dict[str, str]
    rows: int


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A training as MLflow shows it. By its `id`, an interrupted upload finds its run again."""

    id: str
    model: str
    version: str
    """The version of the bundle in the store."""
    uri: str
    """Where to send it, without the password."""
    experiment: str
    user: str
    started_ms: int
    ended_ms: int
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    dataset: Dataset | None = None
    plots: dict[str, str] = {}
    """SVG texts by name."""
    trials: list[TrialRecord] = []


def record_run(  # what a run consists of, most of it optional and given by name
    place: Place,
    manifest: Manifest,
    *,
    verdict: str,
    config: TrainConfig | None = None,
    pipeline: Any = None,
    started: float | None = None,
    plots: Mapping[str, str] | None = None,
    trials: Sequence[TrialLike] = (),
) -> RunRecord:
    """The record of the training of `manifest`; `started` is in seconds since 1970.

    `verdict` is the gate's reason. Without `config`, the model was fitted elsewhere.
    """
    now = time.time()
    training = manifest.training
    source = training.source and redact_url(training.source)
    params = {
        "estimator": training.estimator,
        "split": training.split,
        "train_rows": str(training.rows),
        "holdout_rows": str(training.holdout_rows),
        **({} if config is None else _config_params(config)),
        **_estimator_params(pipeline),
    }
    tags = {
        "fasttrack.version": manifest.version,
        "fasttrack.engine": manifest.engine,
        "fasttrack.engine_reason": manifest.engine_reason,
        "fasttrack.proof": "" if manifest.proof is None else str(manifest.proof),
        "fasttrack.verdict": verdict,
        "fasttrack.data.source": source,
        "fasttrack.data.query": training.query or training.table,
        "fasttrack.data.sha256": training.content_sha256,
        "fasttrack.notes": "; ".join(training.notes),
        "fasttrack.findings": "; ".join(f"{finding.code} {finding.message}" for finding in training.findings),
        "mlflow.source.git.commit": manifest.git_commit,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "fasttrack train" if config else "fasttrack.package",
    }
    dataset = None
    if training.content_sha256 is not None:
        dataset = Dataset(
            name=manifest.name,
            digest=training.content_sha256[:16],
            source=source or "",
            columns=training.schema,
            rows=training.rows + training.holdout_rows + training.dropped_rows,
        )
    return RunRecord(
        id=uuid.uuid4().hex,
        model=manifest.name,
        version=manifest.version,
        uri=place.label,
        experiment=place.experiment or manifest.name,
        user=user_name(),
        started_ms=int((now if started is None else started) * 1000),
        ended_ms=int(now * 1000),
        params=_limit(params),
        metrics=_metrics(manifest),
        tags={key: value[:_LONGEST_TAG] for key, value in tags.items() if value},
        dataset=dataset,
        plots=dict(plots or {}),
        trials=[_trial(trial) for trial in trials],
    )


def _config_params(config: TrainConfig) -> dict[str, Any]:
    """The configuration with flat names such as `split.method`, without empty values."""
    content = {key: value for key, value in content_of(config).items() if key not in ("name", "tracking")}
    content["data"]["source"] = redact_url(content["data"]["source"])
    return {name: value for name, value in _flat(content) if value not in (None, [], {})}


def _flat(content: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in content.items():
        name = f"{above}{key}"
        pairs += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return pairs


def _estimator_params(pipeline: Any) -> dict[str, Any]:
    """The pipeline's parameters of plain types; estimators, arrays and functions say nothing as text."""
    if not hasattr(pipeline, "get_params"):
        return {}
    plain = (bool, int, float, str, type(None))
    return {f"model.{key}": value for key, value in pipeline.get_params(deep=True).items() if isinstance(value, plain)}


def _limit(params: Mapping[str, Any]) -> dict[str, str]:
    pairs = [(_key(name), str(value)[:_LONGEST_VALUE]) for name, value in params.items()]
    return dict(pairs[:_MOST_PARAMS])


def _metrics(manifest: Manifest) -> dict[str, float]:
    values = {"train_rows": float(manifest.training.rows)}
    for prefix, metrics in (("", manifest.metrics), ("baseline.", manifest.baseline)):
        for name, metric in metrics.items():
            values[f"{prefix}{name}"] = metric.value
            values[f"{prefix}{name}.low"] = metric.low
            values[f"{prefix}{name}.high"] = metric.high
    return {_key(name): value for name, value in values.items() if math.isfinite(value)}


def _trial(trial: TrialLike) -> TrialRecord:
    values = {"score": trial.score, "seconds": trial.seconds}
    metrics = {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
    return TrialRecord(trial.number, _limit(trial.params), metrics, trial.state)


def _key(name: str) -> str:
    """A name that MLflow accepts: letters, digits and a few signs, at most 250 characters."""
    return _NO_KEY.sub("_", name).strip("./")[:250] or "_"
