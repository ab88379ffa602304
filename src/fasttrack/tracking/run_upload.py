"""Upload a record as a run: an interrupted upload finds its run again by the record's id and completes it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasttrack.errors import TrackingError
from fasttrack.tracking.logged_model import MODEL, create_model, find_model, finish_model
from fasttrack.tracking.place import is_database
from fasttrack.tracking.registry import register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.bundle import Bundle
    from fasttrack.tracking.place import Place
    from fasttrack.tracking.record import Dataset, RunRecord, TrialRecord

__all__ = ["REPORT", "RunUpload", "upload"]

REPORT = "report.html"
_RUN, _TRIAL, _PARENT = "fasttrack.run", "fasttrack.trial", "mlflow.parentRunId"
_LONGEST_SCHEMA = 60_000
_PARAMS_A_CALL, _METRICS_A_CALL = 100, 500
_STATES = {"complete": "FINISHED", "fail": "FAILED", "failed": "FAILED", "running": "RUNNING"}


@dataclass(frozen=True)
class RunUpload:
    """The run and the number of its registered version."""

    run_id: str
    number: str


def upload(mlflow: Any, place: Place, record: RunRecord, bundle: Bundle) -> RunUpload:
    """Log `record` and `bundle` as a run with a logged model, then register the model.

    What an interrupted upload of the record has left is completed, and nothing is logged twice. The run is RUNNING
    until all is logged; only then is its model registered.
    """
    experiment = _experiment(mlflow, record.experiment, place.artifacts)
    earlier = _runs(mlflow, experiment, record.id)
    run = earlier.get(None) or mlflow.create_run(
        experiment,
        start_time=record.started_ms,
        run_name=f"{record.model}@{record.version}",
        tags={_RUN: record.id, "mlflow.user": record.user, **record.tags},
    )
    run_id = run.info.run_id
    model = find_model(mlflow, experiment, record)
    if run.info.status != "FINISHED":
        model = model or create_model(mlflow, experiment, run_id, record)
        _log(mlflow, run_id, record.params, record.metrics, record.ended_ms, model)
        if record.dataset is not None:
            mlflow.log_inputs(run_id, [_input(record.dataset)])
        for trial in record.trials:
            _log_trial(mlflow, experiment, run_id, record, trial, earlier.get(str(trial.number)))
        _log_files(mlflow, run_id, record, bundle)
        if model is None:
            mlflow.log_artifacts(run_id, str(bundle.folder), MODEL)
        else:
            finish_model(mlflow, run_id, model, bundle)
        mlflow.set_terminated(run_id, "FINISHED", record.ended_ms)
    if model is None:  # on a server before MLflow 3, or in an older run, the bundle is an artifact of the run
        return RunUpload(run_id, register(mlflow, record, f"{run.info.artifact_uri}/{MODEL}", run_id))
    # for a database, MLflow resolves `models:/` by the process's global tracking address, which may be another place
    source = model.artifact_location if is_database(place.uri) else model.model_uri
    return RunUpload(run_id, register(mlflow, record, source, run_id, model.model_id))


def _experiment(mlflow: Any, name: str, artifacts: str | None) -> str:
    from mlflow.exceptions import MlflowException

    experiment = mlflow.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(mlflow.create_experiment(name, artifact_location=artifacts))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = mlflow.get_experiment_by_name(name)  # another training has just created it
    if experiment is None or experiment.lifecycle_stage != "active":
        raise TrackingError(f"the experiment {name!r} was deleted in MLflow; restore it, or name another: [tracking]")
    return str(experiment.experiment_id)


def _runs(mlflow: Any, experiment: str, record_id: str) -> dict[str | None, Any]:
    """The runs that an interrupted upload has left: the training's under `None`, the trials' by number."""
    runs: dict[str | None, Any] = {}
    token = None
    while True:
        page = mlflow.search_runs([experiment], f"tags.`{_RUN}` = '{record_id}'", max_results=500, page_token=token)
        runs |= {run.data.tags.get(_TRIAL): run for run in page}
        token = page.token
        if not token:
            return runs


def _log(
    mlflow: Any,
    run_id: str,
    params: Mapping[str, str],
    metrics: Mapping[str, float],
    at_ms: int,
    model: Any | None = None,
) -> None:
    """Log the parameters and metrics of a run, and the metrics of its logged model.

    Logging the same values again changes nothing, since the times are the record's.
    """
    from mlflow.entities import Metric, Param

    pairs = [Param(name, value) for name, value in params.items()]
    for start in range(0, len(pairs), _PARAMS_A_CALL):
        mlflow.log_batch(run_id, params=pairs[start : start + _PARAMS_A_CALL])
    values = [
        Metric(name, value, at_ms, 0, model_id=None if model is None else model.model_id)
        for name, value in metrics.items()
    ]
    for start in range(0, len(values), _METRICS_A_CALL):
        mlflow.log_batch(run_id, metrics=values[start : start + _METRICS_A_CALL])


def _log_trial(
    mlflow: Any, experiment: str, parent: str, record: RunRecord, trial: TrialRecord, run: Any | None
) -> None:
    run = run or mlflow.create_run(
        experiment,
        start_time=record.started_ms,
        run_name=f"trial {trial.number}",
        tags={
            _RUN: record.id,
            _TRIAL: str(trial.number),
            _PARENT: parent,
            "mlflow.user": record.user,
            "fasttrack.state": trial.state,
        },
    )
    if run.info.status != "RUNNING":
        return
    _log(mlflow, run.info.run_id, trial.params, trial.metrics, record.ended_ms)
    ended = record.started_ms + int(1000 * trial.metrics.get("seconds", 0.0))
    mlflow.set_terminated(run.info.run_id, _STATES.get(trial.state.lower(), "KILLED"), ended)


def _log_files(mlflow: Any, run_id: str, record: RunRecord, bundle: Bundle) -> None:
    if REPORT in bundle.manifest.files:
        mlflow.log_artifact(run_id, str(bundle.folder / REPORT))
    if record.plots:
        with tempfile.TemporaryDirectory() as folder:
            for name, svg in record.plots.items():
                (Path(folder) / f"{name}.svg").write_text(svg, encoding="utf-8")
            mlflow.log_artifacts(run_id, folder, "plots")


def _input(dataset: Dataset) -> Any:
    from mlflow.entities import Dataset as Table
    from mlflow.entities import DatasetInput, InputTag

    columns = [{"type": _type(kind), "name": name, "required": True} for name, kind in dataset.columns.items()]
    schema = json.dumps({"mlflow_colspec": columns})
    table = Table(
        name=dataset.name,
        digest=dataset.digest,
        source_type="fasttrack",
        source=json.dumps({"uri": dataset.source}),
        schema=schema if len(schema) <= _LONGEST_SCHEMA else None,
        profile=json.dumps({"num_rows": dataset.rows}),
    )
    return DatasetInput(table, [InputTag("mlflow.data.context", "training")])


def _type(arrow: str) -> str:
    """MLflow's name for an Arrow type."""
    types = {"int": "long", "uint": "long", "double": "double", "float": "double", "bool": "boolean"}
    types |= {"timestamp": "datetime", "date": "datetime"}
    return next((name for start, name in types.items() if arrow.startswith(start)), "string")
