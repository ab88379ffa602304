"""The decision threshold of a classifier of two classes: chosen on training rows, by models that were not fitted on
them, and built into the pipeline, so that every way of predicting applies it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import FixedThresholdClassifier

from fasttrack.contract.fitted_pipeline import call_method
from fasttrack.contract.openapi import label_key
from fasttrack.errors import TrainingError
from fasttrack.progress import report_step
from fasttrack.training.validation import plan_validation
from fasttrack.training.weights import fit_with_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.config import TrainConfig
    from fasttrack.contract.schema import Label
    from fasttrack.training.imbalance import ClassBalance
    from fasttrack.training.split import SplitTable
    from fasttrack.training.validation import Validation

    Floats = NDArray[np.float64]

__all__ = ["Costs", "Threshold", "choose_threshold", "decide_threshold", "with_threshold"]


@dataclass(frozen=True)
class Costs:
    """The cost of a wrong prediction of the positive class, and that of a missed row of it."""

    false_positive: float
    false_negative: float


@dataclass(frozen=True)
class Threshold:
    """The probability of the class `positive` from which on it is predicted; `rule` says how it was chosen."""

    rule: str
    value: float
    positive: Label
    measured: str = ""
    """The rows that it was chosen on."""

    def __str__(self) -> str:
        label = label_key(self.positive)
        rule = f"{label} is predicted from a probability of {self.value:g} on"
        if not self.measured:
            return f"{rule}, as configured"
        return f"{rule}, which gives {'the best F1' if self.rule == 'f1' else 'the least cost'} on {self.measured}"


def decide_threshold(
    config: TrainConfig,
    balance: ClassBalance,
    estimator: Any,
    rows: SplitTable,
    weights: Floats | None = None,
    *,
    built_in: bool,
) -> Threshold | None:
    """The threshold for the unfitted `estimator` as configured; `None` if the more probable class is predicted.

    `weights` [n] are those of the training rows without class weights; the weights in `rows` may include class weights.
    With the rule `auto`, configured costs are minimised; else a built-in estimator for a rare positive class gets the
    threshold with the best F1. Raises TrainingError when a configured threshold cannot be chosen or applied.
    """
    rule, positive = config.model.threshold, balance.positive
    automatic = False
    if rule == "auto" and _costs(config) is not None:
        rule = "cost"
    elif rule == "auto":
        automatic, rule = True, "f1" if built_in and positive in balance.rare else "none"
    if rule == "none" or positive is None:
        return None
    if not hasattr(estimator, "predict_proba"):
        raise TrainingError(
            f"model.threshold needs probabilities, which {type(estimator).__name__} does not give; leave it out, or "
            "choose another --estimator"
        )
    if not isinstance(rule, str):
        return Threshold("configured", rule, positive)
    try:
        validation = _plan(config, rows)
    except TrainingError as obstacle:
        if automatic:
            return None
        raise TrainingError(
            f"the training rows are too few to choose a threshold on ({obstacle}); give a number: --threshold 0.3"
        ) from None
    report_step(f"choosing the threshold by {'F1' if rule == 'f1' else rule}: {validation.note}")
    tested, score = _scores_out_of_fold(estimator, rows, validation, positive)
    occurred = rows.y_train.to_numpy()[tested] == positive
    if not occurred.any():
        if automatic:
            return None
        raise TrainingError(
            f"none of the {len(tested):,} training rows to choose a threshold on is of the class {positive!r}; give a "
            "number: --threshold 0.3, or another split"
        )
    value = choose_threshold(occurred, score, None if weights is None else weights[tested], _costs(config))
    return Threshold(rule, value, positive, f"{len(tested):,} training rows, predicted by models not fitted on them")


def _plan(config: TrainConfig, rows: SplitTable) -> Validation:
    return plan_validation(
        len(rows.X_train),
        method=config.split.decided,
        seed=config.split.seed,
        classes=rows.y_train.to_numpy(),
        by=rows.by_train,
    )


def _scores_out_of_fold(
    estimator: Any, rows: SplitTable, validation: Validation, positive: Label
) -> tuple[NDArray[np.int64], Floats]:
    """The rows in the test part of a fold, and the probability of `positive` for each, by a model of another part."""
    y, scores = rows.y_train.to_numpy(), []
    for fold in validation.folds:
        weights = None if rows.w_train is None else rows.w_train[fold.train]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as when it is fitted on all rows
            fitted = fit_with_weights(clone(estimator), rows.X_train.iloc[fold.train], y[fold.train], weights)
            probabilities = call_method(fitted.predict_proba, rows.X_train.iloc[fold.test])
        scores.append(probabilities[:, list(fitted.classes_).index(positive)].astype(np.float64))
    return np.concatenate([fold.test for fold in validation.folds]), np.concatenate(scores)


def _costs(config: TrainConfig) -> Costs | None:
    model = config.model
    if model.cost_false_positive is None or model.cost_false_negative is None:
        return None
    return Costs(model.cost_false_positive, model.cost_false_negative)


def choose_threshold(
    occurred: NDArray[np.bool_], score: Floats, weights: Floats | None = None, costs: Costs | None = None
) -> float:
    """The threshold with the best F1, or the least cost, on rows with these scores [n] and weights [n].

    `occurred` [n]: whether a row is of the positive class. It is a short number between two scores, so that no row
    depends on the last digit. Of equal thresholds the highest is taken.
    """
    weights = np.ones(len(score)) if weights is None else weights
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # of each distinct score
    distinct = score[order][last]
    found = np.cumsum((weights * occurred)[order])[last]
    passed = np.cumsum(weights[order])[last]
    total = found[-1]
    if costs is None:
        with np.errstate(invalid="ignore"):
            merit = np.nan_to_num(2 * found / (passed + total))
        k = int(np.argmax(merit))
    else:
        # the first: no row is predicted as positive
        spent = costs.false_positive * (passed - found) + costs.false_negative * (total - found)
        k = int(np.argmin(np.append(costs.false_negative * total, spent))) - 1
    high = 1.0 if k < 0 else float(distinct[k])
    low = float(distinct[k + 1]) if k + 1 < len(distinct) else 0.0
    return _short_number_between(low, high)


def _short_number_between(low: float, high: float) -> float:
    """The middle, rounded to as few digits as keep it above `low` and not above `high`."""
    middle = (low + high) / 2
    for digits in range(1, 17):
        rounded = float(f"{middle:.{digits}g}")
        if low < rounded <= high:
            return rounded
    return high


def with_threshold(pipeline: Any, threshold: Threshold) -> Any:
    """The fitted `pipeline`, with its predictions by the threshold and its probabilities as they are."""
    # a fitted estimator is used as it is, without a further fit
    return FixedThresholdClassifier(
        pipeline, threshold=threshold.value, pos_label=threshold.positive, response_method="predict_proba"
    )
