"""OneVsRestClassifier and OneVsOneClassifier: one binary classifier for each class, or for each pair of classes."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.base import is_classifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier

from fasttrack.compiler.class_scores import argmax, binary_probabilities
from fasttrack.compiler.columns import Columns, NumberColumn
from fasttrack.compiler.graph_matrix import as_column, squeeze_column, take_column
from fasttrack.compiler.lowering_registry import Classification, Regression, lower_predictor, register
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spox import Var

__all__: list[str] = []


@register(OneVsRestClassifier)
def _one_vs_rest(estimator: Any, x: Columns) -> Classification:
    if estimator.multilabel_:
        raise NotCompilable("it predicts several labels at once; a model has a single target")
    classes, members = estimator.classes_, estimator.estimators_
    if len(classes) < 2:
        raise NotCompilable("it has a single class")
    predictions = [lower_predictor(member, x) for member in members]
    scores = [_member_score(member, prediction) for member, prediction in zip(members, predictions, strict=True)]
    joined = scores[0] if len(scores) == 1 else op.concat(scores, axis=1)
    label = _is_positive(scores[0], members[0]) if len(scores) == 1 else argmax(joined)
    decision = joined if hasattr(estimator, "decision_function") else None
    member_probabilities = [
        prediction.probabilities
        for prediction in predictions
        if isinstance(prediction, Classification) and prediction.probabilities is not None
    ]
    if not hasattr(estimator, "predict_proba") or len(member_probabilities) < len(members):
        return Classification(classes, label, None, decision)
    positive = [take_column(probabilities, 1) for probabilities in member_probabilities]
    probabilities = binary_probabilities(positive[0]) if len(positive) == 1 else _normalize(positive)
    return Classification(classes, label, probabilities, decision)


@register(OneVsOneClassifier)
def _one_vs_one(estimator: Any, x: Columns) -> Classification:
    if estimator.pairwise_indices_ is not None:
        raise NotCompilable("its members compare rows with the training rows")
    members, count = estimator.estimators_, len(estimator.classes_)
    x = _as_array(x)
    predictions = [lower_predictor(member, x) for member in members]
    # votes are counted where a member predicts exactly 0 or 1, which a regressor may miss by rounding
    labels = [
        prediction.label
        for prediction in predictions
        if isinstance(prediction, Classification) and prediction.classes.tolist() == [0, 1]
    ]
    if len(labels) < len(members):
        raise NotCompilable("a member of it is a regressor, or was not fitted on two classes")
    votes = _count_votes(labels, count)
    scores = [_member_score(member, prediction) for member, prediction in zip(members, predictions, strict=True)]
    confidence = _sum_confidences(scores, count)
    bounded = op.div(confidence, op.mul(op.const(3.0), op.add(op.abs(confidence), op.const(1.0))))
    decision = op.add(votes, bounded)
    if count == 2:
        second = take_column(decision, 1)
        return Classification(estimator.classes_, _is_positive(second, members[0]), None, second)
    # numpy.argmax treats NaN as the largest number
    ranked = op.where(op.isnan(decision), op.const(np.inf), decision)
    return Classification(estimator.classes_, argmax(ranked), None, decision)


@register(OutputCodeClassifier)
def _output_code(_: Any, x: Columns) -> Classification:
    raise NotCompilable(
        "if two codes are about equally near, its prediction depends on how BLAS rounds; use OneVsRestClassifier"
    )


def _member_score(member: Any, prediction: Regression | Classification) -> Var:
    """float64[n, 1]: the decision function, else the probability of the second class; a regressor's prediction."""
    if isinstance(prediction, Regression):
        return as_column(prediction.values)
    if hasattr(member, "decision_function"):
        if prediction.decision is None:
            raise NotCompilable(f"the decision function of {type(member).__name__} has no lowering")
        return prediction.decision
    if prediction.probabilities is None:
        raise NotCompilable(f"the probabilities of {type(member).__name__} have no lowering")
    return take_column(prediction.probabilities, 1)


def _is_positive(score: Var, member: Any) -> Var:
    """int64[n]: 1 where a score is above the threshold that scikit-learn uses for such members, else 0."""
    is_margin = hasattr(member, "decision_function") and is_classifier(member)
    return op.cast(op.greater(squeeze_column(score), op.const(0.0 if is_margin else 0.5)), to=np.int64)


def _normalize(positive: Sequence[Var]) -> Var:
    """float64[n, c]: each class's probability divided by their sum, added class by class. Rows of zeros stay zero."""
    total = reduce(op.add, positive)
    divisor = op.where(op.equal(total, op.const(0.0)), op.const(1.0), total)
    return op.div(op.concat(positive, axis=1), divisor)


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i + 1, count)]


def _count_votes(labels: Sequence[Var], count: int) -> Var:
    """float64[n, count]: how many pairs each class won. `labels`: for each pair, 1 where its second class won."""
    weights = np.zeros((len(labels), count))
    for k, (i, j) in enumerate(_pairs(count)):
        weights[k, i], weights[k, j] = -1.0, 1.0
    second_won = op.cast(op.concat([as_column(label) for label in labels], axis=1), to=np.float64)
    pairs_as_first = np.arange(count - 1, -1, -1, dtype=np.float64)
    return op.add(op.matmul(second_won, op.const(weights)), op.const(pairs_as_first))


def _sum_confidences(scores: Sequence[Var], count: int) -> Var:
    """float64[n, count]: the sum of each class's scores against the other classes, in the order of the pairs."""
    pairs = _pairs(count)
    take = np.array([[k for k, pair in enumerate(pairs) if cls in pair] for cls in range(count)]).T
    signs = np.array([[1.0 if pairs[k][1] == cls else -1.0 for cls, k in enumerate(row)] for row in take])
    joined = scores[0] if len(scores) == 1 else op.concat(scores, axis=1)
    terms = (
        op.mul(op.gather(joined, op.const(row), axis=1), op.const(row_signs))
        for row, row_signs in zip(take, signs, strict=True)
    )
    return reduce(op.add, terms)


def _as_array(x: Columns) -> Columns:
    """The columns after scikit-learn converted them to one array, of a single dtype."""
    dtype = "float32" if x.is_float32() else "float64"
    return x.with_features(
        replace(feature, dtype=dtype)
        if isinstance(feature, NumberColumn)
        else replace(feature, cells=feature.cells.astype(dtype))
        for feature in x.numeric_features()
    )
