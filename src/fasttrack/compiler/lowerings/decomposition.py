"""PCA, IncrementalPCA and TruncatedSVD: one matrix product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD

from fasttrack.compiler.graph_matrix import matrix_product
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import register

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(PCA, IncrementalPCA)
def _principal_components(pca: Any, x: Columns) -> Columns:
    weights = np.asarray(pca.components_, dtype=np.float64).T
    offset = op.const(pca.mean_.reshape(1, -1) @ weights)
    components = op.sub(matrix_product(validate_input(pca, x), weights), offset)
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        components = op.div(components, op.const(np.maximum(scale, np.finfo(np.float64).eps)))
    return x.with_matrix(components, weights.shape[1])


@register(TruncatedSVD)
def _truncated_svd(svd: Any, x: Columns) -> Columns:
    weights = np.asarray(svd.components_, dtype=np.float64).T
    return x.with_matrix(matrix_product(validate_input(svd, x), weights), weights.shape[1])
