"""IsotonicRegression: a tree finds the segment that a number falls into, and the segment's line gives the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.isotonic import IsotonicRegression

from fasttrack.compiler.decision_tree import DecisionTree
from fasttrack.compiler.graph_matrix import as_matrix, squeeze_column
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import Regression, register
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

    Floats = NDArray[np.float64]

__all__ = ["PiecewiseLinear", "interpolate", "isotonic_curve", "search_tree"]


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """A piecewise linear function.

    Segment i holds the numbers x with above[i − 1] < x <= above[i]; its value is slope[i] · (x − start[i]) + level[i].
    """

    above: Floats
    start: Floats
    slope: Floats
    level: Floats


def isotonic_curve(isotonic: Any) -> PiecewiseLinear:
    """The function of a fitted IsotonicRegression, NaN where it is undefined.

    Its arithmetic is that of `numpy.interp`, operation by operation. Raises NotCompilable if it was fitted on float32.
    """
    x, y = isotonic.X_thresholds_, isotonic.y_thresholds_
    if x.dtype != np.float64:
        raise NotCompilable(f"it was fitted on {x.dtype}; convert its input to float64 before fitting")
    if len(x) == 1:  # constant, even out of bounds
        return PiecewiseLinear(np.empty(0), np.zeros(1), np.zeros(1), y)
    with np.errstate(all="ignore"):
        width = np.diff(x)
        slope = np.diff(y) / width
    if not (np.isfinite(slope).all() and np.isfinite(width).all()):
        raise NotCompilable("its thresholds are too close together or too far apart to interpolate between them")
    clip = isotonic.out_of_bounds == "clip"
    below, beyond = (y[0], y[-1]) if clip else (np.nan, np.nan)
    return PiecewiseLinear(
        above=np.append(np.nextafter(x, -np.inf), x[-1]),
        start=np.concatenate([[0.0], x[:-1], [0.0, 0.0]]),
        slope=np.concatenate([[0.0], slope, [0.0, 0.0]]),
        level=np.concatenate([[below], y, [beyond]]),
    )


def interpolate(x: Columns, curves: Sequence[PiecewiseLinear]) -> Var:
    """float64[n, k]: the value of `curves[i]` at column i of `x`, k columns of finite numbers."""
    starts = np.cumsum([0, *(len(curve.level) for curve in curves)])
    trees = [
        search_tree(curve.above, float(start), i) for i, (curve, start) in enumerate(zip(curves, starts, strict=False))
    ]
    segment = op.cast(tree_sums(trees, x, len(curves)), to=np.int64)
    start, slope, level = (
        op.gather(op.const(np.concatenate([getattr(curve, name) for curve in curves])), segment)
        for name in ("start", "slope", "level")
    )
    return op.add(op.mul(slope, op.sub(as_matrix(x), start)), level)


@register(IsotonicRegression)
def _isotonic(isotonic: Any, x: Columns) -> Regression:
    x = validate_input(isotonic, x)
    curve = isotonic_curve(isotonic)
    if isotonic.out_of_bounds == "raise" and len(curve.above):
        value, bounds = as_matrix(x), isotonic.X_thresholds_[[0, -1]]
        below, beyond = op.less(value, op.const(bounds[0])), op.greater(value, op.const(bounds[1]))
        x.state.guards.append(squeeze_column(op.or_(below, beyond)))
    return Regression(squeeze_column(interpolate(x, [curve])))


def search_tree(bounds: Floats, first: float, column: int) -> DecisionTree:
    """A balanced tree whose value is `first` plus the number of `bounds`, ascending, that are below feature `column`.

    The value is added to output `column`.
    """
    nodes: list[tuple[int, float, int, int, float]] = []

    def grow(low: int, high: int) -> int:
        index = len(nodes)
        nodes.append((-1, 0.0, -1, -1, first + low))
        if low < high:
            middle = (low + high) // 2
            left, right = grow(low, middle), grow(middle + 1, high)
            nodes[index] = (column, float(bounds[middle]), left, right, 0.0)
        return index

    grow(0, len(bounds))
    feature, threshold, left, right, value = map(np.array, zip(*nodes, strict=True))
    return DecisionTree(feature, threshold, left, right, np.zeros(len(nodes), dtype=bool), value, column)
