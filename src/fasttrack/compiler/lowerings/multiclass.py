"""One classifier a class or a pair of classes, and the label that their scores vote for."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.base import is_classifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier

from fasttrack.compiler.columns import Columns, Number
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, both, column, flat
from fasttrack.compiler.lower import Classification, Regression, predicted, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spox import Var

__all__: list[str] = []


@register(OneVsRestClassifier)
def _one_against_rest(estimator: Any, x: Columns) -> Classification:
    if estimator.multilabel_:
        raise NotCompilable("it gives several labels at once; a model predicts one target")
    classes, members = estimator.classes_, estimator.estimators_
    if len(classes) < 2:
        raise NotCompilable("it has a single class")
    found = [predicted(member, x) for member in members]
    scores = [_score(member, one) for member, one in zip(members, found, strict=True)]
    together = scores[0] if len(scores) == 1 else op.concat(scores, axis=1)
    label = _above(scores[0], members[0]) if len(scores) == 1 else argmax(together)
    decision = together if hasattr(estimator, "decision_function") else None
    shares = [one.probabilities for one in found if isinstance(one, Classification) and one.probabilities is not None]
    if not hasattr(estimator, "predict_proba") or len(shares) < len(members):
        return Classification(classes, label, None, decision)
    positive = [column(share, 1) for share in shares]
    return Classification(classes, label, both(positive[0]) if len(shares) == 1 else _shared(positive), decision)


@register(OneVsOneClassifier)
def _one_against_one(estimator: Any, x: Columns) -> Classification:
    if estimator.pairwise_indices_ is not None:
        raise NotCompilable("its members compare rows with those of the training")
    members, count = estimator.estimators_, len(estimator.classes_)
    x = _as_array(x)
    found = [predicted(member, x) for member in members]
    # the votes count exact zeros and ones, which a regressor may miss by a rounding
    won = [one.label for one in found if isinstance(one, Classification) and one.classes.tolist() == [0, 1]]
    if len(won) < len(members):
        raise NotCompilable("a member of it is a regressor, or did not learn from two classes")
    votes = _votes(won, count)
    confidence = _confidence([_score(member, one) for member, one in zip(members, found, strict=True)], count)
    bounded = op.div(confidence, op.mul(op.const(3.0), op.add(op.abs(confidence), op.const(1.0))))
    decision = op.add(votes, bounded)
    if count == 2:
        second = column(decision, 1)
        return Classification(estimator.classes_, _above(second, members[0]), None, second)
    # numpy.argmax takes the first NaN for the largest
    ranked = op.where(op.isnan(decision), op.const(np.inf), decision)
    return Classification(estimator.classes_, argmax(ranked), None, decision)


@register(OutputCodeClassifier)
def _nearest_code(_: Any, x: Columns) -> Classification:
    raise NotCompilable(
        "between codes that are about as near, its answer hangs on how BLAS rounds; use OneVsRestClassifier"
    )


def _score(member: Any, found: Regression | Classification) -> Var:
    """float64[n, 1]: the decision function, or else the share of the second class; of a regressor the prediction."""
    if isinstance(found, Regression):
        return op.unsqueeze(found.values, op.const(np.array([1])))
    if hasattr(member, "decision_function"):
        if found.decision is None:
            raise NotCompilable(f"the decision function of {type(member).__name__} has no lowering")
        return found.decision
    if found.probabilities is None:
        raise NotCompilable(f"the probabilities of {type(member).__name__} have no lowering")
    return column(found.probabilities, 1)


def _above(score: Var, member: Any) -> Var:
    """int64[n]: 1 where a score is above what scikit-learn compares those of such members with."""
    margin = hasattr(member, "decision_function") and is_classifier(member)
    return op.cast(op.greater(flat(score), op.const(0.0 if margin else 0.5)), to=np.int64)


def _shared(positive: Sequence[Var]) -> Var:
    """float64[n, c]: each share divided by the sum of all, one after the other; as they are where all are 0."""
    total = reduce(op.add, positive)
    divisor = op.where(op.equal(total, op.const(0.0)), op.const(1.0), total)
    return op.div(op.concat(positive, axis=1), divisor)


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i + 1, count)]


def _votes(won: Sequence[Var], count: int) -> Var:
    """float64[n, count]: how many pairs each class won; `won` is 1 by pair where the second did."""
    weights = np.zeros((len(won), count))
    for k, (i, j) in enumerate(_pairs(count)):
        weights[k, i], weights[k, j] = -1.0, 1.0
    axis = op.const(np.array([1]))
    second = op.cast(op.concat([op.unsqueeze(one, axis) for one in won], axis=1), to=np.float64)
    as_first = np.arange(count - 1, -1, -1, dtype=np.float64)
    return op.add(op.matmul(second, op.const(weights)), op.const(as_first))


def _confidence(scores: Sequence[Var], count: int) -> Var:
    """float64[n, count]: a class's scores against each of the others, added up in the order of the pairs."""
    pairs = _pairs(count)
    take = np.array([[k for k, pair in enumerate(pairs) if one in pair] for one in range(count)]).T
    sign = np.array([[1.0 if pairs[k][1] == one else -1.0 for one, k in enumerate(row)] for row in take])
    together = scores[0] if len(scores) == 1 else op.concat(scores, axis=1)
    terms = (
        op.mul(op.gather(together, op.const(row), axis=1), op.const(signs))
        for row, signs in zip(take, sign, strict=True)
    )
    return reduce(op.add, terms)


def _as_array(x: Columns) -> Columns:
    """The columns after scikit-learn made one array of them, of one dtype."""
    dtype = "float32" if x.single() else "float64"
    return x.of(
        replace(one, dtype=dtype) if isinstance(one, Number) else replace(one, cells=one.cells.astype(dtype))
        for one in x.numeric()
    )
