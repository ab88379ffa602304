"""Quantile transforms: the mean of two interpolations between the training quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import QuantileTransformer

from fasttrack.compiler.checks import accepted, note_refused
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import register
from fasttrack.compiler.lowerings.isotonic import Curve, interpolated
from fasttrack.compiler.mathematics import ndtri
from fasttrack.compiler.matrix import as_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.compiler.columns import Columns

    Floats = NDArray[np.float64]

__all__ = ["inverse_quantile"]

_THRESHOLD = 1e-7
"""How near to the ends scikit-learn takes a value for the end, where the output is normal."""


@register(QuantileTransformer)
def _quantile(transformer: Any, x: Columns) -> Columns:
    x = accepted(transformer, x)
    quantiles, references = transformer.quantiles_, transformer.references_
    columns = range(len(x))
    forward = interpolated(x, [_between(quantiles[:, j], references) for j in columns])
    mirrored = x.computed(op.neg(as_matrix(x)), len(x))
    backward = interpolated(mirrored, [_between(-quantiles[::-1, j], -references[::-1]) for j in columns])
    share = op.mul(op.const(0.5), op.sub(forward, backward))
    values, low, high = as_matrix(x), op.const(quantiles[0]), op.const(quantiles[-1])
    if transformer.output_distribution == "uniform":
        share = op.where(op.equal(values, high), op.const(1.0), share)
        return x.computed(op.where(op.equal(values, low), op.const(0.0), share), len(x), small=True)
    near = op.const(_THRESHOLD)
    share = op.where(op.greater(op.add(values, near), high), op.const(1.0), share)
    share = op.where(op.less(op.sub(values, near), low), op.const(0.0), share)
    ends = _THRESHOLD - np.spacing(1), 1 - (_THRESHOLD - np.spacing(1))
    inside = op.min([op.max([share, op.const(ends[0])]), op.const(ends[1])])
    return x.computed(op.where(op.isnan(share), share, ndtri(inside)), len(x), small=True)


def inverse_quantile(transformer: Any, y: Columns) -> Columns:
    """What `inverse_transform` of a QuantileTransformer makes of a single column."""
    if transformer.output_distribution != "uniform":
        raise NotCompilable("the inverse of a QuantileTransformer to the normal distribution has no lowering")
    note_refused(y, missing=True)
    quantiles, references = transformer.quantiles_[:, 0], transformer.references_
    values = as_matrix(y)
    found = interpolated(y, [_between(references, quantiles)])
    found = op.where(op.equal(values, op.const(1.0)), op.const(quantiles[-1]), found)
    return y.computed(op.where(op.equal(values, op.const(0.0)), op.const(quantiles[0]), found), 1)


def _between(xs: Floats, ys: Floats) -> Curve:
    """The curve of numpy.interp(x, xs, ys): of equal xs the last counts from there on, the first up to there."""
    distinct, first = np.unique(xs, return_index=True)
    last = np.append(first[1:], len(xs)) - 1
    with np.errstate(all="ignore"):
        slope = (ys[first[1:]] - ys[last[:-1]]) / np.diff(distinct)
    if not np.isfinite(slope).all():
        raise NotCompilable("its quantiles are too near to each other to draw a line between them")
    return Curve(
        above=np.nextafter(distinct, -np.inf),
        start=np.append(0.0, distinct),
        slope=np.concatenate([[0.0], slope, [0.0]]),
        level=np.append(ys[0], ys[last]),
    )
