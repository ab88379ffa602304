"""Where hyperparameters are looked for: the built-in families' own spaces, and what is checked of a user's."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from sklearn.base import clone

from fasttrack.config import Range
from fasttrack.contract.schema import Column
from fasttrack.errors import ConfigError
from fasttrack.training.pipelines import FAMILIES, build, smallest_leaf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.config import Domain, Setting
    from fasttrack.contract.schema import Task

__all__ = ["built_in_space", "check_early", "check_space"]

_SHOWN = 8


def built_in_space(family: str, task: Task, rows: int) -> dict[str, Domain]:
    """The space of `linear`, `forest` or `boosting` fitted on `rows`; it holds the family's default."""
    match family:
        case "linear":
            return {"model__alpha" if task == "regression" else "model__C": Range(low=1e-3, high=1e3, log=True)}
        case "forest":
            leaf = smallest_leaf(rows)
            share: Domain = Range(low=0.2, high=1.0) if task == "regression" else ["sqrt", 0.2, 0.4, 0.7, 1.0]
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


def check_early(space: Mapping[str, Domain], estimator: str, own: Any | None, task: Task | None) -> None:
    """Check a user's space before the table is read: against `own`, or a built-in pipeline over every kind of column.

    Raises ConfigError; what only the table decides, `check_space` finds later.
    """
    if own is not None:
        check_space(space, own, estimator)
    elif estimator == "auto" and space:
        raise ConfigError(
            "search.space is of one estimator, but auto tries several, each in a space of its own; "
            f"set model.estimator to one of {', '.join(FAMILIES)} or module:factory, or leave the space out"
        )
    elif estimator != "auto":
        # either task's parameters do while the target is not known
        tasks: list[Task] = [task] if task else ["regression", "binary"]
        pipelines = [build(estimator, _SPECIMENS, one, rows=10**6) for one in tasks]
        fits = [one for one in pipelines if set(space) <= set(one.get_params(deep=True))]
        check_space(space, (fits or pipelines)[-1], estimator)


def check_space(space: Mapping[str, Domain], estimator: Any, name: str) -> None:
    """Check keys and values against what `estimator` takes. Raises ConfigError naming the key and what is valid."""
    there = estimator.get_params(deep=True)
    # a component is set as a whole in code only; text and numbers are what a configuration can say
    settable = [key for key, value in there.items() if not hasattr(value, "get_params") and not _is_steps(value)]
    if not space:
        raise ConfigError(
            f"search.space is missing: say which parameters of {name} are tuned, such as {_some(settable)}"
        )
    for key, domain in space.items():
        if key not in there:
            tail = key.rsplit("__", 1)[-1]
            near = [one for one in settable if one.rsplit("__", 1)[-1] == tail]
            near = near or difflib.get_close_matches(key, settable, n=3, cutoff=0.75)
            meant = f"; did you mean {' or '.join(near[:3])}?" if near else f"; it has {_some(settable)}"
            raise ConfigError(f'search.space."{key}": {name} has no such parameter{meant}')
        for value in [domain.low, domain.high] if isinstance(domain, Range) else domain:
            _check_value(estimator, key, value)


def _check_value(estimator: Any, key: str, value: Setting) -> None:
    """As far as scikit-learn knows without data: its own estimators say what they take."""
    try:
        trial = clone(estimator).set_params(**{key: value})
        owner = trial.get_params()[key.rpartition("__")[0]] if "__" in key else trial
        if hasattr(owner, "_parameter_constraints"):  # scikit-learn's own
            owner._validate_params()
    except (ValueError, TypeError) as error:
        raise ConfigError(f'search.space."{key}": {" ".join(str(error).split())}') from None


def _is_steps(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, tuple) for one in value)


def _some(names: list[str]) -> str:
    # the last step's are what is mostly tuned, and get_params lists them last
    shown = names[-_SHOWN:] if len(names) > _SHOWN else names
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


_SPECIMENS = [
    Column(name="number", kind="number", nullable=True, dtype="float64"),
    Column(name="date", kind="datetime", nullable=True, dtype="datetime64[us, UTC]"),
    Column(name="few", kind="category", nullable=True, dtype="str", categories=["a", "b"]),
    Column(name="many", kind="category", nullable=True, dtype="str", categories=[str(i) for i in range(300)]),
]
"""A column of each kind that a built-in pipeline treats differently."""
