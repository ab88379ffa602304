"""The search of a training: what is asked for, checked before the work, and the pipeline with the best parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sklearn.base import clone

from fasttrack.config import TrainConfig, space_of
from fasttrack.errors import ConfigError
from fasttrack.training.pipelines import BUILT_IN, FAMILIES, build
from fasttrack.training.search import Candidate, Searched, needs_optuna, search
from fasttrack.training.space import built_in_space, check_early, check_space
from fasttrack.training.validation import plan_validation

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Task

__all__ = ["Tuned", "check_search", "tune", "with_search"]


@dataclass(frozen=True)
class Tuned:
    """An unfitted estimator with the best parameters; `searched` is `None` where no search was asked for."""

    label: str
    estimator: Any
    searched: Searched | None


def with_search(
    config: TrainConfig, trials: int | None, seconds: float | None, space: Mapping[str, Any] | None
) -> TrainConfig:
    """`config` with what was said beside it. Raises ConfigError for a number or a space that is none."""
    if trials is not None and trials < 1:
        raise ConfigError(f"--trials {trials}: write a whole number from 1 on")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ConfigError(f"--search-seconds {seconds:g}: write a number of seconds above 0")
    said = {"trials": trials, "seconds": seconds, "space": None if space is None else space_of(space)}
    given = msgspec.structs.replace(config.search, **{key: one for key, one in said.items() if one is not None})
    if given.space and not _asked(given):
        raise ConfigError(
            "search.space says where to search, nothing says how long: set search.trials or search.seconds, "
            "or --trials or --search-seconds"
        )
    return msgspec.structs.replace(config, search=given)


def check_search(config: TrainConfig, own: Any | None) -> None:
    """Refuse what cannot be searched before the table is read; `own` is a factory's estimator. Raises ConfigError."""
    if not _asked(config.search):
        return
    needs_optuna()
    if own is not None or config.search.space:
        check_early(config.search.space, config.model.estimator, own, config.model.task)


def tune(
    config: TrainConfig,
    label: str,
    estimator: Any,
    columns: Sequence[Column],
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    *,
    by: NDArray[Any] | None,
    tell: Callable[[str], None],
) -> Tuned:
    """Search, if `config` asks for it, on the training part `X` [n, f], `y` [n]; `by` [n]: its groups or times.

    `estimator`, called `label`, is what is trained without a search. Raises as `search`.
    """
    wanted = config.search
    if not _asked(wanted):
        return Tuned(label, estimator, None)
    rows, seed = len(X), config.model.seed
    estimators = {label: estimator}
    if config.model.estimator == "auto":
        others = [family for family in FAMILIES if family != label]
        estimators |= {one: build(one, columns, task, rows=rows, seed=seed) for one in others}
    built_in = config.model.estimator in BUILT_IN and not wanted.space
    spaces = {one: built_in_space(one, task, rows) if built_in else wanted.space for one in estimators}
    if not built_in:
        check_space(wanted.space, estimator, label)
    labels = None if task == "regression" else np.asarray(y)
    validation = plan_validation(rows, method=config.split.method, seed=config.split.seed, classes=labels, by=by)
    tell(f"searching {' and '.join(estimators)}: {validation.note}")
    searched = search(
        [Candidate(one, each, spaces[one]) for one, each in estimators.items()],
        task,
        X,
        np.asarray(y),
        validation,
        trials=wanted.trials,
        seconds=wanted.seconds,
        seed=seed,
        tell=tell,
    )
    best = clone(estimators[searched.estimator]).set_params(**searched.best_params)
    return Tuned(searched.estimator, best, searched)


def _asked(search: Any) -> bool:
    return search.trials is not None or search.seconds is not None
