"""One regressor a target, side by side or in a chain where each sees what those before it predict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.multioutput import MultiOutputRegressor, RegressorChain

from fasttrack.compiler.checks import note_refused
from fasttrack.compiler.columns import Number
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import Regression, predicted, register

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(MultiOutputRegressor)
def _side_by_side(estimator: Any, x: Columns) -> Regression:
    return Regression(_joined([_target(member, x) for member in estimator.estimators_]))


@register(RegressorChain)
def _chain(chain: Any, x: Columns) -> Regression:
    numbers = x.of(x.numeric())
    note_refused(numbers, missing=False)
    # the predictions that it appends make float64 of whatever it is given
    x = x.of(replace(one, dtype="float64") if isinstance(one, Number) else one for one in numbers)
    targets = []
    for member in chain.estimators_:
        targets.append(_target(member, x))
        x = x.of((*x, *x.computed(targets[-1], 1)))
    return Regression(_joined([targets[i] for i in np.argsort(chain.order_)]))


def _target(member: Any, x: Columns) -> Var:
    """float64[n, 1]"""
    found = predicted(member, x)
    if not isinstance(found, Regression):
        raise NotCompilable(f"{type(member).__name__} is a classifier, where a regressor was expected")
    return op.unsqueeze(found.values, op.const(np.array([1])))


def _joined(targets: list[Var]) -> Var:
    return targets[0] if len(targets) == 1 else op.concat(targets, axis=1)
