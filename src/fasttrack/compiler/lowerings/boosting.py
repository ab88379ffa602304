"""AdaBoost: weighted votes of classifiers, or the weighted median of regressors."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from fasttrack.compiler.checks import note_refused
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, column, flat, positive
from fasttrack.compiler.lower import Classification, Regression, predicted, register
from fasttrack.compiler.lowerings.forests import as_tree, single_precision
from fasttrack.compiler.lowerings.voting import votes
from fasttrack.compiler.mathematics import softmax
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []

_CLASSIFIERS = (DecisionTreeClassifier, ExtraTreeClassifier)
_REGRESSORS = (DecisionTreeRegressor, ExtraTreeRegressor)


@register(AdaBoostClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    classes = len(estimator.classes_)
    if classes < 2:
        raise NotCompilable("it has a single class")
    weights = estimator.estimator_weights_[: len(estimator.estimators_)]
    together = op.div(_voted(estimator, x, weights, classes), op.const(float(estimator.estimator_weights_.sum())))
    if classes > 2:
        shares = softmax(op.div(together, op.const(classes - 1.0)))
        return Classification(estimator.classes_, argmax(together), shares, together)
    decision = op.add(op.neg(column(together, 0)), column(together, 1))
    half = op.div(op.concat([op.neg(decision), decision], axis=1), op.const(2.0))
    return Classification(estimator.classes_, positive(decision), softmax(half), decision)


def _voted(estimator: Any, x: Columns, weights: Any, classes: int) -> Var:
    """float64[n, classes]: a member's weight for the class it votes for, and less than nothing for the others."""
    others = [-1 / (classes - 1) * weight for weight in weights]
    if all(type(member) in _CLASSIFIERS for member in estimator.estimators_):
        trees = []
        for member, weight, other in zip(estimator.estimators_, weights, others, strict=True):
            known = member.classes_.tolist()
            chosen = member.tree_.value[:, 0, :].argmax(axis=1)
            for k, label in enumerate(estimator.classes_.tolist()):
                place = known.index(label) if label in known else -1
                trees.append(as_tree(member.tree_, np.where(chosen == place, weight, other).astype(np.float64), k))
        return tree_sums(trees, single_precision(x, missing=False), classes)
    note_refused(x, missing=False)
    places = {label: i for i, label in enumerate(estimator.classes_.tolist())}
    counts = []
    for member, weight, other in zip(estimator.estimators_, weights, others, strict=True):
        found = predicted(member, x)
        if not isinstance(found, Classification):
            raise NotCompilable(f"{type(member).__name__} is a regressor, where a classifier was expected")
        numbered = Classification(np.array([places[label] for label in found.classes.tolist()]), found.label)
        counts.append(votes(numbered, classes, weight, other))
    return reduce(op.add, counts)


@register(AdaBoostRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    weights = np.asarray(estimator.estimator_weights_[: len(estimator.estimators_)], dtype=np.float64)
    count = len(weights)
    ordered, order = op.top_k(_predictions(estimator, x), op.const(np.array([count])), largest=False, sorted=True)
    cumulated = op.cum_sum(op.gather(op.const(weights), order), op.const(np.int64(1)))
    half = op.mul(op.const(0.5), column(cumulated, count - 1))
    reached = op.cast(op.greater_or_equal(cumulated, half), to=np.int64)
    median = op.arg_max(reached, axis=1, keepdims=True)
    return Regression(flat(op.gather_elements(ordered, median, axis=1)))


def _predictions(estimator: Any, x: Columns) -> Var:
    """float64[n, m]: what each of the m members predicts."""
    members = estimator.estimators_
    if all(type(member) in _REGRESSORS for member in members):
        trees = [as_tree(member.tree_, member.tree_.value[:, 0, 0], k) for k, member in enumerate(members)]
        return tree_sums(trees, single_precision(x, missing=False), len(members))
    note_refused(x, missing=False)
    values = []
    for member in members:
        found = predicted(member, x)
        if not isinstance(found, Regression):
            raise NotCompilable(f"{type(member).__name__} is a classifier, where a regressor was expected")
        values.append(op.unsqueeze(found.values, op.const(np.array([1]))))
    return op.concat(values, axis=1)
