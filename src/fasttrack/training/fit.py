"""Fitting a model on the training rows: choose an estimator, search its hyperparameters if asked to, fit it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.contract.learn import learn_columns
from fasttrack.errors import TrainingError, in_a_line
from fasttrack.progress import report_step
from fasttrack.training.choose import choose
from fasttrack.training.families import build
from fasttrack.training.imbalance import ClassBalance, class_balance, with_class_weight
from fasttrack.training.threshold import Threshold, decide_threshold, with_threshold
from fasttrack.training.tuning import tune
from fasttrack.training.weights import check_takes_weights, fit_with_weights, request_weights

if TYPE_CHECKING:
    from pathlib import Path

    from fasttrack.config import TrainConfig
    from fasttrack.contract.schema import Column, Task
    from fasttrack.training.factory import Factory
    from fasttrack.training.search import SearchResult
    from fasttrack.training.split import SplitTable
    from fasttrack.training.table import TrainingTable

__all__ = ["FittedModel", "fit_model"]


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
    balance: ClassBalance
    threshold: Threshold | None


def fit_model(
    config: TrainConfig, factory: Factory | None, ready: TrainingTable, rows: SplitTable, task: Task
) -> FittedModel:
    """Fit the estimator of `factory`, or the built-in one that is configured, on the training rows.

    Raises TrainingError when no estimator can be fitted on them.
    """
    label, notes = config.model.estimator, []
    columns: list[Column] = []
    balance = class_balance(rows.y_train, task, config.model, config.check.skip)
    if factory is not None:
        estimator = factory.estimator
    else:
        columns = learn_columns(ready.X, ready.kinds)
        if label == "auto":
            report_step("choosing between linear, boosting and forest")
            choice = choose(
                columns,
                task,
                rows.X_train,
                rows.y_train.to_numpy(),
                method=config.split.decided,
                by=rows.by_train,
                weights=rows.w_train,
                balance=balance,
                seed=config.model.seed,
            )
            label = choice.family
            notes.append("auto chose by " + ", ".join(f"{name} {loss:.6g}" for name, loss in choice.scores.items()))
        estimator = build(label, columns, task, rows=len(rows.X_train), seed=config.model.seed)
        estimator = with_class_weight(estimator, balance)
        if rows.w_train is not None:
            request_weights(estimator)
    if rows.w_train is not None:
        check_takes_weights(estimator, label)
    tuned = tune(config, label, estimator, columns, balance, rows)
    report_step(f"fitting {tuned.label} on {len(rows.X_train):,} rows")
    pipeline = _fit(tuned.estimator, rows, tuned.label)
    threshold = decide_threshold(config, balance, tuned.estimator, rows, built_in=factory is None)
    if threshold is not None:
        pipeline = with_threshold(pipeline, threshold)
        if not balance.rare:  # else a finding says so
            notes.append(str(threshold))
    if balance.weighted:
        notes.append("all classes count the same in fitting, which shifts the probabilities towards the rarer ones")
    code = factory.source if factory else None
    return FittedModel(pipeline, tuned.label, code, notes, tuned.search, balance, threshold)


def _fit(estimator: Any, rows: SplitTable, label: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # libraries warn the programmer, who is not the one that trains a table
            return fit_with_weights(estimator, rows.X_train, rows.y_train.to_numpy(), rows.w_train)
    except Exception as error:
        raise TrainingError(
            f"{label} cannot be fitted on these columns: {in_a_line(error)}; "
            "choose another --estimator, or --ignore the column"
        ) from error
