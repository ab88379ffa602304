"""Calibrated classifiers: each member's scores through sigmoids, isotonic curves or a temperature, then their mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.calibration import CalibratedClassifierCV

from fasttrack.compiler.checks import note_refused
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, both, column
from fasttrack.compiler.lower import Classification, predicted, register
from fasttrack.compiler.lowerings.isotonic import curve_of, interpolated
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.matrix import as_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@dataclass(frozen=True, eq=False)
class _Scores:
    """What a member tells its calibrators: float64[n, width]; of two classes only the second's."""

    var: Var
    width: int
    probabilities: bool


@register(CalibratedClassifierCV)
def _calibrated(estimator: Any, x: Columns) -> Classification:
    classes, members = len(estimator.classes_), estimator.calibrated_classifiers_
    if classes < 2:
        raise NotCompilable("it has a single class")
    scores = [_scores(member.estimator, x) for member in members]
    if estimator.method == "temperature":
        shares = _tempered(members, scores, x, classes)
    else:
        shares = _one_by_one(members, scores, x, classes)
    mean = _mean(shares, len(members), classes)
    return Classification(estimator.classes_, argmax(mean), mean)


def _scores(member: Any, x: Columns) -> _Scores:
    found = predicted(member, x)
    if not isinstance(found, Classification):
        raise NotCompilable(f"{type(member).__name__} is a regressor, where a classifier was expected")
    if hasattr(member, "decision_function"):  # scikit-learn's first choice
        if found.decision is None:
            raise NotCompilable(f"the decision function of {type(member).__name__} has no lowering")
        return _Scores(found.decision, 1 if len(found.classes) == 2 else len(found.classes), False)
    if found.probabilities is None:
        raise NotCompilable(f"the probabilities of {type(member).__name__} have no lowering")
    if len(found.classes) == 2:
        return _Scores(column(found.probabilities, 1), 1, True)
    return _Scores(found.probabilities, len(found.classes), True)


def _joined(scores: Sequence[_Scores], x: Columns, *, finite: bool) -> Columns:
    """The scores of all members side by side; if they must be `finite`, rows with others are refused."""
    joined = scores[0].var if len(scores) == 1 else op.concat([one.var for one in scores], axis=1)
    columns = x.computed(joined, sum(one.width for one in scores))
    if finite and not all(one.probabilities for one in scores):
        note_refused(columns, missing=False)
    return columns


def _one_by_one(members: Sequence[Any], scores: Sequence[_Scores], x: Columns, classes: int) -> Var:
    """float64[n · members, classes]: each score through its own calibrator."""
    calibrators = [calibrator for member in members for calibrator in member.calibrators]
    if members[0].method == "isotonic":
        columns = _joined(scores, x, finite=True)
        shares = interpolated(columns, [curve_of(calibrator) for calibrator in calibrators])
    else:
        slope, offset = (op.const(np.array([getattr(one, name) for one in calibrators])) for name in ("a_", "b_"))
        shares = expit(op.neg(op.add(op.mul(slope, as_matrix(_joined(scores, x, finite=False))), offset)))
    if classes == 2:
        second = _rows(shares, 1)
        # a weighted mean of ones may be above
        return op.concat([op.sub(op.const(1.0), second), op.min([second, op.const(1.0)])], axis=1)
    return _normalized(_rows(_placed(members, shares, classes), classes), classes)


def _placed(members: Sequence[Any], shares: Var, classes: int) -> Var:
    """float64[n, members · classes]: the shares at their classes, 0 for those that a member saw none of."""
    if all(len(member.calibrators) == classes for member in members):
        return shares
    widths = [len(member.calibrators) for member in members]
    nothing = sum(widths)
    take = np.full((len(members), classes), nothing)
    for i, member in enumerate(members):
        # of two classes that it saw among more, scikit-learn gives the share of the second to the first
        seen = np.searchsorted(member.classes, member.estimator.classes_)[: widths[i]]
        take[i, seen] = sum(widths[:i]) + np.arange(widths[i])
    with_zero = op.concat([shares, op.mul(column(shares, 0), op.const(0.0))], axis=1)
    return op.gather(with_zero, op.const(take.ravel()), axis=1)


def _tempered(members: Sequence[Any], scores: Sequence[_Scores], x: Columns, classes: int) -> Var:
    """float64[n · members, classes]: softmax(β · logits). A multiclass decision function is taken for logits.

    scikit-learn takes it for probabilities where that of all rows asked for together is from 0 to 1 and sums up to 1,
    so that its answer is not one row's own; the coincidence that a lone row is such is left out.
    """
    if any(one.width != (1 if classes == 2 else classes) for one in scores):
        raise NotCompilable("a member of it saw fewer classes in its training than there are")
    logits = _rows(as_matrix(_joined(scores, x, finite=True)), scores[0].width)
    probabilities = scores[0].probabilities
    if classes == 2:
        logits = both(logits) if probabilities else op.concat([op.neg(logits), logits], axis=1)
    if probabilities:
        logits = op.log(op.add(logits, op.const(1e-12)))
    betas = np.array([[float(member.calibrators[0].beta_)] for member in members])
    by_member = op.reshape(logits, op.const(np.array([-1, len(members), classes])))
    return softmax(_rows(op.mul(by_member, op.const(betas)), classes))


def _rows(values: Var, width: int) -> Var:
    """float64[m, width]: what stands side by side, one below the other."""
    return op.reshape(values, op.const(np.array([-1, width])))


def _mean(shares: Var, members: int, classes: int) -> Var:
    """float64[n, classes]: the mean of float64[n · members, classes], added up in the members' order."""
    if members == 1:
        return shares
    by_member = op.reshape(shares, op.const(np.array([-1, members * classes])))
    total = reduce(op.add, [_between(by_member, i * classes, (i + 1) * classes) for i in range(members)])
    return op.div(total, op.const(float(members)))


def _normalized(shares: Var, classes: int) -> Var:
    """Each row of float64[n, classes] divided by its sum; where all are 0, all alike."""
    total = _row_sum(shares, classes)
    zero = op.equal(total, op.const(0.0))
    return op.where(zero, op.const(1 / classes), op.div(shares, op.where(zero, op.const(1.0), total)))


def _row_sum(x: Var, width: int) -> Var:
    """Σ along the rows of float64[n, width] as float64[n, 1], in the order in which `numpy.sum` adds them up.

    Equal shares of two classes stay equal in the mean only if the sums are the same to the bit; the label hangs on it.
    NumPy adds up eight numbers side by side, and those pairwise (`pairwise_sum` of its loops); beyond 128 by halves.
    """
    if width > 128:
        raise NotCompilable("it has more than 128 classes")
    whole = width - width % 8
    if not whole:
        return reduce(op.add, [column(x, i) for i in range(width)])
    sums = reduce(op.add, [_between(x, i, i + 8) for i in range(0, whole, 8)])
    for half in (4, 2, 1):
        sums = op.add(*(op.gather(sums, op.const(np.arange(start, 2 * half, 2)), axis=1) for start in (0, 1)))
    return reduce(op.add, [sums, *(column(x, i) for i in range(whole, width))])


def _between(values: Var, first: int, end: int) -> Var:
    """float64[n, end - first]: some columns."""
    start, stop, axis = (op.const(np.array([bound])) for bound in (first, end, 1))
    return op.slice(values, start, stop, axis)
