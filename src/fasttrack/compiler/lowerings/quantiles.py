"""QuantileTransformer: the mean of two interpolations between the quantiles, forwards and backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import QuantileTransformer

from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.input_validation import require_finite, validate_input
from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.lowerings.isotonic import PiecewiseLinear, interpolate
from fasttrack.compiler.mathematics import ndtri
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.compiler.columns import Columns

    Floats = NDArray[np.float64]

__all__ = ["invert_quantiles"]

_BOUNDS_THRESHOLD = 1e-7
"""For a normal output, scikit-learn treats values this close to the first or last quantile as equal to it."""


@register(QuantileTransformer)
def _quantiles(transformer: Any, x: Columns) -> Columns:
    x = validate_input(transformer, x)
    quantiles, references = transformer.quantiles_, transformer.references_
    columns = range(len(x))
    forward = interpolate(x, [_numpy_interp(quantiles[:, j], references) for j in columns])
    mirrored = x.with_matrix(op.neg(as_matrix(x)), len(x))
    backward = interpolate(mirrored, [_numpy_interp(-quantiles[::-1, j], -references[::-1]) for j in columns])
    rank = op.mul(op.const(0.5), op.sub(forward, backward))
    values, low, high = as_matrix(x), op.const(quantiles[0]), op.const(quantiles[-1])
    if transformer.output_distribution == "uniform":
        rank = op.where(op.equal(values, high), op.const(1.0), rank)
        return x.with_matrix(op.where(op.equal(values, low), op.const(0.0), rank), len(x), bounded=True)
    threshold = op.const(_BOUNDS_THRESHOLD)
    rank = op.where(op.greater(op.add(values, threshold), high), op.const(1.0), rank)
    rank = op.where(op.less(op.sub(values, threshold), low), op.const(0.0), rank)
    lowest, highest = _BOUNDS_THRESHOLD - np.spacing(1), 1 - (_BOUNDS_THRESHOLD - np.spacing(1))
    clipped = op.min([op.max([rank, op.const(lowest)]), op.const(highest)])
    return x.with_matrix(op.where(op.isnan(rank), rank, ndtri(clipped)), len(x), bounded=True)


def invert_quantiles(transformer: Any, y: Columns) -> Columns:
    """`inverse_transform` of a QuantileTransformer of a single column."""
    if transformer.output_distribution != "uniform":
        raise NotCompilable("the inverse of a QuantileTransformer to the normal distribution has no lowering")
    require_finite(y, allow_missing=True)
    quantiles, references = transformer.quantiles_[:, 0], transformer.references_
    ranks = as_matrix(y)
    values = interpolate(y, [_numpy_interp(references, quantiles)])
    values = op.where(op.equal(ranks, op.const(1.0)), op.const(quantiles[-1]), values)
    return y.with_matrix(op.where(op.equal(ranks, op.const(0.0)), op.const(quantiles[0]), values), 1)


def _numpy_interp(xs: Floats, ys: Floats) -> PiecewiseLinear:
    """`numpy.interp(x, xs, ys)` as a function of x.

    Of several points with the same x, the first ends the segment before them and the last begins the one after them.
    """
    distinct, first = np.unique(xs, return_index=True)
    last = np.append(first[1:], len(xs)) - 1
    with np.errstate(all="ignore"):
        slope = (ys[first[1:]] - ys[last[:-1]]) / np.diff(distinct)
    if not np.isfinite(slope).all():
        raise NotCompilable("its quantiles are too close together to interpolate between them")
    return PiecewiseLinear(
        above=np.nextafter(distinct, -np.inf),
        start=np.append(0.0, distinct),
        slope=np.concatenate([[0.0], slope, [0.0]]),
        level=np.append(ys[0], ys[last]),
    )
