"""B-splines: a tree finds the knots around a number, and de Boor's recursion gives the functions that are not zero."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import SplineTransformer

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import register
from fasttrack.compiler.lowerings.isotonic import search
from fasttrack.compiler.matrix import as_matrix
from fasttrack.compiler.trees import tree_sums

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
    x = accepted(transformer, x, missing=getattr(transformer, "handle_missing", "error") == "zeros")
    splines, mode = transformer.bsplines_, transformer.extrapolation
    first = np.full(len(splines), splines[0].k)
    if mode == "linear" and splines[0].k == 1:
        first[1:] = 2  # from the second column on scikit-learn takes the next knots for the ends
    low = np.array([one.t[place] for one, place in zip(splines, first, strict=True)])
    high = np.array([one.t[-place - 1] for one, place in zip(splines, first, strict=True)])
    if not (low < high).all():
        raise NotCompilable("a column has a single value, whose spline has no pieces")
    if mode in ("constant", "linear") and splines[0].k == 0:
        raise NotCompilable(f"splines of degree 0 have no extrapolation={mode!r}")
    values = as_matrix(x)
    inside = _inside(x, values, low, high, mode)
    made = _functions(splines, x.computed(inside, len(x)), inside)
    if mode == "linear":
        made = _continued(splines, made, values, low, high)
    last = op.const(np.array([2]))
    made = op.where(op.unsqueeze(op.isnan(values), last), op.const(0.0), made)
    count = splines[0].c.shape[1]
    kept = count if transformer.include_bias else count - 1  # scikit-learn leaves out the last
    if kept < count:
        made = op.gather(made, op.const(np.arange(kept)), axis=2)
    together = op.reshape(made, op.const(np.array([-1, kept * len(x)])))
    return x.of(x.computed(together, kept * len(x)), sparse=bool(transformer.sparse_output))


def _inside(x: Columns, values: Var, low: Floats, high: Floats, mode: str) -> Var:
    """float64[n, f]: where between the outer knots the numbers are taken to be."""
    match mode:
        case "periodic":
            period = op.const(high - low)
            rest = op.mod(op.sub(values, op.const(low)), period, fmod=1)
            return op.add(op.const(low), op.where(op.less(rest, op.const(0.0)), op.add(rest, period), rest))
        case "constant" | "linear":
            return op.min([op.max([values, op.const(low)]), op.const(high)])
        case "error":
            outside = op.or_(op.less(values, op.const(low)), op.greater(values, op.const(high)))
            found = op.reduce_max(op.cast(outside, to=np.float64), op.const(np.array([1])), keepdims=False)
            x.scope.guards.append(op.greater(found, op.const(0.0)))
    return values


def _functions(splines: Sequence[BSpline], x: Columns, values: Var) -> Var:
    """float64[n, f, b]: the b basis functions of each of the f columns, as scipy.interpolate computes them.

    De Boor, A Practical Guide to Splines, 2001, chapter X, equations (22) and following.
    """
    k = splines[0].k
    pieces = [np.flatnonzero(np.diff(one.t[k : len(one.t) - k]) > 0) + k for one in splines]
    starts = np.cumsum([0, *map(len, pieces)])
    trees = [
        search(np.nextafter(one.t[where[1:]], -np.inf), float(start), j)
        for j, (one, where, start) in enumerate(zip(splines, pieces, starts, strict=False))
    ]
    piece = op.cast(tree_sums(trees, x, len(splines)), to=np.int64)
    rows = [(one, int(where)) for one, those in zip(splines, pieces, strict=True) for where in those]

    def knot(offset: int) -> Var:
        return op.gather(op.const(np.array([one.t[where + offset] for one, where in rows])), piece)

    shares = [op.add(op.mul(values, op.const(0.0)), op.const(1.0))]
    for j in range(1, k + 1):
        before, shares = shares, [op.const(0.0)]
        for n in range(1, j + 1):
            right, left = knot(n), knot(n - j)
            width = op.sub(right, left)
            none = op.equal(width, op.const(0.0))
            weight = op.where(none, op.const(0.0), op.div(before[n - 1], op.where(none, op.const(1.0), width)))
            shares[n - 1] = op.add(shares[n - 1], op.mul(weight, op.sub(right, values)))
            shares.append(op.mul(weight, op.sub(values, left)))
    last = op.const(np.array([2]))
    weights = [np.stack([one.c[where - k + a] for one, where in rows]) for a in range(k + 1)]
    return reduce(
        op.add,
        [
            op.mul(op.unsqueeze(share, last), op.gather(op.const(weight), piece))
            for share, weight in zip(shares, weights, strict=True)
        ],
    )


def _continued(splines: Sequence[BSpline], made: Var, values: Var, low: Floats, high: Floats) -> Var:
    """`made` at the ends, with the slope there beyond them; only the outermost functions have one."""
    count, reach = splines[0].c.shape[1], max(splines[0].k, 2)
    below = np.stack([one(at, nu=1) for one, at in zip(splines, low, strict=True)])
    beyond = np.stack([one(at, nu=1) for one, at in zip(splines, high, strict=True)])
    below[:, reach:] = 0.0
    beyond[:, : count - reach] = 0.0
    last = op.const(np.array([2]))
    under = op.unsqueeze(op.min([op.sub(values, op.const(low)), op.const(0.0)]), last)
    over = op.unsqueeze(op.max([op.sub(values, op.const(high)), op.const(0.0)]), last)
    return op.add(made, op.add(op.mul(under, op.const(below)), op.mul(over, op.const(beyond))))
