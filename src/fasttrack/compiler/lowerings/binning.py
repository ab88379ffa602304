"""KBinsDiscretizer: a number becomes the number of its bin, or one column for each bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import KBinsDiscretizer

from fasttrack.compiler.columns import CodedColumn, Columns, Feature
from fasttrack.compiler.graph_matrix import as_block
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import register

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__: list[str] = []


@register(KBinsDiscretizer)
def _bins(binner: Any, x: Columns) -> Columns:
    x = validate_input(binner, x)
    edges = _pad_edges([np.asarray(edges, dtype=np.float64)[1:-1] for edges in binner.bin_edges_])
    numbers = x.each("bin", *edges) if len(edges) else x.each("indicator", 0.0, 0.0)
    if binner.encode == "ordinal":
        return numbers
    block = as_block(numbers)
    features: list[Feature] = []
    for j, width in enumerate(binner.n_bins_):
        # a bin number is never unseen or missing, so those two cells are never used
        cells = np.vstack([np.eye(width), np.zeros((2, width))])
        features += [CodedColumn(block, j, np.ascontiguousarray(cells[:, k])) for k in range(width)]
    return x.with_features(features, sparse=binner.encode == "onehot")


def _pad_edges(edges: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """float64[e, k]: the inner edges of the k columns, each padded with infinity to the longest."""
    padded = np.full((max(map(len, edges)), len(edges)), np.inf)
    for j, column_edges in enumerate(edges):
        padded[: len(column_edges), j] = column_edges
    return padded
