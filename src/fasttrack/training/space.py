"""Where hyperparameters are searched: the spaces of the built-in families, and the checks of a user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.base import clone

from fasttrack.config import Range
from fasttrack.contract.schema import Column
from fasttrack.errors import ConfigError
from fasttrack.suggestions import did_you_mean
from fasttrack.training.families import FAMILIES, build, smallest_leaf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.config import Domain, HyperparameterValue
    from fasttrack.contract.schema import Task

__all__ = ["built_in_space", "check_early", "check_space"]

_MOST_LISTED = 8


def built_in_space(family: str, task: Task, rows: int, *, rare: bool = False) -> dict[str, Domain]:
    """The space of a built-in family fitted on this many `rows`; it contains the family's default.

    Where a class is `rare`, it has weights of the classes too.
    """
    space = _family_space(family, task, rows)
    return {**space, "model__class_weight": [None, "balanced"]} if rare else space


def _family_space(family: str, task: Task, rows: int) -> dict[str, Domain]:
    match family:
        case "linear":
            return {"model__alpha" if task == "regression" else "model__C": Range(low=1e-3, high=1e3, log=True)}
        case "polynomial" if task == "regression":  # its penalty is chosen in each fit
            return {"products__interaction_only": [False, True]}
        case "polynomial":
            return {"model__C": Range(low=1e-4, high=1.0, log=True)}
        case "lightgbm" | "xgboost":
            return _library_space(family, task)
        case "forest":
            leaf = smallest_leaf(task, rows)
            share: Domain = Range(low=0.2, high=1.0) if task == "regression" else ["sqrt", 0.2, 0.33, 0.7, 1.0]
            return {"model__max_features": share, "model__min_samples_leaf": Range(low=leaf, high=50 * leaf, log=True)}
        case _:
            return {
                "model__learning_rate": Range(low=0.02, high=0.4, log=True),
                "model__max_iter": Range(low=100, high=600, log=True),
                "model__max_leaf_nodes": Range(low=8, high=256, log=True),
                "model__min_samples_leaf": Range(low=5, high=200, log=True),
                "model__max_features": Range(low=0.3, high=1.0),
                "model__l2_regularization": Range(low=0.0, high=10.0),
            }


def _library_space(family: str, task: Task) -> dict[str, Domain]:
    within = "model__" if family == "lightgbm" or task == "regression" else "model__trees__"
    size: dict[str, Domain] = (
        {"num_leaves": Range(low=8, high=128, log=True)}
        if family == "lightgbm"
        else {"max_depth": Range(low=2, high=10)}
    )
    space: dict[str, Domain] = {
        "learning_rate": Range(low=0.02, high=0.3, log=True),
        "n_estimators": Range(low=100, high=600, log=True),
        "subsample": Range(low=0.5, high=1.0),
        "colsample_bytree": Range(low=0.3, high=1.0),
        **size,
    }
    return {within + name: domain for name, domain in space.items()}


def check_early(space: Mapping[str, Domain], estimator: str, own: Any | None, task: Task | None) -> None:
    """Check a user's space before the table is read, for the estimator `own` or else a built-in one.

    A built-in one is checked as a pipeline for every kind of column. Raises ConfigError; `check_space` is called again
    when the table is known.
    """
    if own is not None:
        check_space(space, own, estimator)
    elif estimator == "auto" and space:
        raise ConfigError(
            "search.space has the parameters of one estimator, but auto tries several, each in its own space; "
            f"set model.estimator to one of {', '.join(FAMILIES)} or module:factory, or remove search.space"
        )
    elif estimator != "auto":
        # while the target is not known, the parameters of either task are accepted
        tasks: list[Task] = [task] if task else ["regression", "binary"]
        pipelines = [build(estimator, _EXAMPLE_COLUMNS, task, rows=10**6) for task in tasks]
        suitable = [pipeline for pipeline in pipelines if set(space) <= set(pipeline.get_params(deep=True))]
        check_space(space, (suitable or pipelines)[-1], estimator)


def check_space(space: Mapping[str, Domain], estimator: Any, name: str) -> None:
    """Check keys and values against the parameters of `estimator`. Raises ConfigError naming the key."""
    parameters = estimator.get_params(deep=True)
    # a configuration holds text and numbers; whole components can be set only in code
    settable = [key for key, value in parameters.items() if not hasattr(value, "get_params") and not _is_steps(value)]
    if not space:
        raise ConfigError(
            f"search.space is missing: name the parameters of {name} to search, such as {_listed(settable)}"
        )
    for key, domain in space.items():
        if key not in parameters:
            last_part = key.rsplit("__", 1)[-1]
            same_end = [name for name in settable if name.rsplit("__", 1)[-1] == last_part][:3]
            hint = f"; did you mean {' or '.join(same_end)}?" if same_end else did_you_mean(key, settable, cutoff=0.75)
            hint = hint or f"; it has {_listed(settable)}"
            raise ConfigError(f"search.space.{key}: {name} has no such parameter{hint}")
        for value in [domain.low, domain.high] if isinstance(domain, Range) else domain:
            _check_value(estimator, key, value)


def _check_value(estimator: Any, key: str, value: HyperparameterValue) -> None:
    """Raise ConfigError for a value that scikit-learn refuses; only its own estimators can tell without data."""
    try:
        trial = clone(estimator).set_params(**{key: value})
        owner = trial.get_params()[key.rpartition("__")[0]] if "__" in key else trial
        if hasattr(owner, "_parameter_constraints"):  # scikit-learn's own
            owner._validate_params()
    except (ValueError, TypeError) as error:
        raise ConfigError(f"search.space.{key}: {' '.join(str(error).split())}") from None


def _is_steps(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(step, tuple) for step in value)


def _listed(names: list[str]) -> str:
    # mostly the parameters of the last step are tuned, which get_params lists last
    last = names[-_MOST_LISTED:]
    return ", ".join(last) + (f" and {len(names) - len(last)} more" if len(names) > len(last) else "")


_EXAMPLE_COLUMNS = [
    Column(name="number", kind="number", nullable=True, dtype="float64"),
    Column(name="date", kind="datetime", nullable=True, dtype="datetime64[us, UTC]"),
    Column(name="few", kind="category", nullable=True, dtype="str", categories=["a", "b"]),
    Column(name="many", kind="category", nullable=True, dtype="str", categories=[str(i) for i in range(300)]),
]
"""A column of each kind that a built-in pipeline treats differently."""
