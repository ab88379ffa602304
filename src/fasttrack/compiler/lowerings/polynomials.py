"""Polynomials: products of columns; single columns stay what they are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.preprocessing import PolynomialFeatures

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.columns import Block, Feature, Number
from fasttrack.compiler.lower import register
from fasttrack.compiler.lowerings.dummy import repeated
from fasttrack.compiler.matrix import as_matrix, picked

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(PolynomialFeatures)
def _polynomials(polynomials: Any, x: Columns) -> Columns:
    x = accepted(polynomials, x)
    powers = polynomials.powers_
    features: list[Feature | None] = [None] * len(powers)
    by_degree: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(powers):
        by_degree[int(row.sum())].append(place)
    for degree, places in sorted(by_degree.items()):
        if degree == 1:
            for place in places:
                features[place] = x.features[int(powers[place].argmax())]
            continue
        if degree == 0:
            made = repeated(np.ones(1), x)
        else:
            factors = np.array([np.repeat(np.arange(len(x)), powers[place]) for place in places])
            made = _product(x, factors)
        block = Block(made, len(places), small=degree == 0)
        for i, place in enumerate(places):
            features[place] = Number(block, i)
    return x.of((one for one in features if one is not None), sparse=x.sparse)


def _product(x: Columns, factors: NDArray[np.intp]) -> Var:
    """float64[n, m]: for each of the m rows of `factors`, int[m, d], the product of the columns it names."""
    rows = Block(as_matrix(x), len(x))
    made = picked(rows, factors[:, -1].tolist())
    for more in factors.T[-2::-1]:  # in scikit-learn's order, from the last column to the first
        made = op.mul(made, picked(rows, more.tolist()))
    return made
