"""Log the bundle of a run as an MLflow logged model, which MLflow shows with the run and the registered version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fasttrack.bundle import Bundle
    from fasttrack.tracking.record import RunRecord

__all__ = ["MODEL", "create_model", "find_model", "finish_model", "link_version"]

MODEL = "model"
"""The name of the logged model in its run. `runs:/RUN_ID/model` leads to it."""
_RUN, _VERSION = "fasttrack.run", "fasttrack.version"
_VERSIONS = "mlflow.modelVersions"


def find_model(mlflow: Any, experiment: str, record: RunRecord) -> Any | None:
    """The logged model that an earlier upload of the record created; `None` if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        models = mlflow.search_logged_models([experiment], f"tags.`{_RUN}` = '{record.id}'", max_results=1)
    except MlflowException as error:
        if error.error_code != "ENDPOINT_NOT_FOUND":  # a server before MLflow 3, which has no logged models
            raise
        return None
    return models[0] if models else None


def create_model(mlflow: Any, experiment: str, run_id: str, record: RunRecord) -> Any | None:
    """A new logged model of the run, without files; `None` on a server before MLflow 3, which has no logged models."""
    from mlflow.exceptions import MlflowException

    try:
        return mlflow.create_logged_model(
            experiment,
            MODEL,
            run_id,
            tags={_RUN: record.id, _VERSION: record.version},
            params={"estimator": record.params["estimator"]},
        )
    except MlflowException as error:
        if error.error_code != "ENDPOINT_NOT_FOUND":
            raise
        return None


def finish_model(mlflow: Any, run_id: str, model: Any, bundle: Bundle) -> None:
    """Upload the bundle as the model's files, mark the model as ready, and link it with its run.

    After an interrupted upload, this only adds what is missing.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    if model.status != LoggedModelStatus.READY:
        mlflow.log_model_artifacts(model.model_id, str(bundle.folder))
        mlflow.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    outputs = mlflow.get_run(run_id).outputs
    if model.model_id not in [output.model_id for output in (outputs.model_outputs if outputs else [])]:
        mlflow.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])


def link_version(mlflow: Any, model_id: str, name: str, number: str) -> None:
    """Note the registered version in the model, as an MLflow server does by itself and a database does not."""
    versions = json.loads(mlflow.get_logged_model(model_id).tags.get(_VERSIONS, "[]"))
    version = {"name": name, "version": int(number)}
    if version not in versions:
        mlflow.set_logged_model_tags(model_id, {_VERSIONS: json.dumps([*versions, version])})
