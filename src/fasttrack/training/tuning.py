"""The search of a training: checked before the table is read, then run on the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from fasttrack.progress import report_step
from fasttrack.training.families import BUILT_IN, build, families_for
from fasttrack.training.search import Candidate, SearchResult, needs_optuna, search
from fasttrack.training.space import built_in_space, check_early, check_space
from fasttrack.training.validation import plan_validation
from fasttrack.training.weights import request_weights

if TYPE_CHECKING:
    from fasttrack.config import Domain, TrainConfig
    from fasttrack.contract.schema import Column
    from fasttrack.training.factory import Factory
    from fasttrack.training.imbalance import ClassBalance
    from fasttrack.training.split import SplitTable

__all__ = ["TunedEstimator", "check_search", "tune"]


@dataclass(frozen=True)
class TunedEstimator:
    """An unfitted estimator with the best hyperparameters; `search` is `None` if no search was asked for."""

    label: str
    estimator: Any
    search: SearchResult | None


def check_search(config: TrainConfig, factory: Factory | None) -> None:
    """Raise ConfigError for a search that cannot be run, as far as that is known without the table."""
    if not config.search.is_enabled:
        return
    needs_optuna()
    if factory is not None or config.search.space:
        own = None if factory is None else factory.estimator
        check_early(config.search.space, config.model.estimator, own, config.model.task)


def tune(
    config: TrainConfig,
    label: str,
    estimator: Any,
    columns: Sequence[Column],
    balance: ClassBalance,
    rows: SplitTable,
) -> TunedEstimator:
    """Search, if `config` asks for it, on the training rows; else `estimator`, called `label`, as it is.

    Raises as `search`.
    """
    X, y, task = rows.X_train, rows.y_train.to_numpy(), balance.task
    if not config.search.is_enabled:
        return TunedEstimator(label, estimator, None)
    seed = config.model.seed
    estimators = {label: estimator}
    if config.model.estimator == "auto":
        others = [family for family in families_for(columns, len(X)) if family != label]
        for family in others:
            pipeline = build(family, columns, task, rows=len(X), seed=seed)
            estimators[family] = pipeline if rows.w_train is None else request_weights(pipeline)
    own_space = config.search.space
    built_in = config.model.estimator in BUILT_IN and not own_space
    if not built_in:
        check_space(own_space, estimator, label)
    candidates = [
        Candidate(name, candidate, _space(name, candidate, balance, len(X)) if built_in else own_space)
        for name, candidate in estimators.items()
    ]
    validation = plan_validation(
        len(X),
        method=config.split.decided,
        seed=config.split.seed,
        classes=None if task == "regression" else np.asarray(y),
        by=rows.by_train,
    )
    report_step(f"searching {' and '.join(estimators)}: {validation.note}")
    result = search(
        candidates,
        task,
        X,
        np.asarray(y),
        validation,
        config.search,
        seed,
        weights=rows.w_train,
        balance=balance,
    )
    best = clone(estimators[result.estimator]).set_params(**result.best_params)
    return TunedEstimator(result.estimator, best, result)


def _space(name: str, candidate: Any, balance: ClassBalance, rows: int) -> dict[str, Domain]:
    """The space of a built-in family; with weights of the classes where one is rare, and they are not configured."""
    takes_weights = "model__class_weight" in candidate.get_params()
    rare = bool(balance.rare) and not balance.weighted and takes_weights
    return built_in_space(name, balance.task, rows, rare=rare)
