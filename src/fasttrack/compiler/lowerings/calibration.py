"""CalibratedClassifierCV: each member's scores pass a sigmoid, an isotonic curve or a temperature; then their mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.calibration import CalibratedClassifierCV

from fasttrack.compiler.class_scores import argmax, binary_probabilities
from fasttrack.compiler.graph_matrix import as_matrix, take_column
from fasttrack.compiler.input_validation import require_finite
from fasttrack.compiler.lowering_registry import Classification, lower_classifier, register
from fasttrack.compiler.lowerings.isotonic import interpolate, isotonic_curve
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@dataclass(frozen=True, eq=False)
class _Scores:
    """A member's scores, float64[n, width]; for two classes, only those of the second."""

    var: Var
    width: int
    are_probabilities: bool


@register(CalibratedClassifierCV)
def _calibrated(estimator: Any, x: Columns) -> Classification:
    classes, members = len(estimator.classes_), estimator.calibrated_classifiers_
    if classes < 2:
        raise NotCompilable("it has a single class")
    scores = [_member_scores(member.estimator, x) for member in members]
    if estimator.method == "temperature":
        probabilities = _scale_by_temperature(members, scores, x, classes)
    else:
        probabilities = _calibrate_each_score(members, scores, x, classes)
    mean = _mean(probabilities, len(members), classes)
    return Classification(estimator.classes_, argmax(mean), mean)


def _member_scores(member: Any, x: Columns) -> _Scores:
    prediction = lower_classifier(member, x)
    binary = len(prediction.classes) == 2
    if hasattr(member, "decision_function"):  # scikit-learn prefers it
        if prediction.decision is None:
            raise NotCompilable(f"the decision function of {type(member).__name__} has no lowering")
        return _Scores(prediction.decision, 1 if binary else len(prediction.classes), False)
    if prediction.probabilities is None:
        raise NotCompilable(f"the probabilities of {type(member).__name__} have no lowering")
    if binary:
        return _Scores(take_column(prediction.probabilities, 1), 1, True)
    return _Scores(prediction.probabilities, len(prediction.classes), True)


def _join_scores(scores: Sequence[_Scores], x: Columns, *, must_be_finite: bool) -> Columns:
    """The scores of all members side by side. If they `must_be_finite`, rows with others are refused."""
    joined = scores[0].var if len(scores) == 1 else op.concat([member.var for member in scores], axis=1)
    columns = x.with_matrix(joined, sum(member.width for member in scores))
    if must_be_finite and not all(member.are_probabilities for member in scores):
        require_finite(columns, allow_missing=False)
    return columns


def _calibrate_each_score(members: Sequence[Any], scores: Sequence[_Scores], x: Columns, classes: int) -> Var:
    """float64[n · members, classes]: each score passes its own sigmoid or isotonic curve."""
    calibrators = [calibrator for member in members for calibrator in member.calibrators]
    if members[0].method == "isotonic":
        columns = _join_scores(scores, x, must_be_finite=True)
        calibrated = interpolate(columns, [isotonic_curve(calibrator) for calibrator in calibrators])
    else:
        slope, offset = (
            op.const(np.array([getattr(calibrator, name) for calibrator in calibrators])) for name in ("a_", "b_")
        )
        linear = op.add(op.mul(slope, as_matrix(_join_scores(scores, x, must_be_finite=False))), offset)
        calibrated = expit(op.neg(linear))
    if classes == 2:
        second = _reshape_rows(calibrated, 1)
        # a weighted mean of ones may round to more than 1
        return op.concat([op.sub(op.const(1.0), second), op.min([second, op.const(1.0)])], axis=1)
    return _normalize(_reshape_rows(_place_classes(members, calibrated, classes), classes), classes)


def _place_classes(members: Sequence[Any], calibrated: Var, classes: int) -> Var:
    """float64[n, members · classes]: the calibrated scores by class, 0 for classes that a member did not see."""
    if all(len(member.calibrators) == classes for member in members):
        return calibrated
    widths = [len(member.calibrators) for member in members]
    zero_column = sum(widths)
    take = np.full((len(members), classes), zero_column)
    for i, member in enumerate(members):
        # if a member saw only two of more classes, scikit-learn gives the second one's probability to the first
        seen = np.searchsorted(member.classes, member.estimator.classes_)[: widths[i]]
        take[i, seen] = sum(widths[:i]) + np.arange(widths[i])
    with_zero = op.concat([calibrated, op.mul(take_column(calibrated, 0), op.const(0.0))], axis=1)
    return op.gather(with_zero, op.const(take.ravel()), axis=1)


def _scale_by_temperature(members: Sequence[Any], scores: Sequence[_Scores], x: Columns, classes: int) -> Var:
    """float64[n · members, classes]: softmax(β · logits). A multiclass decision function counts as logits.

    scikit-learn treats a decision function as probabilities if its values for all rows of a request are between 0 and 1
    and sum to 1. Its prediction for a row then depends on the other rows, which a graph cannot repeat; this ignores the
    coincidence that a single row has such values.
    """
    if any(member.width != (1 if classes == 2 else classes) for member in scores):
        raise NotCompilable("a member of it saw fewer classes in its training than there are")
    logits = _reshape_rows(as_matrix(_join_scores(scores, x, must_be_finite=True)), scores[0].width)
    are_probabilities = scores[0].are_probabilities
    if classes == 2:
        logits = binary_probabilities(logits) if are_probabilities else op.concat([op.neg(logits), logits], axis=1)
    if are_probabilities:
        logits = op.log(op.add(logits, op.const(1e-12)))
    betas = np.array([[float(member.calibrators[0].beta_)] for member in members])
    by_member = op.reshape(logits, op.const(np.array([-1, len(members), classes])))
    return softmax(_reshape_rows(op.mul(by_member, op.const(betas)), classes))


def _reshape_rows(values: Var, width: int) -> Var:
    """float64[m, width]: each row of `values` divided into several rows."""
    return op.reshape(values, op.const(np.array([-1, width])))


def _mean(probabilities: Var, members: int, classes: int) -> Var:
    """float64[n, classes]: the members' mean of float64[n · members, classes], added in the order of the members."""
    if members == 1:
        return probabilities
    by_member = op.reshape(probabilities, op.const(np.array([-1, members * classes])))
    total = reduce(op.add, [_slice_columns(by_member, i * classes, (i + 1) * classes) for i in range(members)])
    return op.div(total, op.const(float(members)))


def _normalize(scores: Var, classes: int) -> Var:
    """Each row of float64[n, classes] divided by its sum. A row of zeros becomes 1/classes everywhere."""
    total = _numpy_row_sum(scores, classes)
    zero = op.equal(total, op.const(0.0))
    return op.where(zero, op.const(1 / classes), op.div(scores, op.where(zero, op.const(1.0), total)))


def _numpy_row_sum(x: Var, width: int) -> Var:
    """float64[n, 1]: the sum of each row of float64[n, width], added in the same order as by `numpy.sum`.

    The label depends on the order: two classes with equal scores stay equal only if the sums agree to the last bit.
    NumPy keeps eight partial sums and adds them pairwise (`pairwise_sum` in its loops); beyond 128 numbers it splits.
    """
    if width > 128:
        raise NotCompilable("it has more than 128 classes")
    end = width - width % 8
    if not end:
        return reduce(op.add, [take_column(x, i) for i in range(width)])
    sums = reduce(op.add, [_slice_columns(x, i, i + 8) for i in range(0, end, 8)])
    for half in (4, 2, 1):
        sums = op.add(*(op.gather(sums, op.const(np.arange(start, 2 * half, 2)), axis=1) for start in (0, 1)))
    return reduce(op.add, [sums, *(take_column(x, i) for i in range(end, width))])


def _slice_columns(values: Var, first: int, end: int) -> Var:
    """float64[n, end − first]: the columns from `first` to `end`, exclusive."""
    start, stop, axis = (op.const(np.array([bound])) for bound in (first, end, 1))
    return op.slice(values, start, stop, axis)
