"""Fitting a model on the training rows: choose an estimator, search its hyperparameters if asked to, fit it."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sklearn.base import clone

from fasttrack.contract.learn import learn_columns
from fasttrack.errors import TrainingError, in_a_line
from fasttrack.progress import report_step
from fasttrack.training.choose import choose
from fasttrack.training.ensemble import choose_ensemble
from fasttrack.training.families import build
from fasttrack.training.imbalance import ClassBalance, class_balance
from fasttrack.training.text_choice import check_vectorizer, choose_text, without_columns
from fasttrack.training.threshold import Threshold, decide_threshold, with_threshold
from fasttrack.training.tuning import tune
from fasttrack.training.weights import check_takes_weights, fit_with_weights, request_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.config import TrainConfig
    from fasttrack.contract.leaderboard import Leaderboard
    from fasttrack.contract.schema import Column, Task
    from fasttrack.training.choose import Choice
    from fasttrack.training.factory import Factory
    from fasttrack.training.search import SearchResult
    from fasttrack.training.split import SplitTable
    from fasttrack.training.table import TrainingTable

__all__ = ["FittedModel", "fit_model", "refit"]


@dataclass(frozen=True)
class FittedModel:
    """A fitted pipeline and how it came about."""

    pipeline: Any
    label: str
    """What the estimator is called: a built-in one's name, `module:factory`, or a class."""
    code: Path | None
    """The user's own module or package that the estimator comes from."""
    notes: list[str]
    search: SearchResult | None
    leaderboard: Leaderboard | None
    """How the candidates did that it was chosen from."""
    balance: ClassBalance
    threshold: Threshold | None
    unused: dict[str, str] = field(default_factory=dict)
    """The columns that the pipeline was fitted without, with the reason."""


def fit_model(
    config: TrainConfig, factory: Factory | None, ready: TrainingTable, rows: SplitTable, task: Task
) -> FittedModel:
    """Fit the estimator of `factory`, or the built-in one that is configured, on the training rows.

    Raises TrainingError when no estimator can be fitted on them.
    """
    label, leaderboard = config.model.estimator, None
    columns: list[Column] = []
    unused: dict[str, str] = {}
    notes: list[str] = []
    balance = class_balance(rows.y_train, task, config.model, config.check.skip)
    own_weights = rows.w_train
    rows = dataclasses.replace(rows, w_train=balance.fit_weights(rows.y_train, own_weights))
    if factory is not None:
        estimator = factory.estimator
        check_vectorizer(estimator, label, ready.kinds)
    else:
        text = choose_text(label, learn_columns(ready.X, ready.kinds), balance, rows, config)
        columns, unused, notes = list(text.columns), text.unused, text.notes
        ready, rows = without_columns(ready, rows, unused)
        if label == "auto":
            choice = _choose(config, columns, task, rows)
            label, estimator, leaderboard = choice.name, choice.estimator, choice.leaderboard
        else:
            estimator = build(label, columns, task, rows=len(rows.X_train), seed=config.model.seed)
        if rows.w_train is not None:
            request_weights(estimator)
    if rows.w_train is not None:
        check_takes_weights(estimator, label)
    tuned = tune(config, label, estimator, columns, balance, rows)
    report_step(f"fitting {tuned.label} on {len(rows.X_train):,} rows")
    pipeline = _fit(tuned.estimator, rows.X_train, rows.y_train, rows.w_train, tuned.label)
    threshold = decide_threshold(config, balance, tuned.estimator, rows, own_weights, built_in=factory is None)
    if threshold is not None:
        pipeline = with_threshold(pipeline, threshold)
    code, notes = factory.source if factory else None, [*notes, *_notes(balance, threshold)]
    return FittedModel(pipeline, tuned.label, code, notes, tuned.search, leaderboard, balance, threshold, unused)


def _notes(balance: ClassBalance, threshold: Threshold | None) -> list[str]:
    notes = []
    if threshold is not None and not balance.rare:  # else a finding says so
        notes.append(str(threshold))
    if balance.weighted:
        notes.append("all classes count the same in fitting, which shifts the probabilities towards the rarer ones")
    return notes


def refit(model: FittedModel, ready: TrainingTable) -> Any:
    """The model's pipeline, fitted again on all rows. Raises TrainingError when it cannot be fitted on them."""
    report_step(f"fitting {model.label} again on all {len(ready.X):,} rows")
    weights = model.balance.fit_weights(ready.y, ready.weight)
    if model.threshold is None:
        return _fit(clone(model.pipeline), ready.X, ready.y, weights, model.label)
    pipeline = _fit(clone(model.pipeline.estimator), ready.X, ready.y, weights, model.label)
    return with_threshold(pipeline, model.threshold)


def _choose(config: TrainConfig, columns: Sequence[Column], task: Task, rows: SplitTable) -> Choice:
    """What `auto` chooses; the steps that it reports end with the result."""
    X, y, weights = rows.X_train, rows.y_train.to_numpy(), rows.w_train
    method, by, seed = config.split.decided, rows.by_train, config.model.seed
    if config.model.quality == "best":
        seconds = config.model.quality_seconds
        choice = choose_ensemble(columns, task, X, y, seconds=seconds, method=method, by=by, weights=weights, seed=seed)
    else:
        choice = choose(columns, task, X, y, method=method, by=by, weights=weights, seed=seed)
    report_step(f"chose {choice.name}: {choice.leaderboard.rule}")
    return choice


def _fit(estimator: Any, X: pd.DataFrame, y: pd.Series[Any], weights: NDArray[np.float64] | None, label: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # libraries warn the programmer, who is not the one that trains a table
            return fit_with_weights(estimator, X, y.to_numpy(), weights)
    except Exception as error:
        raise TrainingError(
            f"{label} cannot be fitted on these columns: {in_a_line(error)}; "
            "choose another --estimator, or --ignore the column"
        ) from error
