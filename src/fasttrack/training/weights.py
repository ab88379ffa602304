"""Weights of rows: read from a column, and given to an estimator when it is fitted."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sklearn
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder, TargetEncoder
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from fasttrack.errors import DataError, TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.config import TrainConfig
    from fasttrack.training.factory import Factory

    Floats = NDArray[np.float64]

__all__ = [
    "check_takes_weights",
    "check_weights",
    "fit_with_weights",
    "request_weights",
    "row_weights",
    "split_weights",
]

_WRAPPED = ("estimator", "regressor")
"""The parameters of searches, thresholds, calibration and transformed targets that hold the estimator to fit."""


def row_weights(cells: pa.ChunkedArray, column: str, name: str, rows: NDArray[np.int64]) -> Floats:
    """The weights float64[n] of the `rows` of the table called `name`, from the `cells` of the column `column`.

    Raises DataError for cells that are no numbers, missing, infinite or negative, naming the first row (from 1), and
    where all are zero.
    """
    if not (pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)):
        raise DataError(f"{name}: the weights in {column!r} are of type {cells.type}, but must be numbers")
    weights: Floats = pc.cast(cells, pa.float64(), safe=False).to_numpy()[rows]
    problems = ("missing", np.isnan(weights)), ("infinite", np.isinf(weights)), ("negative", weights < 0)
    for problem, wrong in problems:
        if wrong.any():
            first = int(rows[int(np.flatnonzero(wrong)[0])]) + 1
            raise DataError(
                f"{name} row {first}: the weight in {column!r} is {problem}, as in {int(wrong.sum()):,} rows in all; "
                "correct the weights, or leave these rows out"
            )
    if not weights.any():
        raise DataError(f"{name}: all weights in {column!r} are zero, so no row would count; correct the column")
    return weights


def split_weights(weights: Floats | None, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, Floats]:
    """The weights of the training rows and of the hold-out by the names of their fields; none without weights.

    Raises TrainingError when all rows of one side weigh nothing.
    """
    if weights is None:
        return {}
    sides = {"w_train": weights[train], "w_test": weights[test]}
    for side, what in (("w_train", "training rows"), ("w_test", "hold-out rows")):
        if not sides[side].any():
            raise TrainingError(f"all {what} have the weight 0, so none of them would count; use another split")
    return sides


def check_weights(config: TrainConfig, factory: Factory | None) -> None:
    """Raise TrainingError for weights of rows or classes that the user's own estimator cannot be given."""
    if factory is None:
        return
    label = config.model.estimator
    if config.model.class_weight != "none":
        raise TrainingError(
            f"model.class_weight is for built-in estimators; set class_weight in {label} itself, or leave it out"
        )
    if config.data.weight is not None:
        check_takes_weights(factory.estimator, label)


def check_takes_weights(estimator: Any, label: str) -> None:
    """Raise TrainingError, naming the step, where `estimator`, called `label`, cannot be fitted with weights."""
    if _mixes_pipelines(estimator):
        for _, member in estimator.estimators:
            check_takes_weights(member, label)
        return
    last = _last_estimator(estimator)
    if not _takes_weights(last):
        raise TrainingError(
            f"{label}: {type(last).__name__} takes no sample_weight, so weights cannot be used in fitting; "
            "choose another --estimator, or leave --weight out"
        )


def fit_with_weights(estimator: Any, X: Any, y: Any, weights: Floats | None) -> Any:
    """Fit `estimator` with the `weights` [n] of the rows: its last step, or the steps that request them.

    Raises what the estimator raises.
    """
    if weights is None:
        return estimator.fit(X, y)
    if _mixes_pipelines(estimator):
        return _fit_mixture(estimator, X, y, weights)
    if sklearn.get_config()["enable_metadata_routing"] or _routes_weights(estimator):
        with sklearn.config_context(enable_metadata_routing=True):  # the steps say which of them take the weights
            return estimator.fit(X, y, sample_weight=weights)
    return estimator.fit(X, y, **{_parameter(estimator): weights})


def request_weights(estimator: Any) -> Any:
    """The unfitted built-in `estimator`, in whose pipelines each step that can is to be fitted with weights.

    So scaling too takes a row of weight 2 as two rows. A pipeline with a TargetEncoder stays as it is: scikit-learn
    1.9's raises KeyError when weights are routed beside it.
    """
    if _mixes_pipelines(estimator):
        for _, member in estimator.estimators:
            request_weights(member)
        return estimator
    steps = [step for step in estimator.get_params(deep=True).values() if hasattr(step, "fit")]
    if any(isinstance(step, TargetEncoder) for step in steps):
        return estimator
    with sklearn.config_context(enable_metadata_routing=True):
        for step in steps:
            if hasattr(step, "set_fit_request") and has_fit_parameter(step, "sample_weight"):
                step.set_fit_request(sample_weight=True)
    return estimator


def _mixes_pipelines(estimator: Any) -> bool:
    """Whether `estimator` is the mean of pipelines, to which scikit-learn passes no weights without routing."""
    is_mixture = isinstance(estimator, (VotingClassifier, VotingRegressor))
    return is_mixture and any(isinstance(member, Pipeline) for _, member in estimator.estimators)


def _fit_mixture(mixture: Any, X: Any, y: Any, weights: Floats) -> Any:
    """Fit the members one by one, and leave the mixture as its own `fit` would."""
    target = np.asarray(y)
    if isinstance(mixture, VotingClassifier):
        mixture.le_ = LabelEncoder().fit(target)
        mixture.classes_ = mixture.le_.classes_
        target = mixture.le_.transform(target)
    named = {name: fit_with_weights(clone(member), X, target, weights) for name, member in mixture.estimators}
    mixture.estimators_ = list(named.values())
    mixture.named_estimators_ = Bunch(**named)
    if hasattr(mixture.estimators_[0], "feature_names_in_"):
        mixture.feature_names_in_ = mixture.estimators_[0].feature_names_in_
    return mixture


def _routes_weights(estimator: Any) -> bool:
    """Whether a step of `estimator` was told to request weights."""
    try:
        with sklearn.config_context(enable_metadata_routing=True):
            return "sample_weight" in get_routing_for_object(estimator).consumes("fit", {"sample_weight"})
    except NotImplementedError:
        return False


def _parameter(estimator: Any) -> str:
    """The parameter of `fit` that leads to the weights of the last estimator: `model__sample_weight`."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return f"{name}__{_parameter(last)}"
    inner = _wrapped(estimator)
    return "sample_weight" if inner is None else _parameter(inner)


def _last_estimator(estimator: Any) -> Any:
    if isinstance(estimator, Pipeline):
        return _last_estimator(estimator.steps[-1][1])
    inner = _wrapped(estimator)
    return estimator if inner is None else _last_estimator(inner)


def _wrapped(estimator: Any) -> Any:
    """The estimator whose parameters `estimator.fit` passes on under their own names; `None` if it is none of these."""
    if has_fit_parameter(estimator, "sample_weight"):
        return None
    is_search = hasattr(estimator, "cv") and hasattr(estimator, "refit") and hasattr(estimator, "estimator")
    if is_search or isinstance(estimator, TransformedTargetRegressor):
        return next((inner for name in _WRAPPED if (inner := getattr(estimator, name, None)) is not None), None)
    return None


def _takes_weights(estimator: Any) -> bool:
    """Whether `fit` names the parameter, or passes any on and so decides itself."""
    if isinstance(estimator, (FixedThresholdClassifier, TunedThresholdClassifierCV)):
        return False  # only with scikit-learn's metadata routing
    if has_fit_parameter(estimator, "sample_weight"):
        return True
    passes_on = (inspect.Parameter.VAR_KEYWORD,)
    return any(parameter.kind in passes_on for parameter in inspect.signature(estimator.fit).parameters.values())
