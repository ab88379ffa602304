"""Small bundles in a store, with the records of their trainings."""

from __future__ import annotations

import uuid
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.bundle import Bundle, TrainingRecord, write_bundle
from fasttrack.contract.metric import Metric
from fasttrack.store import Store
from fasttrack.tracking import Place, RunRecord, record_run
from fasttrack.tracking.model_files import model_files
from tests.bundles import line, manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Trial", "make_bundle", "make_record", "mlflow_client", "new_name", "runs_of"]


@dataclass(frozen=True)
class Trial:
    """A trial of a search."""

    number: int
    params: Mapping[str, Any]
    score: float | None
    seconds: float
    state: str


def new_name() -> str:
    """A model's name that no other test uses: they share a registry."""
    return f"line-{uuid.uuid4().hex[:8]}"


def make_bundle(store: Store, name: str, slope: float = 2.0, others: Mapping[str, bytes] | None = None) -> Bundle:
    """A version of y = slope·x, scikit-learn's."""
    content = manifest(
        name,
        training=TrainingRecord(
            estimator="linear",
            rows=3,
            source="postgresql://me:hunter2@db/flights",
            schema={"x": "double", "y": "double"},
            content_sha256="ab" * 32,
        ),
        metrics={"rmse": Metric(1.0, 0.5, 1.5)},
        baseline={"rmse": Metric(3.0, 2.5, 3.5)},
    )
    files = {**model_files(content), **(others or {})}
    return store.add(name, lambda folder: write_bundle(folder, content, line(slope), others=files))


def make_record(place: Place, bundle: Bundle, **more: Any) -> RunRecord:
    """The record of its training."""
    return record_run(place, bundle.manifest, verdict="promoted: as mlflow_client", pipeline=line(1.0), **more)


@contextmanager
def mlflow_client(url: str) -> Iterator[Any]:
    """MLflow's own client, to look at what is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        yield mlflow.MlflowClient(tracking_uri=url, registry_uri=url)


def runs_of(mlflow: Any, name: str) -> list[Any]:
    """All runs of an experiment, deleted ones too."""
    from mlflow.entities import ViewType

    experiment = mlflow.get_experiment_by_name(name)
    if experiment is None:
        return []
    return list(mlflow.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL))


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, by its path."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
