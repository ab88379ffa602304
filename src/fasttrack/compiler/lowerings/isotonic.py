"""Isotonic regression: a tree finds the piece that a number falls into, and a line gives its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.isotonic import IsotonicRegression

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import flat
from fasttrack.compiler.lower import Regression, register
from fasttrack.compiler.matrix import as_matrix
from fasttrack.compiler.tree import Tree
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

    Floats = NDArray[np.float64]

__all__ = ["Curve", "curve_of", "interpolated", "search"]


@dataclass(frozen=True, eq=False)
class Curve:
    """Lines: a number x above `above[i - 1]` and up to `above[i]` becomes slope[i] · (x − start[i]) + level[i]."""

    above: Floats
    start: Floats
    slope: Floats
    level: Floats


def curve_of(isotonic: Any) -> Curve:
    """The curve of a fitted IsotonicRegression; NaN where it has no answer.

    Its numbers are those of `numpy.interp`, operation by operation. Raises NotCompilable for one fitted in float32.
    """
    x, y = isotonic.X_thresholds_, isotonic.y_thresholds_
    if x.dtype != np.float64:
        raise NotCompilable(f"it was fitted on {x.dtype}; convert its input to float64 before fitting")
    if len(x) == 1:  # whatever is asked, even out of bounds
        return Curve(np.empty(0), np.zeros(1), np.zeros(1), y)
    with np.errstate(all="ignore"):
        width = np.diff(x)
        slope = np.diff(y) / width
    if not (np.isfinite(slope).all() and np.isfinite(width).all()):
        raise NotCompilable("its thresholds are too near or too far from each other to draw a line between them")
    inside = isotonic.out_of_bounds == "clip"
    below, beyond = (y[0], y[-1]) if inside else (np.nan, np.nan)
    return Curve(
        above=np.append(np.nextafter(x, -np.inf), x[-1]),
        start=np.concatenate([[0.0], x[:-1], [0.0, 0.0]]),
        slope=np.concatenate([[0.0], slope, [0.0, 0.0]]),
        level=np.concatenate([[below], y, [beyond]]),
    )


def interpolated(x: Columns, curves: Sequence[Curve]) -> Var:
    """float64[n, k]: column i of the k finite columns `x` on `curves[i]`."""
    starts = np.cumsum([0, *(len(curve.level) for curve in curves)])
    trees = [search(curve.above, float(start), i) for i, (curve, start) in enumerate(zip(curves, starts, strict=False))]
    piece = op.cast(tree_sums(trees, x, len(curves)), to=np.int64)
    start, slope, level = (
        op.gather(op.const(np.concatenate([getattr(curve, name) for curve in curves])), piece)
        for name in ("start", "slope", "level")
    )
    return op.add(op.mul(slope, op.sub(as_matrix(x), start)), level)


@register(IsotonicRegression)
def _isotonic(isotonic: Any, x: Columns) -> Regression:
    x = accepted(isotonic, x)
    curve = curve_of(isotonic)
    if isotonic.out_of_bounds == "raise" and len(curve.above):
        value, bounds = as_matrix(x), isotonic.X_thresholds_[[0, -1]]
        below, beyond = op.less(value, op.const(bounds[0])), op.greater(value, op.const(bounds[1]))
        x.scope.guards.append(flat(op.or_(below, beyond)))
    return Regression(flat(interpolated(x, [curve])))


def search(above: Floats, first: float, column: int) -> Tree:
    """A balanced tree that gives `first` and how many of the increasing `above` a number of `column` is above."""
    nodes: list[tuple[int, float, int, int, float]] = []

    def grow(low: int, high: int) -> int:
        here = len(nodes)
        nodes.append((-1, 0.0, -1, -1, first + low))
        if low < high:
            middle = (low + high) // 2
            left, right = grow(low, middle), grow(middle + 1, high)
            nodes[here] = (column, float(above[middle]), left, right, 0.0)
        return here

    grow(0, len(above))
    feature, threshold, left, right, value = map(np.array, zip(*nodes, strict=True))
    return Tree(feature, threshold, left, right, np.zeros(len(nodes), dtype=bool), value, column)
