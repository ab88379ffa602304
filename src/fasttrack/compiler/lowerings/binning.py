"""Numbers cut into bins: the bin's number, or one column a bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import KBinsDiscretizer

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.columns import Columns, Feature, Table
from fasttrack.compiler.lower import register
from fasttrack.compiler.matrix import as_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__: list[str] = []


@register(KBinsDiscretizer)
def _bins(binner: Any, x: Columns) -> Columns:
    x = accepted(binner, x)
    edges = _padded([np.asarray(edges, dtype=np.float64)[1:-1] for edges in binner.bin_edges_])
    numbers = x.each("bin", *edges) if len(edges) else x.each("indicator", 0.0, 0.0)
    if binner.encode == "ordinal":
        return numbers
    block = as_block(numbers)
    features: list[Feature] = []
    for j, width in enumerate(binner.n_bins_):
        # what is unseen or missing cannot come
        cells = np.vstack([np.eye(width), np.zeros((2, width))])
        features += [Table(block, j, np.ascontiguousarray(cells[:, k])) for k in range(width)]
    return x.of(features, sparse=binner.encode == "onehot")


def _padded(edges: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """float64[e, k]: the inner edges of the k columns, each with infinities to the longest."""
    made = np.full((max(map(len, edges)), len(edges)), np.inf)
    for j, one in enumerate(edges):
        made[: len(one), j] = one
    return made
