"""Principal components and their like: one matrix product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.lower import register
from fasttrack.compiler.matrix import product

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(PCA, IncrementalPCA)
def _principal(pca: Any, x: Columns) -> Columns:
    weights = np.asarray(pca.components_, dtype=np.float64).T
    made = op.sub(product(accepted(pca, x), weights), op.const(pca.mean_.reshape(1, -1) @ weights))
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        made = op.div(made, op.const(np.maximum(scale, np.finfo(np.float64).eps)))
    return x.computed(made, weights.shape[1])


@register(TruncatedSVD)
def _truncated(svd: Any, x: Columns) -> Columns:
    weights = np.asarray(svd.components_, dtype=np.float64).T
    return x.computed(product(accepted(svd, x), weights), weights.shape[1])
