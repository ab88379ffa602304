"""SplineTransformer: a tree finds the knots around a number; de Boor's recursion gives the non-zero basis functions."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import SplineTransformer

from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.input_validation import refuse_rows, validate_input
from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.lowerings.isotonic import search_tree
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.tree_ensemble import tree_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.interpolate import BSpline
    from spox import Var

    from fasttrack.compiler.columns import Columns

    Floats = NDArray[np.float64]

__all__: list[str] = []


@register(SplineTransformer)
def _splines(transformer: Any, x: Columns) -> Columns:
    x = validate_input(transformer, x, allow_missing=getattr(transformer, "handle_missing", "error") == "zeros")
    splines, mode = transformer.bsplines_, transformer.extrapolation
    low, high = _boundary_knots(splines, mode)
    values = as_matrix(x)
    inside = _move_inside(x, values, low, high, mode)
    basis = _evaluate_basis(splines, x.with_matrix(inside, len(x)), inside)
    if mode == "linear":
        basis = _extrapolate_linearly(splines, basis, values, low, high)
    last_axis = op.const(np.array([2]))
    basis = op.where(op.unsqueeze(op.isnan(values), last_axis), op.const(0.0), basis)
    count = splines[0].c.shape[1]
    kept = count if transformer.include_bias else count - 1  # scikit-learn leaves out the last function
    if kept < count:
        basis = op.gather(basis, op.const(np.arange(kept)), axis=2)
    joined = op.reshape(basis, op.const(np.array([-1, kept * len(x)])))
    return x.with_features(x.with_matrix(joined, kept * len(x)), sparse=bool(transformer.sparse_output))


def _boundary_knots(splines: Sequence[BSpline], mode: str) -> tuple[Floats, Floats]:
    """float64[f] each: the first and the last knot of the interval on which each column's spline is defined."""
    degree = splines[0].k
    index = np.full(len(splines), degree)
    if mode == "linear" and degree == 1:
        index[1:] = 2  # scikit-learn uses the next knots from the second column on
    low = np.array([spline.t[i] for spline, i in zip(splines, index, strict=True)])
    high = np.array([spline.t[-i - 1] for spline, i in zip(splines, index, strict=True)])
    if not (low < high).all():
        raise NotCompilable("a column has a single value, so its spline has no pieces")
    if mode in ("constant", "linear") and degree == 0:
        raise NotCompilable(f"splines of degree 0 have no extrapolation={mode!r}")
    return low, high


def _move_inside(x: Columns, values: Var, low: Floats, high: Floats, mode: str) -> Var:
    """float64[n, f]: the values moved into the interval from `low` to `high`, as the extrapolation `mode` says."""
    match mode:
        case "periodic":
            period = op.const(high - low)
            offset = op.mod(op.sub(values, op.const(low)), period, fmod=1)
            return op.add(op.const(low), op.where(op.less(offset, op.const(0.0)), op.add(offset, period), offset))
        case "constant" | "linear":
            return op.min([op.max([values, op.const(low)]), op.const(high)])
        case "error":
            refuse_rows(x.state, op.or_(op.less(values, op.const(low)), op.greater(values, op.const(high))))
    return values


def _evaluate_basis(splines: Sequence[BSpline], x: Columns, values: Var) -> Var:
    """float64[n, f, b]: the b basis functions of each of the f columns, as scipy.interpolate computes them.

    De Boor, A Practical Guide to Splines, 2001, chapter X, equations (22) and following. `values`: the columns `x`.
    """
    k = splines[0].k
    # the index of the knot at which each non-empty piece begins
    pieces = [np.flatnonzero(np.diff(spline.t[k : len(spline.t) - k]) > 0) + k for spline in splines]
    starts = np.cumsum([0, *map(len, pieces)])
    trees = [
        search_tree(np.nextafter(spline.t[knots[1:]], -np.inf), float(start), j)
        for j, (spline, knots, start) in enumerate(zip(splines, pieces, starts, strict=False))
    ]
    piece = op.cast(tree_sums(trees, x, len(splines)), to=np.int64)
    rows = [(spline, int(knot)) for spline, knots in zip(splines, pieces, strict=True) for knot in knots]

    def neighbouring_knot(offset: int) -> Var:
        return op.gather(op.const(np.array([spline.t[knot + offset] for spline, knot in rows])), piece)

    functions = [op.add(op.mul(values, op.const(0.0)), op.const(1.0))]
    for j in range(1, k + 1):
        lower_degree, functions = functions, [op.const(0.0)]
        for n in range(1, j + 1):
            right, left = neighbouring_knot(n), neighbouring_knot(n - j)
            width = op.sub(right, left)
            empty = op.equal(width, op.const(0.0))
            weight = op.where(empty, op.const(0.0), op.div(lower_degree[n - 1], op.where(empty, op.const(1.0), width)))
            functions[n - 1] = op.add(functions[n - 1], op.mul(weight, op.sub(right, values)))
            functions.append(op.mul(weight, op.sub(values, left)))
    last_axis = op.const(np.array([2]))
    coefficients = [np.stack([spline.c[knot - k + a] for spline, knot in rows]) for a in range(k + 1)]
    return reduce(
        op.add,
        [
            op.mul(op.unsqueeze(function, last_axis), op.gather(op.const(coefficient), piece))
            for function, coefficient in zip(functions, coefficients, strict=True)
        ],
    )


def _extrapolate_linearly(splines: Sequence[BSpline], basis: Var, values: Var, low: Floats, high: Floats) -> Var:
    """`basis`, continued with its slope at the boundaries. Only the outermost functions have a slope there."""
    count, reach = splines[0].c.shape[1], max(splines[0].k, 2)
    slope_low = np.stack([spline(knot, nu=1) for spline, knot in zip(splines, low, strict=True)])
    slope_high = np.stack([spline(knot, nu=1) for spline, knot in zip(splines, high, strict=True)])
    slope_low[:, reach:] = 0.0
    slope_high[:, : count - reach] = 0.0
    last_axis = op.const(np.array([2]))
    below = op.unsqueeze(op.min([op.sub(values, op.const(low)), op.const(0.0)]), last_axis)
    above = op.unsqueeze(op.max([op.sub(values, op.const(high)), op.const(0.0)]), last_axis)
    return op.add(basis, op.add(op.mul(below, op.const(slope_low)), op.mul(above, op.const(slope_high))))
