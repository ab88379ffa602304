"""AdaBoost: weighted votes of classifiers, or the weighted median of regressors."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from fasttrack.compiler.class_scores import argmax, binary_label
from fasttrack.compiler.graph_matrix import as_column, squeeze_column, take_column
from fasttrack.compiler.input_validation import require_finite
from fasttrack.compiler.lowering_registry import (
    Classification,
    Regression,
    lower_classifier,
    lower_regressor,
    register,
)
from fasttrack.compiler.lowerings.forests import convert_tree, round_to_float32
from fasttrack.compiler.lowerings.voting import weigh_votes
from fasttrack.compiler.mathematics import softmax
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []

_TREE_CLASSIFIERS = (DecisionTreeClassifier, ExtraTreeClassifier)
_TREE_REGRESSORS = (DecisionTreeRegressor, ExtraTreeRegressor)


@register(AdaBoostClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    classes = len(estimator.classes_)
    if classes < 2:
        raise NotCompilable("it has a single class")
    weights = estimator.estimator_weights_[: len(estimator.estimators_)]
    votes = _weighted_votes(estimator, x, weights, classes)
    scores = op.div(votes, op.const(float(estimator.estimator_weights_.sum())))
    if classes > 2:
        probabilities = softmax(op.div(scores, op.const(classes - 1.0)))
        return Classification(estimator.classes_, argmax(scores), probabilities, scores)
    decision = op.add(op.neg(take_column(scores, 0)), take_column(scores, 1))
    half = op.div(op.concat([op.neg(decision), decision], axis=1), op.const(2.0))
    return Classification(estimator.classes_, binary_label(decision), softmax(half), decision)


def _weighted_votes(estimator: Any, x: Columns, weights: Any, classes: int) -> Var:
    """float64[n, classes]: the sum of the members' votes.

    A member with weight w votes w for the class that it predicts, and −w / (classes − 1) for every other class.
    """
    other_weights = [-1 / (classes - 1) * weight for weight in weights]
    if all(type(member) in _TREE_CLASSIFIERS for member in estimator.estimators_):
        trees = []
        for member, weight, other_weight in zip(estimator.estimators_, weights, other_weights, strict=True):
            member_classes = member.classes_.tolist()
            predicted = member.tree_.value[:, 0, :].argmax(axis=1)
            for k, label in enumerate(estimator.classes_.tolist()):
                index = member_classes.index(label) if label in member_classes else -1
                votes = np.where(predicted == index, weight, other_weight).astype(np.float64)
                trees.append(convert_tree(member.tree_, votes, k))
        return tree_sums(trees, round_to_float32(x, allow_missing=False), classes)
    require_finite(x, allow_missing=False)
    index_of = {label: i for i, label in enumerate(estimator.classes_.tolist())}
    member_votes = []
    for member, weight, other_weight in zip(estimator.estimators_, weights, other_weights, strict=True):
        prediction = lower_classifier(member, x)
        indices = np.array([index_of[label] for label in prediction.classes.tolist()])
        member_votes.append(weigh_votes(Classification(indices, prediction.label), classes, weight, other_weight))
    return reduce(op.add, member_votes)


@register(AdaBoostRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    weights = np.asarray(estimator.estimator_weights_[: len(estimator.estimators_)], dtype=np.float64)
    count = len(weights)
    predictions = _member_predictions(estimator, x)
    ordered, order = op.top_k(predictions, op.const(np.array([count])), largest=False, sorted=True)
    cumulated = op.cum_sum(op.gather(op.const(weights), order), op.const(np.int64(1)))
    half = op.mul(op.const(0.5), take_column(cumulated, count - 1))
    reached = op.cast(op.greater_or_equal(cumulated, half), to=np.int64)
    median = op.arg_max(reached, axis=1, keepdims=True)
    return Regression(squeeze_column(op.gather_elements(ordered, median, axis=1)))


def _member_predictions(estimator: Any, x: Columns) -> Var:
    """float64[n, m]: the prediction of each of the m members."""
    members = estimator.estimators_
    if all(type(member) in _TREE_REGRESSORS for member in members):
        trees = [convert_tree(member.tree_, member.tree_.value[:, 0, 0], k) for k, member in enumerate(members)]
        return tree_sums(trees, round_to_float32(x, allow_missing=False), len(members))
    require_finite(x, allow_missing=False)
    return op.concat([as_column(lower_regressor(member, x).values) for member in members], axis=1)
