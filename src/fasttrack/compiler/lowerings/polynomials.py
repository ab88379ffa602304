"""PolynomialFeatures: products of columns. The columns of degree 1 stay symbolic."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import PolynomialFeatures

from fasttrack.compiler.columns import Block, Feature, NumberColumn
from fasttrack.compiler.graph_matrix import as_matrix, gather_columns
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.lowerings.dummy import repeat_row

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(PolynomialFeatures)
def _polynomials(polynomials: Any, x: Columns) -> Columns:
    x = validate_input(polynomials, x)
    powers = polynomials.powers_
    features: list[Feature | None] = [None] * len(powers)
    by_degree: dict[int, list[int]] = defaultdict(list)
    for position, exponents in enumerate(powers):
        by_degree[int(exponents.sum())].append(position)
    for degree, positions in sorted(by_degree.items()):
        if degree == 1:
            for position in positions:
                features[position] = x.features[int(powers[position].argmax())]
            continue
        if degree == 0:
            values = repeat_row(np.ones(1), x)
        else:
            factors = np.array([np.repeat(np.arange(len(x)), powers[position]) for position in positions])
            values = _multiply(x, factors)
        block = Block(values, len(positions), bounded=degree == 0)
        for i, position in enumerate(positions):
            features[position] = NumberColumn(block, i)
    return x.with_features((feature for feature in features if feature is not None), sparse=x.sparse)


def _multiply(x: Columns, factors: NDArray[np.intp]) -> Var:
    """float64[n, m]: for each of the m rows of `factors`, int[m, d], the product of those d columns of `x`."""
    rows = Block(as_matrix(x), len(x))
    product = gather_columns(rows, factors[:, -1].tolist())
    for indices in factors.T[-2::-1]:  # in scikit-learn's order, from the last factor to the first
        product = op.mul(product, gather_columns(rows, indices.tolist()))
    return product
