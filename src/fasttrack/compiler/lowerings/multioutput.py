"""MultiOutputRegressor and RegressorChain: one regressor for each target."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.multioutput import MultiOutputRegressor, RegressorChain

from fasttrack.compiler.columns import NumberColumn
from fasttrack.compiler.graph_matrix import as_column
from fasttrack.compiler.input_validation import require_finite
from fasttrack.compiler.lowering_registry import Regression, lower_regressor, register

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(MultiOutputRegressor)
def _independent(estimator: Any, x: Columns) -> Regression:
    return Regression(_join_targets([as_column(lower_regressor(member, x).values) for member in estimator.estimators_]))


@register(RegressorChain)
def _chain(chain: Any, x: Columns) -> Regression:
    numbers = x.with_features(x.numeric_features())
    require_finite(numbers, allow_missing=False)
    # the chain appends float64 predictions to its input, which becomes float64
    x = x.with_features(
        replace(feature, dtype="float64") if isinstance(feature, NumberColumn) else feature for feature in numbers
    )
    targets = []
    for member in chain.estimators_:
        targets.append(as_column(lower_regressor(member, x).values))
        x = x.with_features((*x, *x.with_matrix(targets[-1], 1)))
    return Regression(_join_targets([targets[i] for i in np.argsort(chain.order_)]))


def _join_targets(targets: list[Var]) -> Var:
    """float64[n, k] from k values float64[n, 1]."""
    return targets[0] if len(targets) == 1 else op.concat(targets, axis=1)
