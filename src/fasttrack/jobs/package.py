"""A scikit-learn model that was fitted elsewhere becomes a version that serves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fasttrack.bundle import TrainingRecord
from fasttrack.contract.learn import learn_contract
from fasttrack.errors import FastTrackError, TrainingError
from fasttrack.jobs.draft import Draft, draft_manifest
from fasttrack.jobs.publish import publish
from fasttrack.store import open_store
from fasttrack.tracking import configured_place
from fasttrack.training.given import check_one_target, feature_frame, target_series
from fasttrack.training.holdout import predict_holdout
from fasttrack.training.own_code import own_code
from fasttrack.training.table import check_columns
from fasttrack.training.threads import bounded_threads
from fasttrack.urls import model_name

if TYPE_CHECKING:
    from fasttrack.config import PackageConfig
    from fasttrack.contract.schema import Task
    from fasttrack.jobs.outcome import Outcome

__all__ = ["package"]


def package(pipeline: Any, X: Any, y: Any, config: PackageConfig) -> Outcome:
    """Put a fitted pipeline into the store, with the contract that its rows `X` [n, f] and targets `y` [n] show.

    Raises TrainingError when the pipeline is not fitted or does not accept `X`, DataError when `X` cannot be described,
    StoreError when the store cannot be written; nothing is written then.
    """
    series_name = getattr(y, "name", None)
    target = config.target or str(series_name or "target")
    name = config.name or (model_name(target) if series_name else "model")
    store = open_store(config.store)
    store.check_writable(name)
    place = configured_place(config.tracking)
    frame = feature_frame(X)
    check_columns(list(map(str, frame.columns)), config.privacy.hide, "X")
    truth = target_series(y, len(frame))
    is_array = not isinstance(X, pd.DataFrame)
    task: Task = "regression"
    if hasattr(pipeline, "classes_"):
        task = "binary" if len(pipeline.classes_) == 2 else "multiclass"
    contract = learn_contract(frame, pipeline, target=target, task=task, array=is_array, privacy=config.privacy.rule)
    code, notes = _code(pipeline, config)
    record = TrainingRecord(
        estimator=type(pipeline).__name__,
        rows=len(frame),
        split="none: fitted elsewhere, measured on the rows it was packaged with",
        notes=notes,
    )
    try:
        check_one_target(pipeline, frame.iloc[:1].to_numpy() if contract.input == "array" else frame.iloc[:1])
        holdout = predict_holdout(pipeline, contract, frame, truth)
        manifest = draft_manifest(name, contract, record, holdout)
    except FastTrackError:
        raise
    except Exception as error:
        raise TrainingError(
            f"the pipeline does not predict on X: {type(error).__name__}: {error}; fit it first, on these columns"
        ) from error
    with bounded_threads(frame.size):
        return publish(Draft(manifest, pipeline, frame, holdout, code), config, store, place)


def _code(pipeline: Any, config: PackageConfig) -> tuple[list[Path], list[str]]:
    """The files and folders to pack with the pipeline, and a note for each package of the user's own that is not."""
    own = own_code(pipeline)
    configured = [Path(path) for path in config.code]
    notes = [
        f"the package {package} must be installed where this model is loaded, or be packed with it: code=[...]"
        for package in own.packages
        if not any(path.name == package for path in configured)
    ]
    resolved = {path.resolve() for path in configured}
    return [*configured, *(file for file in own.files if file not in resolved)], notes
