"""Histogram gradient boosting: float64 thresholds, native categories, missing values, every loss and link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.labels import argmax, both, flat, positive
from fasttrack.compiler.lower import Classification, Regression, register, transformed
from fasttrack.compiler.mathematics import expit, softmax
from fasttrack.compiler.tree import Tree
from fasttrack.compiler.trees import tree_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Columns

__all__: list[str] = []


@register(HistGradientBoostingRegressor)
def _regressor(estimator: Any, x: Columns) -> Regression:
    raw = flat(_raw(estimator, x))
    link = type(estimator._loss.link).__name__  # the loss decides the link
    match link:
        case "IdentityLink":
            return Regression(raw)
        case "LogLink":
            return Regression(op.exp(raw))
    raise NotCompilable(f"the link function {link} of loss={estimator.loss!r} has no lowering")


@register(HistGradientBoostingClassifier)
def _classifier(estimator: Any, x: Columns) -> Classification:
    raw = _raw(estimator, x)
    if estimator.n_trees_per_iteration_ == 1:
        return Classification(estimator.classes_, positive(raw), both(expit(raw)), raw)
    return Classification(estimator.classes_, argmax(raw), softmax(raw), raw)


def _raw(estimator: Any, x: Columns) -> Var:
    """float64[n, k]: the baseline, then every tree added in scikit-learn's order."""
    baseline = np.atleast_1d(np.squeeze(estimator._baseline_prediction)).astype(np.float64)
    trees = [Tree.constant(float(value), k) for k, value in enumerate(baseline)]
    for iteration in estimator._predictors:
        trees += [_tree(predictor, k) for k, predictor in enumerate(iteration)]
    return tree_sums(trees, _inputs(estimator, x), len(baseline))


def _inputs(estimator: Any, x: Columns) -> Columns:
    """Categorical columns first, as codes, as its own preprocessing puts them."""
    preprocessor = estimator._preprocessor
    if preprocessor is None:
        return x.of(x.numeric())
    categorical = estimator.is_categorical_
    codes = transformed(preprocessor.named_transformers_["encoder"], x.select(np.flatnonzero(categorical)))
    return x.of((*codes, *x.select(np.flatnonzero(~categorical)).numeric()))


def _tree(predictor: Any, target: int) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    bitsets = predictor.raw_left_cat_bitsets
    return Tree(
        feature=np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
        threshold=nodes["num_threshold"],
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"],
        target=target,
        members={
            int(node): _members(bitsets[nodes["bitset_idx"][node]])
            for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
        },
    )


def _members(bitset: NDArray[np.uint32]) -> NDArray[np.float64]:
    """The codes whose bit is set in 8 words of 32 bits."""
    bits = (bitset[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return np.flatnonzero(bits.ravel()).astype(np.float64)
